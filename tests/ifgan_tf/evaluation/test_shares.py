"""What E reads in which half of a pair: classifiers that read one half alone are found out."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from tiny_sets import faces_of

from ifgan_tf.evaluation.predictions import Predictions
from ifgan_tf.evaluation.shares import PairShares

COUNT = 210
LABELS = np.arange(COUNT) % 3
# A picture tells its label by which of its channels is white.
PICTURES = np.broadcast_to(255 * np.eye(3, dtype=np.uint8)[LABELS][:, None, None, :], (COUNT, 4, 4, 3)).copy()
EACH_ONE = np.arange(COUNT)[:, None, None, None]


def reads(photo: float, face: float) -> keras.Model:
    """E that reads the labels with these weights."""
    image = keras.Input((4, 4, 6))
    said = layers.GlobalAveragePooling2D()(image)
    logits = layers.Lambda(lambda x: photo * x[:, :3] + face * x[:, 3:])(said)
    return keras.Model(image, {"logits": logits})


@pytest.mark.parametrize(
    ("photo", "face", "kept"), [(1.0, 0.0, "face_shuffled"), (0.0, 1.0, "photo_shuffled")], ids=["photo", "face"]
)
def test_e_that_reads_one_half(photo, face, kept):
    shares = PairShares(reads(photo, face)).measure(PICTURES, PICTURES, LABELS)
    assert shares.pop(kept) == 1.0
    (other,) = shares.values()
    assert other == pytest.approx(1 / 3, abs=0.1)


def test_no_image_keeps_its_own_and_each_is_used_once(monkeypatch):
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    def accuracy(photos, of_photos, faces, of_faces, labels):
        seen.append((photos[of_photos], faces[of_faces]))
        return 0.0

    shares = PairShares(reads(1.0, 0.0))
    monkeypatch.setattr(shares, "_accuracy", accuracy)
    mine = np.broadcast_to(EACH_ONE, (COUNT, 4, 4, 3)).astype(np.uint8)
    shares.measure(mine, mine, LABELS)
    for moved, kept in (seen[0], seen[1][::-1]):
        np.testing.assert_array_equal(kept, mine)
        others = moved[:, 0, 0, 0]
        assert sorted(others) == list(range(COUNT)) and not (others == np.arange(COUNT)).any()


def test_the_same_every_time():
    first, second = (PairShares(reads(1.0, 0.1)).measure(PICTURES, PICTURES, LABELS) for _ in range(2))
    assert first == second


def test_pictures_without_a_face_stay_errors():
    detected = np.arange(COUNT) % 5 != 0
    faces = faces_of(LABELS, images=PICTURES, detected=detected)
    predictions = Predictions(faces, np.eye(3, dtype=np.float32)[LABELS], PICTURES)
    shares = PairShares(reads(0.0, 1.0)).of_predictions(predictions)
    assert shares is not None and shares["photo_shuffled"] == pytest.approx(0.8)


def test_one_face_cannot_be_shuffled():
    detected = np.arange(COUNT) == 0
    faces = faces_of(LABELS, images=PICTURES, detected=detected)
    predictions = Predictions(faces, np.eye(3, dtype=np.float32)[LABELS], PICTURES)
    assert PairShares(reads(0.0, 1.0)).of_predictions(predictions) is None
