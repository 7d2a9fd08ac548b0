"""The camera: the same picture from the same stream, nothing moves, and every fault does what its name says."""

import collections
import dataclasses
import math

import cv2
import numpy as np
import pytest

from datasets.synthetic_faces.camera import (
    FADED_SHARE,
    GREY_SHARE,
    SEPIA_SHARE,
    SMALLEST_FACE,
    Camera,
    develop,
    sample_camera,
)

PERFECT = Camera(
    exposure=0.0,
    contrast=0.0,
    warmth=0.0,
    tint=0.0,
    saturation=1.0,
    toning="none",
    vignette=0.0,
    blur=0.0,
    motion=(0.0, 0.0),
    face_pixels=math.inf,
    sharpening=0.0,
    noise=0.0,
    colour_noise=0.0,
    smoothing=0.0,
    qualities=(100,),
)
FACE = 140.0


def taken(picture, seed=0, **faults):
    camera = dataclasses.replace(PERFECT, **faults)
    return develop(picture, camera, np.random.default_rng(seed), FACE).astype(np.float32) / 255


@pytest.fixture
def scene():
    """A soft coloured picture with one bright spot, float32 [160, 200, 3]."""
    rng = np.random.default_rng(0)
    picture = cv2.resize(rng.random((4, 5, 3), np.float32) * 0.5 + 0.15, (200, 160), interpolation=cv2.INTER_LINEAR)
    cv2.circle(picture, (130, 70), 6, (0.75, 0.75, 0.75), -1)
    return picture


