"""What MTCNN's cascade does between its networks: whichever runs them, the same."""

import tracemalloc

import numpy as np
import pytest

from ifgan_tf.faces.detection import Cascade, Detection, _patches, _suppress, best_face


def _detection(x, y, size, confidence=0.99):
    return Detection(np.array([x, y, size, size], np.float32), confidence, np.zeros((5, 2), np.float32))


def test_best_face_is_large_and_central():
    large, small, corner = _detection(200, 150, 200), _detection(280, 220, 60), _detection(0, 0, 210)
    assert best_face([small, large, corner], (500, 600, 3)) is large
    assert best_face([], (500, 600, 3)) is None


def test_find_gives_the_best_or_every_face_from_left_to_right(monkeypatch):
    central, left, right = _detection(200, 150, 200), _detection(0, 0, 60), _detection(500, 0, 60)
    asked = []

    def detect(image, **settings):
        asked.append(settings)
        return [central, right, left]

    cascade = Cascade(None, None, None)
    monkeypatch.setattr(cascade, "detect", detect)
    picture = np.zeros((500, 600, 3), np.uint8)
    assert cascade.find(picture) == [central]
    assert cascade.find(picture, every=True) == [left, central, right]
    assert asked == [{}, {"min_face": 0}]


@pytest.mark.parametrize("side", [24, 48])
def test_patches_are_those_of_tensorflow(side):
    import tensorflow as tf

    pixels = np.random.default_rng(0).uniform(-1, 1, (90, 120, 3)).astype(np.float32)
    boxes = np.array([[10.0, 5, 60, 55], [-20, -7, 30, 43], [80.5, 60.25, 130.5, 110.25], [3, 3, 9, 9]])
    ends = np.array([90, 120, 90, 120])
    peer = tf.image.crop_and_resize(pixels[None], boxes[:, [1, 0, 3, 2]] / ends, np.zeros(4, int), (side, side))
    np.testing.assert_allclose(_patches(pixels, boxes, side), peer, atol=1e-4)


def test_boxes_without_number_take_little_memory():
    generator = np.random.default_rng(0)
    corners = generator.uniform(0, 1000, (5_000, 2))
    boxes, scores = np.concatenate([corners, corners + 30], axis=1), generator.uniform(0, 1, 5_000)
    tracemalloc.start()
    best, _ = _suppress(boxes, scores, 0.5)
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()
    assert 100 < len(best) < 5_000


def test_where_nothing_is_found_the_sizes_between_the_levels_are_looked_at(monkeypatch):
    looks = []

    def faces(pixels, scales):
        looks.append(list(scales))
        return [] if len(looks) < 3 else [_detection(10, 10, 40)]

    cascade = Cascade(None, None, None)
    monkeypatch.setattr(cascade, "_faces", faces)
    picture = np.zeros((300, 300, 3), np.uint8)
    assert len(cascade.detect(picture)) == 1
    large, every, between = looks
    assert len(large) < len(every) == len(between) + 1
    assert all(a > scale > b for a, b, scale in zip(every, every[1:], between, strict=False))
    looks.clear()
    assert cascade.detect(picture, second_look=False) == [] and len(looks) == 1
