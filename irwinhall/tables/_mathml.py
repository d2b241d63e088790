"""Conversion from LaTeX to MathML, for the LaTeX of the closed forms only."""

from __future__ import annotations

import re
from html import escape

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|[a-zA-Z]|\S")
_OPERATORS = {r"\approx": "≈", r"\cdot": "·", "-": "\N{MINUS SIGN}", "*": "·"}
_SPACES = {r"\,": "0.17em", r"\quad": "1em"}
_IDENTIFIERS = {r"\pi": "π", r"\ell": "\N{SCRIPT SMALL L}", r"\min": "min", r"\max": "max"}
_NEW_LINE, _END = r"\\", r"\end"


def mathml(latex: str) -> str:
    r"""Return the MathML element of a formula.

    Raises ValueError for LaTeX that no closed form has.

    >>> mathml(r"\frac{1}{2}")
    '<math><mrow><mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac></mrow></math>'
    """
    tokens = _Tokens(_TOKEN.findall(latex))
    return f"<math><mrow>{_items(tokens, None)}</mrow></math>"


class _Tokens:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._next = 0

    def peek(self) -> str | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def take(self, wanted: str | None = None) -> str:
        token = self.peek()
        if token is None or (wanted is not None and token != wanted):
            raise ValueError(f"formula must continue with {wanted or 'more'}, got {token}")
        self._next += 1
        return token


def _items(tokens: _Tokens, *ends: str | None) -> str:
    """Return the elements up to the first token of `ends`, which is not taken."""
    items = ""
    while tokens.peek() not in ends:
        item = _atom(tokens)
        while tokens.peek() in ("^", "_"):
            element = "msup" if tokens.take() == "^" else "msub"
            item = f"<{element}>{item}{_group(tokens)}</{element}>"
        items += item
    return items


def _group(tokens: _Tokens) -> str:
    """Return {...}, or the next token, as one element."""
    if tokens.peek() != "{":
        return _atom(tokens)
    tokens.take("{")
    items = _items(tokens, "}")
    tokens.take("}")
    return f"<mrow>{items}</mrow>"


def _atom(tokens: _Tokens) -> str:
    token = tokens.take()
    if token[0].isdigit():
        return f"<mn>{token}</mn>"
    if token.isalpha() or token in _IDENTIFIERS:
        return f"<mi>{_IDENTIFIERS.get(token, token)}</mi>"
    if token in _SPACES:
        return f'<mspace width="{_SPACES[token]}"></mspace>'
    if token in "()|":  # by default, they grow to the height of the row
        return f'<mo stretchy="false">{token}</mo>'
    if token in _OPERATORS or token in "+=,<>":
        return f"<mo>{escape(_OPERATORS.get(token, token))}</mo>"
    match token:
        case r"\frac" | r"\tfrac":
            return f"<mfrac>{_group(tokens)}{_group(tokens)}</mfrac>"
        case r"\sqrt":
            return f"<msqrt>{_group(tokens)}</msqrt>"
        case r"\hat":
            return f"<mover>{_group(tokens)}<mo>^</mo></mover>"
        case r"\mathit" | r"\mathrm":
            return f"<mi>{_word(tokens)}</mi>"
        case r"\left":
            opening = f"<mo>{tokens.take()}</mo>"
            inside = _items(tokens, r"\right")
            tokens.take(r"\right")
            return f"<mrow>{opening}{inside}<mo>{tokens.take()}</mo></mrow>"
        case r"\begin":
            return _cases(tokens)
    raise ValueError(f"formula must have only tokens of the closed forms, got {token}")


def _word(tokens: _Tokens) -> str:
    tokens.take("{")
    letters = ""
    while (token := tokens.take()) != "}":
        letters += token
    return letters


def _cases(tokens: _Tokens) -> str:
    if _word(tokens) != "cases":
        raise ValueError("formula must have no environment but cases")
    table, end = "", ""
    while end != _END:
        row, end = "", "&"
        while end == "&":
            row += f"<mtd>{_items(tokens, '&', _NEW_LINE, _END)}</mtd>"
            end = tokens.take()
        table += f"<mtr>{row}</mtr>"
    _word(tokens)
    return f"<mrow><mo>{{</mo><mtable>{table}</mtable></mrow>"
