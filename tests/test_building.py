"""What setup.py adds to setuptools: compilation in parallel, and a complete source distribution."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import setuptools
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parents[1]
# Files that only a checkout needs.
DEVELOPERS = (
    ".ci/",
    ".github/",
    ".gitignore",
    ".clang-format",
    ".editorconfig",
    ".pre-commit-config.yaml",
)


@pytest.fixture
def setup_py(monkeypatch):
    """Return the names of setup.py, which builds nothing here."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(setuptools, "setup", lambda **settings: None)
    return SimpleNamespace(**runpy.run_path(str(ROOT / "setup.py")))


def build_with(setup_py, monkeypatch, compiler):
    """Return a BuildExt that has built all modules but for the compiler's work."""
    monkeypatch.setattr(build_ext, "build_extensions", lambda command: None)
    command = setup_py.BuildExt(setuptools.Distribution())
    command.compiler = compiler
    command.extensions = [setup_py.extension("_core", set())]
    command.build_extensions()
    return command


def compile_with(setup_py, monkeypatch, compile_files, sources):
    """Return what the compiler of a BuildExt makes of source files."""
    compiler = SimpleNamespace(compile=compile_files, compiler_type="unix")
    return build_with(setup_py, monkeypatch, compiler).compiler.compile(sources, output_dir="build")


def test_msvc_gets_its_own_flags_and_one_file_after_another(setup_py, monkeypatch):
    compiler = SimpleNamespace(compile=print, compiler_type="msvc")
    (module,) = build_with(setup_py, monkeypatch, compiler).extensions
    assert compiler.compile is print
    assert module.extra_compile_args == ["/std:c11", "/O2", "/fp:precise"]
    assert module.extra_link_args == module.libraries == []


def test_files_are_compiled_at_the_same_time(setup_py, monkeypatch):
    monkeypatch.setenv("MAX_JOBS", "3")
    all_three = threading.Barrier(3)

    def compile_files(sources, output_dir, extra_postargs):
        all_three.wait(timeout=60)  # raises BrokenBarrierError unless three compile at once
        return [f"{output_dir}/{source}.o" for source in sources]

    objects = compile_with(setup_py, monkeypatch, compile_files, ["c", "a", "b"])
    assert objects == ["build/c.o", "build/a.o", "build/b.o"]


def test_what_cython_writes_is_compiled_for_size(setup_py, monkeypatch):
    def compile_files(sources, output_dir, extra_postargs):
        return [(*sources, *extra_postargs)]

    compiled = compile_with(
        setup_py, monkeypatch, compile_files, ["irwinhall/_core.c", "src_c/stream/ih_ars.c"]
    )
    assert compiled == [("irwinhall/_core.c", "-O2"), ("src_c/stream/ih_ars.c",)]


def test_a_file_that_does_not_compile_ends_the_build(setup_py, monkeypatch):
    def compile_files(sources, output_dir, extra_postargs):
        raise ArithmeticError(*sources)

    with pytest.raises(ArithmeticError, match="wrong"):
        compile_with(setup_py, monkeypatch, compile_files, ["wrong"])


def test_the_source_distribution_has_every_file_of_the_repository(tmp_path):
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True)
    tracked = {name for name in listed.splitlines() if (ROOT / name).is_file()}
    command = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(tmp_path)]
    subprocess.run([*command, "sdist", "--dist-dir", str(tmp_path)], cwd=ROOT, check=True)
    [archive] = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as members:
        names = {name.partition("/")[2] for name in members.getnames() if "/" in name}
    assert {name for name in tracked if not name.startswith(DEVELOPERS)} - names == set()
    assert [name for name in names if name.startswith("docs/_build/")] == []
    generated = {".c", ".so", ".pyc"}
    assert {n for n in names if n.startswith("irwinhall/") and Path(n).suffix in generated} == set()


def test_a_checkout_that_is_not_built_says_how_to_build_it(tmp_path):
    compiled = shutil.ignore_patterns("*.so", "*.pyd")
    shutil.copytree(ROOT / "irwinhall", tmp_path / "irwinhall", ignore=compiled)
    # Without site-packages, where another irwinhall may be.
    command = [sys.executable, "-S", "-c", "import irwinhall"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = f"ImportError: irwinhall is not built: {tmp_path / 'irwinhall'} has no compiled modules"
    last = finished.stderr.splitlines()[-1]
    assert last.startswith(said)
    assert "`pip install -e .`" in last


def test_what_lies_in_the_folders_by_chance_is_not_distributed(setup_py, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests" / "data").mkdir(parents=True)
    for name in ("tests/test_a.py", "tests/data/b.csv", "tests/junk.bin", "tests/data/core"):
        (tmp_path / name).touch()
    made = []
    monkeypatch.setattr(sdist, "make_release_tree", lambda command, base, files: made.extend(files))
    setup_py.SDist(setuptools.Distribution()).make_release_tree("", [])
    assert made == ["CHANGELOG.md", "tests/data/b.csv", "tests/test_a.py"]
