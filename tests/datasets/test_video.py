"""Frames of a video: the right one, in the right colours, and clear words about what is no video."""

import cv2
import numpy as np
import pytest

from datasets.user_copy import list_files
from datasets.video import frame_count, read_frame
from ifgan_tf.errors import UserError
from tests.datasets.imitations import write_video, zip_folder


def _frames(number):
    return [np.full((48, 64, 3), (200 - 10 * i, 20, 5 * i), np.uint8) for i in range(number)]


def test_frames_by_number(tmp_path):
    write_video(tmp_path / "v.avi", _frames(8))
    (file,), _ = list_files(tmp_path)
    assert frame_count(file) == 8
    for index in (6, 0, 3):
        frame = read_frame(file, index, wanted=(0, 3, 6))
        assert frame.shape == (48, 64, 3)
        np.testing.assert_allclose(frame[20, 20], (200 - 10 * index, 20, 5 * index), atol=6)


def test_a_video_in_an_archive_with_a_foreign_name(tmp_path):
    (tmp_path / "Vidéos").mkdir()
    write_video(tmp_path / "Vidéos" / "é.avi", _frames(3))
    zip_folder(tmp_path / "Vidéos", tmp_path / "é.zip")
    found, _ = list_files(tmp_path)
    packed = next(file for file in found if file.member.endswith(".avi"))
    assert frame_count(packed) == 3
    np.testing.assert_allclose(read_frame(packed, 2, wanted=(2,))[0, 0], (180, 20, 10), atol=6)


@pytest.mark.parametrize("content", [b"", b"RIFF\0\0\0\0AVI LIST", b"no video"])
def test_what_is_no_video_is_named(tmp_path, content):
    (tmp_path / "v.avi").write_bytes(content)
    (file,), _ = list_files(tmp_path)
    with pytest.raises(UserError, match=r"v.avi: not a readable video"):
        frame_count(file)


def test_a_video_without_a_frame_is_named(tmp_path):
    cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48)).release()
    (file,), _ = list_files(tmp_path)
    assert file.read().startswith(b"RIFF")
    with pytest.raises(UserError, match=r"v.avi: not a readable video; expected .* with at least one frame"):
        frame_count(file)


def test_a_frame_that_does_not_decode_is_named_and_the_others_are_read(tmp_path):
    write_video(tmp_path / "v.avi", _frames(3))
    data = bytearray((tmp_path / "v.avi").read_bytes())
    second = data.find(b"\xff\xd8", data.find(b"\xff\xd8") + 2)
    data[second : second + 200] = bytes(200)
    (tmp_path / "v.avi").write_bytes(data)
    (file,), _ = list_files(tmp_path)
    assert read_frame(file, 0, wanted=(0, 1)).shape == (48, 64, 3)
    with pytest.raises(UserError, match=r"v.avi: no frame 1"):
        read_frame(file, 1, wanted=(0, 1))


def test_a_cut_video_has_the_frames_before_the_cut(tmp_path):
    rng = np.random.default_rng(0)
    write_video(tmp_path / "v.avi", [rng.integers(0, 256, (96, 96, 3), dtype=np.uint8) for _ in range(10)])
    data = (tmp_path / "v.avi").read_bytes()
    (tmp_path / "v.avi").write_bytes(data[: len(data) // 2])
    (file,), _ = list_files(tmp_path)
    frames = frame_count(file)
    assert 0 < frames < 10
    read_frame(file, frames - 1, wanted=(frames - 1,))
    with pytest.raises(UserError, match=r"v.avi: no frame 9"):
        read_frame(file, 9, wanted=(0, 9))


def test_a_video_whose_frames_would_fill_the_memory(tmp_path, monkeypatch):
    write_video(tmp_path / "v.avi", _frames(3))
    (file,), _ = list_files(tmp_path)
    monkeypatch.setattr("datasets.video.MAX_PIXELS", 64 * 48 - 1)
    with pytest.raises(UserError, match=r"v\.avi: frames of 64 x 48 pixels; expected 3,071 at most"):
        frame_count(file)


def test_a_text_that_names_another_video_is_none(tmp_path):
    write_video(tmp_path / "other.avi", _frames(3))
    (tmp_path / "list.avi").write_text("ffconcat version 1.0\nfile other.avi\n")
    listed, _ = list_files(tmp_path)
    with pytest.raises(UserError, match=r"list\.avi: not a readable video"):
        frame_count(listed[0])
    assert frame_count(listed[1]) == 3
