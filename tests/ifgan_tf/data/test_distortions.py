import cv2
import numpy as np
import pytest

from ifgan_tf import config
from ifgan_tf.data.distortions import AFFINE, DISTORTIONS, affine, distorted

SIZE = 64
FACE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8), (0, 0), 2)


def views(*names, count=60, image=FACE):
    return np.stack([distorted(image, names, np.random.default_rng(seed)) for seed in range(count)])


def test_the_flag_offers_all_of_them_and_no_other():
    assert (AFFINE, *DISTORTIONS) == config.DISTORTIONS


@pytest.mark.parametrize("name", DISTORTIONS)
def test_each_changes_some_views_and_follows_from_its_random_numbers(name):
    first, again = views(name), views(name)
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.uint8 and first.shape[1:] == FACE.shape
    changed = np.mean([np.abs(view.astype(int) - FACE).max() > 2 for view in first])
    assert changed > 0.1 and (changed < 0.8 or name == "colour")  # colours are always a little others


def test_none_is_the_view_itself():
    np.testing.assert_array_equal(views(count=2), [FACE, FACE])


def test_grey_has_no_colour_and_coarse_no_detail():
    grey = next(view for view in views("grey") if (view != FACE).any())
    assert np.ptp(grey.astype(int), axis=2).max() <= 1
    detail = cv2.Laplacian(FACE, cv2.CV_32F).std()
    coarse = [cv2.Laplacian(view, cv2.CV_32F).std() for view in views("resolution", "blur")]
    assert min(coarse) < 0.7 * detail and max(coarse) <= 1.05 * detail


def test_light_leaves_the_middle_as_it_is_and_makes_one_side_brighter():
    flat = np.full((SIZE, SIZE, 3), 100, np.uint8)
    lit = [view.astype(float) for view in views("light", image=flat) if (view != 100).any()]
    assert all(abs(view[31:33, 31:33].mean() - 100) < 3 for view in lit)
    ratios = [view.max() / view.min() for view in lit]
    assert 1.5 < max(ratios) < 4  # 2.5 across, 2.5 to the power of √2 from corner to corner


def test_what_lies_before_a_face_hides_at_most_a_sixth_of_it():
    hidden = [np.any(view != FACE, axis=2).mean() for view in views("occlusion", count=200)]
    assert 0.1 < max(hidden) <= 0.16 and 0.2 < np.mean(np.array(hidden) > 0) < 0.5


def test_an_affine_view_stays_on_the_face():
    rng = np.random.default_rng(0)
    centre = (SIZE - 1) / 2
    for _ in range(100):
        matrix = affine(SIZE, rng)
        moved = matrix @ [centre, centre, 1] - centre
        scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        assert np.abs(moved).max() <= 0.05 * SIZE + 1e-9 and 1 / 1.2 - 0.01 <= scale <= 1 / 0.85 + 0.01
