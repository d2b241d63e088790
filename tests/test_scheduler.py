"""Work on a Dask cluster of two processes on this machine: the same results, whoever dies."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest
from frameworks import framework

from irwinhall import approximations, article, cli, executors, montecarlo, tables
from irwinhall.approximations import Certificate

distributed = framework("distributed")


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
    ) as cluster:
        yield cluster


def kill_a_worker(cluster):
    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)


def end_the_process(piece):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_simulation_is_the_same_bits_on_the_cluster(cluster):
    with executors.dask(cluster.scheduler_address) as executor:
        there = montecarlo.magnitude(5, trials=12_000_000, executor=executor)
    assert there == montecarlo.magnitude(5, trials=12_000_000)


def test_a_worker_killed_half_way_changes_no_bit(cluster, monkeypatch):
    expected, done = montecarlo.layer(10, 7, trials=1_000_000), []
    monkeypatch.setattr(montecarlo, "_LAST_PIECE", 1 << 21)

    def progress(weights):
        done.append(weights)
        if len(done) == 10:
            kill_a_worker(cluster)

    with executors.dask(cluster.scheduler_address) as executor:
        found = montecarlo.layer(10, 7, trials=1_000_000, executor=executor, progress=progress)
    assert (found, sum(done), len(done) > 30) == (expected, 70_000_000, True)


def test_tables_are_the_same_bytes_though_a_worker_is_killed_half_way(
    cluster, monkeypatch, tmp_path, capsys
):
    class Killer(contextlib.nullcontext):
        """A progress bar that kills a worker in the middle of the magnitudes."""

        def __init__(self, total, what, unit):
            super().__init__(self.update)
            self.left = total // 2 if what == "tabulating magnitudes" else math.inf

        def update(self, count):
            self.left -= count
            if self.left <= 0:
                self.left = math.inf
                killed.append(kill_a_worker(cluster))

    by_decree, killed = Certificate(0.0123, 4, "by decree"), []
    monkeypatch.setattr(approximations, "certify", lambda form, map: by_decree)
    monkeypatch.setattr(tables._builders, "_PIECE", 20)
    for name in ("standard_rows", "normalized_rows"):
        monkeypatch.setattr(article, name, partial(getattr(article, name), 20))
    sizes = ("--max-n", "1200", "--grid", "9")
    assert cli.main(["tables", "--out", f"{tmp_path}/here", *sizes, "--workers", "1"]) == 0
    monkeypatch.setattr(cli._tables, "progress_bar", Killer)
    there = ["tables", "--out", f"{tmp_path}/there", *sizes, "--scheduler"]
    assert cli.main([*there, cluster.scheduler_address]) == 0
    assert len(killed) == 1
    files = [sorted((tmp_path / name).iterdir()) for name in ("here", "there")]
    for here, there in zip(*files, strict=True):
        assert (here.name, here.read_bytes()) == (there.name, there.read_bytes())


def test_a_piece_that_kills_every_worker_is_given_up(cluster, monkeypatch):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    with (
        pytest.raises(ConnectionError, match="workers of the .* at tcp://.* die of a piece"),
        executors.dask(cluster.scheduler_address) as executor,
    ):
        list(executors.ordered_map(end_the_process, [0], executor))


def test_workers_of_another_version_are_refused(cluster, monkeypatch):
    monkeypatch.setattr(executors, "__version__", "0.0.0")
    with (
        pytest.raises(ConnectionError, match=r"the Dask worker at .* has irwinhall .*, not 0.0.0"),
        executors.dask(cluster.scheduler_address),
    ):
        pass


def test_a_scheduler_without_workers_is_given_up_after_the_timeout():
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        pytest.raises(ConnectionError, match="has no workers after 0.2 s"),
        executors.dask(cluster.scheduler_address, timeout=0.2),
    ):
        pass


def test_a_scheduler_that_ends_half_way_is_an_error():
    def close_after_the_first_result(cluster):
        with executors.dask(cluster.scheduler_address) as executor:
            results = executors.ordered_map(time.sleep, [0.0] + [0.2] * 10, executor)
            next(results)
            cluster.close()
            list(results)

    with (
        distributed.LocalCluster(
            n_workers=1, processes=False, dashboard_address=":0", protocol="tcp"
        ) as cluster,
        pytest.raises(ConnectionError, match="the Dask cluster at .* is lost"),
    ):
        close_after_the_first_result(cluster)


CLUSTER = """
import sys, threading, time, distributed
if __name__ == "__main__":
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    )
    print(cluster.scheduler_address, flush=True)
    time.sleep(float(sys.stdin.readline()))
    print("closing", flush=True)
    cluster.close()
