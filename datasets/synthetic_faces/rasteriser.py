"""Finds what every sample of a picture sees: triangles and strands with a depth buffer, compiled by numba.

Depth is kept as 1 / distance along the camera's axis (larger is nearer): that is linear over a triangle in the picture.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from datasets.synthetic_faces.compiled import compiled

NOTHING = -1


class Buffers(NamedTuple):
    """What the samples of a picture [H, W] see.

    Attributes:
      depth: float32, 1 / distance; 0 where nothing is.
      item: int32, a triangle's number, or the number of triangles + that of a strand's segment, or `NOTHING`.
      weight: float32 [H, W, 2], of a triangle's second and third corner.
    """

    depth: np.ndarray
    item: np.ndarray
    weight: np.ndarray


def empty_buffers(height: int, width: int) -> Buffers:
    """Buffers in which nothing is seen yet."""
    return Buffers(
        np.zeros((height, width), np.float32),
        np.full((height, width), NOTHING, np.int32),
        np.zeros((height, width, 2), np.float32),
    )


class Lens(NamedTuple):
    """A camera on the z axis that looks at the origin: `focal` and `centre` (x, y) in samples, `distance` in dm."""

    focal: float
    centre: tuple[float, float]
    distance: float


def project(points: np.ndarray, lens: Lens) -> np.ndarray:
    """Points [..., 3] → x, y in samples (down is positive) and 1 / distance, float32 [..., 3]."""
    inverse = 1 / (lens.distance - points[..., 2])
    x = lens.centre[0] + lens.focal * points[..., 0] * inverse
    y = lens.centre[1] - lens.focal * points[..., 1] * inverse
    return np.stack([x, y, inverse], -1).astype(np.float32)


@compiled()
def draw_triangles(
    screen: np.ndarray, triangles: np.ndarray, depth: np.ndarray, item: np.ndarray, weight: np.ndarray
) -> None:
    """Draws triangles into buffers, those seen from behind too.

    Args:
      screen: float32 [n, 3], projected vertices.
      triangles: int32 [T, 3].
      depth, item, weight: as in `Buffers`, changed in place.
    """
    height, width = depth.shape
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, az = screen[a, 0], screen[a, 1], screen[a, 2]
        bx, by, bz = screen[b, 0], screen[b, 1], screen[b, 2]
        cx, cy, cz = screen[c, 0], screen[c, 1], screen[c, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        left, right = _span(ax, bx, cx, width)
        top, bottom = _span(ay, by, cy, height)
        inverse = np.float32(1.0) / area
        for y in range(top, bottom):
            for x in range(left, right):
                wb, wc = _weights(x - ax, y - ay, bx - ax, by - ay, cx - ax, cy - ay, inverse)
                wa = np.float32(1.0) - wb - wc
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                z = wa * az + wb * bz + wc * cz
                if z > depth[y, x]:
                    depth[y, x] = z
                    item[y, x] = t
                    weight[y, x, 0] = wb * bz / z
                    weight[y, x, 1] = wc * cz / z


@compiled()
def draw_nearest(screen: np.ndarray, triangles: np.ndarray, nearest: np.ndarray) -> None:
    """Draws triangles [T, 3] of projected vertices [n, 3] into a map of the greatest third coordinate, in place."""
    height, width = nearest.shape
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by, cx, cy = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        left, right = _span(ax, bx, cx, width)
        top, bottom = _span(ay, by, cy, height)
        inverse = np.float32(1.0) / area
        for y in range(top, bottom):
            for x in range(left, right):
                wb, wc = _weights(x - ax, y - ay, bx - ax, by - ay, cx - ax, cy - ay, inverse)
                if wb < 0 or wc < 0 or wb + wc > 1:
                    continue
                z = (1 - wb - wc) * screen[a, 2] + wb * screen[b, 2] + wc * screen[c, 2]
                if z > nearest[y, x]:
                    nearest[y, x] = z


@compiled()
def draw_points(points: np.ndarray, in_pixels: np.ndarray, nearest: np.ndarray) -> None:
    """Draws points [n, 3] into a map of the greatest third coordinate after a product with `in_pixels` [3, 3]."""
    size = nearest.shape[0]
    half = np.float32(size * 0.5 + 0.5)
    m = in_pixels
    for i in range(len(points)):
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        x = int(px * m[0, 0] + py * m[1, 0] + pz * m[2, 0] + half)
        y = int(px * m[0, 1] + py * m[1, 1] + pz * m[2, 1] + half)
        z = px * m[0, 2] + py * m[1, 2] + pz * m[2, 2]
        if 0 <= x < size and 0 <= y < size and z > nearest[y, x]:
            nearest[y, x] = z


@compiled()
def _span(a: float, b: float, c: float, size: int) -> tuple[int, int]:
    """The first sample that a triangle with corners at these places reaches, and the one after the last."""
    return max(0, int(np.ceil(min(a, b, c)))), min(size - 1, int(np.floor(max(a, b, c)))) + 1


@compiled()
def _weights(x: float, y: float, bx: float, by: float, cx: float, cy: float, inverse: float) -> tuple[float, float]:
    """The weights of a triangle's second and third corner at a place, everything seen from the first one.

    `inverse` is one by twice its area.
    """
    return (x * cy - y * cx) * inverse, (bx * y - by * x) * inverse


@compiled()
def draw_strands(screen: np.ndarray, first: int, depth: np.ndarray, item: np.ndarray) -> None:
    """Draws strands, a sample wide, into buffers.

    Args:
      screen: float32 [S, K, 3], projected points of S strands.
      first: the number of the first strand's first segment; every strand has K - 1.
      depth, item: as in `Buffers`, changed in place.
    """
    height, width = depth.shape
    for s in range(screen.shape[0]):
        for k in range(screen.shape[1] - 1):
            ax, ay, az = screen[s, k, 0], screen[s, k, 1], screen[s, k, 2]
            bx, by, bz = screen[s, k + 1, 0], screen[s, k + 1, 1], screen[s, k + 1, 2]
            steps = max(int(max(abs(bx - ax), abs(by - ay))) + 1, 1)
            if steps > 200:
                continue
            for i in range(steps):
                u = np.float32(i) / steps
                x = int(np.floor(ax + u * (bx - ax) + np.float32(0.5)))
                y = int(np.floor(ay + u * (by - ay) + np.float32(0.5)))
                if x < 0 or y < 0 or x >= width or y >= height:
                    continue
                z = az + u * (bz - az)
                if z > depth[y, x]:
                    depth[y, x] = z
                    item[y, x] = first + s * (screen.shape[1] - 1) + k


@compiled()
def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals of a mesh's vertices, float32 [n, 3], weighted by the triangles' areas."""
    normals = np.zeros_like(vertices)
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):
            normals[i, 0] += x
            normals[i, 1] += y
            normals[i, 2] += z
    for i in range(len(normals)):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + np.float32(1e-12)
        for k in range(3):
            normals[i, k] /= length
    return normals
