"""Drawn faces: the same from the same seed, different people, action units that move what they should."""

import dataclasses

import numpy as np
import pytest

from datasets.synthetic_faces.action_units import ACTION_UNITS, Activations
from datasets.synthetic_faces.canvas import SIZE
from datasets.synthetic_faces.drawing import Drawing, paint_head
from datasets.synthetic_faces.expressions import sample_performance, still
from datasets.synthetic_faces.outlines import face_geometry
from datasets.synthetic_faces.person import sample_person
from datasets.synthetic_faces.picture import SEED
from datasets.synthetic_faces.scene import Scene, sample_scene
from datasets.synthetic_faces.subject import Subject, sample_subject

FRONTAL = Scene(
    yaw=0.0,
    pitch=0.0,
    roll=0.0,
    zoom=1.0,
    shift=(0.0, 0.0),
    light=(0.0, -0.4, 0.9),
    ambient=0.4,
    gaze=(0.0, 0.0),
)


def acting(**units: float) -> Activations:
    """AU12=1.0 → both halves pull the lip corner fully."""
    return Activations({int(name.removeprefix("AU")): np.full(2, value) for name, value in units.items()})


def painted(subject: Subject, activations: Activations, scene: Scene = FRONTAL) -> Drawing:
    return paint_head(subject, activations, scene, np.full((SIZE, SIZE, 3), 0.6, np.float32), SEED)


def subject_of(index: int) -> Subject:
    return sample_subject(SEED, sample_person(SEED, index))


@pytest.fixture(params=[3, 41, 77])
def person(request):
    return subject_of(request.param)


def shape(person, **units):
    return face_geometry(person, acting(**units))


def test_people_differ_more_than_their_pictures():
    pictures = np.stack([[render_still(person, take) for take in (1, 2)] for person in range(6)]).astype(float)
    within = np.abs(pictures[:, 0] - pictures[:, 1]).mean()
    between = np.mean([np.abs(pictures[i, 0] - pictures[j, 1]).mean() for i in range(6) for j in range(6) if i != j])
    assert between > 5 * within


def render_still(index: int, take: int) -> np.ndarray:
    """A person's neutral face in a fixed scene; takes differ by the small movements that mean nothing."""
    person = sample_person(SEED, index)
    rng = np.random.default_rng(take)
    performance = sample_performance("neutral", 0.0, person.habits, rng)
    return painted(subject_of(index), person.rest.plus(performance.activations)).picture


def test_a_hundred_people_have_a_hundred_faces():
    people = [subject_of(index) for index in range(100)]
    geometries = np.stack([face_geometry(person, Activations()).landmarks.ravel() for person in people])
    distance = np.linalg.norm(geometries[:, None] - geometries[None], axis=-1)
    assert distance[~np.eye(100, dtype=bool)].min() > 0.005
    skin = np.array([person.skin for person in people]).mean(axis=1)
    assert skin.min() < 0.3 and skin.max() > 0.75
    assert len({person.hair_style for person in people}) >= 7


def test_lip_corner_puller_raises_and_widens_the_mouth(person):
    rest, smile = shape(person).mouth.corners, shape(person, AU12=1.0).mouth.corners
    assert (smile[:, 1] < rest[:, 1] - 0.15).all()
    assert np.ptp(smile[:, 0]) > np.ptp(rest[:, 0]) + 0.2


def test_lip_corner_depressor_lowers_the_corners(person):
    assert (shape(person, AU15=1.0).mouth.corners[:, 1] > shape(person).mouth.corners[:, 1] + 0.1).all()


def test_jaw_drop_and_mouth_stretch_open_the_mouth(person):
    rest, drop, stretch = shape(person), shape(person, AU26=1.0), shape(person, AU27=1.0)
    assert rest.mouth.opening == 0.0
    assert 0.15 < drop.mouth.opening < stretch.mouth.opening
    assert rest.chin < drop.chin < stretch.chin


def test_lips_part_without_the_jaw(person):
    parted = shape(person, AU25=1.0)
    assert parted.mouth.opening > 0.05 and parted.chin == shape(person).chin


@pytest.mark.parametrize(("unit", "moved", "still"), [("AU1", 0, -1), ("AU2", -1, 0)])
def test_brow_raisers_lift_their_end_of_the_brow(person, unit, moved, still):
    for i in range(2):
        rest, raised = shape(person).brows[i][:, 1], shape(person, **{unit: 1.0}).brows[i][:, 1]
        assert raised[moved] < rest[moved] - 0.2
        assert abs(raised[still] - rest[still]) < 0.05


def test_brow_lowerer_lowers_the_brows_and_draws_them_together(person):
    for i, side in enumerate((-1, 1)):
        rest, lowered = shape(person).brows[i], shape(person, AU4=1.0).brows[i]
        assert (lowered[:, 1] > rest[:, 1]).all()
        assert side * lowered[0, 0] < side * rest[0, 0] - 0.1


def aperture(geometry) -> float:
    return float(np.mean([eye.lower[:, 1].max() - eye.upper[:, 1].min() for eye in geometry.eyes]))


def test_lids_open_and_narrow_the_eyes(person):
    assert aperture(shape(person, AU7=1.0)) < aperture(shape(person)) < aperture(shape(person, AU5=1.0))
    assert aperture(shape(person, AU6=1.0)) < aperture(shape(person))


def test_nose_wrinkler_raises_the_wings_and_cheek_raiser_the_cheeks(person):
    assert (shape(person, AU9=1.0).nose_wings[:, 1] < shape(person).nose_wings[:, 1]).all()
    assert (shape(person, AU6=1.0).cheeks[:, 1] < shape(person).cheeks[:, 1] - 0.1).all()


def test_lip_pressor_thins_the_lips(person):
    def thickness(mouth):
        return (mouth.upper_inner - mouth.upper_outer)[:, 1].max() + (mouth.lower_outer - mouth.lower_inner)[:, 1].max()

    assert thickness(shape(person, AU24=1.0).mouth) < 0.75 * thickness(shape(person).mouth)


def test_one_sided_activation_moves_one_side(person):
    smirk = face_geometry(person, Activations({12: np.array([0.0, 1.0])})).mouth.corners
    rest = shape(person).mouth.corners
    assert smirk[0, 1] == pytest.approx(rest[0, 1]) and smirk[1, 1] < rest[1, 1] - 0.1


def test_every_unit_changes_the_pixels():
    person = subject_of(8)

    def image(activations):
        return 255 * painted(person, activations).picture

    rest = image(Activations())
    unseen = [unit for unit in ACTION_UNITS if np.abs(image(acting(**{f"AU{unit}": 1.0})) - rest).max() < 15]
    assert unseen == []


def test_pose_turns_the_nose_against_the_eyes():
    person = subject_of(4)

    def nose_offset(**pose):
        landmarks = painted(person, Activations(), dataclasses.replace(FRONTAL, **pose)).landmarks
        return landmarks[2] - landmarks[:2].mean(axis=0)

    assert nose_offset(yaw=0.15)[0] > nose_offset()[0] + 3 > nose_offset(yaw=-0.15)[0] + 6
    assert nose_offset(pitch=0.1)[1] > nose_offset()[1] + 2


def test_light_comes_from_a_direction():
    scenes = [sample_scene(still(Activations()), np.random.default_rng(k)) for k in range(200)]
    assert np.allclose([np.linalg.norm(s.light) for s in scenes], 1)