"""


@contextlib.contextmanager
def closing_cluster(tmp_path, seconds):
    """Yield the address of a cluster of other processes that closes after some seconds.

    Then also how long it has been closing.
    """
    (tmp_path / "cluster.py").write_text(CLUSTER)
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "cluster.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        address = process.stdout.readline().strip()
        print(seconds, file=process.stdin, flush=True)
        closed_at = []
        reader = threading.Thread(
            target=lambda: closed_at.append(process.stdout.readline() and time.monotonic())
        )
        reader.start()
        yield address, closed_at
        reader.join()


def test_a_cluster_that_closes_under_a_simulation_is_one_line_within_5_seconds(tmp_path, capsys):
    with closing_cluster(tmp_path, 1.0) as (address, closed_at):
        status = cli.main(["montecarlo", "5", "--trials", str(10**12), "--scheduler", address])
        assert time.monotonic() - closed_at[0] < 5.0
    said = f"irwinhall montecarlo: error: the Dask cluster at {address} is lost\n"
    assert (status, *capsys.readouterr()) == (1, "", said)


def test_a_cluster_that_closes_under_a_map_is_an_error_within_5_seconds(tmp_path):
    with closing_cluster(tmp_path, 1.0) as (address, closed_at):
        with (
            pytest.raises(ConnectionError, match="the Dask cluster at .* is lost"),
            executors.dask(address) as executor,
        ):
            list(executors.ordered_map(time.sleep, [0.1] * 1000, executor))
        assert time.monotonic() - closed_at[0] < 5.0


def raise_timeout(piece):
    raise TimeoutError("mine")


def test_a_timeout_of_a_piece_is_its_own(cluster):
    with (
        pytest.raises(TimeoutError, match="mine"),
        executors.dask(cluster.scheduler_address) as executor,
    ):
        list(executors.ordered_map(raise_timeout, [0], executor))


def test_a_piece_may_take_longer_than_the_looks_at_the_cluster(cluster, monkeypatch):
    monkeypatch.setattr(executors, "_LOOK", 0.05)
    with executors.dask(cluster.scheduler_address) as executor:
        assert list(executors.ordered_map(time.sleep, [0.3] * 2, executor)) == [None] * 2


@pytest.mark.parametrize("command", [["tables"], ["montecarlo", "5"]])
def test_a_scheduler_that_is_not_there_is_one_line(command, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    where = ["--scheduler", "tcp://127.0.0.1:1", "--timeout", "0.2"]
    assert cli.main([*command, *where]) == 1
    said = "no Dask scheduler at tcp://127.0.0.1:1 after 0.2 s"
    assert capsys.readouterr() == ("", f"irwinhall {command[0]}: error: {said}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["localhost", "tcp://", "http://a:1", "a:b", "", None, "a b:1"])
def test_an_address_that_is_none_is_refused(address):
    with (
        pytest.raises(ValueError, match="must be like tcp://host:8786, got "),
        executors.dask(address),
    ):
        pass


@pytest.mark.parametrize("timeout", [0, -1, float("inf")])
def test_a_timeout_is_a_number_of_seconds(timeout):
    with (
        pytest.raises(ValueError, match="timeout must be finite and positive"),
        executors.dask("tcp://127.0.0.1:1", timeout=timeout),
    ):
        pass


def test_a_scheduler_that_is_not_there_is_given_up_after_the_timeout():
    with (
        pytest.raises(ConnectionError, match="no Dask scheduler at tcp://.* after 0.2 s"),
        executors.dask("tcp://127.0.0.1:1", timeout=0.2),
    ):
        pass
