"""Inject faults into running commands: ``python tests/verify/verify_faults.py``, a few minutes.

Kills and interrupts commands at random moments and at every line of the code that writes files, and
removes disk space, memory, threads, descriptors and readers. It checks that every file is the old
or the new one, byte for byte, that the next run removes all leftover files, and that an error
message is one line. Writes data/faults.json and the table in docs/trust.md; the suite checks both.
Needs root to mount small disks. ``--only TEXT`` runs the faults whose names contain TEXT, and
writes nothing.
"""

import argparse
import contextlib
import errno
import functools
import importlib
import io
import json
import logging
import os
import pty
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import trust_page

import irwinhall
from irwinhall import _files, cli, executors, montecarlo, weightfile
from irwinhall.stream import Stream

RECORD = Path(__file__).resolve().parents[1] / "data" / "faults.json"
NOBODY = 65534
# Modules that are loaded late, and so could not be loaded under a limit.
LATE = [
    "importlib.metadata", "irwinhall.tables", "multiprocessing.resource_tracker",
    "multiprocessing.synchronize", "tqdm", "unicodedata",
]  # fmt: skip
# A command that prints when its own code begins; before, Python handles Ctrl-C.
PROGRAM = """
import signal, sys, irwinhall.__main__ as command
real = signal.signal
def first(*arguments):
    signal.signal = real
    real(*arguments)
    print("begins", file=sys.stderr, flush=True)
signal.signal = first
sys.exit(command.main())
"""
SAMPLE = ["sample", "1000x2000", "--scheme", "he_normal", "--force", "--seed"]
TABLES = ["tables", "--max-n", "20", "--grid", "3"]
SIMULATION = ["montecarlo", "1000", "--trials", "1000000", "--threads", "1"]

FAULTS = {}


def fault(name, during):
    """Register a function that returns the number of faults, the outcomes and the files left."""
    return lambda function: FAULTS.setdefault((name, during), function)


class PromiseError(AssertionError):
    """A promise that was not kept."""


def require(kept, *said):
    """Raise PromiseError unless a promise was kept."""
    if not kept:
        raise PromiseError(*said)


def listed(counts):
    """Return counts as text, the most frequent first."""
    return ", ".join(f"{what} ({count})" for what, count in Counter(counts).most_common())


# ---- commands and their ends ----


def start(arguments, **pipes):
    """Start a command and wait until its own code begins."""
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True} | pipes
    child = subprocess.Popen([sys.executable, "-c", PROGRAM, *map(str, arguments)], **pipes)
    require(child.stderr.readline() == "begins\n", "the command does not begin", arguments)
    return child


def run(arguments, **pipes):
    """Return the status of a command and its text on stderr."""
    child = start(arguments, **pipes)
    said = child.communicate(timeout=300)[1]
    return child.returncode, said


def forked(function, *arguments):
    """Return the status of a function in a forked process, and its printed text.

    All modules are loaded before, so that a limit set by the function affects only its own work.
    """
    with tempfile.TemporaryFile() as output:
        process = os.fork()
        if process == 0:
            status = 99
            try:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                status = function(*arguments) or 0
            except KeyboardInterrupt:
                status = 130
            except BaseException as error:
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
            finally:
                with contextlib.suppress(BaseException):
                    sys.stdout.flush()
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        output.seek(0)
        return status, output.read().decode()


def one_line(said, program, *endings):
    """Require one line of a program on stderr, and return it without names of files."""
    lines = said.splitlines()
    require(len(lines) == 1 and lines[0].startswith(program), "not one line", said)
    require(not endings or lines[0].endswith(endings), "another message", said)
    words = lines[0].partition(" error: ")[2] or lines[0].partition(": ")[2]
    return "“" + ": ".join(part for part in words.split(": ") if "/" not in part) + "”"


ENDED = {0: "finished", -signal.SIGKILL: "killed", 130: "interrupted", 143: "terminated"}
# While modules load there is nothing to clean up, and the system ends the program.
ENDED |= {-signal.SIGINT: "interrupted", -signal.SIGTERM: "terminated"}


# ---- files, and what remained ----


def contents(directory):
    """Return the bytes of every file in a directory by name."""
    return {path.name: path.read_bytes() for path in Path(directory).iterdir()}


