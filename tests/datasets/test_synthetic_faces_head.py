"""The head's shape: action units move what they should, people differ, finer meshes are what they are made from."""

import numpy as np
import pytest

from datasets.synthetic_faces import head
from datasets.synthetic_faces.action_units import ACTION_UNITS, Activations
from datasets.synthetic_faces.head import FACE_UNITS, LOWER_TEETH, UPPER_TEETH, blend, express, gaze_units, head_model
from datasets.synthetic_faces.looks import build_of, sample_looks
from datasets.synthetic_faces.person import sample_person
from datasets.synthetic_faces.subdivision import catmull_clark
from datasets.synthetic_faces.template import attach, coordinates, on_face, spread

SEED = 2022
INNER_BROW, OUTER_BROW = (0.12, 7.46), (0.42, 7.48)
UPPER_LID, LOWER_LID = (0.31, 7.335), (0.31, 7.225)
UPPER_LIP, LOWER_LIP, CHIN, CHEEK, CORNER = (0.0, 6.68), (0.0, 6.55), (0.0, 6.3), (0.4, 7.05), (0.25, 6.617)


def neutral(index: int) -> np.ndarray:
    return blend(sample_looks(SEED, build_of(sample_person(SEED, index))).shape)


@pytest.fixture(params=[3, 41, 77], scope="module")
def face(request):
    return neutral(request.param)


def moved(face: np.ndarray, units: dict[int, float], point: tuple[float, float], side: int = 1) -> np.ndarray:
    """How far a point of the face (of the image's right half unless told) moves, dm."""
    activations = Activations({unit: np.full(2, value) for unit, value in units.items()})
    finer = head_model().finer
    offset = finer @ (express(face, head.weights(activations)) - face)
    vertex, weight = attach(on_face(np.array([[side * point[0], point[1]]])))
    return (offset[vertex[0]] * weight[0][:, None]).sum(0)


@pytest.mark.parametrize(
    ("unit", "point", "axis", "least"),
    [
        (1, INNER_BROW, 1, 0.03),
        (2, OUTER_BROW, 1, 0.03),
        (4, INNER_BROW, 1, -0.03),
        (5, UPPER_LID, 1, 0.02),
        (43, UPPER_LID, 1, -0.03),
        (7, LOWER_LID, 1, 0.01),
        (6, CHEEK, 1, 0.01),
        (10, UPPER_LIP, 1, 0.03),
        (12, CORNER, 1, 0.04),
        (12, CORNER, 0, 0.04),
        (15, CORNER, 1, -0.04),
        (16, LOWER_LIP, 1, -0.02),
        (17, LOWER_LIP, 1, 0.02),
        (18, CORNER, 0, -0.03),
        (20, CORNER, 0, 0.03),
        (25, LOWER_LIP, 1, -0.01),
        (26, CHIN, 1, -0.08),
        (27, CHIN, 1, -0.2),
    ],
)
def test_a_unit_moves_what_it_is_named_after(face, unit, point, axis, least):
    amount = moved(face, {unit: 1.0}, point)[axis]
    assert amount * np.sign(least) > abs(least)


def test_pressed_and_sucked_lips_show_less_red(face):
    for unit in (24, 28):
        lips = [moved(face, {unit: 1.0}, point) for point in (UPPER_LIP, LOWER_LIP)]
        assert min(lip[2] for lip in lips) < -0.01  # they roll inwards


def test_every_action_unit_is_shown_by_face_units_of_the_model():
    assert set(FACE_UNITS) == set(ACTION_UNITS)
    names = set(head_model().targets)
    for parts in FACE_UNITS.values():
        for name in parts:
            assert f"unit/{name}" in names or f"unit/{name}Left" in names


def test_halves_move_apart_except_the_jaw(face):
    for unit, point in ((1, INNER_BROW), (12, CORNER), (5, UPPER_LID), (17, (0.15, 6.55))):
        activations = Activations({unit: np.array([0.0, 1.0])})
        offset = head_model().finer @ (express(face, head.weights(activations)) - face)

        def at(side, offset=offset, point=point):
            vertex, weight = attach(on_face(np.array([[side * point[0], point[1]]])))
            return np.linalg.norm((offset[vertex[0]] * weight[0][:, None]).sum(0))

        assert at(1) > 3 * at(-1)
    jaw = express(face, head.weights(Activations({26: np.array([0.0, 1.0])}))) - face
    even = express(face, head.weights(Activations({26: np.array([0.5, 0.5])}))) - face
    np.testing.assert_allclose(jaw, even, atol=1e-6)


