"""Text in the cells of tables: no name of a file or a person is taken for a formula by the program that opens them.

A spreadsheet runs a cell that begins like a formula, whatever quotes the CSV has around it, and a formula can send the
table elsewhere or start a program. Such a cell gets an apostrophe before it, which spreadsheets take for "this is
text". Whoever reads our tables by a program takes it off with `text_of`.
"""

from __future__ import annotations

import re

# With the wide forms of East Asian keyboards, which spreadsheets there take for the others.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_FIGURE = re.compile(r"[+-](?:[\d.][\d\s.,:%±\[\]eE+-]*)?")  # digits, with no function to call


def cell(text: str) -> str:
    """What to write into a cell so that `text` is read and not run; figures such as `-0.5` stay as they are."""
    return f"'{text}" if _FORMULA.match(text) and not _FIGURE.fullmatch(text) else text


def text_of(written: str) -> str:
    """The text that `cell` wrote."""
    return written[1:] if written.startswith("'") and _FORMULA.match(written[1:]) else written