@functools.cache
def all_tables():
    """Return the files that `irwinhall tables` writes."""
    with tempfile.TemporaryDirectory() as directory:
        require(run([*TABLES, "--out", directory])[0] == 0, "the command fails by itself")
        return contents(directory)


def judged(directory, old, new):
    """Return which files remained: each must be old or new, and others hidden."""
    found = contents(directory)
    hidden = [name for name in found if name not in new]
    require(all(n.startswith(".") and n.endswith(".part") for n in hidden), "left over", hidden)
    kinds = set()
    for name, content in new.items():
        if name in found:
            require(found[name] in (old.get(name), content), "half-written", name)
            kinds.add("new" if found[name] == content else "old")
        else:
            require(name not in old, "lost", name)
            kinds.add("none")
    return " and ".join(sorted(kinds, reverse=True) + ["a hidden one"] * bool(hidden))


def put(directory, files):
    """Make a directory hold these files and no others."""
    for path in Path(directory).iterdir():
        path.unlink()
    for name, content in files.items():
        (Path(directory) / name).write_bytes(content)


class Writing:
    """A command that replaces files, with the old and the new files."""

    def __init__(self, directory, arguments, out, changed):
        self.directory, self.arguments = Path(directory), [*arguments, "--out", out]
        began = time.monotonic()
        require(run(self.arguments)[0] == 0, "the command fails by itself")
        self.seconds = time.monotonic() - began
        self.new = contents(directory)
        self.old = {name: changed(content) for name, content in self.new.items()}

    def struck(self, number, times):
        """Send a signal at random moments; return how the command ended and what remained."""
        ends, remained = Counter(), Counter()
        for moment in range(times):
            put(self.directory, self.old)
            child = start(self.arguments)
            # A part of the moments lies beyond the end, whatever else the machine does.
            time.sleep((moment + random.random()) / times * self.seconds * 1.2)
            child.send_signal(number)
            said = child.communicate(timeout=300)[1]
            require(child.returncode in ENDED, child.returncode, said)
            require(len(said.splitlines()) <= 1 and "Traceback" not in said, "not one line", said)
            ends[ENDED[child.returncode]] += 1
            remained[judged(self.directory, self.old, self.new)] += 1
        require(run(self.arguments)[0] == 0, "the next run fails")
        require(contents(self.directory) == self.new, "the next run makes something else")
        return times, listed(ends), f"{listed(remained)}; the next run made all anew"


def flipped(content):
    """Return other bytes of the same number."""
    return content[:-1] + bytes([content[-1] ^ 1])


def strike(arguments, out_of, number, times):
    """Send signals to a command that writes into an empty directory."""
    with tempfile.TemporaryDirectory() as directory:
        return Writing(directory, arguments, out_of(directory), flipped).struck(number, times)


for _signal in ("SIGKILL", "SIGINT", "SIGTERM"):
    fault(f"{_signal} at random moments", "`irwinhall sample`")(
        lambda number=_signal: strike(
            [*SAMPLE, 1], lambda folder: f"{folder}/w.npy", getattr(signal, number), 40
        )
    )
    fault(f"{_signal} at random moments", "`irwinhall tables`")(
        lambda number=_signal: strike(TABLES, lambda folder: folder, getattr(signal, number), 12)
    )


@fault("SIGINT at random moments", "`irwinhall montecarlo`")
def interrupt_a_simulation():
    """Interrupt a command that does not write files."""
    began = time.monotonic()
    require(run(SIMULATION)[0] == 0, "the command fails by itself")
    seconds, ends, latest = time.monotonic() - began, Counter(), 0.0
    for moment in range(20):
        child = start(SIMULATION)
        time.sleep((moment + random.random()) / 20 * seconds)
        child.send_signal(signal.SIGINT)
        sent = time.monotonic()
        said = child.communicate(timeout=300)[1]
        latest = max(latest, time.monotonic() - sent)
        require(child.returncode in ENDED, child.returncode, said)
        require(len(said.splitlines()) <= 1, "not one line", said)
        ends[ENDED[child.returncode]] += 1
    return 20, f"{listed(ends)}, after at most {latest:.1f} s", "it writes no file"


# ---- every line ----

OWN_FILES = {_files.__file__, weightfile.__file__}


