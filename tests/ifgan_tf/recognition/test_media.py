"""What files hold, whatever they are called, and the time that a video's container knows."""

from __future__ import annotations

import http.server
import logging
import os
import struct
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, features

from ifgan_tf.recognition import containers, media

CASES = Path(__file__).parents[4] / "shared" / "cases"
TIMES = [0.0, 0.1, 0.2, 0.3, 2.3, 4.3, 4.4, 4.5]


def write_video(file: Path, code: str, frames: int = 20, rate: float = 5) -> Path:
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*code), rate, (96, 64))
    assert writer.isOpened()
    noise = np.random.default_rng(0)
    for _ in range(frames):
        writer.write(cv2.resize(noise.integers(0, 256, (8, 12, 3), dtype=np.uint8), (96, 64)))
    writer.release()
    return file


@pytest.mark.skipif(not CASES.is_dir(), reason=f"the sample inputs are not at {CASES}")
@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.mkv", "vfr_vp8.webm"])
def test_frames_have_the_times_of_the_container(name: str) -> None:
    (source,) = media.sources([str(CASES / name)])
    frames = list(media.frames(source))
    assert [frame.error for frame in frames] == [""] * 8
    assert [frame.time_s for frame in frames] == pytest.approx(TIMES, abs=1e-3)


@pytest.mark.skipif(not CASES.is_dir(), reason=f"the sample inputs are not at {CASES}")
def test_a_folder_of_everything(caplog: pytest.LogCaptureFixture) -> None:
    found = {Path(source.name).name: source for source in media.sources([str(CASES / "mixed")])}
    assert set(found) == {"IMG.HEIC", "ok.png", "talk.3gp", "x.jfif", "y.avif"}
    errors = {name: next(iter(media.frames(source))).error for name, source in found.items()}
    assert {name for name, error in errors.items() if error} == {"IMG.HEIC"}


@pytest.mark.parametrize(
    ("name", "code"), [("v.mkv", "mp4v"), ("v.webm", "VP80"), ("v.mp4", "mp4v"), ("v.avi", "MJPG"), ("v.ts", "mp4v")]
)
def test_an_intact_video_is_not_called_damaged(tmp_path: Path, name: str, code: str) -> None:
    video = write_video(tmp_path / name, code).rename(tmp_path / "no_suffix")
    frames = list(media.frames(media.sources([str(video)])[0]))
    assert [frame.error for frame in frames] == [""] * 20
    assert [frame.time_s for frame in frames] == pytest.approx(np.arange(20) / 5, abs=0.01)


