"""MTCNN in TensorFlow against the package's own driver."""

import cv2
import numpy as np
import pytest

from ifgan_tf.faces.detection import best_face
from ifgan_tf.faces.mtcnn_tensorflow import FaceDetector


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


@pytest.fixture(scope="module")
def astronaut():
    data = pytest.importorskip("skimage.data")
    return data.astronaut()


def test_finds_the_face_of_a_photograph(detector, astronaut):
    face = best_face(detector.detect(astronaut), astronaut.shape)
    assert face is not None and face.confidence > 0.95
    eyes, nose, mouth = face.landmarks[:2], face.landmarks[2], face.landmarks[3:]
    assert eyes[0, 0] < nose[0] < eyes[1, 0] and eyes[:, 1].max() < nose[1] < mouth[:, 1].min()
    np.testing.assert_allclose(face.landmarks.mean(axis=0), (222, 120), atol=15)


@pytest.mark.parametrize(("min_face", "pixels"), [(0, 0.02), (0.2, 1)])
def test_agrees_with_mtcnn_at_full_size(detector, astronaut, min_face, pixels):
    from mtcnn import MTCNN

    peer = MTCNN().detect_faces(astronaut, output_type="numpy")
    peer = peer[(peer[:, 3] * peer[:, 4]).argmax()]  # columns 3 and 4 are width and height
    face = best_face(detector.detect(astronaut, min_face=min_face), astronaut.shape)
    np.testing.assert_allclose(face.landmarks, peer[6:].reshape(2, 5).T, atol=pixels)
    assert face.confidence == pytest.approx(peer[5], abs=1e-3)


def test_small_faces_are_found_in_a_second_look(detector, astronaut):
    canvas = np.full((900, 900, 3), 127, np.uint8)
    canvas[700:800, 100:200] = cv2.resize(astronaut[:300, 70:370], (100, 100), interpolation=cv2.INTER_AREA)
    found = detector.detect(canvas)
    assert len(found) == 1 and found[0].box[2] < 0.2 * 900
    assert detector.detect(canvas, second_look=False) == []


def test_huge_images_give_landmarks_in_their_own_pixels(detector, astronaut):
    huge = cv2.resize(astronaut, None, fx=5, fy=5, interpolation=cv2.INTER_LINEAR)
    face = best_face(detector.detect(huge), huge.shape)
    small = best_face(detector.detect(astronaut), astronaut.shape)
    np.testing.assert_allclose(face.landmarks / 5, small.landmarks, atol=4)


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 200, 3), (64, 64, 3), (3000, 20, 3)])
def test_any_size_without_a_face_gives_no_face(detector, shape):
    assert detector.detect(np.zeros(shape, np.uint8)) == []
