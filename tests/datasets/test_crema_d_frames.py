"""Which frames of a clip are taken: away from the ends and from each other, sharp, frontal."""

import itertools
import shutil
import subprocess

import cv2
import numpy as np
import pytest
from coloured_faces import coloured_face, expression_shown

from datasets.alignment import aligned_faces
from datasets.crema_d import frames, layout
from datasets.user_copy import list_files
from datasets.video import sharpness
from ifgan_tf.errors import UserError
from tests.datasets.imitations import place, synthetic_face, write_video

CHECKS = np.kron(np.indices((12, 16)).sum(axis=0) % 2, np.ones((8, 8)))[..., None].repeat(3, axis=2)
SHARP = (CHECKS * 200 + 20).astype(np.uint8)
BLURRED = cv2.GaussianBlur(SHARP, (0, 0), 3)


def _video(folder, pictures, name="1001_DFA_ANG_XX.avi"):
    write_video(folder / name, pictures)
    (file,), _ = list_files(folder)
    return file


def _numbers(file, picks):
    return [[number for number, _ in frames.candidates(file, pick, picks)] for pick in range(picks)]


@pytest.mark.parametrize("picks", [1, 2, 3, 5, 8, 13, 20])
@pytest.mark.parametrize("length", [60, 61, 75, 90, 120, 250])
def test_windows_lie_in_the_middle_and_apart(length, picks):
    windows = [frames.window(length, pick, picks) for pick in range(picks)]
    assert all(windows) and windows[0][0] >= length / 5 and windows[-1][-1] < length * 4 / 5
    gaps = [later[0] - earlier[-1] for earlier, later in itertools.pairwise(windows)]
    assert all(gap >= (2 if length > 5 * picks else 1) for gap in gaps)
    share = sum(map(len, windows)) / length
    assert share == pytest.approx(0.4, abs=picks / length)


def test_windows_of_a_clip_of_seventy_five_frames():
    windows = [frames.window(75, pick, 3) for pick in range(3)]
    assert windows == [range(17, 27), range(32, 42), range(47, 57)]


def test_the_sharpest_of_a_window_come_first(tmp_path):
    weights = np.abs((np.arange(60) * 7) % 60 - 30) / 30  # sharper and blurrier in turns
    pictures = [(SHARP * weight + BLURRED * (1 - weight)).astype(np.uint8) for weight in weights]
    file = _video(tmp_path, pictures)
    for pick, numbers in enumerate(_numbers(file, 3)):
        window = frames.window(60, pick, 3)
        assert numbers == sorted(window, key=lambda number: -weights[number])[:3]


def test_images_are_those_of_their_numbers_in_their_colours(tmp_path):
    pictures = [np.full((48, 64, 3), (200 - 3 * i, 20, 4 * i), np.uint8) for i in range(50)]
    file = _video(tmp_path, pictures, "v.flv")
    for pick in range(4):
        for number, image in frames.candidates(file, pick, 4):
            np.testing.assert_allclose(image[20, 20], (200 - 3 * number, 20, 4 * number), atol=8)
    np.testing.assert_array_equal(frames.sharpest(file, 2, 4), frames.candidates(file, 2, 4)[0][1])


def test_sharpness_is_of_every_frame(tmp_path):
    measured = sharpness(_video(tmp_path, [BLURRED, SHARP, BLURRED, np.zeros_like(SHARP)]))
    assert len(measured) == 4 and measured[1] > 2 * measured[0] > 0 and measured[3] == pytest.approx(0, abs=1)


def test_a_clip_too_short_says_so_and_gives_what_it_has(tmp_path):
    file = _video(tmp_path, [SHARP] * 6)
    has = [bool(frames.window(6, pick, 3)) for pick in range(3)]
    assert True in has and False in has
    for pick in range(3):
        if has[pick]:
            assert len(frames.candidates(file, pick, 3)) == 1
        else:
            with pytest.raises(
                UserError, match=rf"XX.avi: too few frames that decode .6. to take 3.*frame {pick + 1} of them"
            ):
                frames.candidates(file, pick, 3)


def test_what_a_short_clip_lacks_is_unreadable_and_the_rest_is_used(tmp_path, centred_faces):
    write_video(tmp_path / "VideoFlash" / "1001_DFA_ANG_XX.flv", [place(coloured_face(0, "anger"), 480, 360, [0])] * 6)
    records = layout.scan(tmp_path).splits["train"]
    found = list(aligned_faces(records, tmp_path / "d.jsonl"))
    assert [face.image is None for face in found] == [not frames.window(6, pick, 3) for pick in range(3)]
    assert any("too few frames that decode" in face.error for face in found if face.image is None)
    assert all(expression_shown(face.image) == "anger" for face in found if face.image is not None)


