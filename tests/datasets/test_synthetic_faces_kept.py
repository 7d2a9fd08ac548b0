"""Pictures kept by a build: the same as made anew, made once, not believed when half written."""

import numpy as np
import pytest

from datasets.synthetic_faces import kept
from datasets.synthetic_faces.picture import take_picture


def test_kept_pictures_are_those_that_were_made(tmp_path):
    made = take_picture(3, "sadness", 2)
    for _ in range(2):
        picture = kept.kept_picture(tmp_path / "new", 3, "sadness", 2)
        np.testing.assert_array_equal(picture.image, made.image)
        assert picture.truth.keys() == made.truth.keys()
        for name, value in made.truth.items():
            np.testing.assert_array_equal(picture.truth[name], value)
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_a_kept_picture_is_not_made_again(tmp_path, monkeypatch):
    first = kept.kept_picture(tmp_path, 3, "sadness", 2)

    def fail(*_):
        raise AssertionError("made again")

    monkeypatch.setattr(kept, "take_picture", fail)
    np.testing.assert_array_equal(kept.kept_picture(tmp_path, 3, "sadness", 2).image, first.image)


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_damaged_picture_is_made_again(tmp_path, size):
    first = kept.kept_picture(tmp_path, 3, "sadness", 2)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:size])
    np.testing.assert_array_equal(kept.kept_picture(tmp_path, 3, "sadness", 2).image, first.image)
    assert file.stat().st_size > 5000


def test_a_picture_that_cannot_be_kept_is_there_all_the_same(tmp_path):
    (tmp_path / "in_the_way").write_text("")
    assert kept.kept_picture(tmp_path / "in_the_way", 3, "sadness", 2).image.ndim == 3
