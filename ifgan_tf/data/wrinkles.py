"""Lines of skin on aligned faces, whatever their expression.

Rendered faces have folds from nose to mouth, and lines about the eyes, where an expression makes them; real faces have
them at rest, where they say nothing.
"""

from __future__ import annotations

import cv2
import numpy as np

_CANVAS = 384  # pixels of the side on which lines are drawn, finer than any view that they end on
_BITS = 3  # fractions of a pixel
# Half a face as `faces.geometry.TEMPLATE` aligns it, in hundredths of a view's side: where a line begins, bends, ends.
_FOLD = ((42, 59), (34, 65), (32, 78))  # from the wing of the nose past the corner of the mouth
_LINES = (
    ((37, 80), (34, 84), (35, 92)),  # down from the corner of the mouth
    ((25, 44), (33, 50), (42, 45)),  # under the eye
    ((23, 37), (20, 36), (17, 33)),  # two beside it
    ((23, 40), (20, 41), (17, 43)),
    ((50, 21), (40, 19), (27, 23)),  # two on the forehead
    ((50, 26), (40, 24), (28, 28)),
    ((45, 44), (42, 47), (40, 49)),  # on the nose
    ((31, 52), (25, 58), (25, 69)),  # on the cheek
)
_FOLD_SHARE, _LINE_SHARE = 0.8, 0.4  # of faces that have one


def wrinkled(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws some of them, alike on both sides but for a little: darker than the skin, with a lighter edge.

    Args:
      view: float32 RGB [S, S, 3], 0..255.
      rng: what they are drawn from.
    Returns:
      The same, with lines.
    """
    canvas = np.zeros((_CANVAS, _CANVAS), np.float32)
    age = rng.uniform(0.3, 1)
    for line in (_FOLD, *_LINES):
        if rng.random() >= (_FOLD_SHARE if line is _FOLD else _LINE_SHARE):
            continue
        depth, moved = age * rng.uniform(0.3, 1), np.array(line) + rng.normal(0, 1.25, (3, 2))
        for mirrored in (False, True):
            points = moved + rng.normal(0, 0.5, (3, 2))
            if mirrored:
                points[:, 0] = 100 - points[:, 0]
            curve = np.rint(_bent(points) * (_CANVAS / 100 * 2**_BITS)).astype(np.int32)
            cv2.polylines(canvas, [curve], False, depth, int(rng.integers(3, 9)), cv2.LINE_AA, _BITS)
    size = view.shape[0]
    soft = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(1.5, 6))
    shadow = cv2.resize(soft, (size, size), interpolation=cv2.INTER_AREA)
    edge = np.roll(shadow, np.rint(rng.uniform(-0.02, 0.02, 2) * size).astype(int), (0, 1))
    shade = 1 - rng.uniform(0.2, 0.7) * shadow + rng.uniform(0, 0.25) * edge
    return np.clip(view * shade[..., None].astype(np.float32), 0, 255)


def _bent(points: np.ndarray) -> np.ndarray:
    """A quadratic Bézier curve of three points, float [12, 2]."""
    begin, bend, end = points
    t = np.linspace(0, 1, 12)[:, None]
    return (1 - t) ** 2 * begin + 2 * t * (1 - t) * bend + t**2 * end
