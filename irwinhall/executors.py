"""Executors: run pieces of work in this process, in a process pool, or on a Dask cluster.

Long-running functions accept ``executor=``, any `concurrent.futures.Executor`, and map a function
over pieces of their work by `ordered_map`. Results come back in the order of the pieces, so that
they do not depend on where and in which order the pieces ran. `processes` and `dask` make
executors.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import re
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from irwinhall._arguments import checked_count, checked_real, shown
from irwinhall._version import __version__

__all__ = ["dask", "ordered_map", "processes"]

Piece = TypeVar("Piece")
Result = TypeVar("Result")

# Pieces submitted before waiting for the first result: more than most clusters have cores.
_AHEAD = 256
_MOST_WORKERS = 10_000
# Seconds between checks that a Dask cluster is still there, and to wait for the answer.
_LOOK, _ANSWER = 0.5, 2.0
_ADDRESS = re.compile(r"(?:(?:tcp|tls|ucx|wss?)://)?(?:\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):\d+")


def ordered_map(
    function: Callable[[Piece], Result], pieces: Iterable[Piece], executor: Executor | None = None
) -> Iterator[Result]:
    """Yield function(piece) for every piece, in the order of the pieces.

    Parameters
    ----------
    function : callable
        A function of one argument. Other processes must be able to import it.
    pieces : iterable
        The pieces. At most some hundred are read ahead of the results.
    executor : concurrent.futures.Executor, optional
        The executor that runs them; default in this process, one by one, on demand.

    Yields
    ------
    object

    Raises
    ------
    TypeError
        If the executor cannot submit.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from irwinhall import executors
    >>> with ThreadPoolExecutor(2) as executor:
    ...     list(executors.ordered_map(abs, range(-3, 1), executor))
    [3, 2, 1, 0]
    """
    if executor is None:
        return map(function, pieces)
    if not callable(getattr(executor, "submit", None)):
        raise TypeError(
            "executor must be a concurrent.futures.Executor, "
            f"got {executor!r} ({type(executor).__name__})"
        )
    return _submitted(function, pieces, executor)


def _submitted(
    function: Callable[[Piece], Result], pieces: Iterable[Piece], executor: Executor
) -> Iterator[Result]:
    waiting: deque[Future[Result]] = deque()
    try:
        for piece in pieces:
            waiting.append(executor.submit(function, piece))
            if len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


@contextlib.contextmanager
def processes(workers: int) -> Iterator[Executor | None]:
    """Yield a process pool, or None if workers is 1: the work then stays in this process.

    Parameters
    ----------
    workers : int
        From 1 to 10,000.

    Yields
    ------
    concurrent.futures.Executor or None

    Raises
    ------
    TypeError, ValueError
        If workers is not as described.
    ChildProcessError
        If a process is killed; unlike Dask, the executor cannot continue without it.

    Examples
    --------
    >>> from irwinhall import executors
    >>> with executors.processes(1) as executor:
    ...     list(executors.ordered_map(abs, [-2, -1], executor))
    [2, 1]
    """
    workers = checked_count("workers", workers, 1)
    if workers > _MOST_WORKERS:
        raise ValueError(f"workers must be from 1 to {_MOST_WORKERS}, got {shown(workers)}")
    if workers == 1:
        yield None
        return
    # Spawned, not forked: a fork copies the locks of threads that it does not copy.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_leave_with_the_parent)
    try:
        yield pool
    except BrokenProcessPool:
        raise ChildProcessError("a worker process died; was the memory enough?") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_with_the_parent() -> None:
    """Leave interrupts to the parent process, and end when it ends for any reason."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextlib.contextmanager