@pytest.mark.parametrize(("name", "code"), [("v.mkv", "mp4v"), ("v.webm", "VP80"), ("v.avi", "MJPG")])
def test_a_video_that_is_cut_short_is_said_to_be(tmp_path: Path, name: str, code: str) -> None:
    video = write_video(tmp_path / name, code)
    video.write_bytes(video.read_bytes()[: video.stat().st_size * 6 // 10])
    *frames, report = media.frames(media.sources([str(video)])[0])
    assert 0 < len(frames) < 20
    assert report.image is None
    assert "damaged" in report.error or "cut short" in report.error


def test_what_is_read_in_a_folder_and_what_is_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    picture = Image.new("RGB", (20, 20), "red")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    pictures = ("a.jfif", "no_suffix", "wrong.txt", "deep/er/b.png", "[x].png")
    for name in (*pictures, "._a.png", ".hidden.png", "__MACOSX/c.png"):
        picture.save(tmp_path / name, format="JPEG" if name.endswith("jfif") else "PNG")
    write_video(tmp_path / "clip.mp4", "mp4v").rename(tmp_path / "clip")
    (tmp_path / "Thumbs.db").write_bytes(b"junk")
    (tmp_path / "notes.txt").write_text("BMP is what this text starts with")
    (tmp_path / "broken.jpg").write_bytes(b"junk")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    found = media.sources([str(tmp_path)])
    names = {str(Path(source.name).relative_to(tmp_path)) for source in found}
    assert names == {*pictures, "clip", "broken.jpg"}
    assert [source.name for source in found if source.is_video] == [str(tmp_path / "clip")]
    assert "notes.txt" in caplog.text
    assert "Thumbs" not in caplog.text
    assert [source.name for source in media.sources([str(tmp_path / "[x].png")])] == [str(tmp_path / "[x].png")]


@pytest.mark.parametrize("suffix", [*media.IMAGE_SUFFIXES, ".PGM"])
def test_what_is_called_a_picture_is_found_and_read(tmp_path: Path, suffix: str) -> None:
    if suffix in (".heic", ".heif"):
        pytest.importorskip("pillow_heif").register_heif_opener()
    elif suffix == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    elif suffix == ".jp2" and not features.check("jpg_2000"):
        pytest.skip("this Pillow has no JPEG 2000")
    picture = tmp_path / f"a{suffix}"
    Image.new("L" if suffix.lower() == ".pgm" else "RGB", (64, 48), "white").save(picture)
    for argument in (picture, tmp_path, tmp_path / "*"):
        (frame,) = media.frames(*media.sources([str(argument)]))
        assert frame.image is not None, frame.error
        assert frame.image.shape == (48, 64, 3) and frame.image.min() > 250


def test_of_all_that_is_called_predictions_the_tables_alone_are_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    Image.new("RGB", (8, 8)).save(tmp_path / "predictions.jpg")
    write_video(tmp_path / "predictions.avi", "MJPG", frames=2)
    for name in ("predictions.csv", "predictions.jsonl", "predictions.txt"):
        (tmp_path / name).write_text("text")
    found = media.sources([str(tmp_path)])
    assert [Path(source.name).name for source in found] == ["predictions.avi", "predictions.jpg"]
    assert caplog.messages == [f"{tmp_path}: left out what is neither image nor video: predictions.txt"]


def test_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    assert [source.name for source in media.sources(["~/a.png"])] == [str(tmp_path / "a.png")]


@pytest.mark.parametrize(
    "argument", ["camera:98", "camera:99999999999999999999", "http://127.0.0.1:9/x.mp4", "rtsp://127.0.0.1:9/x"]
)
def test_cameras_and_streams_that_are_not_there(argument: str) -> None:
    (source,) = media.sources([argument])
    assert source.live
    (frame,) = media.frames(source)
    assert "not a camera or stream that opens" in frame.error


def test_kinds_of_containers(tmp_path: Path) -> None:
    for name, code, kind in (("v.mkv", "mp4v", "matroska"), ("v.mp4", "mp4v", "mp4"), ("v.avi", "MJPG", "avi")):
        container = containers.inspect(str(write_video(tmp_path / name, code, frames=3)))
        assert (container.kind, container.cut) == (kind, False)
    (tmp_path / "odd.mp4").write_bytes(struct.pack(">I4s", 2**31, b"ftyp") + b"\0" * 40)
    assert containers.inspect(str(tmp_path / "odd.mp4")).kind == "mp4"
    assert containers.inspect(str(tmp_path / "none.mp4")).kind == ""


def test_a_video_damaged_in_the_middle(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.avi", "MJPG")
    data = bytearray(video.read_bytes())
    damaged = slice(len(data) * 3 // 10, len(data) * 5 // 10)
    data[damaged] = np.random.default_rng(0).bytes(damaged.stop - damaged.start)
    video.write_bytes(data)
    *frames, report = media.frames(media.sources([str(video)])[0])
    assert 0 < len(frames) < 20
    assert f"{20 - len(frames)} of 20 frames cannot be read" in report.error


def test_a_video_of_which_nothing_can_be_decoded(tmp_path: Path) -> None:
    """As one of AV1 is to an OpenCV without its decoder."""
    video = write_video(tmp_path / "v.avi", "MJPG")
    data = video.read_bytes()
    video.write_bytes(data.replace(b"MJPG", b"H264"))
    (frame,) = media.frames(media.sources([str(video)])[0])
    assert frame.image is None
    assert frame.error.startswith(f"{video}: opens, but none of its frames can be decoded")
    assert "AV1" in frame.error and "ffmpeg -i FILE -c:v libx264 OUT.mp4" in frame.error
    video.write_bytes(data[:200])
    (frame,) = media.frames(media.sources([str(video)])[0])
    assert frame.error == f"{video}: not a video that opens; expected an undamaged file"


def test_a_name_with_a_percent_sign_is_no_series_of_pictures(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.avi", "MJPG").rename(tmp_path / "v_%02d.avi")
    assert len(list(media.frames(media.sources([str(video)])[0]))) == 20


def test_links_are_followed_once(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "elsewhere").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "in")
    found = media.sources([str(tmp_path / "in")])
    assert [str(source.relative) for source in found] == [str(Path("link", "a.png"))]


def test_thousands_of_equal_names_take_no_time(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(picture)
    found = media.sources([str(picture)] * 5000)
    assert len({source.relative for source in found}) == 5000


@pytest.mark.parametrize("argument", ["~nobody-of-this-name/a.png", "a\0b", "x" * 300])
def test_names_that_no_file_has(tmp_path: Path, argument: str) -> None:
    picture = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(picture)
    nothing, something = (next(iter(media.frames(source))) for source in media.sources([argument, str(picture)]))
    assert "cannot be read" in nothing.error
    assert something.image is not None


@pytest.mark.parametrize("name", ["film.mp4", "film.wmv", "film.m3u8", "film"])
def test_a_file_that_names_other_files_opens_none(tmp_path: Path, name: str) -> None:
    """Playlists, whatever they are called: nobody is asked, and nothing beside them is read."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    secret = write_video(tmp_path / "secret.mp4", "mp4v", frames=3)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/a.ts"
        for text in (
            f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{address}\n#EXT-X-ENDLIST\n",
            f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{secret}\n#EXT-X-ENDLIST\n",
            f"ffconcat version 1.0\nfile '{address}'\n",
            f"ffconcat version 1.0\nfile '{secret}'\n",
            f"ffconcat version 1.0\nfile {secret.name}\n",
            f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{address}</BaseURL></MPD>',
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        ):
            (tmp_path / name).write_text(text)
            (frame,) = media.frames(media.sources([str(tmp_path / name)])[0])
            assert frame.image is None and frame.error
        server.shutdown()
    assert asked == []


def test_a_video_whose_frames_would_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = write_video(tmp_path / "v.avi", "MJPG", frames=3)
    monkeypatch.setattr(media, "MAX_PIXELS", 96 * 64 - 1)
    (frame,) = media.frames(media.sources([str(video)])[0])
    assert frame.image is None
    assert frame.error == f"{video}: frames of 6,144 pixels; expected 6,143 at most"
