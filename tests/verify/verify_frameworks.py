"""Run Flax's and Keras' own tests with our initializers in place of theirs.

``python tests/verify/verify_frameworks.py keras`` runs the tests of initializers and layers in
Keras' wheel; ``... flax DIR`` runs those in the folder tests/ of a checkout of Flax, in the
installed version. Each file runs twice: unchanged, and with our initializers in place of those of
the same name. A test that passes unchanged must pass with ours. Adds the results of each file to
data/verify_frameworks.json, which the suite checks. All files take many minutes of processor time;
``--only FILE ...`` runs some.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import types
import xml.etree.ElementTree as ET
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORD = HERE.parent / "data" / "verify_frameworks.json"
TESTS_OF, STAND_IN = "IRWINHALL_TESTS_OF", "IRWINHALL_STAND_IN"
FILES = {
    "keras": [
        "initializers",
        "layers/attention",
        "layers/convolutional",
        "layers/core",
        "layers/normalization",
        "layers/rnn",
    ],
    "flax": [
        "linen/initializers_test.py",
        "linen/linen_attention_test.py",
        "linen/linen_linear_test.py",
        "linen/linen_module_test.py",
        "linen/linen_recurrent_test.py",
        "linen/linen_test.py",
        "nnx/nn",
    ],
}
# Tests that ours need not pass, with the reason.
EXCEPTIONS = {
    "ModuleTest::test_module_trace": "shows the name of JAX's inner function",
}
# Functions with the same name that are not their initializers.
NOT_INITIALIZERS = {"Initializer", "Options", "Report", "Row"}


# ---- in the process of the tests -----------------------------------------------------------------


def stand_in_for_flax():
    """Replace the functions of jax.nn.initializers, which Flax uses, with ours."""
    import jax

    import irwinhall.jax as ours

    places = [jax.nn.initializers, jax._src.nn.initializers]
    names = set(ours.__all__) & set(vars(jax.nn.initializers)) - NOT_INITIALIZERS
    for name in names:
        for place in places:
            setattr(place, name, getattr(ours, name))
    return names


def stand_in_for_keras():
    """Replace the classes of keras.initializers with ours, wherever Keras refers to them."""
    import keras
    from keras.src import initializers

    import irwinhall.keras as ours

    names = set(ours.__all__) & set(vars(keras.initializers)) - NOT_INITIALIZERS
    for name in names:
        theirs, mine = getattr(keras.initializers, name), getattr(ours, name)
        for place in (keras.initializers, initializers, initializers.random_initializers):
            setattr(place, name, mine)
        for known, value in initializers.ALL_OBJECTS_DICT.items():
            if value is theirs:
                initializers.ALL_OBJECTS_DICT[known] = mine
    return names


def pytest_configure(config):
    """Replace the initializers, as a plugin of the pytest that runs the framework's tests."""
    if os.environ[TESTS_OF] == "keras":
        # Its tests import this from the conftest.py of the checkout.
        import keras
        import pytest

        known = keras.backend.backend()
        conftest = sys.modules["conftest"] = types.ModuleType("conftest")
        conftest.skip_if_backend = lambda backend, reason: pytest.mark.skipif(
            backend == known, reason=reason
        )
    which = os.environ[STAND_IN]
    if which:
        names = {"flax": stand_in_for_flax, "keras": stand_in_for_keras}[which]()
        Path(os.environ[f"{STAND_IN}_NAMES"]).write_text(json.dumps(sorted(names)))


# ---- in this process -----------------------------------------------------------------------------


def run(framework, path, ours):
    """Return the outcome of every test, and the names that were replaced."""
    with tempfile.TemporaryDirectory() as folder:
        report, names = Path(folder) / "report.xml", Path(folder) / "names.json"
        command = [sys.executable, "-m", "pytest", "-q", "-p", Path(__file__).stem]
        command += ["-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", folder]
        command += ["--import-mode=importlib", f"--junitxml={report}", str(path)]
        environment = {
            **os.environ,
            "KERAS_BACKEND": "jax",
            "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]),
            TESTS_OF: framework,
            STAND_IN: framework if ours else "",
            f"{STAND_IN}_NAMES": str(names),
        }
        finished = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True
        )
        if not report.is_file():
            raise SystemExit(finished.stdout + finished.stderr)
        outcomes = {}
        for case in ET.parse(report).iter("testcase"):
            kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
            outcomes[f"{case.get('classname')}::{case.get('name')}"] = (kinds or ["passed"])[0]
        return outcomes, json.loads(names.read_text()) if ours else []


def files_of(framework, root):
    """Return the files of a framework's tests, by their names below a folder."""
    found = []
    for name in FILES[framework]:
        path = Path(root) / name
        found += sorted(path.glob("*_test.py")) if path.is_dir() else [path]
    return {path.relative_to(root).as_posix(): path for path in found}


def compare(framework, path):
    """Return the record of a file, and the names that were replaced."""
    theirs, _ = run(framework, path, False)
    ours, names = run(framework, path, True)
    passed = {test for test, outcome in theirs.items() if outcome == "passed"}
    return {
        "passed_as_it_is": len(passed),
        "failed_as_it_is": sum(outcome in ("failure", "error") for outcome in theirs.values()),
        "passed_with_ours": sum(ours.get(test) == "passed" for test in passed),
        "failed_with_ours": sorted(test for test in passed if ours.get(test) != "passed"),
    }, names


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("framework", choices=FILES)
    parser.add_argument("tests", nargs="?", help="the folder tests of a checkout of Flax")
    parser.add_argument("--only", nargs="*", default=(), help="files to run again, by their names")
    options = parser.parse_args()
    which, root = options.framework, options.tests
    if which == "keras":
        root = Path(importlib.util.find_spec("keras").origin).parent / "src"
    elif root is None:
        parser.error("Flax's wheel has no tests: name the folder tests of a checkout")
    files = files_of(which, Path(root).resolve())
    record = json.loads(RECORD.read_text(encoding="ascii")) if RECORD.is_file() else {}
    mine = record.setdefault(which, {"files": {}})
    for name in options.only or files:
        mine["files"][name], mine["replaced"] = compare(which, files[name])
        mine["version"] = version(which)
        print(name, json.dumps(mine["files"][name]), flush=True)
        text = json.dumps(record, indent=1, sort_keys=True)
        RECORD.write_text(text + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
