"""Pictures kept by a build: the same as made anew, made once, not believed when half written."""

import numpy as np

from datasets.synthetic_faces import kept
from datasets.synthetic_faces.picture import take_picture


def test_kept_pictures_are_those_that_were_made(tmp_path):
    made = take_picture(3, "sadness", 2)
    for _ in range(2):
        picture = kept.kept_picture(tmp_path / "new", 3, "sadness", 2)
        np.testing.assert_array_equal(picture.image, made.image)
        np.testing.assert_array_equal(picture.landmarks, made.landmarks)
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_a_kept_picture_is_not_made_again(tmp_path, monkeypatch):
    first = kept.kept_picture(tmp_path, 3, "sadness", 2)

    def fail(*_):
        raise AssertionError("made again")

    monkeypatch.setattr(kept, "take_picture", fail)
    np.testing.assert_array_equal(kept.kept_picture(tmp_path, 3, "sadness", 2).image, first.image)