def test_a_frame_that_does_not_decode_is_passed_over(tmp_path, monkeypatch):
    broken = frames.window(30, 1, 3)[1]

    capture = cv2.VideoCapture

    class OneDoesNotDecode:
        def __init__(self, *arguments):
            self.video, self.grabbed = capture(*arguments), -1

        def __getattr__(self, name):
            return getattr(self.video, name)

        def grab(self):
            self.grabbed += 1
            return self.video.grab()

        def retrieve(self):
            return (False, None) if self.grabbed == broken else self.video.retrieve()

    file = _video(tmp_path, [SHARP] * 30)
    monkeypatch.setattr(cv2, "VideoCapture", OneDoesNotDecode)
    assert sharpness(file)[broken] == -1
    numbers = _numbers(file, 3)
    assert all(numbers) and broken not in numbers[1]


def turned_head(face):
    """A head turned far aside, as drawn: one half of the face nearly gone."""
    side = face.shape[0]
    near, far = cv2.resize(face[:, side // 2 :], (side * 9 // 10, side)), face[:, : side // 2]
    return np.hstack([cv2.resize(far, (side - near.shape[1], side)), near])


@pytest.mark.slow
def test_a_turned_head_is_passed_over_though_it_is_sharper(tmp_path):
    """With the true detector."""
    frontal = place(synthetic_face(0, "anger"), 480, 360, [0])
    turned = place(turned_head(synthetic_face(0, "anger")), 480, 360, [0])
    windows = [frames.window(75, pick, 3) for pick in range(3)]
    pictures = [cv2.GaussianBlur(turned, (0, 0), 5)] * 75
    for window in windows:
        pictures[window[3]] = pictures[window[4]] = turned
        pictures[window[6]] = cv2.GaussianBlur(frontal, (0, 0), 0.8)
    file = _video(tmp_path, pictures)
    assert [numbers[-1] for numbers in _numbers(file, 3)] == [window[6] for window in windows]
    found = list(aligned_faces(layout.scan(tmp_path).splits["train"], tmp_path / "d.jsonl"))
    assert [face.record.frame for face in found] == [window[6] for window in windows]


FFMPEG = shutil.which("ffmpeg")


@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed: files of another program are not tried")
@pytest.mark.parametrize(
    ("extension", "codec"), [("flv", "flv1"), ("flv", "libx264"), ("mp4", "libx264"), ("mp4", "mpeg4")]
)
def test_videos_that_another_program_wrote_with_sound(tmp_path, centred_faces, extension, codec):
    encoders = subprocess.run([FFMPEG, "-hide_banner", "-encoders"], capture_output=True, text=True, check=True).stdout
    if f" {codec.replace('flv1', 'flv')} " not in encoders:
        pytest.skip(f"this ffmpeg has no {codec}")
    anger = place(coloured_face(0, "anger"), 480, 360, [0])
    rest = place(coloured_face(0, "neutral"), 480, 360, [0])
    for number, picture in enumerate([rest] * 14 + [anger] * 47 + [rest] * 14):
        cv2.imwrite(str(tmp_path / f"{number:03d}.png"), picture[..., ::-1])
    video = tmp_path / "copy" / f"1001_DFA_ANG_XX.{extension}"
    video.parent.mkdir()
    sound = ["-f", "lavfi", "-i", "sine=duration=2.5:sample_rate=44100"]
    pictures = ["-framerate", "30", "-i", str(tmp_path / "%03d.png")]
    written = ["-c:v", codec, "-pix_fmt", "yuv420p", "-b:v", "800k", "-c:a", "aac", "-shortest", str(video)]
    subprocess.run([FFMPEG, "-v", "error", *pictures, *sound, *written], check=True)
    found = list(aligned_faces(layout.scan(video.parent).splits["train"], tmp_path / "d.jsonl"))
    assert [expression_shown(face.image) for face in found] == ["anger"] * 3
    (file,), _ = list_files(video.parent)
    assert abs(len(sharpness(file)) - 75) <= 1
    for pick, face in enumerate(found):
        assert face.record.frame in frames.window(len(sharpness(file)), pick, 3)