def stop_at(line, number, action):
    """Run an action and send this process a signal before a line of our own; 3: it has fewer."""
    seen = 0

    def trace(frame, event, argument):
        nonlocal seen
        if frame.f_code.co_filename not in OWN_FILES:
            return None
        if event == "line":
            seen += 1
            if seen == line:
                os.kill(os.getpid(), number)
        return trace

    sys.settrace(trace)
    action()
    sys.settrace(None)
    return 3 if seen < line else 0


def at_every_line(number, action, hidden):
    """Stop an action that writes files at each of its lines."""
    with tempfile.TemporaryDirectory() as directory:

        def act():
            if hidden:
                _files._nameless = lambda directory: None
            action(Path(directory))

        require(forked(act)[0] == 0, "the action fails by itself")
        new = contents(directory)
        old = {name: flipped(content) for name, content in new.items()}
        remained, line = Counter(), 0
        while True:
            line += 1
            put(directory, old)
            status, said = forked(stop_at, line, number, act)
            if status == 3:
                break
            # An interrupt while another exception is handled may be lost with it.
            require(status in (-number, 128 + number), "another end", line, status, said)
            remained[judged(directory, old, new)] += 1
        require(forked(act)[0] == 0, "the next run fails")
        require(contents(directory) == new, "the next run leaves something else", directory)
    return line - 1, "ended at each", f"{listed(remained)}; the next run left nothing else"


def save_small(directory):
    """Write a small file of weights."""
    weightfile.save_weights(directory / "w.npy", (20, 30), rng=1, threads=1, overwrite=True)


def write_three(directory):
    """Write three files as `irwinhall tables` does."""
    _files.write_files(directory, {name: name.encode() * 5000 for name in "abc"})


for _signal in ("SIGKILL", "SIGINT"):
    for _action, _name in ((save_small, "`save_weights`"), (write_three, "`tables`, its writing")):
        for _hidden in (False, True):
            fault(f"{_signal} at every line", f"{_name}{', no files without a name' * _hidden}")(
                lambda number=_signal, action=_action, hidden=_hidden: at_every_line(
                    getattr(signal, number), action, hidden
                )
            )


# ---- disks ----


