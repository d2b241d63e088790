"""The record of Flax's and Keras' own tests with our initializers in the place of theirs."""

import json

import pytest
import verify_frameworks as verify

RECORD = json.loads(verify.RECORD.read_text(encoding="ascii"))  # verify_frameworks.json


@pytest.mark.parametrize(("framework", "least"), [("flax", 15), ("keras", 7)])
def test_what_passes_with_theirs_passes_with_ours(framework, least):
    found = RECORD[framework]
    assert len(found["replaced"]) >= least
    listed = {path if path.endswith(".py") else path + "/" for path in verify.FILES[framework]}
    for name, file in found["files"].items():
        assert name.startswith(tuple(listed))
        failed = file["failed_with_ours"]
        assert {test.lstrip(".") for test in failed} <= verify.EXCEPTIONS.keys(), name
        assert file["passed_with_ours"] == file["passed_as_it_is"] - len(failed) > 0, name
    assert all(any(name.startswith(path) for name in found["files"]) for path in listed)


def test_every_exception_is_needed():
    files = [file for found in RECORD.values() for file in found["files"].values()]
    failed = {test.lstrip(".") for file in files for test in file["failed_with_ours"]}
    assert failed == verify.EXCEPTIONS.keys()
