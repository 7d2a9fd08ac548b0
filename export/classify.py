# Made by python -m export.one_file. Do not change this file, but what it is made of:
#   ifgan_tf/recognition/device.py
#   ifgan_tf/recognition/__init__.py
#   ifgan_tf/errors.py
#   ifgan_tf/faces/detection.py
#   ifgan_tf/faces/geometry.py
#   ifgan_tf/faces/quality.py
#   ifgan_tf/pretrained/__init__.py
#   ifgan_tf/recognition/litert.py
#   ifgan_tf/recognition/naming.py
"""Names the expression of faces in pictures, on a device: LiteRT, NumPy and OpenCV, nothing else.

    python -m export.classify IMAGE…

or, on a device, this one file and beside it the model that ships, `ifgan_tf/pretrained/photos.tflite`; or, named by
--model, any .tflite that `export.tflite` wrote:

    pip install ai-edge-litert numpy opencv-python-headless
    python classify.py photo.jpg
    python classify.py --model=ifgan_float32.tflite photo.jpg folder/
    python classify.py --model=ifgan_float32.tflite --faces=all --average_face=out/face.png group.jpg
    python classify.py --model=ifgan_float32.tflite --camera=0

One JSON line an image, about its largest, most central face:

    {"image": path, "label": name, "confidence": p, "box": [x, y, width, height], "detection": p,
     "probabilities": {name: p, …}, "quality": words}

"quality" says why the answer is to be trusted less (small, blurred, dark, bright, turned; a good face has none). A face
of which nothing can be read has the label "uncertain"; so has, with --min_confidence=P, one whose best probability is
below P. Probabilities stay as they are.

With --faces=all also "faces": a list of such objects, from left to right. {"image": path, "error": …} says why there is
no label; where no face is found nothing is guessed. Boxes are in pixels of the upright picture.

Exit codes: 0 every image got a label; 1 some did not (their lines say why); 2 nothing was done: a model file that is
none of ours, or arguments that make no sense (or there is no room for the lines); 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# Read when OpenCV is loaded: a picture of more pixels is refused before it takes the memory.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")


# --- ifgan_tf/recognition/__init__.py


INSTALL = "pip install ai-edge-litert numpy opencv-python-headless"  # all that a .tflite model needs to run
UNDECODED = (  # of a video; the wheels of OpenCV decode no AV1
    "opens, but none of its frames can be decoded: damaged, or of a codec that OpenCV lacks, such as AV1; convert a "
    "whole one by: ffmpeg -i FILE -c:v libx264 OUT.mp4"
)


try:
    import cv2
    import numpy as np
except ImportError as missing:
    if __name__ != "__main__":
        raise
    print(f"error: {missing}; this needs: {INSTALL}", file=sys.stderr)
    sys.exit(2)


# --- ifgan_tf/errors.py


import re

_LONGEST = 300


class UserError(Exception):
    """Bad input that a person can mend.

    The message names the file or flag, says what was expected and what to do. Entry points print it
    as one line and exit with code 2 (see :mod:`ifgan_tf.cli`).
    """


def reason(error: BaseException) -> str:
    """What an exception of a library says, in one line: without TensorFlow's names of nodes and operations."""
    text = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error) or type(error).__name__
    text = re.sub(r"\{\{.*?\}\}|\[(\[\{\{.*?\}\}\]|Op:\w*)\]", "", str(text)).strip().partition("\n")[0]
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"


# --- ifgan_tf/faces/detection.py


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


# --- ifgan_tf/faces/geometry.py


from typing import Any

import cv2
import numpy as np

ALIGNED_SIZE = 256
CROP = 224  # side of the patch that is cropped from an aligned face (paper §4.2)
# Where the image-left eye centre, image-right eye centre and nose tip come to lie, (x, y) in the 256x256 face.
TEMPLATE = np.array([[88.0, 104.0], [168.0, 104.0], [128.0, 152.0]], np.float32)


def template_of(points: Any) -> np.ndarray:
    """A template, float32 [3, 2], of the numbers that a file holds.

    Raises:
      ValueError: unless they are three points that span a face in the 256x256 square.
    """
    template = np.asarray(points, np.float32)
    if template.shape != TEMPLATE.shape or not ((template >= 0) & (template < ALIGNED_SIZE)).all():
        raise ValueError(f"a template of {template.tolist()}: expected three points (x, y) from 0 to {ALIGNED_SIZE}")
    similarity_transform(template)
    return template


