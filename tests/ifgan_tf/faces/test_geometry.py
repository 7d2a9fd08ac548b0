"""The similarity transform, the crops, the one way to resample."""

import cv2
import numpy as np
import pytest

from ifgan_tf.faces import geometry
from ifgan_tf.faces.geometry import TEMPLATE, align, fallback_crop, similarity_transform


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


def test_another_template_is_followed():
    other = np.array([[70, 90], [186, 92], [130, 170]], np.float32)
    transform = similarity_transform(_turn(other, 1.7, 12, (40, 9)), other)
    np.testing.assert_allclose(_turn(other, 1.7, 12, (40, 9)) @ transform[:, :2].T + transform[:, 2], other, atol=1e-4)
    image = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    np.testing.assert_array_equal(align(image, other, other), image)


def test_fallback_is_the_centred_square():
    image = np.zeros((300, 500, 3), np.uint8)
    image[:, 100:400] = (200, 10, 20)
    face = fallback_crop(image)
    assert face.shape == (256, 256, 3)
    assert (face == (200, 10, 20)).all()
    assert fallback_crop(np.zeros((1, 3, 3), np.uint8)).shape == (256, 256, 3)


@pytest.mark.parametrize(("image_size", "side"), [(224, 256), (64, 73), (32, 37), (448, 512)])
def test_a_crop_is_224_256ths_of_the_face(image_size, side):
    assert geometry.working_size(image_size) == side


def test_at_the_papers_size_a_view_is_the_centre_untouched():
    face = np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    np.testing.assert_array_equal(geometry.model_view(face, 224), face[16:240, 16:240])


def test_resampling_averages_instead_of_skipping():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 200
    small = geometry.resize(stripes, 64)
    assert abs(int(small.mean()) - 100) <= 1 and small.std() < 2  # skipping would show all or none of the stripes


def test_red_stays_red():
    red = np.zeros((256, 256, 3), np.uint8)
    red[..., 0] = 250
    view = geometry.model_view(red, 64)
    assert view.shape == (64, 64, 3)
    np.testing.assert_array_equal(view[30, 30], [250, 0, 0])


def test_centre_crop_of_a_batch():
    images = np.arange(2 * 6 * 6 * 3).reshape(2, 6, 6, 3)
    np.testing.assert_array_equal(geometry.centre_crop(images, 4), images[:, 1:5, 1:5])
