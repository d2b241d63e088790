"""The tables of docs/trust.md that scripts write from their records."""

from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "trust.md"


def table(heads, rows):
    """Return a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def written(name):
    """Return the text between the marks of a name."""
    return _parts(name)[1]


def write(name, text):
    """Replace the text between the marks of a name."""
    before, _, after = _parts(name)
    PAGE.write_text(before + text + after, encoding="utf-8")


def _parts(name):
    page = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, mark, rest = page.partition(begin)
    text, other_mark, after = rest.partition(end)
    if not mark or not other_mark:
        raise ValueError(f"{PAGE} must have the marks {begin!r} and {end!r}")
    return before + begin, text, end + after