@contextlib.contextmanager
def disk(size):
    """Make a small disk."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], check=True
        )
        try:
            yield directory
        finally:
            subprocess.run(["umount", directory], check=True)


def refused(arguments, program, ending, directory, old):
    """Require that a command fails with one line and changes nothing."""
    status, said = run(arguments)
    require(status == 1, status, said)
    require(contents(directory) == old, "something changed", contents(directory).keys())
    return one_line(said, program, *ending)


@fault("full disk", "`irwinhall sample`")
def full_disk():
    """Write 8 MB to a disk of one."""
    with disk("1m") as directory:
        old = {"w.npy": bytes(1000)}
        put(directory, old)
        arguments = [*SAMPLE, 1, "--out", f"{directory}/w.npy"]
        said = refused(arguments, "irwinhall sample", ("/w.npy",), directory, old)
    return 1, said, "the old file, nothing else"


@fault("full disk", "`irwinhall tables`")
def full_disk_of_tables():
    """Write the files to disks of 4 kB and more, up to one that has room for all."""
    remained, said = Counter(), Counter()
    new = all_tables()
    sizes = range(1, 101, 9)
    for pages in sizes:
        with disk(4096 * pages) as directory:
            status, line = run([*TABLES, "--out", directory])
            if status:
                require(status == 1, status, line)
                said[one_line(line, "irwinhall tables")] += 1
            found = contents(directory)
            require(all(new[name] == content for name, content in found.items()), "half-written")
            remained[f"{len(found)} of {len(new)} files"] += 1
    return len(sizes), listed(said), f"whole files: {listed(remained)}"


@fault("read-only disk", "`irwinhall sample`, `irwinhall tables`")
def read_only_disk():
    """Write where nothing can be written."""
    said = Counter()
    with disk("9m") as directory:
        old = {"w.npy": b"old"}
        put(directory, old)
        subprocess.run(["mount", "-o", "remount,ro", directory], check=True)
        for arguments in (
            [*SAMPLE, 1, "--out", f"{directory}/w.npy"],
            [*TABLES, "--out", directory],
        ):
            said[refused(arguments, f"irwinhall {arguments[0]}", (), directory, old)] += 1
    return 2, listed(said), "the old file, nothing else"


def limited(limit, value, arguments):
    """Run a command in this process under a limit of the system."""
    os.closerange(3, 256)
    resource.setrlimit(limit, (value, value))
    return cli.main([*map(str, arguments)])


@fault("file size limit", "`irwinhall sample`, `irwinhall tables`")
def file_size_limit():
    """Write files larger than is allowed."""
    said = Counter()
    with tempfile.TemporaryDirectory() as directory:
        old = {"w.npy": b"old"}
        put(directory, old)
        for arguments in (
            [*SAMPLE, 1, "--out", f"{directory}/w.npy"],
            [*TABLES, "--out", directory],
        ):
            status, line = forked(limited, resource.RLIMIT_FSIZE, 1000, arguments)
            require(status == 1, status, line)
            require(contents(directory) == old, "something changed")
            said[one_line(line, f"irwinhall {arguments[0]}")] += 1
    return 2, listed(said), "the old file, nothing else"


# ---- pipes ----


@fault("closed pipe", "every command")
def closed_pipe():
    """Let commands print to a pipe that nobody reads."""
    with tempfile.TemporaryDirectory() as directory:
        commands = [
            ["--help"],
            ["sample", "--help"],
            ["bound", "784"],
            ["montecarlo", "10", "--trials", "1000"],
            ["reproduce", "--trials", "10"],
            ["compare", "784", "256"],
            ["flow", "--width", "64", "--depth", "3"],
            ["recipes"],
            [*SAMPLE, "1", "--out", f"{directory}/w.npy"],
            [*TABLES, "--out", directory],
        ]
        for arguments in commands:
            reader, writer = os.pipe()
            os.close(reader)
            status, said = run(arguments, stdout=writer)
            os.close(writer)
            # argparse itself prints help, and ends with 0 whoever reads it.
            require(status == (0 if "--help" in arguments else 141), arguments, status, said)
            require(said == "", arguments, said)
        files = contents(directory)
    require(files.keys() == {"w.npy", *all_tables()}, "files are missing", files.keys())
    return len(commands), "status 141, nothing said", "all files, whole"


# ---- memory, descriptors, threads ----


def address_space():
    """Return the bytes of addresses that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


@fault("out of memory", "`irwinhall sample`, `montecarlo`, `tables`")
def out_of_memory():
    """Allow some megabytes more than the process has already."""
    commands = {
        "sample": [*SAMPLE, 1, "--out", "w.npy"],
        "montecarlo": ["montecarlo", "3", str(1 << 24), "--trials", "2", "--threads", "1"],
        "tables": [*TABLES, "--out", "."],
    }
    ends, remained, times = Counter(), Counter(), 0
    for name, arguments in commands.items():
        for more in (0, 1, 2, 4, 8, 16, 32, 64, 256):
            with tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
                limit = address_space() + (more << 20)
                status, said = forked(limited, resource.RLIMIT_AS, limit, arguments)
                if status:
                    require(status == 1, status, said)
                    ends[one_line(said, f"irwinhall {name}")] += 1
                    require(not contents(directory), "files", contents(directory).keys())
                else:
                    ends["finished"] += 1
                remained["all files" if status == 0 else "no file"] += 1
                times += 1
    return times, listed(ends), listed(remained)


@fault("out of memory", "loading of modules")
def out_of_memory_at_the_start():
    """Limit the memory from the start, to smaller and smaller amounts."""
    ends = Counter()
    for megabytes in range(40, 200, 4):
        limit = ["bash", "-c", f'ulimit -v {megabytes}000 && exec "$@"', "bash"]
        command = [*limit, sys.executable, "-m", "irwinhall", "bound", "784"]
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode == 0:
            ends["finished"] += 1
        elif done.stderr.startswith("irwinhall"):
            one_line(done.stderr, "irwinhall")
            ends["one line"] += 1
        else:  # Python's own, or OpenBLAS's
            ends["ended before it began"] += 1
    return 40, listed(ends), "it writes no file"


