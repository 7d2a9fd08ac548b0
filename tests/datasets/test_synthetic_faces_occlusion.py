"""Things before a face: mostly none, never too much of it hidden, of the size of the face wherever it is."""

import collections
import dataclasses

import cv2
import numpy as np
import pytest

from datasets.synthetic_faces.layers import face_frame
from datasets.synthetic_faces.occlusion import KINDS, OCCLUDED_SHARE, occlude, sample_occlusion

LANDMARKS = np.array([[125, 150], [195, 150], [160, 192], [131, 224], [189, 224]], np.float32)
SKIN, HAIR = np.array([0.8, 0.6, 0.5]), np.array([0.25, 0.15, 0.1])
CORNERS, BROWS = ([-0.82, 2.1], [0.82, 2.1]), ([-1.0, -0.8], [1.0, -0.8])
GREEN = np.zeros((320, 320, 3), np.float32) + np.array([0.02, 0.9, 0.02], np.float32)  # nothing worn is as green


@pytest.fixture(scope="module")
def occlusions():
    """Kind → several of it."""
    rng = np.random.default_rng(3)
    found = collections.defaultdict(list)
    while min(len(found[kind]) for kind in KINDS) < 6:
        what = sample_occlusion(rng)
        if what is not None and len(found[what.kind]) < 6:
            found[what.kind].append(what)
    return found


def hidden(what, landmarks=LANDMARKS, picture=GREEN):
    """Where the picture is no longer seen: a shadow leaves its hue."""
    covered = occlude(picture, landmarks, SKIN, HAIR, what)
    return np.maximum(covered[..., 0], covered[..., 2]) > 0.3 * covered[..., 1]


def at(mask, places, landmarks=LANDMARKS):
    columns, rows = np.round(face_frame(landmarks).pixels(np.array(places))).astype(int).T
    return mask[rows, columns]


def turned(angle, scale=1.0, shift=(0.0, 0.0)):
    """The landmarks rolled about the picture's middle."""
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return ((LANDMARKS - 160) @ np.array([[cos, sin], [-sin, cos]]) + 160 + shift).astype(np.float32)


def test_mostly_nothing():
    rng = np.random.default_rng(0)
    drawn = [sample_occlusion(rng) for _ in range(4000)]
    share = np.mean([what is not None for what in drawn])
    assert share == pytest.approx(OCCLUDED_SHARE, abs=0.02)
    kinds = collections.Counter(what.kind for what in drawn if what is not None)
    total = sum(weight for weight, _ in KINDS.values())
    for kind, (weight, _) in KINDS.items():
        assert kinds[kind] / kinds.total() == pytest.approx(weight / total, abs=0.04)


def test_nothing_changes_nothing():
    rng = np.random.default_rng(0)
    picture = rng.random((100, 120, 3), np.float32)
    same = occlude(picture, LANDMARKS / 3, SKIN, HAIR, None)
    np.testing.assert_array_equal(same, picture)
    assert same is not picture


def test_no_strands_fall_on_somebody_bald(occlusions):
    for what in occlusions["strands"]:
        np.testing.assert_array_equal(occlude(GREEN, LANDMARKS, SKIN, None, what), GREEN)
    assert not np.array_equal(occlude(GREEN, LANDMARKS, SKIN, None, occlusions["cap"][0]), GREEN)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_thing_looks_the_same(occlusions, kind):
    picture = cv2.resize(np.random.default_rng(1).random((6, 6, 3), np.float32), (320, 320))
    before = picture.copy()
    for what in occlusions[kind]:
        first, again = (occlude(picture, LANDMARKS, SKIN, HAIR, what) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert first.dtype == np.float32 and first.shape == picture.shape
        assert first.min() >= 0 and first.max() <= 1
        assert not np.array_equal(first, picture)
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("angle", [-0.25, 0.0, 0.25])
def test_most_of_the_face_stays_visible(occlusions, kind, angle):
    landmarks = turned(angle)
    frame = face_frame(landmarks)
    y, x = np.mgrid[:320, :320].astype(np.float32)
    u, v = frame.units(x, y)
    face = (u / 2.0) ** 2 + ((v - 0.9) / 2.4) ** 2 < 1  # from above the brows to the chin
    for what in occlusions[kind]:
        mask = hidden(what, landmarks)
        assert mask[face].mean() < 0.4
        corners, brows = at(mask, CORNERS, landmarks), at(mask, BROWS, landmarks)
        assert not (corners.all() and brows.all())
        assert corners.sum() + brows.sum() <= 2
        assert at(mask, [[-1, 0], [1, 0]], landmarks).sum() <= 1


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("hand at chin", (0.0, 3.5)),
        ("mask", (0.0, 3.2)),
        ("cap", (0.0, -2.9)),
        ("band", (0.0, -2.05)),
    ],
)
def test_things_are_where_they_belong(occlusions, kind, place):
    for what in occlusions[kind]:
        assert at(hidden(what), [place]).all()


@pytest.mark.parametrize("kind", ["hand at cheek", "hand at mouth", "hand at brow", "cup"])
def test_hands_come_from_their_side(occlusions, kind):
    for what in occlusions[kind]:
        left, right = (np.argwhere(hidden(dataclasses.replace(what, side=side)))[:, 1].mean() for side in (-1, 1))
        assert left < 160 < right


@pytest.mark.parametrize("kind", ["hand at chin", "mask", "cap", "band", "cup", "microphone"])
def test_things_scale_with_the_face(occlusions, kind):
    what = occlusions[kind][0]
    half = hidden(what, turned(0.0, 0.5, (0, -40)))
    quarter = hidden(what, turned(0.0, 0.25, (0, -40)))
    assert 3.2 < half.sum() / quarter.sum() < 4.8


def test_a_hand_has_the_persons_skin_as_lit_in_the_picture(occlusions):
    what = occlusions["hand at chin"][0]
    lit = np.zeros((320, 320, 3), np.float32) + SKIN.astype(np.float32)
    dark, bright = (occlude(light * lit, LANDMARKS, SKIN, HAIR, what) for light in (np.float32(0.5), np.float32(1)))
    mask = hidden(what)
    assert dark[mask].mean() < 0.65 * bright[mask].mean()
    ratio = bright[mask].mean(axis=0) / SKIN
    assert ratio.min() > 0.6 and ratio.max() < 1.1


def test_a_hand_out_of_the_picture_is_not_painted(occlusions):
    what = occlusions["hand at chin"][0]
    picture = GREEN[:40]
    np.testing.assert_array_equal(occlude(picture, LANDMARKS - [0, 500], SKIN, HAIR, what), picture)


def test_a_hard_shadow_darkens_a_part_and_hides_nothing(occlusions):
    for what in occlusions["hard shadow"]:
        shaded = occlude(GREEN, LANDMARKS, SKIN, HAIR, what)[..., 1]
        assert shaded.min() < 0.75 * 0.9 and shaded.max() > 0.85
        assert not hidden(what).any()
