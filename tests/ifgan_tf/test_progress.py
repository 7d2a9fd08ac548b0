"""Bars are drawn for people, not into files."""

from __future__ import annotations

import io
import sys

import pytest

from ifgan_tf import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "drawn"), [(Terminal, True), (io.StringIO, False)])
def test_a_bar_is_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], drawn: bool):
    written = stream()
    monkeypatch.setattr(sys, "stderr", written)
    assert list(progress.bar(range(3), desc="reading")) == [0, 1, 2]
    assert ("reading" in written.getvalue()) == drawn
