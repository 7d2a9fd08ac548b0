"""Rendered people: the same from the same seed, different people, true landmarks, faces that show what they do."""

import dataclasses

import numpy as np
import pytest

from datasets.synthetic_faces.action_units import Activations
from datasets.synthetic_faces.expressions import Performance, still
from datasets.synthetic_faces.light import sample_light
from datasets.synthetic_faces.looks import HAIR_STYLES, _families, build_of, sample_looks
from datasets.synthetic_faces.person import sample_person
from datasets.synthetic_faces.render import SIZE, Rendering, render

SEED = 2022
BACKGROUND = np.full((SIZE, SIZE, 3), 0.4, np.float32)


def shown(index: int, performance: Performance | None = None, picture: int = 0) -> Rendering:
    person = dataclasses.replace(sample_person(SEED, index), rest=Activations())
    return render(person, performance or still(Activations()), BACKGROUND, SEED, np.random.default_rng(picture))


def acting(units: dict[int, float]) -> Performance:
    return still(Activations({unit: np.full(2, value) for unit, value in units.items()}))


def test_a_picture_is_the_same_whatever_was_rendered_before():
    first = shown(1)
    shown(2), shown(3, picture=5), shown(4)
    again = shown(1)
    np.testing.assert_array_equal(first.picture, again.picture)
    np.testing.assert_array_equal(first.landmarks, again.landmarks)


def test_a_picture_has_the_range_and_types_that_its_camera_expects():
    rendering = shown(5)
    assert rendering.picture.shape == (SIZE, SIZE, 3) and rendering.picture.dtype == np.float32
    assert rendering.picture.min() >= 0 and rendering.picture.max() <= 1
    assert rendering.landmarks.shape == (5, 2) and rendering.landmarks.dtype == np.float32
    np.testing.assert_array_equal(rendering.picture[:4, :4], BACKGROUND[:4, :4])
    assert 0.38 < rendering.face_size / SIZE < 0.56


def test_landmarks_are_in_order_and_within_the_face():
    for index in range(4):
        eyes, nose, corners = np.split(shown(index).landmarks, [2, 3])
        assert eyes[0, 0] < nose[0, 0] < eyes[1, 0] and corners[0, 0] < corners[1, 0]
        assert eyes[:, 1].max() < nose[0, 1] < corners[:, 1].min()
        assert (shown(index).landmarks > 0.2 * SIZE).all() and (shown(index).landmarks < 0.85 * SIZE).all()


def test_people_differ_more_than_their_pictures():
    pictures = np.stack([[shown(i, acting({1: a, 25: a})).picture for a in (0.0, 0.15)] for i in range(5)])
    within = np.abs(pictures[:, 0] - pictures[:, 1]).mean()
    between = np.mean([np.abs(pictures[i, 0] - pictures[j, 1]).mean() for i in range(5) for j in range(5) if i != j])
    assert between > 5 * within


@pytest.mark.parametrize(
    ("head", "axis", "sign"), [((0.3, 0.0, 0.0), 0, 1), ((0.0, 0.2, 0.0), 1, 1), ((0.0, -0.2, 0.0), 1, -1)]
)
def test_the_nose_goes_where_the_head_turns(head, axis, sign):
    turned = shown(6, dataclasses.replace(still(Activations()), head=head)).landmarks
    straight = shown(6).landmarks
    nose = (turned[2] - turned[:2].mean(0)) - (straight[2] - straight[:2].mean(0))
    assert sign * nose[axis] > 2


def test_a_clockwise_roll_lowers_the_right_eye():
    eyes = shown(6, dataclasses.replace(still(Activations()), head=(0.0, 0.0, 0.2))).landmarks[:2]
    assert eyes[1, 1] - eyes[0, 1] > 5


def test_the_iris_follows_the_gaze():
    def darkest(gaze):
        rendering = shown(6, dataclasses.replace(still(Activations()), gaze=gaze))
        x, y = np.round(rendering.landmarks[0]).astype(int)
        eye = rendering.picture[y - 5 : y + 6, x - 13 : x + 14].sum(-1)
        weight = np.maximum(np.median(eye) - eye, 0) ** 2
        return (weight * np.arange(-13, 14)).sum() / weight.sum()

    assert darkest((0.3, 0.0)) > darkest((-0.3, 0.0)) + 2


def test_an_open_mouth_is_dark_inside():
    mouth = {}
    for name, units in (("closed", {}), ("open", {25: 0.8, 27: 1.0})):
        rendering = shown(6, acting(units))
        x, y = np.round(rendering.landmarks[3:].mean(0)).astype(int)
        mouth[name] = np.quantile(rendering.picture[y - 4 : y + 16, x - 10 : x + 11].mean(-1), 0.05)
    assert mouth["open"] < 0.8 * mouth["closed"]


def test_wrinkles_come_with_action_units_and_age():
    def relief(index, units):
        rendering = shown(index, acting(units))
        x, y = np.round(rendering.landmarks[:2].mean(0)).astype(int)
        forehead = rendering.picture[y - 34 : y - 16, x - 14 : x + 15].mean(-1)
        return np.abs(np.diff(forehead, axis=0)).mean()

    index = next(i for i in range(50) if sample_looks(SEED, build_of(sample_person(SEED, i))).lines > 0.6)
    assert relief(index, {1: 1.0, 2: 1.0}) > 1.2 * relief(index, {})


def test_light_varies_between_pictures_and_looks_between_people():
    lights = [sample_light(np.random.default_rng(i)) for i in range(60)]
    assert {light.key[0] > 0 for light in lights} == {True, False}
    assert np.ptp([light.softness for light in lights]) > 0.2
    looks = [sample_looks(SEED, build_of(sample_person(SEED, i))) for i in range(120)]
    styles = [look.hair_style for look in looks]
    assert set(styles) >= set(HAIR_STYLES) - {"bald", "afro"} and styles.count("bald") < 12
    assert np.ptp([look.tone for look in looks]) > 0.8


def white_of_the_eyes(rendering: Rendering) -> int:
    """Greyish bright pixels around both eyes: neither skin nor lashes."""
    total = 0
    for x, y in np.round(rendering.landmarks[:2]).astype(int):
        patch = rendering.picture[y - 7 : y + 8, x - 14 : x + 15]
        grey = patch.max(-1) - patch.min(-1) < 0.2 * patch.max(-1)
        total += int((grey & (patch.mean(-1) > 0.3)).sum())
    return total


def test_closed_eyes_show_no_white():
    people = range(20, 32)
    opened = sum(white_of_the_eyes(shown(index)) for index in people)
    closed = sum(white_of_the_eyes(shown(index, acting({43: 1.0}))) for index in people)
    assert opened > 200 and closed < 0.15 * opened


def test_every_target_of_the_head_is_one_of_two_opposites_or_alone():
    families = _families()
    assert {len(names) for names in families.values()} == {1, 2}
    assert families["head/mouth-trans-down/up"] == ["head/mouth-trans-down", "head/mouth-trans-up"]
    used = {name for index in range(200) for name in sample_looks(SEED, build_of(sample_person(SEED, index))).shape}
    assert {name for names in families.values() for name in names} <= used
