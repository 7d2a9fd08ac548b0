from __future__ import annotations

import numpy as np
import pytest

from benchmarks import photographs
from ifgan_tf.data.images import encode_png
from ifgan_tf.errors import UserError
from ifgan_tf.labels import EXPRESSIONS
from ifgan_tf.recognition.recognizer import Face


def face_at(x, y, side, label="happiness", average_face=None):
    box = np.array([x, y, side, side], np.float32)
    return Face(box, 0.99, np.zeros((5, 2), np.float32), label, 0.5, {label: 0.5}, average_face)


def answers():
    """One on which both agree, one on which they do not, one without a face."""
    image = np.full((100, 200, 3), 90, np.uint8)
    said = {"agreed": "surprise", "other": "anger"}
    found = {"agreed": [face_at(20, 20, 40, "surprise")], "other": [face_at(20, 20, 40)], "nobody": []}
    seen = []

    def judge(face):
        seen.append(face.shape)
        return np.where(np.array(EXPRESSIONS) == said[name], 0.7, 0.05)

    told = []
    for name, faces in found.items():
        told.append(photographs.answer(f"{name}.png", image, lambda _, faces=faces: faces, judge))
    assert seen == [(64, 64), (64, 64)]
    return told


def test_both_are_asked_about_the_same_face_and_agreement_is_counted():
    told = answers()
    assert [one.judged for one in told] == [("surprise", 0.7), ("anger", 0.7), None]
    assert photographs.agreement(told) == (1, 2)
    lines = photographs.table(told).splitlines()
    assert "| agreed.png | 40 x 40 | surprise | 50% | surprise | 70% |" in lines
    assert "| nobody.png |  | no face |  |  |  |" in lines


def test_without_a_judge_there_is_no_agreement():
    one = photographs.answer("a.png", np.zeros((99, 99, 3), np.uint8), lambda _: [face_at(9, 9, 50)], None)
    assert one.judged is None and photographs.agreement([one]) == (0, 0)


def test_a_close_up_has_the_face_in_its_middle_and_its_average_face_in_a_corner():
    image = np.zeros((400, 300, 3), np.uint8)
    image[300:, 200:] = (10, 20, 200)  # the face, partly beyond the photograph
    drawn = photographs.close_up(image, face_at(200, 300, 120, average_face=np.full((32, 32, 3), 77, np.uint8)))
    assert drawn.shape == (320, 320, 3)
    np.testing.assert_array_equal(drawn[140, 140], (10, 20, 200))
    assert not drawn[40, 40].any() and (drawn[-20, -20] == 77).all()


def test_a_sheet_shows_all(tmp_path):
    told = answers() * 2
    drawn = photographs.sheet(told)
    assert drawn.shape == (2 * 386, 4 * 320, 3)
    for number, one in enumerate(told):
        top, left = number // 4 * 386, number % 4 * 320
        np.testing.assert_array_equal(drawn[top : top + 320, left : left + 320], one.close_up)
        assert drawn[top + 320 : top + 386, left : left + 320].any()


def test_pictures_of_a_folder_and_one_that_is_none(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (8, 9, 3)).astype(np.uint8)
    (tmp_path / "one.png").write_bytes(encode_png(image))
    ((name, read),) = photographs.pictures([str(tmp_path)])
    assert name.startswith("one")
    np.testing.assert_array_equal(read, image)
    (tmp_path / "two.png").write_bytes(encode_png(image)[:50])
    with pytest.raises(UserError, match=r"two\.png"):
        list(photographs.pictures([str(tmp_path / "two.png")]))
