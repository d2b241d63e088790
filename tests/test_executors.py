"""Executors: results in order, in processes and on a Dask cluster, and what they say when lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from irwinhall import executors


def slow_if_first(number):
    time.sleep(0.05 if number == 0 else 0.0)
    return -number


def end_the_process(number):
    os.kill(os.getpid(), signal.SIGKILL)


class Recorder:
    """An executor that runs the first two pieces only, and remembers what it was given."""

    def __init__(self):
        self.futures = []

    def submit(self, function, piece):
        future = Future()
        if piece < 2:
            future.set_running_or_notify_cancel()
            future.set_result(function(piece))
        self.futures.append(future)
        return future


def test_results_come_in_the_order_of_the_pieces():
    with ThreadPoolExecutor(4) as executor:
        results = list(executors.ordered_map(slow_if_first, range(50), executor))
    assert results == [-number for number in range(50)]


def test_without_an_executor_pieces_run_as_they_are_asked_for():
    ran = []
    results = executors.ordered_map(ran.append, range(10))
    next(results)
    assert ran == [0]


def test_pieces_are_handed_over_no_further_than_some_ahead():
    recorder = Recorder()
    results = executors.ordered_map(abs, iter(range(10**9)), recorder)
    assert (next(results), len(recorder.futures)) == (0, executors._AHEAD)


def test_pieces_that_nobody_waits_for_any_more_are_cancelled():
    recorder = Recorder()
    results = executors.ordered_map(abs, range(5), recorder)
    next(results)
    results.close()
    assert [future.cancelled() for future in recorder.futures] == [False, False, True, True, True]


def test_an_exception_of_a_piece_is_raised():
    with (
        ThreadPoolExecutor(2) as executor,
        pytest.raises(ZeroDivisionError),
    ):
        list(executors.ordered_map(lambda x: 1 / x, [1, 0, 1], executor))


def test_what_cannot_submit_is_refused():
    with pytest.raises(TypeError, match=r"executor must be a concurrent.*, got 4 \(int\)"):
        executors.ordered_map(abs, [1], 4)


# ---- processes -----------------------------------------------------------------------------------


def test_one_process_is_this_one():
    with executors.processes(1) as executor:
        assert executor is None


@pytest.mark.parametrize(("workers", "error"), [(0, ValueError), (1.5, TypeError)])
def test_workers_are_a_count(workers, error):
    with (
        pytest.raises(error, match=f"workers must be .*, got {workers}"),
        executors.processes(workers),
    ):
        pass


def test_a_process_that_dies_is_an_error_of_the_system():
    with (
        pytest.raises(ChildProcessError, match="a worker process died"),
        executors.processes(2) as executor,
    ):
        list(executors.ordered_map(end_the_process, range(4), executor))


def test_processes_end_with_their_parent():
    program = (
        "import os, signal\n"
        "from irwinhall import executors\n"
        "if __name__ == '__main__':\n"
        "    with executors.processes(2) as executor:\n"
        "        print(*executors.ordered_map(os.getpgid, [0] * 4, executor))\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", program]
    # The pipe closes when the last process that holds it has ended.
    finished = subprocess.run(command, stdout=subprocess.PIPE, timeout=30, check=False)
    assert finished.returncode == -signal.SIGKILL


def test_a_missing_dask_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(ImportError, match=r"pip install 'dask\[array,distributed\]'"),
        executors.dask("tcp://127.0.0.1:8786"),
    ):
        pass