def dask(address: str, *, timeout: float = 10.0) -> Iterator[Executor]:
    """Yield an executor that runs on a Dask cluster; Dask repeats the work of lost workers.

    Parameters
    ----------
    address : str
        Address of the scheduler, such as tcp://host:8786.
    timeout : float
        Seconds to wait for the scheduler, and then for a first worker; positive.

    Yields
    ------
    concurrent.futures.Executor

    Raises
    ------
    ImportError
        If dask.distributed is missing here, or irwinhall on a worker.
    ValueError
        If the address or the timeout is not as described.
    ConnectionError
        If there is no scheduler or no worker after `timeout`, if a worker has another version of
        irwinhall, or if the cluster is lost later.

    Examples
    --------
    >>> from irwinhall import executors, montecarlo
    >>> with executors.dask("tcp://scheduler:8786") as executor:  # doctest: +SKIP
    ...     montecarlo.magnitude(1000, trials=10**9, executor=executor)
    """
    try:
        import distributed
    except ImportError:
        raise ImportError(
            "a Dask cluster needs Dask: pip install 'dask[array,distributed]'"
        ) from None

    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise ValueError(f"the scheduler's address must be like tcp://host:8786, got {address!r}")
    timeout = checked_real("timeout", timeout)
    if not 0.0 < timeout < math.inf:
        raise ValueError(f"timeout must be finite and positive, got {timeout:g}")
    with contextlib.ExitStack() as stack:
        try:
            client: Any = stack.enter_context(distributed.Client(address, timeout=timeout))
        except OSError:
            raise ConnectionError(f"no Dask scheduler at {address} after {timeout:g} s") from None
        executor = _DaskExecutor(client, address)
        try:
            try:
                client.wait_for_workers(1, timeout=timeout)
            except TimeoutError:
                raise ConnectionError(
                    f"the Dask scheduler at {address} has no workers after {timeout:g} s"
                ) from None
            _check_versions(client)
            yield executor
        except (CancelledError, distributed.comm.CommClosedError):
            raise executor.lost() from None
        except Exception as error:
            # Dask's own errors of a cluster that goes are of any type.
            if executor.is_lost():
                raise executor.lost() from error
            if isinstance(error, distributed.KilledWorker):
                raise ConnectionError(
                    f"workers of the Dask cluster at {address} die of a piece; "
                    "do they have enough memory?"
                ) from None
            raise


class _DaskExecutor(Executor):
    """The executor of a Dask client.

    The futures of Client.get_executor lose a result if its worker dies while it is fetched, and all
    of Dask's wait forever if the scheduler closes before they are done; these do neither.
    """

    def __init__(self, client: Any, address: str) -> None:
        self.client, self._address, self.was_lost = client, address, False

    def submit(self, function: Any, /, *arguments: Any, **keywords: Any) -> Any:
        """Return the future of a call."""
        return _DaskFuture(self, self.client.submit(function, *arguments, pure=False, **keywords))

    def lost(self) -> ConnectionError:
        """Return the error of a lost cluster, and stop checking it."""
        self.was_lost = True
        return ConnectionError(f"the Dask cluster at {self._address} is lost")

    def is_lost(self) -> bool:
        """Return whether the scheduler is gone. One that is only slow to answer is not."""
        if self.was_lost or self.client.status != "running":
            return True
        try:
            self.client.sync(self.client.scheduler.echo, callback_timeout=_ANSWER)
        except TimeoutError:
            return self._refuses()
        except Exception:
            return True
        return False

    def _refuses(self) -> bool:
        """Return whether nothing listens at the scheduler's address."""
        from distributed.comm import parse_host_port

        try:
            socket.create_connection(parse_host_port(self._address), timeout=_ANSWER).close()
        except TimeoutError:
            return False
        except OSError:
            return True
        return False


class _DaskFuture:
    """A future of Dask that raises ConnectionError if the cluster is lost."""

    def __init__(self, executor: _DaskExecutor, future: Any) -> None:
        self._executor, self._future = executor, future

    def result(self) -> Any:
        """Return the result, once it is there."""
        from distributed import wait

        patience = _LOOK
        while True:
            try:
                wait([self._future], timeout=_LOOK)
                # Fetching a large result restarts each time, with a longer timeout.
                patience *= 2
                return self._future.result(timeout=patience)
            except TimeoutError:
                if self._future.status == "error":  # the piece's own
                    raise
                if self._executor.is_lost():
                    raise self._executor.lost() from None

    def cancel(self) -> None:
        """Cancel the call if it has not begun; a lost cluster runs none."""
        if not self._executor.was_lost:
            self._future.cancel()


def _check_versions(client: Any) -> None:
    """Raise an error for a cluster whose results might differ."""
    try:
        versions = client.run(_installed_version)
    except ImportError:
        raise ImportError("the Dask workers need irwinhall, of the same version") from None
    for worker, version in versions.items():
        if version != __version__:
            raise ConnectionError(
                f"the Dask worker at {worker} has irwinhall {version}, not {__version__}"
            )


def _installed_version() -> str:
    return __version__
