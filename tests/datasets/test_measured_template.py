"""Where eyes and nose lie in images that others aligned."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest

from datasets.measured_template import measured_template
from datasets.records import FaceRecord
from ifgan_tf.faces.geometry import align
from ifgan_tf.faces.mtcnn_tensorflow import FaceDetector

OTHER = np.array([[74.0, 84.0], [180.0, 85.0], [127.0, 146.0]], np.float32)


def record(number, image):
    load = functools.partial(np.copy, image)
    return FaceRecord(str(number), load, "happiness", "", str(number), f"{number}.jpg")


def test_they_are_where_the_owners_put_them(tmp_path):
    photo = pytest.importorskip("skimage.data").astronaut()[:300, 100:400]
    (face,) = FaceDetector().find(photo)
    aligned = cv2.resize(align(photo, face.landmarks, OTHER), (100, 100), interpolation=cv2.INTER_AREA)
    light = [(aligned * share).astype(np.uint8) for share in (1, 0.9, 0.8)]
    records = [record(number, image) for number, image in enumerate([*light, np.zeros((100, 100, 3), np.uint8)])]
    measured = measured_template(records, 100, tmp_path / "detections.jsonl")
    # A similarity brings three points to three others as near as it can; the finder is off by a pixel of 100.
    np.testing.assert_allclose(measured, OTHER, atol=4)


def test_without_any_face_there_is_none(tmp_path, centred_faces):
    records = [record(number, np.zeros((100, 100, 3), np.uint8)) for number in range(3)]
    assert measured_template(records, 100, tmp_path / "detections.jsonl") is None