@pytest.fixture
def lines():
    """Lines of four pixels, light and dark."""
    columns = 0.3 + 0.4 * (np.arange(200) // 2 % 2)
    return np.broadcast_to(columns[None, :, None], (160, 200, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def cameras():
    rng = np.random.default_rng(5)
    return [sample_camera(rng) for _ in range(3000)]


def test_the_same_stream_gives_the_same_picture(scene):
    for seed in range(8):
        first, again = (
            develop(scene, sample_camera(rng), rng, FACE)
            for rng in (np.random.default_rng(seed), np.random.default_rng(seed))
        )
        np.testing.assert_array_equal(first, again)
        assert first.dtype == np.uint8 and first.shape == scene.shape


def test_the_scene_itself_is_left_alone(scene, cameras):
    before = scene.copy()
    for camera in cameras[:20]:
        develop(scene, camera, np.random.default_rng(0), FACE)
    np.testing.assert_array_equal(scene, before)


def test_a_perfect_camera_changes_nothing(scene):
    assert np.abs(taken(scene) - scene).mean() < 0.01


@pytest.mark.parametrize("face_pixels", [40.0, 65.0, 100.0, math.inf])
def test_what_is_where_stays_there(scene, face_pixels):
    image = taken(scene, face_pixels=face_pixels, blur=0.01)
    spot = np.clip(image.mean(axis=-1)[50:90, 110:150] - image.mean(axis=-1)[50:90, 110:150].mean(), 0.1, None) - 0.1
    rows, columns = np.mgrid[50:90, 110:150]
    centre = (spot * columns).sum() / spot.sum(), (spot * rows).sum() / spot.sum()
    np.testing.assert_allclose(centre, (130, 70), atol=0.8)


def test_a_face_of_few_pixels_loses_its_detail(lines):
    details = [taken(lines, face_pixels=pixels).std() for pixels in (40.0, 80.0, math.inf)]
    assert details[0] < 0.2 * details[2]
    assert details[0] < details[1] < 0.8 * details[2]
    tiny = taken(lines, face_pixels=1.0)  # nobody is shown with fewer pixels than the smallest face has
    np.testing.assert_array_equal(tiny, taken(lines, face_pixels=SMALLEST_FACE))


def test_a_face_is_never_given_more_pixels_than_it_has(lines):
    np.testing.assert_array_equal(taken(lines, face_pixels=500.0), taken(lines))


def test_blur_and_movement(lines):
    assert taken(lines, blur=0.015).std() < 0.3 * taken(lines).std()
    assert taken(lines, motion=(0.05, 0.0)).std() < 0.5 * taken(lines).std()
    along = taken(lines, motion=(0.0, 0.05))  # along the lines nothing is lost
    assert along.std() > 0.95 * taken(lines).std()


def test_sharpening_makes_halos():
    edge = np.full((64, 64, 3), 0.3, np.float32)
    edge[:, 32:] = 0.7
    assert taken(edge, sharpening=1.0).max() > taken(edge).max() + 0.05


def test_light(scene):
    assert taken(scene, exposure=0.5).mean() > scene.mean() + 0.04
    assert taken(scene, exposure=-0.5).mean() < scene.mean() - 0.04
    assert taken(scene, contrast=0.5).std() > scene.std() > taken(scene, contrast=-0.4).std()
    warm = taken(scene, warmth=0.3) - scene
    assert warm[..., 0].mean() > 0.02 and warm[..., 2].mean() < -0.02
    flat = np.full((80, 80, 3), 0.5, np.float32)
    darker = taken(flat, vignette=0.4)
    assert darker[0, 0].mean() < 0.35 and darker[40, 40].mean() > 0.49


def test_colour(scene):
    grey = taken(scene, saturation=0.0, warmth=0.3)
    assert np.ptp(grey, axis=-1).max() < 0.02
    sepia = taken(scene, saturation=0.0, toning="sepia").mean(axis=(0, 1))
    assert sepia[0] > sepia[1] > sepia[2]
    faded = taken(scene, toning="faded")
    assert faded.min() > scene.min() and faded.std() < scene.std()


def test_noise_is_stronger_in_the_dark_and_smoothing_removes_it():
    dark, bright = (np.full((120, 120, 3), value, np.float32) for value in (0.2, 0.75))
    assert taken(dark, noise=0.03).std() > 1.3 * taken(bright, noise=0.03).std() > 0.015
    assert taken(bright, noise=0.03, smoothing=0.08).std() < 0.75 * taken(bright, noise=0.03).std()
    assert (
        np.ptp(taken(bright, noise=0.03), axis=-1).mean() < 0.01 < np.ptp(taken(bright, colour_noise=0.03), -1).mean()
    )
    assert not np.array_equal(taken(bright, 0, noise=0.03), taken(bright, 1, noise=0.03))


def test_compression_costs_detail(scene):
    errors = [np.abs(taken(scene, qualities=q) - scene).mean() for q in ((95,), (35,), (35, 50))]
    assert errors[0] < 0.6 * errors[1] < errors[2]


def test_most_cameras_are_good_and_some_are_bad(cameras):
    def share(predicate):
        return float(np.mean([predicate(camera) for camera in cameras]))

    toning = collections.Counter(camera.toning for camera in cameras)
    assert toning["sepia"] / 3000 == pytest.approx(SEPIA_SHARE, abs=0.01)
    assert toning["faded"] / 3000 == pytest.approx(FADED_SHARE, abs=0.01)
    assert share(lambda c: c.saturation == 0 and c.toning == "none") == pytest.approx(GREY_SHARE, abs=0.015)
    assert all(c.face_pixels >= SMALLEST_FACE for c in cameras)
    assert 0.08 < share(lambda c: c.face_pixels < 80) < 0.16
    assert 0.02 < share(lambda c: math.hypot(*c.motion) > 0.01) < 0.07
    assert 0.06 < share(lambda c: c.sharpening > 0) < 0.14
    assert 0.08 < share(lambda c: len(c.qualities) == 2) < 0.25
    assert all(35 <= quality <= 95 for c in cameras for quality in c.qualities)
    assert share(lambda c: min(c.qualities) >= 60) > 0.75
    assert share(lambda c: c.blur < 0.006 and c.noise < 0.015 and c.face_pixels > 80) > 0.5


def test_nobody_is_taken_badly_in_every_way(cameras):
    """What has few pixels or moved is in focus, and is not compressed to blocks."""
    for camera in cameras:
        if camera.face_pixels < 80 or math.hypot(*camera.motion) > 0.01:
            assert camera.blur < 0.006
        if camera.face_pixels < 80:
            assert min(camera.qualities) >= 50