def test_the_jaw_takes_the_lower_teeth_along_and_leaves_the_upper_ones(face):
    offset = head_model().finer @ (express(face, head.weights(Activations({27: np.ones(2)}))) - face)
    model = head_model()
    lower, upper = (np.unique(model.triangles[model.part == part]) for part in (LOWER_TEETH, UPPER_TEETH))
    assert offset[lower, 1].mean() < -0.1
    assert abs(offset[upper, 1]).max() < 0.02


def test_an_open_smile_bares_the_upper_teeth(face):
    closed = moved(face, {12: 1.0}, UPPER_LIP)[1]
    opened = moved(face, {12: 1.0, 25: 1.0}, UPPER_LIP)[1]
    assert opened > closed + 0.02


def test_lids_follow_the_gaze(face):
    down, up = (express(face, gaze_units((0.0, gaze))) for gaze in (0.25, -0.2))
    vertex, weight = attach(on_face(np.array([UPPER_LID])))
    finer = head_model().finer

    def height(vertices):
        return ((finer @ vertices)[vertex[0]] * weight[0][:, None]).sum(0)[1]

    assert height(down) < height(face) < height(up)


def test_a_turn_to_the_right_down_and_clockwise_is_seen_so():
    nose = np.array([0.0, 0.0, 1.0])
    assert (head.rotation(0.3, 0, 0) @ nose)[0] > 0.2
    assert (head.rotation(0, 0.2, 0) @ nose)[1] < -0.1
    assert (head.rotation(0, 0, 0.2) @ np.array([0.0, 1.0, 0.0]))[0] > 0.1


def test_a_hundred_people_have_a_hundred_faces():
    model = head_model()
    front = np.flatnonzero((model.vertices[:, 2] > 0.8) & (model.vertices[:, 1] > 6.2) & (model.vertices[:, 1] < 7.9))
    shapes = np.stack([neutral(index)[front] for index in range(100)])
    distance = np.sqrt(np.square(shapes[:, None] - shapes[None]).sum(-1).mean(-1))
    distance += np.eye(100)
    assert distance.min() > 0.015  # dm: 1.5 mm


def test_the_origin_is_between_the_eyes(face):
    np.testing.assert_allclose(face[head_model().eyes].mean((0, 1)), 0, atol=1e-5)


def test_subdivision_keeps_a_plane_and_its_weights_sum_to_one():
    columns, rows = np.meshgrid(np.arange(5), np.arange(4))
    points = np.column_stack([columns.ravel(), rows.ravel(), 2 * columns.ravel() + 1])
    a = (np.arange(3)[:, None] * 5 + np.arange(4)).ravel()
    matrix, quads = catmull_clark(np.stack([a, a + 1, a + 6, a + 5], 1), len(points))
    finer = matrix @ points
    np.testing.assert_allclose(np.asarray(matrix.sum(1)).ravel(), 1, atol=1e-6)
    np.testing.assert_allclose(finer[:, 2], 2 * finer[:, 0] + 1, atol=1e-5)
    assert quads.shape == (48, 4) and len(np.unique(quads)) == len(finer)
    sides = finer[quads]
    area = np.cross(sides[:, 1, :2] - sides[:, 0, :2], sides[:, 3, :2] - sides[:, 0, :2])
    assert (area > 0).all()


def test_a_subdivided_cube_becomes_round():
    points = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
    for _ in range(2):
        matrix, quads = catmull_clark(quads, len(points))
        points = matrix @ points
    radius = np.linalg.norm(points, axis=1)
    assert radius.max() / radius.min() < 1.2


def test_points_of_the_face_find_the_skin_that_holds_them():
    xy = np.array([[0.3, 7.1], [-0.2, 6.9], [0.0, 7.6], [0.1, 6.35]])
    points = on_face(xy)
    vertex, weight = attach(points)
    held = (head_model().template[vertex] * weight[..., None]).sum(1)
    np.testing.assert_allclose(held, points, atol=0.02)


def test_the_map_holds_what_is_spread_on_it():
    where = spread(head_model().template)
    point = on_face(np.array([[0.2, 7.6]]))[0]
    column, row = np.round(coordinates(point)).astype(int)
    np.testing.assert_allclose(where[row, column], point, atol=0.02)
