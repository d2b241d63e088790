"""The README: its size, its PyTorch example, and the numbers it shares with the pages."""

from __future__ import annotations

import re
from pathlib import Path

from frameworks import framework

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_takes_two_screens():
    assert len(README.splitlines()) <= 125


def test_the_pytorch_example_runs(capsys):
    framework("torch")
    [example] = re.findall(r"```python\n((?!>>>).*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    assert "he_normal" in capsys.readouterr().out
