"""Catmull-Clark subdivision of a mesh of quads, as one sparse matrix: the finer mesh of any shape is a product."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def catmull_clark(quads: np.ndarray, vertices: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """One step of subdivision.

    Args:
      quads: int [m, 4].
      vertices: how many there are.

    Returns:
      The float32 matrix [vertices + m + edges, vertices] that takes vertices to finer vertices, the old ones first,
      and the finer quads, int32 [4 m, 4]. Borders stay borders.
    """
    m = len(quads)
    ends = np.sort(np.stack([quads, np.roll(quads, -1, 1)], -1).reshape(-1, 2), 1)
    edges, edge_of, sides = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    edge_of = edge_of.reshape(m, 4)
    e = len(edges)

    def matrix(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
        return sparse.csr_matrix((values.ravel(), (rows.ravel(), columns.ravel())), shape)

    identity = sparse.identity(vertices, format="csr")
    face = matrix(np.repeat(np.arange(m), 4), quads, np.full(4 * m, 0.25), (m, vertices))
    middle = matrix(np.repeat(np.arange(e), 2), edges, np.full(2 * e, 0.5), (e, vertices))
    face_sum = matrix(edge_of, np.repeat(np.arange(m), 4), np.ones(4 * m), (e, m))
    inner = sparse.diags((sides == 2).astype(float))
    edge = inner @ (middle * 0.5 + face_sum @ face * 0.25) + (sparse.identity(e) - inner) @ middle

    touching = matrix(edges, np.repeat(np.arange(e), 2), np.ones(2 * e), (vertices, e))
    in_face = matrix(quads, np.repeat(np.arange(m), 4), np.ones(4 * m), (vertices, m))
    valence = np.maximum(np.asarray(touching.sum(1)).ravel(), 1)
    border_edges = touching @ sparse.diags((sides == 1).astype(float))
    on_border = np.asarray(border_edges.sum(1)).ravel() > 0
    per_face = sparse.diags(1 / np.maximum(np.asarray(in_face.sum(1)).ravel(), 1))
    smooth = (
        sparse.diags(1 / valence) @ (per_face @ in_face @ face)
        + sparse.diags(2 / valence**2) @ (touching @ middle)
        + sparse.diags((valence - 3) / valence) @ identity
    )
    border = identity * 0.5 + border_edges @ middle * 0.25
    loose = sparse.diags((valence < 3) & ~on_border, dtype=float)
    keep = sparse.diags((~on_border).astype(float)) - loose
    vertex = keep @ smooth + sparse.diags(on_border.astype(float)) @ border + loose @ identity

    face_number = vertices + np.arange(m)
    edge_number = vertices + m + edge_of
    finer = np.stack(
        [np.stack([quads[:, i], edge_number[:, i], face_number, edge_number[:, i - 1]], 1) for i in range(4)],
        1,
    ).reshape(-1, 4)
    return sparse.vstack([vertex, face, edge]).tocsr().astype(np.float32), finer.astype(np.int32)
