"""The similarity transform, the crop, and MTCNN against its own driver."""

import cv2
import numpy as np
import pytest

from ifgan_tf.faces.geometry import (
    TEMPLATE,
    Detection,
    FaceDetector,
    align,
    best_face,
    fallback_crop,
    similarity_transform,
)


def _turn(points, scale, degrees, shift):
    angle = np.deg2rad(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return scale * np.asarray(points) @ rotation.T + shift


@pytest.mark.parametrize(("scale", "degrees"), [(1, 0), (0.3, 25), (4, -90), (1.5, 180)])
def test_similarity_is_recovered_exactly(scale, degrees):
    points = _turn(TEMPLATE, scale, degrees, (310, -20))
    transform = similarity_transform(points)
    np.testing.assert_allclose(points @ transform[:, :2].T + transform[:, 2], TEMPLATE, atol=1e-4)
    assert np.linalg.det(transform[:, :2]) == pytest.approx(scale**-2, rel=1e-5)


def test_similarity_is_the_least_squares_one():
    rng = np.random.default_rng(0)
    points = TEMPLATE + rng.normal(0, 6, TEMPLATE.shape)
    transform = similarity_transform(points)

    def squares(a, b, x, y):
        moved = points @ np.array([[a, -b], [b, a]]).T + (x, y)
        return ((moved - TEMPLATE) ** 2).sum()

    best = (transform[0, 0], transform[1, 0], *transform[:, 2])
    for step in 1e-2 * np.vstack([np.eye(4), -np.eye(4)]):
        assert squares(*best) < squares(*(best + step))


def test_a_mirrored_face_is_not_mirrored_back():
    points = TEMPLATE[[1, 0, 2]]
    assert np.linalg.det(similarity_transform(points)[:, :2]) > 0


@pytest.mark.parametrize("points", [np.full((3, 2), 7.0), np.full((3, 2), np.nan)])
def test_landmarks_that_span_no_face_are_refused(points):
    with pytest.raises(ValueError, match="do not span a face"):
        similarity_transform(points)


@pytest.mark.parametrize(("scale", "degrees"), [(0.6, 10), (1, -15), (2, 5), (5, 30), (9.3, 0)])
def test_marks_come_to_lie_on_the_template(scale, degrees):
    points = _turn(TEMPLATE, scale, degrees, (0, 0))
    points += 60 - points.min(axis=0)
    image = np.zeros((*(points.max(axis=0)[::-1].astype(int) + 60), 3), np.uint8)
    for x, y in points:
        cv2.circle(image, (round(16 * x), round(16 * y)), round(16 * 4 * scale), (255, 0, 0), -1, cv2.LINE_AA, shift=4)
    face = align(image, points)
    assert face.shape == (256, 256, 3) and face.dtype == np.uint8
    assert face[..., 1:].max() == 0  # red stays red
    _, _, _, centres = cv2.connectedComponentsWithStats((face[..., 0] > 127).astype(np.uint8))
    found = centres[1:][np.argsort(centres[1:, 0])]
    np.testing.assert_allclose(found, TEMPLATE[[0, 2, 1]], atol=0.6)


def test_shrinking_averages_instead_of_skipping_pixels():
    image = np.zeros((2000, 2000, 3), np.uint8)
    image[::2] = 255  # lines finer than the output's pixels
    face = align(image, TEMPLATE * 7 + 60)
    assert abs(float(face.mean()) - 127.5) < 2 and face.std() < 12


def test_outside_the_image_its_edge_goes_on():
    image = np.full((60, 60, 3), 90, np.uint8)
    assert (align(image, TEMPLATE - 100) == 90).all()


def test_fallback_is_the_centred_square():
    image = np.zeros((300, 500, 3), np.uint8)
    image[:, 100:400] = (200, 10, 20)
    face = fallback_crop(image)
    assert face.shape == (256, 256, 3)
    assert (face == (200, 10, 20)).all()
    assert fallback_crop(np.zeros((1, 3, 3), np.uint8)).shape == (256, 256, 3)


def _detection(x, y, size, confidence=0.99):
    return Detection(np.array([x, y, size, size], np.float32), confidence, np.zeros((5, 2), np.float32))


def test_best_face_is_large_and_central():
    large, small, corner = _detection(200, 150, 200), _detection(280, 220, 60), _detection(0, 0, 210)
    assert best_face([small, large, corner], (500, 600, 3)) is large
    assert best_face([], (500, 600, 3)) is None


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
def test_agrees_with_mtcnn_at_full_size(astronaut, min_face, pixels):
    from mtcnn import MTCNN

    peer = MTCNN().detect_faces(astronaut, output_type="numpy")
    peer = peer[(peer[:, 3] * peer[:, 4]).argmax()]  # columns 3 and 4 are width and height
    face = best_face(FaceDetector(min_face).detect(astronaut), astronaut.shape)
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
