"""The command line: what it prints, on which stream, and its exit status."""

from __future__ import annotations

import json
import subprocess
import sys

import mpmath
import pytest

import irwinhall
from irwinhall import exact
from irwinhall.cli import main


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


def test_version():
    assert run("--version").stdout == f"irwinhall {irwinhall.__version__}\n"


def test_help_names_every_command():
    printed = run("--help").stdout
    assert "bound" in printed
    assert "reproduce" in printed


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
        (["bound", "5", "--formula", "mean"], "'mean'"),
        (["reproduce", "--trials", "1"], "--trials must be at least 2, got 1"),
        (["reproduce", "--seed", "-1"], "--seed must be at least 0, got -1"),
        (["nonsense"], "'nonsense'"),
        ([], "command"),
    ],
)
def test_bad_arguments_exit_with_2_and_one_line_that_names_them(arguments, named):
    finished = run(*arguments)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert named in finished.stderr
    assert finished.stderr.count("\n") == 1


def test_reproduce_prints_all_sixteen_sizes():
    finished = run("reproduce", "--trials", "50")
    assert finished.returncode == 0
    lines = finished.stdout.splitlines()
    standard = [line.split()[0] for line in lines if line.split()[1:2] and "+-" in line][:6]
    assert standard == ["1", "5", "25", "100", "300", "1000"]
    sizes = [line[:9].strip() for line in lines if "  forward " in line]
    assert sizes == [
        *("1, 1", "5, 5", "100, 1", "15, 25", "10, 100"),
        *("100, 50", "100, 300", "1000, 10", "1, 10000", "3, 10000"),
    ]


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