@fault("no descriptors", "`irwinhall sample`, `irwinhall tables`")
def no_descriptors():
    """Limit the descriptors to the standard ones and zero to nine more."""
    ends, remained = Counter(), Counter()
    for arguments in ([*SAMPLE, 1, "--out", "w.npy"], [*TABLES, "--out", "."]):
        for most in range(3, 13):
            with tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
                status, said = forked(limited, resource.RLIMIT_NOFILE, most, arguments)
                if status:
                    require(status == 1, status, said)
                    ends[one_line(said, f"irwinhall {arguments[0]}")] += 1
                    require(not contents(directory), "files", contents(directory).keys())
                else:
                    ends["finished"] += 1
                remained["all files" if status == 0 else "no file"] += 1
    return 20, listed(ends), listed(remained)


def without_threads(function, *arguments):
    """Call a function as a user who may not start threads or processes."""
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    try:
        threading.Thread(target=print).start()
    except RuntimeError:
        return function(*arguments)
    raise PromiseError("there are threads")


def fill_and_simulate():
    """Return 0 if eight threads give the same values as one."""
    fills = [Stream(1).normal(3_000_001, threads=threads) for threads in (1, 8)]
    means = [montecarlo.layer(100, 70, trials=3000, threads=threads) for threads in (1, 8)]
    return int(not np.array_equal(*fills) or means[0] != means[1])


@fault("no threads to be had", "fills and simulations by 8 threads")
def no_threads():
    """Fill where pthread_create fails."""
    status, said = forked(without_threads, fill_and_simulate)
    require(status == 0, status, said)
    return 2, "the caller did all", "the same bits"


@fault("no threads to be had", "`irwinhall sample`")
def no_threads_of_a_command():
    """Write a file where pthread_create fails."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        command = [*SAMPLE, "1", "--out", f"{directory}/w.npy"]
        with contextlib.redirect_stdout(io.StringIO()) as expected:
            require(cli.main(command) == 0, "the command fails by itself")
        whole = contents(directory)
        put(directory, {})
        ended = forked(without_threads, cli.main, command)
        require(ended == (0, expected.getvalue()), ended)
        require(contents(directory) == whole, "other bytes")
    return 1, "finished", "the same file"


@fault("no processes to be had", "`irwinhall tables --workers 2`")
def no_processes():
    """Start worker processes where none can start."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        command = [*TABLES, "--workers", "2", "--out", directory]
        status, said = forked(without_threads, cli.main, command)
        require(status == 1, status, said)
        require(os.strerror(errno.EAGAIN) in said, said)
        require(not contents(directory), "files")
    return 1, one_line(said, "irwinhall tables"), "no file"


@fault("fork", "a fill by two threads")
def fork_during_a_fill():
    """Fork while another thread fills; the children also fill."""
    expected, ended = Stream(1).normal(1_000_000), threading.Event()

    def fill():
        while not ended.is_set():
            Stream(1).normal(3_000_000, threads=2)

    def compare():
        return int(not np.array_equal(Stream(1).normal(1_000_000, threads=2), expected))

    filler = threading.Thread(target=fill)
    filler.start()
    try:
        for _ in range(100):
            status, said = forked(compare)
            require(status == 0, status, said)
    finally:
        ended.set()
        filler.join()
    return 100, "every child filled, too", "the same bits"


# ---- two writers ----


@fault("two writers of one file", "`irwinhall sample`, with and without `--force`")
def two_writers():
    """Write one file by two commands at once."""
    remained, refusals = Counter(), 0
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "w.npy"
        whole = []
        for seed in (1, 2):
            require(run([*SAMPLE, seed, "--out", out])[0] == 0, "the command fails by itself")
            whole.append(out.read_bytes())
        for force in [True] * 10 + [False] * 10:
            out.unlink()
            commands = [[*SAMPLE, seed, "--out", out] for seed in (1, 2)]
            if not force:
                commands = [[word for word in c if word != "--force"] for c in commands]
            children = [start(command) for command in commands]
            ends = [(child.communicate(timeout=300)[1], child.returncode) for child in children]
            require(out.read_bytes() in whole, "a mixture")
            remained[f"the file of seed {1 + whole.index(out.read_bytes())}"] += 1
            require(contents(directory).keys() == {"w.npy"}, "something else")
            if force:
                require(ends == [("", 0)] * 2, ends)
                continue
            require(sorted(status for _, status in ends) == [0, 1], ends)
            refusals += 1
            one_line("".join(said for said, _ in ends), "irwinhall sample", "exists")
    return 20, f"without `--force` one of both is refused: “exists” ({refusals})", listed(remained)


