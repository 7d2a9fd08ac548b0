"""Finding faces: MTCNN's cascade (Zhang et al., 2016), everything around its three networks, whoever runs them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

# Windows of the networks, ratio of the pyramid, thresholds of the stages: MTCNN's own defaults.
WINDOW, STRIDE, REFINE_SIDE, OUTPUT_SIDE = 12, 2, 24, 48
PYRAMID_RATIO = 0.709
SMALLEST_FACE = 20  # pixels, of a picture of at most MAX_SIDE
PROPOSAL_THRESHOLD, REFINE_THRESHOLD, OUTPUT_THRESHOLD = 0.6, 0.7, 0.8
MIN_FACE = 0.2  # of the shorter side: looked for first, smaller ones only if there are none: they take most of the time
MAX_SIDE, MIN_SIDE = 1280, 64

# Pixels, float32 [N, H, W, 3] as (RGB - 127.5) / 128 → `offsets` [N, …, 4], `scores` [N, …, 2], and of the last network
# `landmarks` [N, 10] (five x, five y) too.
Network = Callable[[np.ndarray], Mapping[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Detection:
    """A face found in an image.

    Attributes:
      box: float32 [4]: x, y, width, height in source pixels; may reach beyond the image.
      confidence: MTCNN's face probability, 0..1.
      landmarks: float32 [5, 2]: eye, eye, nose tip, mouth corner, mouth corner in source pixels, image-left first.
    """

    box: np.ndarray
    confidence: float
    landmarks: np.ndarray


def best_face(detections: Sequence[Detection], image_shape: tuple[int, ...]) -> Detection | None:
    """The face an image is about: the largest one, those off the centre counting less. None for an empty list.

    Area minus twice the squared distance to the centre, the rule FaceNet's alignment made customary.
    """
    centre = np.array([image_shape[1], image_shape[0]]) / 2

    def weight(detection: Detection) -> float:
        offset = detection.box[:2] + detection.box[2:] / 2 - centre
        return float(detection.box[2] * detection.box[3] - 2 * (offset**2).sum())

    return max(detections, key=weight, default=None)


class Cascade:
    """Finds faces: three networks, ever larger windows, ever fewer candidates.

    The image pyramid is MTCNN's own, level for level, but levels that only serve faces smaller than `min_face` are
    looked at only if the others found nothing: they cost nearly all of the time and do not change what the larger
    ones find. Where MTCNN finds nothing at all, the levels half-way between its own are looked at too.

    Args:
      proposal: takes one image of any size, and says for every window of 12 pixels, two pixels apart, if it is a face.
      refine: takes patches of 24x24.
      output: takes patches of 48x48.
    """

    def __init__(self, proposal: Network, refine: Network, output: Network) -> None:
        self._proposal, self._refine, self._output = proposal, refine, output

    def find(self, image: np.ndarray, every: bool = False) -> list[Detection]:
        """The face a picture (uint8 RGB [H, W, 3]) is about, or every face of at least 20 pixels, from left to right.

        The list is empty where no face is found.
        """
        if every:
            return sorted(self.detect(image, min_face=0), key=lambda face: float(face.box[0]))
        best = best_face(self.detect(image), image.shape)
        return [] if best is None else [best]

    def detect(self, image: np.ndarray, *, min_face: float = MIN_FACE, second_look: bool = True) -> list[Detection]:
        """The faces in a picture, the most confident first.

        Args:
          image: uint8 RGB [H, W, 3], of any size.
          min_face: smallest face looked for at first, as a fraction of the shorter side. 0 looks for all of at least
            20 pixels at once (photographs of groups).
          second_look: look for small faces if there are no large ones, then between the levels of the pyramid; many
            times slower where there is none.
        """
        height, width = image.shape[:2]
        scale = min(1.0, MAX_SIDE / max(height, width))
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        bottom, right = (max(0, MIN_SIDE - side) for side in image.shape[:2])
        if bottom or right:
            image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
        pixels = (image.astype(np.float32) - 127.5) / 128
        scales = _pyramid(min(image.shape[:2]))
        first = [s for s in scales if WINDOW / s >= min_face * min(image.shape[:2])]
        found = self._faces(pixels, first)
        if not found and second_look:
            found = self._faces(pixels, scales) if len(first) < len(scales) else []
            # A face whose size lies between two levels is seen a little too large and too small: some are missed.
            found = found or self._faces(pixels, [s * PYRAMID_RATIO**0.5 for s in scales[:-1]])
        return [
            Detection((d.box / scale).astype(np.float32), d.confidence, (d.landmarks / scale).astype(np.float32))
            for d in found
        ]

    def _faces(self, pixels: np.ndarray, scales: Sequence[float]) -> list[Detection]:
        """The three stages; boxes are rows x1, y1, x2, y2, sorted by falling scores."""
        levels = [self._propose(pixels, scale) for scale in scales]
        boxes = np.concatenate([np.empty((0, 4)), *(level[0] for level in levels)])
        scores = np.concatenate([np.empty(0), *(level[1] for level in levels)])
        boxes, scores = _suppress(boxes, scores, 0.7)
        if not len(boxes):
            return []
        boxes = _square(boxes)
        answer = self._refine(_patches(pixels, boxes, REFINE_SIDE))
        boxes, scores = boxes + answer["offsets"] * _sizes(boxes), answer["scores"][:, 1]
        certain = scores > REFINE_THRESHOLD
        boxes, scores = _suppress(boxes[certain], scores[certain], 0.7)
        if not len(boxes):
            return []
        boxes = _square(boxes)
        answer = self._output(_patches(pixels, boxes, OUTPUT_SIDE))
        points = answer["landmarks"].reshape(-1, 2, 5).transpose(0, 2, 1)  # [n, 5, (x, y)]
        points = points * _sizes(boxes)[:, None, :2] + boxes[:, None, :2] - 1
        boxes, scores = boxes + answer["offsets"] * _sizes(boxes), answer["scores"][:, 1]
        certain = scores > OUTPUT_THRESHOLD
        boxes, scores, points = _suppress(boxes[certain], scores[certain], 0.7, points[certain], over_smaller=True)
        corners = [np.concatenate([box[:2], box[2:] - box[:2]]) for box in boxes]
        return [Detection(*face) for face in zip(corners, map(float, scores), points, strict=True)]

    def _propose(self, pixels: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
        height, width = (int(side * scale) for side in pixels.shape[:2])
        level = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        answer = self._proposal(level[None])
        face = answer["scores"][0, :, :, 1]
        y, x = np.nonzero(face > PROPOSAL_THRESHOLD)
        # Counted from the second pixel to the one after the last, as the weights were trained.
        windows = np.stack([x, y, x, y], axis=1) * STRIDE + np.array([1, 1, WINDOW, WINDOW])
        boxes = (windows + answer["offsets"][0, y, x] * (WINDOW - 1.0)) / scale
        return _suppress(boxes, face[y, x], 0.5)


def _pyramid(shorter: int) -> list[float]:
    """MTCNN's pyramid for an image by its shorter side, finest level first: as many levels as `mtcnn` takes."""
    levels = round(-(np.log(shorter / WINDOW) / np.log(PYRAMID_RATIO) + 1))
    return [WINDOW / SMALLEST_FACE * PYRAMID_RATIO**level for level in range(levels)]


