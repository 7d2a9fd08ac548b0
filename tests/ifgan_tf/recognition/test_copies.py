"""Annotated copies: video that a browser plays, with the times of the original, and names that every disk takes."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ifgan_tf.recognition import copies
from ifgan_tf.recognition.annotation import annotated
from ifgan_tf.recognition.copies import VideoCopy, fitting, write_image
from ifgan_tf.recognition.media import Source
from ifgan_tf.recognition.recognizer import Face

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
TIMES = [0.0, 0.1, 0.2, 0.3, 2.3, 4.3, 4.4, 4.5]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Eight frames, each of one grey, at uneven times; 1.8 a second on average."""
    target = tmp_path / "folder" / "copy.webm"
    video = VideoCopy(Source("v.mp4", Path("v.mp4"), True), target, (64, 96, 3), 1.8)
    for number, time_s in enumerate(TIMES):
        video.write(np.full((64, 96, 3), 30 * number, np.uint8), time_s)
    assert not target.exists()
    video.close()
    return target


def test_frames_are_shown_at_their_times(copy: Path) -> None:
    capture, shown = cv2.VideoCapture(str(copy)), {}
    while True:
        there, frame = capture.read()
        if not there:
            break
        shown.setdefault(round(frame.mean() / 30), capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    assert [shown[number] for number in range(8)] == pytest.approx(TIMES, abs=0.051)
    assert [path.name for path in copy.parent.iterdir()] == ["copy.webm"]


def test_a_pause_of_a_video_that_claims_many_frames_a_second_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "_MOST_REPEATED", 30)
    video = VideoCopy(Source("v.mp4", Path("v.mp4"), True), tmp_path / "copy.webm", (16, 16, 3), 999)
    for number in range(3):
        video.write(np.zeros((16, 16, 3), np.uint8), 50.0 * number)
    video.close()
    capture, frames = cv2.VideoCapture(str(tmp_path / "copy.webm")), 0
    while capture.grab():
        frames += 1
    assert 30 < frames < 70


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the copy is not played")
def test_a_browser_plays_the_copy(copy: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    (copy.parent / "index.html").write_text('<video src="copy.webm" muted></video>')
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(copy.parent))
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        playwright.sync_playwright() as driver,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        duration = page.evaluate(
            "async () => { const video = document.querySelector('video'); await video.play();"
            " await new Promise((done, failed) => { video.onended = done; video.onerror = failed; });"
            " return video.currentTime; }"
        )
        browser.close()
        server.shutdown()
    assert duration == pytest.approx(4.6, abs=0.2)


@pytest.mark.parametrize("name", ["a.png", "ü" * 122 + ".png", "x" * 300 + ".jpg", "caf\udce9.png"])
def test_names_that_every_disk_takes(tmp_path: Path, name: str) -> None:
    path = fitting(tmp_path / name)
    write_image(tmp_path / name, np.zeros((4, 4, 3), np.uint8))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.suffix == Path(name).suffix and len(path.name.encode()) <= 255
    assert fitting(tmp_path / f"other{name}") != path


@pytest.mark.parametrize("name", ["photo.webp", "photo.avif", "photo", "photo.gif"])
def test_other_formats_are_copied_as_png(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / name, np.zeros((4, 4, 3), np.uint8))
    with Image.open(tmp_path / "photo.png") as image:
        assert image.format == "PNG"


def test_letters_are_as_large_as_the_face_not_as_the_picture() -> None:
    def inked(side: int, face: int) -> int:
        """Dark pixels of the caption."""
        box = np.array([100, 100, face, face], np.float32)
        told = Face(box, 1.0, np.zeros((5, 2), np.float32), "surprise", 0.93, {}, None)
        drawn = annotated(np.full((side, side, 3), 255, np.uint8), [told])
        return int((drawn.max(axis=-1) < 60).sum())

    assert inked(4000, 60) == inked(400, 60)
    assert inked(4000, 600) > 10 * inked(4000, 60)