@fault("two writers of one directory", "`irwinhall tables`, its writing")
def two_writers_of_tables():
    """Write the same files by two processes at once."""
    texts = [dict.fromkeys("abcdef", letter * 50000) for letter in (b"1", b"2")]
    mixed = 0
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(50):
            put(directory, {})
            processes = []
            for files in texts:
                process = os.fork()
                if process == 0:
                    _files.write_files(Path(directory), files)
                    os._exit(0)
                processes.append(process)
            require([os.waitpid(p, 0)[1] for p in processes] == [0, 0], "a writer failed")
            found = contents(directory)
            require(found.keys() == texts[0].keys(), "other files", found.keys())
            require(all(c in (texts[0]["a"], texts[1]["a"]) for c in found.values()), "a mixture")
            mixed += len(set(found.values())) > 1
    return 50, "both finished", f"whole files; of both writers in {mixed} directories"


# ---- clusters and clocks ----


@fault("killed Dask workers", "`montecarlo.magnitude`, on two workers")
def killed_workers():
    """Kill a worker process at random moments."""
    import distributed

    expected = montecarlo.magnitude(50, trials=20_000_000)
    kwargs = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    montecarlo._LAST_PIECE = 1 << 23
    with distributed.LocalCluster(**kwargs, silence_logs=logging.CRITICAL) as cluster:
        for _ in range(5):
            at, done = random.randrange(10, 100), []

            def progress(weights, at=at, done=done):
                done.append(weights)
                if len(done) == at:
                    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

            with executors.dask(cluster.scheduler_address, timeout=60) as executor:
                found = montecarlo.magnitude(
                    50, trials=20_000_000, executor=executor, progress=progress
                )
            require(len(done) > at and found == expected, "another estimate", found)
    return 5, "Dask repeated what was lost", "the same bits"


CLOCK = """
import random, sys, time
real = time.time
time.time = lambda: real() + random.choice([-1e9, -3600.0, 0.0, 3600.0, 1e9])
from irwinhall.cli import main
sys.exit(main(sys.argv[1:]))
"""


@fault("clock that jumps by years", "`irwinhall montecarlo` with its progress bar")
def clock_jumps():
    """Let time.time jump back and forth while a progress bar is shown."""
    arguments = ["montecarlo", "100000", "--trials", "100000", "--threads", "1"]
    plain = subprocess.run(
        [sys.executable, "-m", "irwinhall", *arguments], capture_output=True, check=True
    )
    for _ in range(5):
        main, terminal = pty.openpty()
        command = [sys.executable, "-c", CLOCK, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal) as child:
            os.close(terminal)
            shown = b""
            with contextlib.suppress(OSError):
                while chunk := os.read(main, 1 << 16):
                    shown += chunk
            require(child.stdout.read() == plain.stdout, "another estimate")
        os.close(main)
        require(child.returncode == 0, child.returncode, shown)
        require(b"Traceback" not in shown, shown)
    return 5, "finished", "the same output"


# ---- the record ----

HEADS = ["fault", "during", "times", "what happened", "what remained"]


def render(record):
    """Return the table of a record."""
    return trust_page.table(HEADS, [[row[head] for head in HEADS] for row in record["faults"]])


def main():
    """Make all faults and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT")
    chosen = parser.parse_args().only
    for name in LATE:
        importlib.import_module(name)
    rows = []
    for (name, during), function in FAULTS.items():
        if chosen in f"{name}, {during}":
            times, happened, remained = function()
            row = dict(zip(HEADS, (name, during, times, happened, remained), strict=True))
            rows.append(row)
            print(*row.values(), sep=" | ", flush=True)
    if len(rows) == len(FAULTS):
        record = {"irwinhall": irwinhall.__version__, "faults": rows}
        text = json.dumps(record, indent=1, ensure_ascii=False)
        RECORD.write_text(text + "\n", encoding="utf-8")
        trust_page.write("faults", render(record))


if __name__ == "__main__":
    main()
