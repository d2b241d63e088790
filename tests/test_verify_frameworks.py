"""The record of Flax's and Keras' own tests with our initializers in the place of theirs."""

import json

import pytest
import verify_frameworks as verify

RECORD = json.loads(verify.RECORD.read_text(encoding="ascii"))  # verify_frameworks.json


@pytest.mark.parametrize(("framework", "least"), [("flax", 15), ("keras", 7)])
def test_what_passes_with_theirs_passes_with_ours(framework, least):
    found = RECORD[framework]
    assert len(found["replaced"]) >= least
    for name, file in found["files"].items():
        assert any(
            name == known or name.startswith(f"{known}/") for known in verify.FILES[framework]
        )
        failed = file["failed_with_ours"]
        assert {test.lstrip(".") for test in failed} <= verify.EXCEPTIONS.keys(), name
        assert file["passed_with_ours"] == file["passed_as_it_is"] - len(failed) > 0, name
