"""The command line: what it prints, on which stream, and its exit status."""

from __future__ import annotations

import errno
import importlib.metadata
import io
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import mpmath
import numpy as np
import pytest

import irwinhall.__main__
from irwinhall import (
    _files,
    approximations,
    article,
    exact,
    flow,
    montecarlo,
    plots,
    weightfile,
)
from irwinhall.approximations import Certificate
from irwinhall.cli import main
from irwinhall.cli._parser import Parser
from irwinhall.cli._shared import progress_bar
from irwinhall.compare import compare
from irwinhall.sampling import Sampler
from irwinhall.tables import report


def run(*arguments):
    """Run the installed program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "irwinhall", *arguments], capture_output=True, text=True, check=False
    )


def test_bound_prints_the_double_that_python_returns(capsys):
    assert main(["bound", "784", "256"]) == 0
    assert capsys.readouterr().out == f"{irwinhall.letkeman_bound(784, 256)!r}\n"


def test_bound_of_one_number_is_the_standard_bound(capsys):
    main(["bound", "784"])
    assert capsys.readouterr().out == f"{irwinhall.letkeman_bound(784)!r}\n"


def test_bound_follows_the_formula(capsys):
    main(["bound", "10", "100", "--formula", "as_printed"])
    expected = irwinhall.letkeman_bound(10, 100, formula="as_printed")
    assert capsys.readouterr().out == f"{expected!r}\n"


@pytest.mark.parametrize("digits", [1, 17, 60])
def test_bound_prints_as_many_digits_as_asked(capsys, digits):
    main(["bound", "10", "100", "--digits", str(digits)])
    printed = capsys.readouterr().out.strip()
    assert len(printed.removeprefix("0.")) == digits
    fraction = exact.letkeman_bound(10, 100)
    with mpmath.workdps(digits + 10):
        value = mpmath.mpf(fraction.numerator) / fraction.denominator
        assert abs(mpmath.mpf(printed) - value) <= mpmath.mpf(10) ** -digits / 2


def test_bound_json_holds_the_arguments_and_the_value(capsys):
    main(["bound", "784", "256", "--json"])
    assert json.loads(capsys.readouterr().out) == {
        "n": 784,
        "m": 256,
        "formula": "node_average",
        "bound": irwinhall.letkeman_bound(784, 256),
    }


@pytest.mark.parametrize("command", ["bound", "compare", "montecarlo"])
def test_two_sizes_can_be_given_as_one(capsys, command):
    options = ["--trials", "10"] if command == "montecarlo" else []
    main([command, "12", "7", *options])
    apart = capsys.readouterr().out
    main([command, "12x7", *options])
    assert capsys.readouterr().out == apart != ""


def test_without_a_command_the_help_is_printed(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out == printed != ""


PRINTING = [
    ["bound", "784x256"],
    ["compare", "784x256"],
    ["compare", "784x256", "--activation", "relu"],
    ["flow", "--width", "8", "--depth", "100", "--batch", "2"],
    ["flow", "--width", "8", "--depth", "4", "--batch", "2", "--predict"],
    ["flow", "--table", "--width", "8", "--depth", "2"],
    ["montecarlo", "9x5", "--trials", "10"],
    ["recipes"],
    ["recipes", "gpt2"],
    ["reproduce", "--trials", "2"],
]


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("arguments", PRINTING, ids=lambda arguments: " ".join(arguments[:2]))
def test_no_line_is_longer_than_the_terminal(capsys, monkeypatch, arguments, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > columns or line != line.rstrip()] == []


def test_no_line_of_the_closed_forms_is_longer_than_the_terminal(quick, capsys, tmp_path):
    main(tables_in(tmp_path))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80 and str(tmp_path) not in line] == []


def test_a_wrapped_cell_leaves_no_empty_line_in_other_blocks(quick, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "80")
    main(tables_in(tmp_path))
    printed = capsys.readouterr().out
    assert "s0 = 0.0999997306, s1 = 0.02216158,\n" + " " * 24 + "s2 = 0.004286\n" in printed
    blocks = printed.strip().split("\n\n")
    assert [block.split()[0] for block in blocks] == ["Closed", "form", "form"] * 2 + ["16"]


@pytest.mark.parametrize(
    ("message", "typed"),
    [
        ("max_n must be at least 1, got 0", "--max-n must be at least 1, got 0"),
        (
            "low must be less than high, got low=3, high=2",
            "--low must be less than --high, got --low=3, --high=2",
        ),
        ("max-n of max_n.csv and 'max_n'", "max-n of max_n.csv and 'max_n'"),
        ("a low value is too high", "a low value is too high"),
        ("--low must stand without high", "--low must stand without --high"),
    ],
)
def test_messages_name_options_as_they_are_typed(message, typed):
    parser = Parser(prog="irwinhall")
    for option in ("--max-n", "--low", "--high"):
        parser.add_argument(option)
    assert parser.as_typed(message) == typed


# ---- completion ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_a_shell(capsys, shell):
    pytest.importorskip("argcomplete")
    assert main(["--print-completion", shell]) == 0
    code = capsys.readouterr().out
    assert "irwinhall" in code
    assert "_ARGCOMPLETE" in code


def test_completion_without_argcomplete_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    assert main(["--print-completion", "bash"]) == 1
    assert "pip install argcomplete" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("irwinhall mont", ["montecarlo"]),
        ("irwinhall compare 5 6 --act", ["--activation"]),
        ("irwinhall flow --activation relu", ["relu", "relu6", "relu_squared"]),
        ("irwinhall sample 5x5 --scheme kalafus", ["kalafus_normal", "kalafus_uniform"]),
    ],
)
def test_a_shell_is_told_what_could_follow(line, offered):
    pytest.importorskip("argcomplete")
    # As the printed code asks: the answer comes on descriptor 8.
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    finished = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m irwinhall 8>&1 9>/dev/null"],
        env={**os.environ, **asked, "_ARGCOMPLETE_IFS": "\n"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert sorted(word.strip() for word in finished.stdout.splitlines()) == offered


def test_version():
    assert run("--version").stdout == f"irwinhall {irwinhall.__version__}\n"


def test_help_names_every_command():
    printed = run("--help").stdout
    for command in ("bound", "tables", "montecarlo", "reproduce", "compare", "flow", "sample"):
        assert f"\n    {command}" in printed


SAMPLE = ["sample", "6x5", "--scheme", "he_normal", "--seed", "1", "--out", "no/w.npy"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["bound"], "n"),
        (["bound", "0"], "n must be from 1 to 2**63 - 1, got 0"),
        (["bound", "5", "-3"], "got -3"),
        (["bound", "9223372036854775808"], "got 9223372036854775808"),
        (["bound", "1.5"], "'1.5'"),
        (["bound", "ten"], "'ten'"),
        (["bound", "5", "--digits", "0"], "--digits must be from 1 to 2000, got 0"),
        (["bound", "5", "--digits", "100000000000"], "--digits must be from 1 to 2000"),
        (["bound", str(10**400), "--digits", "3"], "n must be less than 2**1000 with --digits"),
        (["bound", "5", "--formula", "mean"], "'mean'"),
        (["tables", "--max-n", "0"], "--max-n must be at least 1, got 0"),
        (["tables", "--max-n", "100001"], "--max-n must be from 1 to 100000, got 100001"),
        (["tables", "--grid", "1"], "--grid must be at least 2, got 1"),
        (["tables", "--grid", "1000000000"], "--grid must be from 2 to "),
        (["tables", "--workers", "0"], "--workers must be at least 1, got 0"),
        (["tables", "--workers", "10001"], "--workers must be from 1 to 10000, got 10001"),
        (["tables", "--workers", "2", "--scheduler", "a:1"], "--workers must be left out with"),
        (["montecarlo", "0"], "n must be at least 1, got 0"),
        (["montecarlo", "5", "--trials", "1"], "--trials must be at least 2, got 1"),
        (["montecarlo", "5", "--bound", "nan"], "--bound must be a number, got nan"),
        (["reproduce", "--trials", "1"], "--trials must be at least 2, got 1"),
        (["compare", "0", "5"], "n must be at least 1, got 0"),
        (["montecarlo", "5", "--standard-error", "0"], "--standard-error must be finite and"),
        (["compare", "5"], "m must be given"),
        (["bound", "2x3x4"], "a layer has two sizes, got 3"),
        (["bound", "2x3", "4"], "a layer has two sizes, got 3"),
        (["bound", "2,3"], "argument n: must be like 784 or 784x256, got '2,3'"),
        (["compare", "5", "5", "--activation", "rellu"], "did you mean 'relu'"),
        (["flow", "--schemes", "letkemann"], "did you mean 'letkeman'"),
        (["flow", "--activation", "than"], "did you mean 'tanh'"),
        (["flow", "--width", "0"], "--width must be at least 1, got 0"),
        (["flow", "--width", "a,b"], "argument --width: must be like 256 or 784,256, got 'a,b'"),
        (["flow", "--depth", "0"], "--depth must be at least 1, got 0"),
        (["flow", "--plot", "flow.pdf"], "must end in .png or .svg, got flow.pdf"),
        (["flow", "--table", "--batch", "3"], "--batch must be left out with --table"),
        (["flow", "--table", "--width", "8,9"], "--width must be one number with --table, got 2"),
        (["sample", "5x", "--scheme", "zeros", "--seed", "1", "--out", "w.npy"], "'5x'"),
        (["sample", "5x5", "--scheme", "zeros", "--out", "w.npy"], "--seed"),
        (["sample", "5", "--scheme", "he_normal", "--seed", "1", "--out", "no/w.npy"], "--in-axis"),
        (
            ["sample", "5x5", "--scheme", "he_norml", "--seed", "1", "--out", "no/w.npy"],
            "did you mean",
        ),
        (
            ["sample", "x".join("1" * 65), "--scheme", "zeros", "--seed", "1", "--out", "no/w.npy"],
            "shape must be that of an array that NumPy can make, got (1, 1,",
        ),
        ([*SAMPLE, "--parts", "2"], "--parts must come with a layout, got 2"),
        ([*SAMPLE, "--low", "1"], "--low must be left out for he_normal, got 1.0"),
        ([*SAMPLE, "--uncorrected"], "--uncorrected must be left out for he_normal"),
        ([*SAMPLE, "--in-axis", "7"], "--in-axis must name an axis of shape, got 7"),
        ([*SAMPLE, "--groups", "4"], "--groups must divide the size of --out-axis"),
        ([*SAMPLE, "--out", "w.safetensors"], "--out must end in .npy, or be -, got w.safetensors"),
        (["nonsense"], "'nonsense'"),
        (["--print-completion", "csh"], "'csh'"),
    ],
)
def test_bad_arguments_exit_with_2_and_one_line_that_names_them(arguments, named):
    finished = run(*arguments)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert named in finished.stderr
    assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "raised",
    [
        ValueError("too many values to unpack (expected 2)"),
        TypeError("'NoneType' object is not subscriptable"),
        ZeroDivisionError("division by zero"),
        KeyError("a"),
        RuntimeError("two\nlines"),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_an_error_of_the_program_is_not_one_of_an_argument(capsys, monkeypatch, raised, debug):
    def fail(*_, **__):
        raise raised

    monkeypatch.setattr(irwinhall, "letkeman_bound", fail)
    assert main(["bound", "5"] + ["--debug"] * debug) == 70
    out, err = capsys.readouterr()
    lines = err.splitlines()
    start = "irwinhall bound: internal error, please report what --debug adds to this: "
    what = " ".join(str(raised).split())
    assert (out, lines[-1]) == ("", f"{start}{type(raised).__name__}: {what}")
    assert (lines[0] == "Traceback (most recent call last):", len(lines) > 1) == (debug, debug)


def test_what_python_itself_raises_in_our_code_is_no_error_of_an_argument(capsys, monkeypatch):
    from irwinhall.cli import _bound

    monkeypatch.setattr(_bound, "_MOST_DIGITS", None)
    assert main(["bound", "5", "--digits", "3"]) == 70
    assert "TypeError: '<=' not supported" in capsys.readouterr().err


def test_debug_shows_where_an_argument_was_refused(capsys):
    assert main(["bound", "0", "--debug"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1] == "irwinhall bound: error: n must be from 1 to 2**63 - 1, got 0"


@pytest.mark.parametrize(
    ("redirected", "status", "said"),
    [
        (">&-", 1, "irwinhall bound: error: standard output is closed\n"),
        (">/dev/full", 1, "irwinhall bound: error: No space left on device\n"),
        (">&- 2>&-", 1, ""),
    ],
)
def test_an_output_that_cannot_be_written_is_one_line(redirected, status, said):
    command = f"{sys.executable} -m irwinhall bound 5 {redirected}"
    finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout, finished.stderr) == (status, "", said)


def test_without_stderr_nothing_of_it_goes_to_stdout():
    command = f"{sys.executable} -m irwinhall bound 0 2>&-"
    finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout) == (2, "")


@pytest.mark.parametrize("module", ["irwinhall.cli", "numpy", "irwinhall.tables"])
def test_an_interrupt_while_modules_load_is_no_traceback(module):
    program = (
        "import builtins, irwinhall, runpy, signal, sys\n"
        "real, module = builtins.__import__, sys.argv[1]\n"
        "def load(name, *arguments, **keywords):\n"
        "    if name == module:\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "    return real(name, *arguments, **keywords)\n"
        "builtins.__import__ = load\n"
        "sys.argv = ['irwinhall', 'flow', '--plot', 'x.svg']\n"
        "runpy.run_module('irwinhall', run_name='__main__')\n"
    )
    command = [sys.executable, "-c", program, module]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("milliseconds", [1, 5, 20, 50, 80, 120, 180, 250, 350, 500])
def test_an_interrupt_at_any_moment_is_no_traceback(milliseconds):
    # From when the program first looks after SIGINT: what happens while Python starts is not ours.
    program = (
        "import signal, sys, irwinhall.__main__ as command\n"
        "real = signal.signal\n"
        "def first(*arguments):\n"
        "    signal.signal = real\n"
        "    real(*arguments)\n"
        "    print('begins', flush=True)\n"
        "signal.signal = first\n"
        "sys.exit(command.main())\n"
    )
    command = [sys.executable, "-c", program, "montecarlo", "100000", "--trials", "100000000"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as child:
        try:
            assert child.stdout.readline() == "begins\n"
            time.sleep(milliseconds / 1000)
            child.send_signal(signal.SIGINT)
            errors = child.communicate(timeout=60)[1]
        finally:
            child.kill()
    assert (child.returncode, errors) in [
        (130, "irwinhall montecarlo: interrupted\n"),
        (130, "irwinhall: interrupted\n"),
        (130, ""),
        (-signal.SIGINT, ""),
    ]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("MemoryError()", "not enough memory"),
        (
            "ImportError('Advice.\\n\\nOriginal error was: libx.so: not found\\n')",
            "Original error was: libx.so: not found",
        ),
    ],
)
def test_modules_that_cannot_be_loaded_are_one_line(error, said):
    program = (
        "import builtins, sys, irwinhall.__main__ as command\n"
        "real = builtins.__import__\n"
        "def load(name, *arguments, **keywords):\n"
        "    if name == 'irwinhall.cli':\n"
        f"        raise {error}\n"
        "    return real(name, *arguments, **keywords)\n"
        "builtins.__import__ = load\n"
        "sys.exit(command.main())\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (1, f"irwinhall: error: {said}\n")
    debugged = subprocess.run([sys.executable, "-c", program, "--debug"], capture_output=True)
    assert debugged.stderr.startswith(b"Traceback")


def test_a_second_interrupt_is_no_traceback():
    program = (
        "import signal, sys, irwinhall.cli, irwinhall.__main__ as command\n"
        "def run():\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "irwinhall.cli.main = run\n"
        "sys.exit(command.main())\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (130, "")


def test_a_command_that_runs_in_the_background_goes_on_ignoring_interrupts():
    program = (
        "import signal, irwinhall.__main__ as command\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "assert command.main() == 0\n"
        "assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN\n"
    )
    subprocess.run([sys.executable, "-c", program, "bound", "5"], check=True, capture_output=True)


def test_the_installed_command_is_the_one_that_answers_interrupts():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="irwinhall")
    assert script.load() is irwinhall.__main__.main


def test_reproduce_prints_all_sixteen_sizes():
    finished = run("reproduce", "--trials", "50")
    assert finished.returncode == 0
    lines = finished.stdout.splitlines()
    standard = [line.split()[0] for line in lines if line[:4].strip().isdigit()][:6]
    assert standard == ["1", "5", "25", "100", "300", "1000"]
    sizes = [line[:9].strip() for line in lines if "  forward " in line]
    assert sizes[:10] == sizes[10:]  # of both blocks of columns
    assert sizes[:10] == [
        *("1, 1", "5, 5", "100, 1", "15, 25", "10, 100"),
        *("100, 50", "100, 300", "1000, 10", "1, 10000", "3, 10000"),
    ]


def test_a_progress_bar_starts_no_thread():
    before = threading.active_count()
    with progress_bar(2, "counting", "numbers") as update:
        update(1)
        assert threading.active_count() == before


def test_reproduce_shows_no_progress_bar_off_a_terminal():
    assert run("reproduce", "--trials", "50").stderr == ""


def test_reproduce_json_holds_every_row(capsys):
    main(["reproduce", "--trials", "50", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 6 + 3 * 10
    assert rows[0]["xavier"]["exact"] == 0.5


def test_a_reader_that_leaves_early_causes_no_traceback():
    command = f"{sys.executable} -m irwinhall reproduce --trials 2 | head -1"
    finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert finished.stderr == ""


# ---- tables --------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch):
    """Certificates that cost nothing, and a simulation that costs little."""
    by_decree = Certificate(0.0123, 4, "by decree")
    monkeypatch.setattr(approximations, "certify", lambda form, map: by_decree)
    for name in ("standard_rows", "normalized_rows"):
        monkeypatch.setattr(article, name, partial(getattr(article, name), 20))


def tables_in(directory, *options):
    sizes = ("--max-n", "40", "--grid", "5", "--workers", "1")
    return ["tables", "--out", str(directory), *sizes, *options]


def contents(directory):
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def test_tables_writes_sixteen_files_and_prints_the_closed_forms(quick, capsys, tmp_path):
    assert main(tables_in(tmp_path / "tables")) == 0
    printed = capsys.readouterr().out
    names = ("article", "closed-forms", "normalized", "standard")
    files = [f"{name}.{kind}" for name in names for kind in ("csv", "json", "md", "tex")]
    assert list(contents(tmp_path / "tables")) == files
    assert f"16 files in {tmp_path}/tables/: {', '.join(files)}" in " ".join(printed.split())
    rows = [line.split() for line in printed.splitlines()]
    for name in approximations.FORMS:
        first = approximations.FORMS[name].domain[0]
        assert [name, str(first), "1.23e-02", "4"] in [row[:4] for row in rows]


def test_tables_writes_the_same_bytes_in_processes(quick, monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    drawn = plots.Plot("dot", "A dot.", "One black dot.", "<svg/>")
    monkeypatch.setattr(report, "form_plots", lambda worst: [drawn])
    for workers in ("1", "2"):
        main(tables_in(tmp_path / workers, "--workers", workers, "--plots"))
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    assert {"dot.svg", "report.html"} < set(contents(tmp_path / "1"))
    assert len(contents(tmp_path / "1")) == 18


def test_tables_json_is_that_of_the_closed_forms(quick, capsys, tmp_path):
    main(tables_in(tmp_path, "--json"))
    assert capsys.readouterr().out == (tmp_path / "closed-forms.json").read_text()


def test_tables_check_finds_no_difference_in_what_was_written(quick, capsys, tmp_path):
    main(tables_in(tmp_path))
    capsys.readouterr()
    assert main(tables_in(tmp_path, "--check")) == 0
    assert capsys.readouterr() == (f"16 files in {tmp_path}/ are as they should be\n", "")


def test_tables_check_says_which_line_was_edited_and_writes_nothing(quick, capsys, tmp_path):
    main(tables_in(tmp_path))
    path = tmp_path / "standard.csv"
    path.write_text(path.read_text().replace("\n3,13/16,", "\n3,13/17,"))
    (tmp_path / "article.md").unlink()
    edited = contents(tmp_path)
    capsys.readouterr()
    assert main(tables_in(tmp_path, "--check")) == 1
    out, err = capsys.readouterr()
    missing, where, found, wanted = out.splitlines()
    assert (missing, where) == (f"{tmp_path}/article.md: missing", f"{path}:4")
    assert (found[:9], wanted[:9]) == ("- 3,13/17", "+ 3,13/16")
    assert "2 of 16 files are not as they should be" in err
    assert contents(tmp_path) == edited


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        (("--max-n", "41", "--grid", "5"), "standard.csv has 40 rows, not the 41 of --max-n 41"),
        (("--max-n", "40", "--grid", "6"), "normalized.csv has 15 rows, not the 21 of --grid 6"),
    ],
)
def test_tables_check_with_other_sizes_says_so_in_one_line(quick, capsys, tmp_path, sizes, said):
    main(tables_in(tmp_path))
    capsys.readouterr()
    assert main(["tables", "--out", str(tmp_path), "--check", *sizes]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"{tmp_path}/{said}; --check takes the sizes" in err


def test_tables_interrupted_leaves_no_directory(capsys, monkeypatch, tmp_path):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(approximations, "certify", interrupt)
    assert main(tables_in(tmp_path / "new" / "tables")) == 130
    assert capsys.readouterr().err == "irwinhall tables: interrupted\n"
    assert list(tmp_path.iterdir()) == []


def test_tables_cannot_be_written_into_a_file(capsys, tmp_path):
    (tmp_path / "tables").write_bytes(b"mine")
    assert main(tables_in(tmp_path / "tables")) == 1
    assert capsys.readouterr() == ("", f"irwinhall tables: error: File exists: {tmp_path}/tables\n")
    assert (tmp_path / "tables").read_bytes() == b"mine"


def test_tables_cannot_be_written_where_writing_is_forbidden(capsys, monkeypatch, tmp_path):
    def forbidden(**options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(options["dir"]))

    monkeypatch.setattr(_files.tempfile, "TemporaryFile", forbidden)
    assert main(tables_in(tmp_path)) == 1
    assert capsys.readouterr().err == f"irwinhall tables: error: Permission denied: {tmp_path}\n"


@pytest.mark.parametrize("stopped_at", ["closed-forms.csv", "standard.md"])
def test_tables_stopped_midway_leaves_every_file_whole(
    quick, capsys, monkeypatch, tmp_path, stopped_at
):
    main(tables_in(tmp_path))
    before = contents(tmp_path)
    whole_file = _files.whole_file

    def full(path):
        if path.name == stopped_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole_file(path)

    monkeypatch.setattr(_files, "whole_file", full)
    assert main(tables_in(tmp_path)) == 1
    assert capsys.readouterr().err == "irwinhall tables: error: No space left on device\n"
    assert contents(tmp_path) == before


def test_tables_without_matplotlib_says_what_to_install_before_anything_is_made(
    capsys, monkeypatch, tmp_path
):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(tables_in(tmp_path, "--plots")) == 1
    assert "pip install matplotlib" in capsys.readouterr().err


def test_tables_without_dask_says_what_to_install(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    arguments = ["tables", "--out", str(tmp_path), "--scheduler", "tcp://127.0.0.1:1"]
    assert main(arguments) == 1
    assert "pip install 'dask[array,distributed]'" in capsys.readouterr().err


# ---- montecarlo ----------------------------------------------------------------------------------


def test_montecarlo_prints_the_estimate_beside_the_exact_value(capsys):
    assert main(["montecarlo", "9", "--trials", "1000", "--seed", "4"]) == 0
    printed = capsys.readouterr().out
    estimate = montecarlo.magnitude(9, trials=1000, rng=4)
    row = next(line.split() for line in printed.splitlines() if line.startswith("magnitude "))
    exact = irwinhall.expected_magnitude(9)
    deviation = (estimate.estimate - exact) / estimate.standard_error
    figures = (f"{estimate.estimate:.10g}", f"{estimate.standard_error:.2g}", f"{exact:.10g}")
    assert row == ["magnitude", *figures, f"{deviation:+.1f}"]
    assert printed.startswith("9 weights uniform on (-1, 1): 1000 trials, seed 4\n")


def test_montecarlo_json_of_a_layer_holds_all_three_estimates(capsys):
    main(["montecarlo", "9", "5", "--bound", "0.5", "--standard-error", "0.02", "--json"])
    printed = json.loads(capsys.readouterr().out)
    estimates = montecarlo.layer(9, 5, 0.5, standard_error=0.02)._asdict()
    exact = irwinhall.preserved_magnitude(9, 5, 0.5)._asdict()
    for name, estimate in estimates.items():
        assert printed.pop(name) == {**estimate._asdict(), "exact": exact[name]}
    assert printed == {"n": 9, "m": 5, "bound": 0.5, "seed": 0}


def test_montecarlo_of_no_weights_has_no_deviation(capsys):
    main(["montecarlo", "9", "--bound", "0", "--trials", "10"])
    assert "magnitude            0               0      0    -\n" in capsys.readouterr().out


# ---- compare -------------------------------------------------------------------------------------


def test_compare_prints_a_line_for_every_scheme_and_says_what_its_columns_are(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    assert main(["compare", "784", "256"]) == 0
    printed = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in printed.splitlines() if line}
    for row in compare(784, 256):
        assert rows[row.scheme][1] == row.law
        assert float(rows[row.scheme][-1]) == pytest.approx(row.share, abs=5e-5, rel=5e-4)
    assert "share: std / (gain / sqrt(min(n, m)))" in printed
    assert f"Xavier / Kalafus: std {math.sqrt(2 * 784 / 1040):.4f}" in printed
    assert f"Kalafus / Xavier: std {math.sqrt(1040 / 784):.4f}" in printed
    assert "Left out" in printed
    assert rows["he_truncated_normal"][5].startswith("~")


def test_compare_prints_the_gain_of_the_activation(capsys):
    main(["compare", "784", "256", "--activation", "ReLU"])
    assert "gain is that of relu, 1.41421." in capsys.readouterr().out


def test_compare_json_holds_every_figure(capsys):
    main(["compare", "100", "50", "--activation", "tanh", "--json"])
    printed = json.loads(capsys.readouterr().out)
    rows = compare(100, 50, activation="tanh")
    assert (printed["n"], printed["m"], printed["gain"]) == (100, 50, irwinhall.gain("tanh"))
    assert [row["scheme"] for row in printed["schemes"]] == [row.scheme for row in rows]
    assert printed["schemes"][0]["forward_magnitude"]["estimate"] == (
        rows[0].forward_magnitude.estimate
    )


# ---- flow ----------------------------------------------------------------------------------------

SMALL = ["--width", "16", "--depth", "6", "--batch", "4"]


def test_flow_prints_predictions_below_what_it_simulates(capsys):
    options = ["--normalization", "layer", "--residual", "0.5", "--predict"]
    assert main(["flow", *SMALL, "--schemes", "he_normal,letkeman", *options]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("residual branches times 0.5, layer normalization, relu, 6 layers")
    names = [line.split()[0] for line in printed.splitlines() if line.startswith(("he_", "  pred"))]
    assert names.count("predicted") == 2 * names.count("he_normal") == 10
    main(["flow", *SMALL, "--schemes", "he_normal", "--predict", "--json"])
    (predicted,) = json.loads(capsys.readouterr().out)["predicted"]
    assert predicted["forward_variance"] == pytest.approx([1.0] * 7)


def test_flow_says_after_how_many_layers_a_scheme_dies(capsys):
    main(["flow", *SMALL, "--schemes", "normal:0.001,he_normal"])
    section = capsys.readouterr().out.split("layers until")[1].splitlines()
    assert [line.split() for line in section[1:3]] == [["normal:0.001", "1"], ["he_normal", "-"]]


def test_flow_prints_four_tables_of_the_chosen_schemes(capsys):
    assert main(["flow", *SMALL, "--schemes", "he_normal,xavier_uniform:tanh"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("relu, 6 layers of 16 units, 4 signals, seed 0\n")
    lines = printed.splitlines()
    for title in ("forward magnitude", "forward variance", "backward magnitude"):
        assert title in lines
    assert [line.split()[0] for line in lines if line.startswith(("he_", "xavier_"))] == (
        ["he_normal", "xavier_uniform:tanh"] * 5
    )
    assert [line for line in lines if line.startswith("layer ")][2].split()[1:] == (
        ["6", "4", "2", "1", "0"]
    )


def test_flow_prints_equal_figures_once_under_both_names(capsys):
    main(["flow", *SMALL, "--schemes", "he_normal,letkeman,kalafus_normal:relu"])
    lines = capsys.readouterr().out.splitlines()
    first = lines.index("he_normal,")
    assert lines[first + 1].split() == ["kalafus_normal:relu", *lines[first + 1].split()[1:]]
    assert lines[first + 2].startswith("letkeman ")
    assert lines.count("he_normal,") == 4


def test_flow_json_holds_every_layer_and_no_number_that_json_lacks(capsys):
    main(["flow", *SMALL, "--depth", "12", "--schemes", "normal:1e38,letkeman", "--json"])
    printed = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    exploding, letkeman = printed["schemes"]
    assert (exploding["forward_magnitude"][-1], exploding["backward_magnitude"][0]) == (
        ("inf", "nan")
    )
    assert len(letkeman["forward_variance"]) == 13


def test_flow_prints_no_warning_where_signals_overflow():
    finished = run("flow", *SMALL, "--depth", "12", "--schemes", "normal:1e38")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert " inf" in finished.stdout


def test_flow_plots(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "flow.svg"
    assert main(["flow", *SMALL, "--plot", str(path)]) == 0
    assert f"plotted to {path}" in capsys.readouterr().out
    assert "relu, 6 layers of 16 units" in path.read_text(encoding="utf-8")


def test_flow_plots_nowhere_that_does_not_exist(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    assert main(["flow", *SMALL, "--plot", str(tmp_path / "no" / "flow.png")]) == 1
    assert capsys.readouterr().err.startswith("irwinhall flow: error: No such file or directory: ")


def test_flow_without_matplotlib_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["flow", *SMALL, "--plot", "flow.png"]) == 1
    assert capsys.readouterr().err == (
        "irwinhall flow: error: plots need matplotlib: pip install matplotlib\n"
    )


def test_flow_table_prints_the_expected_variances_beside_the_simulated(capsys):
    main(["flow", "--table", "--width", "20", "--depth", "3"])
    lines = capsys.readouterr().out.splitlines()
    columns = [line.split() for line in lines if line.split()[:1] in (["1"], ["0.001"])]
    assert [row[2] for row in columns] == ["20", "400", "8000", "0.02", "0.0004", "8e-06"]
    for _, _, expected, simulated, error in columns:
        assert abs(float(simulated) - float(expected)) < 5.5 * float(error)


def test_flow_table_is_json_too(capsys):
    main(["flow", "--table", "--width", "20", "--depth", "2", "--json"])
    rows = json.loads(capsys.readouterr().out)
    expected = [row._asdict() for row in flow.explosion(width=20, depth=2, trials=1000, rng=0)]
    assert rows == json.loads(json.dumps(expected))


# ---- sample --------------------------------------------------------------------------------------


def sample(path, *options, shape="50x30", scheme="letkeman"):
    return ["sample", shape, "--scheme", scheme, "--seed", "7", "--out", str(path), *options]


def test_sample_writes_the_bytes_that_numpy_saves(capsys, tmp_path):
    path, expected = tmp_path / "w.npy", io.BytesIO()
    assert main(sample(path, "--name", "layer.weight", "--gain", "relu")) == 0
    np.save(
        expected,
        irwinhall.sample_weights((50, 30), rng=7, name="layer.weight", gain="relu"),
    )
    assert path.read_bytes() == expected.getvalue()
    assert capsys.readouterr().out == f"{path}: 50x30 float32, letkeman, seed 7\n"


def test_sample_takes_lengths_apart(capsys, tmp_path):
    one, other = tmp_path / "one.npy", tmp_path / "other.npy"
    assert main(sample(one)) == main(["sample", "50", *sample(other, shape="30")[1:]]) == 0
    assert one.read_bytes() == other.read_bytes()
    assert capsys.readouterr().out.endswith(f"{other}: 50x30 float32, letkeman, seed 7\n")


def test_sample_writes_to_standard_output(capfdbinary):
    assert main(sample("-", "--name", "layer.weight")) == 0
    out, err = capfdbinary.readouterr()
    expected = irwinhall.sample_weights((50, 30), rng=7, name="layer.weight")
    np.testing.assert_array_equal(np.load(io.BytesIO(out)), expected)
    assert err == b"-: 50x30 float32, letkeman, seed 7\n"


def test_sample_writes_no_bytes_to_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(sample("-")) == 2
    assert "which a terminal cannot show" in capsys.readouterr().err


def test_sample_takes_the_ends_of_a_distribution(tmp_path):
    path = tmp_path / "w.npy"
    given = ("--gain", "0.02", "--low", "-3", "--high", "3", "--uncorrected")
    assert main([*sample(path, *given), "--scheme", "truncated_normal"]) == 0
    expected = irwinhall.sample_weights(
        (50, 30), "truncated_normal", rng=7, gain=0.02, low=-3, high=3, corrected=False
    )
    assert np.load(path).tobytes() == expected.tobytes()


def test_sample_stores_bfloat16_as_uint16_and_says_so(capsys, tmp_path):
    path = tmp_path / "w.npy"
    assert main(sample(path, "--dtype", "bfloat16")) == 0
    bits = np.empty((50, 30), np.uint16)
    irwinhall.sample_weights(None, rng=7, dtype="bfloat16", out=bits)
    assert np.load(path).tobytes() == bits.tobytes()
    assert "stored as uint16" in capsys.readouterr().out


def test_sample_leaves_a_file_that_is_there_unless_forced(capsys, tmp_path):
    path = tmp_path / "w.npy"
    path.write_bytes(b"mine")
    assert main(sample(path)) == 1
    assert capsys.readouterr().err == f"irwinhall sample: error: {path} exists\n"
    assert path.read_bytes() == b"mine"
    assert main(sample(path, "--force")) == 0
    assert np.load(path).shape == (50, 30)


def test_sample_forced_keeps_the_mode_and_follows_a_symlink(tmp_path):
    path, link = tmp_path / "w.npy", tmp_path / "link.npy"
    path.write_bytes(b"mine")
    path.chmod(0o600)
    link.symlink_to("w.npy")
    assert main(sample(link, "--force")) == 0
    assert (link.is_symlink(), path.stat().st_mode & 0o777) == (True, 0o600)
    assert np.load(path).shape == (50, 30)


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_sample_replaces_no_device_and_no_dangling_symlink(capsys, tmp_path, force):
    link = tmp_path / "link.npy"
    for there, said in (
        ("/dev/null", "/dev/null is not a regular"),
        ("no", "link.npy is a symlink"),
    ):
        link.symlink_to(there)
        assert main(sample(link, *force)) == 1
        assert said in capsys.readouterr().err
        link.unlink()
    assert not os.path.isfile("/dev/null")


def test_sample_takes_a_name_as_long_as_the_system_does(tmp_path):
    path = tmp_path / ("é" * 125 + ".npy")  # 254 bytes
    assert main(sample(path)) == 0
    assert np.load(path).shape == (50, 30)


def test_sample_of_no_elements_is_an_empty_file(tmp_path):
    path = tmp_path / "w.npy"
    assert main(sample(path, shape="5x0", scheme="he_normal")) == 0
    assert np.load(path).shape == (5, 0)


def test_sample_takes_a_layout_in_place_of_axes(capsys, tmp_path):
    path = tmp_path / "w.npy"
    more = ["--layout", "torch.linear", "--parts", "3", "--active-inputs", "2"]
    assert (
        main(["sample", "12x8", "--scheme", "letkeman", "--seed", "1", "--out", str(path), *more])
        == 0
    )
    expected = irwinhall.sample_weights(
        (12, 8), layout="torch.linear", parts=3, active_inputs=2, rng=1
    )
    np.testing.assert_array_equal(np.load(path), expected)


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (KeyboardInterrupt(), 130, "irwinhall sample: interrupted\n"),
        (MemoryError(), 1, "irwinhall sample: error: not enough memory\n"),
        (
            OSError(errno.EIO, "Input/output error"),
            1,
            "irwinhall sample: error: Input/output error\n",
        ),
    ],
)
def test_sample_stopped_midway_leaves_the_old_file_and_nothing_else(
    capsys, monkeypatch, tmp_path, raised, status, said
):
    path = tmp_path / "w.npy"
    path.write_bytes(b"old")
    pieces = []

    draw = Sampler.draw

    def stop_at_the_third(self, stream, target, threads):
        pieces.append(target.start)
        if len(pieces) == 3:
            raise raised
        return draw(self, stream, target, threads)

    monkeypatch.setattr(weightfile, "_PIECE", 40 * 30)
    monkeypatch.setattr(Sampler, "draw", stop_at_the_third)
    assert main(sample(path, "--force")) == status
    assert capsys.readouterr().err == said
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.npy"]
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no posix_fallocate")
def test_sample_on_a_full_disk_says_so_and_leaves_nothing(capsys, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    path = tmp_path / "w.npy"
    assert main(sample(path)) == 1
    assert capsys.readouterr().err == f"irwinhall sample: error: No space left on device: {path}\n"
    assert list(tmp_path.iterdir()) == []


def test_sample_reserves_the_disk_by_zeros_where_the_system_cannot(monkeypatch, tmp_path):
    main(sample(tmp_path / "expected.npy"))
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    main(sample(tmp_path / "w.npy"))
    assert (tmp_path / "w.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()


def test_sample_ended_by_a_signal_leaves_nothing(tmp_path):
    program = (
        "import os, signal, sys\n"
        "from irwinhall import cli, weightfile\n"
        "weightfile._sync = weightfile._pieces\n"
        "def pieces(*arguments):\n"
        "    yield next(weightfile._sync(*arguments))\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    yield next(weightfile._sync(*arguments))\n"
        "weightfile._pieces = pieces\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", program, *sample(tmp_path / "w.npy")]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout, finished.stderr) == (143, "", "")
    assert list(tmp_path.iterdir()) == []


def test_sample_json_holds_what_was_asked(capsys, tmp_path):
    path = tmp_path / "w.npy"
    main(sample(path, "--json", scheme="kaiming_normal"))
    assert json.loads(capsys.readouterr().out) == {
        "out": str(path),
        "shape": [50, 30],
        "dtype": "float32",
        "scheme": "he_normal",
        "seed": 7,
        "name": "",
    }
