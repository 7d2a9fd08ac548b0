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


def test_a_log_gets_a_line_a_minute_with_units(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(progress, "_SECONDS_A_LINE", 0)
    caplog.set_level("INFO")
    with progress.bar(total=2_440_000_000, desc="CREMA-D", unit="B", unit_scale=True) as bytes_bar:
        bytes_bar.update(1_230_000_000)
    with progress.bar(total=2_000, desc="faces", unit="image") as plain:
        plain.update(1_500)
    assert "CREMA-D: 1.23G of 2.44G B after" in caplog.text and "faces: 1,500 of 2,000 image after" in caplog.text