def similarity_transform(points: np.ndarray, template: np.ndarray = TEMPLATE) -> np.ndarray:
    """The similarity that brings eye centres and nose tip nearest to a template in the least-squares sense.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991, Eq. 40-42.

    Args:
      points: [>=3, 2], image-left eye, image-right eye, nose tip (further points are ignored), source pixels.
      template: [3, 2], where they are to lie in the 256x256 face.

    Returns:
      float64 [2, 3], source pixel to aligned pixel.

    Raises:
      ValueError: if the points coincide or are not finite.
    """
    source = np.asarray(points, np.float64)[:3]
    target = template.astype(np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    source_centred, target_centred = source - source_mean, target - target_mean
    variance = (source_centred**2).sum() / len(source)
    if not np.isfinite(variance) or variance < 1e-12:
        raise ValueError(f"landmarks {source.tolist()} do not span a face")
    u, singular, vt = np.linalg.svd(target_centred.T @ source_centred / len(source))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])  # a rotation, never a mirror image
    rotation = u @ np.diag(sign) @ vt
    scale = (singular * sign).sum() / variance
    return np.column_stack([scale * rotation, target_mean - scale * rotation @ source_mean])


def align(image: np.ndarray, landmarks: np.ndarray, template: np.ndarray = TEMPLATE) -> np.ndarray:
    """Cuts the face out upright.

    Args:
      image: uint8 RGB [H, W, 3].
      landmarks, template: as for :func:`similarity_transform`.

    Returns:
      uint8 RGB [256, 256, 3]. What lies outside the image repeats its edge.
    """
    transform = similarity_transform(landmarks, template)
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    shrink = int(1 / scale)
    if shrink >= 2:  # warpAffine looks at four pixels only: average the others in first, or fine texture aliases
        height, width = (max(1, side // shrink) for side in image.shape[:2])
        factors = np.array([image.shape[1] / width, image.shape[0] / height])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        # Pixel centres: source = (reduced + 0.5) * factor - 0.5.
        transform = np.column_stack(
            [transform[:, :2] * factors, transform[:, 2] + transform[:, :2] @ (factors / 2 - 0.5)]
        )
    return cv2.warpAffine(
        image, transform, (ALIGNED_SIZE, ALIGNED_SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def fallback_crop(image: np.ndarray) -> np.ndarray:
    """What stands for an image in which no face was found: its largest centred square, uint8 RGB [256, 256, 3]."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    method = cv2.INTER_AREA if side >= ALIGNED_SIZE else cv2.INTER_LINEAR
    return cv2.resize(square, (ALIGNED_SIZE, ALIGNED_SIZE), interpolation=method)


def working_size(image_size: int) -> int:
    """Side that an aligned 256x256 face is resampled to, so that a crop of `image_size` is 224/256 of it (§4.2)."""
    return round(image_size * ALIGNED_SIZE / CROP)


def resize(image: np.ndarray, side: int) -> np.ndarray:
    """The project's one way to resample a face: antialiased when it shrinks.

    Args:
      image: uint8 [H, W, 3].
      side: of the result.
    Returns:
      uint8 [side, side, 3].
    """
    shrinks = side < min(image.shape[:2])
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def centre_crop(images: np.ndarray, side: int) -> np.ndarray:
    """The central patch of validation, test and average faces: [..., W, W, 3] → [..., side, side, 3]."""
    start = (images.shape[-2] - side) // 2
    return images[..., start : start + side, start : start + side, :]


def model_view(image: np.ndarray, image_size: int) -> np.ndarray:
    """What a model of `image_size` is shown of an aligned face outside training: uint8 [S, S, 3]."""
    return centre_crop(resize(image, working_size(image_size)), image_size)


# --- ifgan_tf/faces/quality.py


import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np


# Sharpness and light are measured on a face of this side, whatever its size in the photograph, so that they compare. A
# smaller one is measured as small as it is: what it lacks in detail is told by its size.
SIDE, SMALLEST_SIDE = 64, 16
EYES_TO_MOUTH = 0.36  # of the side of an aligned face
# The middle of an aligned face as shares of its side: from brows to chin, from cheek to cheek.
ROWS, COLUMNS = (0.28, 0.84), (0.25, 0.75)
BRIGHTEST = 0.95  # the quantile of brightness that light is judged by
OVEREXPOSED = 250  # of 255
# A nose tip stands out by this share of the distance of the eyes, so that it moves aside by the tangent of the yaw.
# Fitted to heads turned by 15, 25, … 65 degrees: the median is read as 16, 24, 38, 46, 54 and 62.
NOSE = 0.55
# Where the nose tip lies between eyes (0) and mouth (1): of a level head, and further down a degree. Expressions move
# the mouth: half of the level heads are read as within 8 degrees, 95 % as within 24.
LEVEL, A_DEGREE = 0.57, 0.0065


@dataclass(frozen=True)
class Quality:
    """What a face is like in its photograph; None where it was not measured. As text: the `words`.

    Attributes:
      size: from eye to eye, or from eyes to mouth where that is longer, in pixels of the photograph.
      sharpness: deviation of the Laplacian by that of the brightness, so that contrast cancels out; about 1 is sharp.
      brightness: of the brightest twentieth of the face, 0..255.
      overexposed: share of the face without any tone, 0..1.
      yaw: degrees that the head is turned by; positive towards the image's right.
      pitch: degrees that it is bent down (positive) or up, roughly.
    """

    size: float | None = None
    sharpness: float | None = None
    brightness: float | None = None
    overexposed: float | None = None
    yaw: float | None = None
    pitch: float | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Why an answer is to be trusted less: `small`, `blurred`, `dark`, `bright`, `turned`; none for a good face."""
        return tuple(dict.fromkeys(limit.word for limit in LIMITS if self._beyond(limit, limit.poor)))

    @property
    def unreadable(self) -> bool:
        """Whether an answer is worth no more than a guess."""
        return any(self._beyond(limit, limit.unreadable) for limit in LIMITS)

    def __str__(self) -> str:
        return " ".join(self.words)

    def _beyond(self, limit: Limit, value: float) -> bool:
        figure = getattr(self, limit.figure)
        if figure is None:
            return False
        return abs(figure) > value if limit.poor < limit.unreadable else figure < value


UNMEASURED = Quality()


class Limit(NamedTuple):
    """From where on a figure of `Quality` is poor, and from where on nothing can be read; above or below, by order."""

    word: str
    figure: str
    poor: float
    unreadable: float


LIMITS = (
    Limit("small", "size", 12, 7),
    Limit("blurred", "sharpness", 0.28, 0.18),
    Limit("dark", "brightness", 45, 20),
    Limit("bright", "overexposed", 0.4, 0.7),
    Limit("turned", "yaw", 30, 50),
    Limit("turned", "pitch", 30, 42),
)


def assess(face: np.ndarray, landmarks: np.ndarray | None) -> Quality:
    """Judges a face.

    Args:
      face: aligned, uint8 RGB [S, S, 3].
      landmarks: float32 [5, 2], eyes, nose tip and mouth corners in pixels of the photograph, image-left first; None
        for a face that was aligned elsewhere: then its size and pose are not known.
    """
    size = None if landmarks is None else _size(landmarks)
    side = min(SIDE, *face.shape[:2])
    if size is not None:
        side = min(side, max(SMALLEST_SIDE, round(size / EYES_TO_MOUTH)))
    grey = cv2.cvtColor(resize(face, side), cv2.COLOR_RGB2GRAY).astype(np.float32)
    rows, columns = (slice(int(side * start), math.ceil(side * end)) for start, end in (ROWS, COLUMNS))
    middle = grey[rows, columns]
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F)[rows, columns].std() / max(middle.std(), 1.0))
    brightness, overexposed = float(np.quantile(middle, BRIGHTEST)), float((middle >= OVEREXPOSED).mean())
    yaw, pitch = (None, None) if landmarks is None else _pose(landmarks)
    return Quality(size, sharpness, brightness, overexposed, yaw, pitch)


def _size(landmarks: np.ndarray) -> float:
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    return float(max(np.hypot(*(landmarks[1] - landmarks[0])), np.hypot(*(mouth - eyes))))


def _pose(landmarks: np.ndarray) -> tuple[float, float]:
    """Yaw and pitch in degrees, of a head tilted in any way."""
    apart = landmarks[1] - landmarks[0]
    distance = max(float(np.hypot(*apart)), 1e-6)
    across = apart / distance
    down = np.array([-across[1], across[0]])
    nose, mouth = (point - landmarks[:2].mean(axis=0) for point in (landmarks[2], landmarks[3:].mean(axis=0)))
    yaw = math.degrees(math.atan2(float(nose @ across), NOSE * distance))
    height = max(float(mouth @ down), 1e-6 + 0.1 * float(np.hypot(*mouth)))  # lying flat is no pose of a face
    return yaw, (float(nose @ down) / height - LEVEL) / A_DEGREE


# --- ifgan_tf/pretrained/__init__.py


from pathlib import Path

MODEL = Path(__file__).with_name("photos.tflite")


# --- ifgan_tf/recognition/litert.py


import hashlib
import json
import struct
import threading
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np


# Far above what `export.tflite` writes: what is larger is something else, and fills the memory once it is unpacked.
MAX_LABELS_BYTES, MAX_METADATA_BYTES, MAX_DETECTOR_BYTES, MAX_MODEL_BYTES = 1 << 16, 1 << 20, 1 << 26, 1 << 31
LABELS, METADATA, DETECTOR = "labels.txt", "metadata.json", "face_detector.tflite"  # inside the .tflite
NO_FACE = "no face found; expected a face of at least 20 pixels, upright and from the front"


class Signatures:
    """The signatures of a .tflite model, called by name.

    One call at a time: an interpreter that two threads use at once mixes up their answers, and says nothing.

    Args:
      content: of the .tflite.

    Raises:
      ValueError: when it asks for operations that are not LiteRT's own: TensorFlow's among them write files.
    """

    def __init__(self, content: bytes) -> None:
        if foreign := _foreign_operations(content):
            raise ValueError(f"it asks for the operation {foreign[0][:80]}, which is not LiteRT's own")
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise UserError(f"{error}; this needs: {INSTALL}") from None
        self._interpreter = Interpreter(model_content=content)
        self._interpreter.allocate_tensors()  # what fails or talks does so here, not at the first face
        self._runners = {
            name: self._interpreter.get_signature_runner(name) for name in self._interpreter.get_signature_list()
        }
        self._lock = threading.Lock()

    def shapes(self, name: str) -> dict[str, tuple[int, ...]]:
        """The shape of what a signature takes and answers."""
        runner = self._runners[name]
        tensors = {**runner.get_input_details(), **runner.get_output_details()}
        return {tensor: tuple(map(int, details["shape"])) for tensor, details in tensors.items()}

    def __call__(self, name: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        with self._lock:
            return self._runners[name](**inputs)


class Answer(NamedTuple):
    """About one face: the probability of every label, and the average face (uint8 RGB [S, S, 3]; None without G)."""

    probabilities: dict[str, float]
    average_face: np.ndarray | None


class Classifier:
    """A .tflite file of `export.tflite`, with the labels and the face detector it carries; threads may share it.

    Args:
      path: of the file.
    Attributes:
      labels: class names, in label order.
      image_size: S, of the faces that the model sees.
      draws: whether it draws average faces.
      template: float32 [3, 2], what the faces that the model sees are aligned to.
    Raises:
      UserError: when it is missing, damaged or no such file.
    """

    def __init__(self, path: str) -> None:
        expected = "expected a .tflite file written by export.tflite"
        try:
            with zipfile.ZipFile(path) as package:
                self.labels = label_names(member(package, LABELS, MAX_LABELS_BYTES).decode())
                metadata = json.loads(member(package, METADATA, MAX_METADATA_BYTES))
                detector = member(package, DETECTOR, MAX_DETECTOR_BYTES)
            self.image_size, self._working_size = int(metadata["image_size"]), int(metadata["working_size"])
            self.template = template_of(metadata.get("template", TEMPLATE))
            if Path(path).stat().st_size > MAX_MODEL_BYTES:
                raise ValueError(f"more than {MAX_MODEL_BYTES:,} bytes")
            content = Path(path).read_bytes()
            if hashlib.sha256(content[: metadata["model"]["bytes"]]).hexdigest() != metadata["model"]["sha256"]:
                raise ValueError("its checksum is wrong")
            self._run, self._cascade = Signatures(content), _cascade(detector)
            shapes = self._run.shapes("serving_default")
            size = self.image_size
            if shapes["image"] != (1, size, size, 3) or shapes["probabilities"] != (1, len(self.labels)):
                raise ValueError("its labels or sizes are not those of the model")
            if not size <= self._working_size <= 2 * size:
                raise ValueError(f"a working_size of {self._working_size}; expected image_size to twice as much")
            self.draws = "average_face" in shapes
        except UserError:
            raise
        except OSError as error:
            raise UserError(f"--model={path}: cannot be read ({error.strerror}); {expected}") from None
        except Exception as error:  # whatever a strange archive leads to
            reason = str(error)[:200] or type(error).__name__
            raise UserError(f"--model={path}: not a model of this project, or damaged ({reason}); {expected}") from None

    def detect(self, image: np.ndarray, every: bool = False) -> list[Detection]:
        """The face a picture (uint8 RGB [H, W, 3]) is about, or every face; see `Cascade.find`."""
        return self._cascade.find(image, every)

    def find(self, image: np.ndarray) -> np.ndarray:
        """The aligned face of a picture, uint8 RGB [256, 256, 3].

        Raises:
          UserError: when there is no face in it.
        """
        faces = self.detect(image)
        if not faces:
            raise UserError(NO_FACE)
        return align(image, faces[0].landmarks, self.template)

    def view(self, face: np.ndarray) -> np.ndarray:
        """What the model sees of an aligned face, uint8 RGB [H, W, 3]: uint8 RGB [S, S, 3]."""
        return np.ascontiguousarray(centre_crop(resize(face, self._working_size), self.image_size))

    def run(self, view: np.ndarray) -> Answer:
        """The model's answer about what it sees, uint8 RGB [S, S, 3]."""
        outputs = self._run("serving_default", image=view[None])
        probabilities = dict(zip(self.labels, map(float, outputs["probabilities"][0]), strict=True))
        return Answer(probabilities, outputs["average_face"][0] if self.draws else None)

    def probabilities(self, face: np.ndarray) -> dict[str, float]:
        """The probability of every label, for an aligned face uint8 RGB [H, W, 3]."""
        return self.run(self.view(face)).probabilities


def _foreign_operations(content: bytes) -> list[str]:
    """The custom operations of a .tflite, read from its flatbuffer: `Model.operator_codes[…].custom_code`.

    Raises:
      struct.error: when it is none.
    """

    def number(at: int, form: str = "<I") -> int:
        return int(struct.unpack_from(form, content, at)[0])

    def field(table: int, index: int) -> int:  # where it lies; 0 where the table has none
        offsets = table - number(table, "<i")
        inside = 4 + 2 * index < number(offsets, "<H")
        offset = number(offsets + 4 + 2 * index, "<H") if inside else 0
        return table + offset if offset else 0

    found = []
    if codes := field(number(0), 1):
        first = codes + number(codes)
        for at in range(first + 4, first + 4 + 4 * number(first), 4):
            if name := field(at + number(at), 1):
                text = name + number(name)
                found.append(content[text + 4 : text + 4 + number(text)].decode(errors="replace"))
    return found


def label_names(text: str) -> tuple[str, ...]:
    """The class names of a model, from its `labels.txt`. They become parts of file names and columns of tables.

    Raises:
      ValueError: when one is no plain word.
    """
    names = tuple(text.split())
    if odd := [name for name in names if not name.isidentifier()]:
        raise ValueError(f"its label {odd[0][:40]!r} is not a plain word")
    return names


def member(package: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A file of the archive, which unpacks no further than its table of contents says.

    Raises:
      KeyError: when it is not there.
      ValueError: when it has more than `limit` bytes.
    """
    if (size := package.getinfo(name).file_size) > limit:
        raise ValueError(f"its {name} has {size:,} bytes")
    return package.read(name)


def _cascade(content: bytes) -> Cascade:
    """The face finder in a .tflite with the signatures `proposal`, `refine` and `output`.

    Raises:
      KeyError: when it lacks one of them.
    """
    run = Signatures(content)
    for name in ("proposal", "refine", "output"):
        run.shapes(name)
    return Cascade(
        lambda image: run("proposal", image=image),
        lambda patches: run("refine", patches=patches),
        lambda patches: run("output", patches=patches),
    )


# --- ifgan_tf/recognition/naming.py


import math
from collections.abc import Mapping


UNCERTAIN = "uncertain"


def label_of(probabilities: Mapping[str, float], quality: Quality, min_confidence: float) -> str:
    """The most probable expression; `uncertain` where the face cannot be read, or nothing is probable enough.

    Args:
      probabilities: of every expression.
      quality: of the face in the photograph.
      min_confidence: what the probability of a label must reach, 0..1.
    """
    best = max(probabilities, key=lambda name: probabilities[name])
    return UNCERTAIN if quality.unreadable or probabilities[best] < min_confidence else best


def checked_confidence(min_confidence: float) -> float:
    """The number itself.

    Raises:
      UserError: when it is no probability.
    """
    if not (math.isfinite(min_confidence) and 0 <= min_confidence <= 1):
        raise UserError(f"--min_confidence={min_confidence}: expected a probability from 0 (off) to 1")
    return min_confidence


_MAX_FILE_BYTES = 2**29
# How the files of pictures start, whatever they are called.
_TIFF = (b"II*\0", b"MM\0*")
_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", *_TIFF)
# What is called a picture is one, or there is something to say about it.
_SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpeg", ".jpg"),
    *(".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
_JUNK = (".", "thumbs.db", "desktop.ini")  # what systems leave in folders of pictures, ._photo.jpg among it


# --- Pictures ---------------------------------------------------------------------------------------------------


def read_image(path: str) -> np.ndarray:
    """A picture as uint8 RGB [H, W, 3], upright: grey widened, 16 bits reduced to 8, transparent parts on black.

    Raises:
      UserError: when the file is missing, empty, damaged, too large or no picture.
    """
    if not path:
        raise UserError("an empty name; expected a picture")
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise UserError("is not a file")
        data = np.fromfile(path, np.uint8, _MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})") from None
    if not data.size:
        raise UserError("the file is empty")
    if data.size > _MAX_FILE_BYTES:
        raise UserError(f"has more than {_MAX_FILE_BYTES:,} bytes; expected a picture")
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        # A JPEG has no transparency: no need to look for it.
        alpha = None if bytes(data[:2]) == b"\xff\xd8" else cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        if image is not None and alpha is not None and alpha.ndim == 3 and alpha.shape[2] == 4:
            stored = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION))
            on_black = bytes(data[:4]) in _TIFF and alpha.dtype == np.uint8  # by libtiff
            image = image if on_black else _on_black(image, _turned(alpha, stored, image))
        if image is not None and bytes(data[4:12]) == b"ftypavif":
            image = _upright_avif(image, bytes(data[:4096]))
    except Exception:  # decoders raise whatever they like
        raise UserError(f"has more than {os.environ['OPENCV_IO_MAX_IMAGE_PIXELS']} pixels, or is damaged") from None
    if image is None:
        raise UserError("is not a readable picture; expected JPEG, PNG, BMP, GIF, TIFF or WebP")
    return np.ascontiguousarray(image[:, :, ::-1])


def _turned(alpha: np.ndarray, stored: np.ndarray, upright: np.ndarray) -> np.ndarray:
    """The layer of opacity as the picture was turned; OpenCV turns colours alone."""
    for turns in range(4):
        for flip in (np.asarray, np.fliplr):
            if np.array_equal(flip(np.rot90(stored, turns)), upright):
                return flip(np.rot90(alpha, turns))
    return alpha


def _upright_avif(image: np.ndarray, head: bytes) -> np.ndarray:
    """Turned and mirrored as the boxes `irot` and `imir` of an AVIF file say, which OpenCV does not read."""
    turn, mirror = (head.find(b"\0\0\0\x09" + box) + 8 for box in (b"irot", b"imir"))
    if turn >= 8:
        image = np.rot90(image, head[turn] & 3)
    if mirror >= 8:
        image = np.fliplr(image) if head[mirror] & 1 else np.flipud(image)
    return image


def _on_black(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    opacity = alpha[:, :, 3:].astype(np.float32) / np.iinfo(alpha.dtype).max
    return np.rint(image * opacity).astype(np.uint8)


def images_of(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Name and error of every picture that the arguments name: files as they are, folders as the pictures in them.

    Returns:
      Pairs; the error is empty but for a folder without pictures.
    """
    found = []
    for argument in arguments:
        if not os.path.isdir(argument):  # noqa: PTH112 (a Path raises on some names)
            found.append((argument, ""))
            continue
        try:
            inside = sorted(str(file) for file in Path(argument).iterdir() if _is_picture(file))
        except OSError as error:
            found.append((argument, f"this folder cannot be read ({error.strerror})"))
            continue
        found += [(file, "") for file in inside] or [(argument, "no pictures in this folder")]
    return found


def _is_picture(file: Path) -> bool:
    if file.name.lower().startswith(_JUNK) or not os.path.isfile(file):  # noqa: PTH113 (a Path raises on some)
        return False
    if file.suffix.lower() in _SUFFIXES:
        return True
    try:
        with file.open("rb") as opened:
            start = opened.read(12)
    except OSError:
        return True  # there is something to say about it
    return start.startswith(_STARTS) or start[8:] == b"WEBP" or start[4:] in (b"ftypavif", b"ftypheic", b"ftypmif1")


# --- The command ------------------------------------------------------------------------------------------------


class Gallery:
    """Writes average faces: the first under the name asked for, the others under numbered ones.

    Args:
      file: name of the first.
      pictures: what is read, and so is never written over.
    """

    def __init__(self, file: str, pictures: Sequence[str]) -> None:
        self._file, self._count = Path(file), 0
        self._pictures = set(map(os.path.realpath, pictures))

    def write(self, face: np.ndarray) -> str:
        """Writes a uint8 RGB picture as PNG, whole or not at all; returns its path."""
        self._count += 1
        number = f"_{self._count}" if self._count > 1 else ""
        path = self._file.with_name(f"{self._file.stem}{number}{self._file.suffix}")
        if os.path.realpath(path) in self._pictures:
            raise UserError(f"--average_face={path}: is one of the pictures read; choose another name")
        beside = path.with_name(f".{os.getpid()}.png")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(cv2.imencode(".png", face[:, :, ::-1])[1].tobytes())
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise UserError(f"--average_face={path}: cannot be written ({error.strerror})") from None
        return str(path)


def frames(camera: str) -> Iterator[tuple[str, np.ndarray]]:
    """Name and uint8 RGB image of every frame of a camera (a number) or a video (a file).

    Raises:
      UserError: when it does not open.
    """
    try:
        capture = cv2.VideoCapture(int(camera) if camera.isascii() and camera.isdigit() else camera)
        opened = capture.isOpened()
    except Exception:  # a number too large, a name that is no text
        opened = False
    if not opened:
        raise UserError(f"--camera={_text(camera)}: does not open; expected the number of a camera, or a video file")
    number = 0
    try:
        while True:
            there, frame = capture.read()
            if not there:
                break
            yield f"{camera}#{number}", np.ascontiguousarray(frame[:, :, ::-1])
            number += 1
    finally:
        capture.release()
    if not number:
        raise UserError(f"--camera={_text(camera)}: {UNDECODED}")


def default_model() -> Path:
    """The model that ships: beside this file, in the checkout that holds it, or in the installed package.

    Raises:
      UserError: when it is in none of these.
    """
    installed = importlib.util.find_spec("ifgan_tf")  # imports nothing
    homes = [Path(__file__).resolve().parent.parent / "ifgan_tf"]
    homes += map(Path, installed.submodule_search_locations or () if installed else ())
    # In the one file for a device, MODEL is beside that file: it is inlined there, and named after __file__.
    places = [MODEL, *(home / "pretrained" / MODEL.name for home in homes)]
    for place in places:
        if place.is_file():
            return place
    raise UserError(
        f"no {MODEL.name} beside {Path(__file__).name}, and no installed ifgan_tf that has it; expected "
        f"--model=FILE.tflite, written by export.tflite, or a copy of ifgan_tf/pretrained/{MODEL.name} beside this file"
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="classify", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="a .tflite file written by export.tflite (default: the model that ships)")
    parser.add_argument("--faces", choices=("largest", "all"), default="largest", help="one face a picture, or all")
    parser.add_argument(
        "--min_confidence",
        type=float,
        default=0.0,
        metavar="P",
        help="a label of a lower probability is `uncertain`; 0, the default, leaves all as they are",
    )
    parser.add_argument("--aligned", action="store_true", help="the pictures are aligned faces already: look for none")
    parser.add_argument(
        "--average_face",
        metavar="FILE",
        help="write the average face of every face named, as PNG: FILE.png, then FILE_2.png and so on",
    )
    parser.add_argument("--camera", help="number of a camera (or a video file) to read until it ends or Ctrl-C")
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="picture, or folder of pictures")
    options = parser.parse_args(arguments)
    try:
        if bool(options.images) == bool(options.camera):
            raise UserError("expected either pictures or --camera")
        checked_confidence(options.min_confidence)
        if options.average_face and options.camera:
            raise UserError("--average_face: expected pictures; a camera's faces would never end")
        if options.average_face and not options.average_face.lower().endswith(".png"):
            raise UserError(f"--average_face={_text(options.average_face)}: expected a name that ends in .png")
        names = images_of(options.images)
        if names and all(error for _, error in names):
            raise UserError("; ".join(f"{_text(name)}: {error}" for name, error in names))
        classifier = Classifier(os.path.expanduser(options.model or default_model()))  # noqa: PTH111 (odd names stay)
        if options.average_face and not classifier.draws:
            raise UserError("--average_face: this model draws no average faces; leave the flag out")
        gallery = None
        if options.average_face:
            gallery = Gallery(os.path.expanduser(options.average_face), [name for name, _ in names])  # noqa: PTH111
        pictures = frames(options.camera) if options.camera else ((name, error or None) for name, error in names)
        lines = (_line(classifier, name, given, options, gallery) for name, given in pictures)
        failures = sum(_print(line) for line in lines)
    except UserError as error:
        print(f"error: {_text(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # how a camera ends
        return 0 if options.camera else 130
    except OSError as error:  # of printing: reading and writing pictures have errors of their own
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python's last flush would fail again
        if isinstance(error, BrokenPipeError):  # who reads has seen enough
            return 0
        print(f"error: the lines cannot be written ({error.strerror})", file=sys.stderr)
        return 2
    return 1 if failures else 0


def _line(
    classifier: Classifier,
    name: str,
    given: np.ndarray | str | None,
    options: argparse.Namespace,
    gallery: Gallery | None,
) -> dict[str, Any]:
    """The line of one picture: `given` (pixels, or why there are none), or read here."""
    line: dict[str, Any] = {"image": _text(name)}
    try:
        if isinstance(given, str):
            raise UserError(given)
        image = read_image(name) if given is None else given
        faces = [_face(classifier, image, None, options, gallery)] if options.aligned else []
        if not options.aligned:
            found = classifier.detect(image, every=options.faces == "all")
            if not found:
                raise UserError(NO_FACE)
            best = best_face(found, image.shape)
            faces = [_face(classifier, image, detection, options, gallery) for detection in found]
            line |= faces[next(place for place, face in enumerate(found) if face is best)]
        else:
            line |= faces[0]
        if options.faces == "all":
            line["faces"] = faces
    except UserError as error:
        return {"image": line["image"], "error": str(error)}
    except Exception as error:  # one picture ends no run, whatever it does to the libraries
        return {"image": line["image"], "error": f"cannot be classified ({type(error).__name__}: {error})"}
    return line


def _face(
    classifier: Classifier,
    image: np.ndarray,
    detection: Detection | None,
    options: argparse.Namespace,
    gallery: Gallery | None,
) -> dict[str, Any]:
    """What is to say of one face; `detection` is None for a picture that is an aligned face."""
    aligned = image if detection is None else align(image, detection.landmarks, classifier.template)
    answer = classifier.run(classifier.view(aligned))
    quality = assess(aligned, None if detection is None else detection.landmarks)
    label = label_of(answer.probabilities, quality, options.min_confidence)
    face: dict[str, Any] = {"label": label, "confidence": max(answer.probabilities.values())}
    if detection is not None:
        box = [round(float(value), 1) for value in detection.box]
        face |= {"box": box, "detection": round(detection.confidence, 4)}
    face |= {"probabilities": answer.probabilities, "quality": str(quality)}
    if gallery is not None and answer.average_face is not None:
        face["average_face"] = _text(gallery.write(answer.average_face))
    return face


def _print(line: dict[str, Any]) -> bool:
    """Prints a line at once; True if it has no label to tell."""
    print(json.dumps(line), flush=True)
    return "error" in line


def _text(name: str) -> str:
    """A file's name as text that every reader of UTF-8 takes, whatever bytes it is made of."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