def _sizes(boxes: np.ndarray) -> np.ndarray:
    """Width, height, width, height of boxes whose last pixel belongs to them: [n, 4]."""
    return np.tile(boxes[:, 2:] - boxes[:, :2] + 1, 2)


def _square(boxes: np.ndarray) -> np.ndarray:
    centres, side = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)
    return np.concatenate([centres - side / 2, centres + side / 2], axis=1)


def _suppress(
    boxes: np.ndarray, scores: np.ndarray, threshold: float, *more: np.ndarray, over_smaller: bool = False
) -> Any:
    """Non-maximum suppression: drops what overlaps anything better, over the union or over the smaller box."""
    order = np.argsort(scores)[::-1]  # among equal scores, which are common, the later one wins: as in `mtcnn`
    boxes, scores = boxes[order], scores[order]
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    best = np.ones(len(boxes), bool)
    for start in range(0, len(boxes), 256):  # thousands of boxes with one another would take a gigabyte
        end = min(start + 256, len(boxes))
        upper = np.maximum(boxes[start:end, None, :2], boxes[None, start:, :2])
        lower = np.minimum(boxes[start:end, None, 2:], boxes[None, start:, 2:])
        shared = np.prod(np.maximum(lower - upper, 0), axis=2)
        smaller = np.minimum(areas[start:end, None], areas[None, start:])
        union = areas[start:end, None] + areas[None, start:] - shared
        overlap = shared / (smaller if over_smaller else union)
        best[start:] &= ~np.triu(overlap > threshold, k=1).any(axis=0)
    return (boxes[best], scores[best], *(values[order][best] for values in more))


def _patches(pixels: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """Cuts boxes out, bilinearly, zero outside of the image: what `tf.image.crop_and_resize` does.

    Args:
      pixels: float32 [H, W, 3].
      boxes: [n, 4].
    Returns:
      float32 [n, side, side, 3].
    """
    height, width = pixels.shape[:2]
    steps = np.linspace(0, 1, side)
    x = (boxes[:, :1] + steps * (boxes[:, 2:3] - boxes[:, :1])) * ((width - 1) / width)  # [n, side]
    y = (boxes[:, 1:2] + steps * (boxes[:, 3:] - boxes[:, 1:2])) * ((height - 1) / height)
    inside = ((y >= 0) & (y <= height - 1))[:, :, None] & ((x >= 0) & (x <= width - 1))[:, None, :]
    left, top = (np.clip(np.floor(v).astype(int), 0, end - 1) for v, end in ((x, width), (y, height)))
    right, bottom = np.minimum(left + 1, width - 1)[:, None, :], np.minimum(top + 1, height - 1)[:, :, None]
    across, down = (x - left)[:, None, :, None], (y - top)[:, :, None, None]
    left, top = left[:, None, :], top[:, :, None]
    upper = pixels[top, left] * (1 - across) + pixels[top, right] * across
    lower = pixels[bottom, left] * (1 - across) + pixels[bottom, right] * across
    return ((upper * (1 - down) + lower * down) * inside[..., None]).astype(np.float32)
