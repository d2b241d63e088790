"""The examples of docs/examples: the loss falls, and a second run is the first again."""

import importlib.util
from pathlib import Path

import pytest
from frameworks import framework

torch = framework("torch")

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"
PATHS = sorted(EXAMPLES.glob("torch_*.py"))


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_the_loss_falls_and_runs_are_alike(path, capsys):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    losses = example.train()
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    assert "0 of them left alone; seed 1" in capsys.readouterr().out
    assert example.train(3) == losses[:3]
