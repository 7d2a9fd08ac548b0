"""Cells that a spreadsheet shows and does not run, and the text that is got back from them."""

from __future__ import annotations

import pytest

from ifgan_tf.spreadsheets import cell, text_of

COMMAND = "cmd|' /C calc'!A0"
RUN = ("=1+1", f"+{COMMAND}", f"-2+3+{COMMAND}", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "＋A1", "'=1", "''@x")
SHOWN = ("", "a=b", "photo.jpg", "-0.5", "+2.90 [-1.00, +7.00]", "-", "'quoted'", "1e-5", "-1e-05", " =1", "it's")


@pytest.mark.parametrize("text", RUN)
def test_no_text_is_run(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", SHOWN)
def test_other_text_and_figures_stay_as_they_are(text: str) -> None:
    assert cell(text) == text


@pytest.mark.parametrize("text", [*RUN, *SHOWN])
def test_the_text_is_got_back(text: str) -> None:
    assert text_of(cell(text)) == text
