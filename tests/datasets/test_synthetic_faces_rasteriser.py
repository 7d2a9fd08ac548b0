"""The depth buffer: what is nearer is seen, attributes follow perspective, strands are lines."""

import numpy as np

from datasets.synthetic_faces.rasteriser import (
    NOTHING,
    Lens,
    draw_strands,
    draw_triangles,
    empty_buffers,
    project,
    vertex_normals,
)

LENS = Lens(focal=100.0, centre=(31.5, 31.5), distance=10.0)
NEARER = np.array([0.0, 0.0, 1.0])
TRIANGLE = np.array([[-2.0, -2.0, 0.0], [2.0, -2.0, 0.0], [0.0, 2.0, 0.0]])


def drawn(points: np.ndarray, triangles: list[list[int]]):
    buffers = empty_buffers(64, 64)
    draw_triangles(project(points, LENS), np.array(triangles, np.int32), *buffers)
    return buffers


def test_the_nearer_triangle_is_seen_whatever_the_order():
    points = np.concatenate([TRIANGLE, TRIANGLE + NEARER])
    for order in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        buffers = drawn(points, order)
        nearer = order.index([3, 4, 5])
        assert buffers.item[32, 32] == nearer
        np.testing.assert_allclose(buffers.depth[32, 32], 1 / 9, rtol=1e-5)
    assert buffers.item[0, 0] == NOTHING and buffers.depth[0, 0] == 0


def test_both_faces_of_a_triangle_are_drawn():
    front, back = drawn(TRIANGLE, [[0, 1, 2]]), drawn(TRIANGLE, [[0, 2, 1]])
    np.testing.assert_array_equal(front.item, back.item)
    assert (front.item == 0).sum() > 400


def test_weights_give_back_the_point_that_is_seen_in_perspective():
    points = np.array([[-2.0, -2.0, 3.0], [2.0, -2.0, -3.0], [0.0, 2.0, 0.0]])
    buffers = drawn(points, [[0, 1, 2]])
    rows, columns = np.nonzero(buffers.item == 0)
    b, c = buffers.weight[rows, columns].T
    seen = (1 - b - c)[:, None] * points[0] + b[:, None] * points[1] + c[:, None] * points[2]
    np.testing.assert_allclose(project(seen, LENS)[:, :2], np.column_stack([columns, rows]), atol=0.02)


def test_a_strand_is_a_line_that_hides_behind_what_is_nearer():
    strand = np.array([[[-2.0, 0.0, 1.0], [2.0, 0.0, 1.0]]])
    before = drawn(TRIANGLE, [[0, 1, 2]])
    draw_strands(project(strand, LENS), 1, before.depth, before.item)
    assert (before.item == 1).sum() == np.count_nonzero(before.item[31:33] == 1) > 30
    behind = drawn(TRIANGLE + 2 * NEARER, [[0, 1, 2]])
    covered = behind.item == 0
    draw_strands(project(strand, LENS), 1, behind.depth, behind.item)
    assert (behind.item[covered] == 0).all() and (behind.item == 1).any()


def test_segments_of_strands_are_numbered_one_after_the_other():
    strands = np.array(
        [[[-2.0, 1.0, 0.0], [0.0, 1.0, 0.0], [2.0, 1.0, 0.0]], [[-2.0, -1.0, 0.0], [0.0, -1.0, 0.0], [2.0, -1.0, 0.0]]]
    )
    buffers = empty_buffers(64, 64)
    draw_strands(project(strands, LENS), 5, buffers.depth, buffers.item)
    assert set(np.unique(buffers.item)) == {NOTHING, 5, 6, 7, 8}
    assert buffers.item[22, 15] == 5 and buffers.item[42, 45] == 8


def test_normals_of_a_sphere_point_outwards():
    theta, phi = np.meshgrid(np.linspace(0.3, 2.8, 20), np.linspace(0, 2 * np.pi, 40, endpoint=False), indexing="ij")
    points = np.stack([np.sin(theta) * np.cos(phi), np.cos(theta), np.sin(theta) * np.sin(phi)], -1)
    a = np.arange(19)[:, None] * 40 + np.arange(40)
    b = np.arange(19)[:, None] * 40 + (np.arange(40) + 1) % 40
    triangles = np.concatenate([np.stack([a, b, b + 40], -1), np.stack([a, b + 40, a + 40], -1)]).reshape(-1, 3)
    normals = vertex_normals(points.reshape(-1, 3).astype(np.float32), triangles.astype(np.int32))
    inner = (theta > 0.5) & (theta < 2.6)
    agreement = (normals.reshape(points.shape) * points).sum(-1)[inner]
    assert abs(agreement).min() > 0.98 and len(np.unique(np.sign(agreement))) == 1
