"""The record of Flax's and Keras' own tests with our initializers in the place of theirs."""

import json

import pytest
import verify_frameworks as verify

RECORD = json.loads(verify.RECORD.read_text(encoding="ascii"))  # verify_frameworks.json


@pytest.mark.parametrize("framework", verify.FILES)
def test_what_passes_with_theirs_passes_with_ours(framework):
    found = RECORD[framework]
    for name, file in found["files"].items():
        assert file["failed_with_ours"] == verify.DIFFERENT.get(name, []), name
        assert file["passed_with_ours"] + len(file["failed_with_ours"]) == file["passed_as_it_is"]
    assert sum(file["passed_with_ours"] for file in found["files"].values()) > 400


@pytest.mark.parametrize(("framework", "least"), [("flax", 15), ("keras", 7)])
def test_all_files_are_recorded_and_all_initializers_replaced(framework, least):
    found = RECORD[framework]
    for name in verify.FILES[framework]:
        assert any(file == name or file.startswith(f"{name}/") for file in found["files"]), name
    assert len(found["replaced"]) >= least
