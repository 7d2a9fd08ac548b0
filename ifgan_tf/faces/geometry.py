"""Finding a face and bringing it to one pose: MTCNN landmarks, similarity transform by eye centres and nose tip.

Section 4.1 of the paper: faces are detected and aligned by MTCNN according to the eye centres and the nose, then
cropped to 256x256. The template that fixes "aligned" is `TEMPLATE`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np

ALIGNED_SIZE = 256
# Where the image-left eye centre, image-right eye centre and nose tip come to lie, (x, y) in the 256x256 face.
TEMPLATE = np.array([[88.0, 104.0], [168.0, 104.0], [128.0, 152.0]], np.float32)

# MTCNN's own defaults (Zhang et al., 2016): the window of its first network, the smallest face, the pyramid's ratio.
_WINDOW = 12
_SMALLEST_FACE = 20
_PYRAMID_RATIO = 0.709
_PROPOSAL_THRESHOLD = 0.6
_MAX_SIDE = 1280
_MIN_SIDE = 64


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


def similarity_transform(points: np.ndarray) -> np.ndarray:
    """The similarity that brings eye centres and nose tip nearest to `TEMPLATE` in the least-squares sense.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991, Eq. 40-42.

    Args:
      points: [>=3, 2], image-left eye, image-right eye, nose tip (further points are ignored), source pixels.

    Returns:
      float64 [2, 3], source pixel to aligned pixel.

    Raises:
      ValueError: if the points coincide or are not finite.
    """
    source = np.asarray(points, np.float64)[:3]
    target = TEMPLATE.astype(np.float64)
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


def align(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Cuts the face out upright.

    Args:
      image: uint8 RGB [H, W, 3].
      landmarks: [>=3, 2] as for :func:`similarity_transform`.

    Returns:
      uint8 RGB [256, 256, 3]. What lies outside the image repeats its edge.
    """
    transform = similarity_transform(landmarks)
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


def best_face(detections: list[Detection], image_shape: tuple[int, ...]) -> Detection | None:
    """The face an image is about: the largest one, those off the centre counting less. None for an empty list.

    Area minus twice the squared distance to the centre, the rule FaceNet's alignment made customary.
    """
    centre = np.array([image_shape[1], image_shape[0]]) / 2

    def weight(detection: Detection) -> float:
        offset = detection.box[:2] + detection.box[2:] / 2 - centre
        return float(detection.box[2] * detection.box[3] - 2 * (offset**2).sum())

    return max(detections, key=weight, default=None)


class FaceDetector:
    """MTCNN (the `mtcnn` package's three networks), several times faster than its own driver.

    The image pyramid is MTCNN's own, level for level, but levels that only serve faces smaller than `min_face` are
    looked at only if the others found nothing: they cost nearly all of the time and do not change what the larger
    ones find. Each network is one TensorFlow graph with free image size, so no size is ever traced twice.

    MTCNN turns internal errors into "no face", and its memory grows with varied sizes: in long runs use it in worker
    processes that are replaced now and then.

    Args:
      min_face: smallest face looked for at first, as a fraction of the image's shorter side. 0 looks for all of at
        least 20 pixels at once (photographs of groups).
    """

    def __init__(self, min_face: float = 0.2) -> None:
        import tensorflow as tf
        from mtcnn.stages import StageONet, StagePNet, StageRNet

        self._min_face = min_face
        self._resize = tf.image.resize
        self._proposal = tf.function(
            StagePNet().model, input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)]
        )
        self._refine = StageRNet()
        self._output = StageONet()
        # Traced once: called eagerly, Keras' overhead a layer outweighs the arithmetic.
        for stage, side in ((self._refine, 24), (self._output, 48)):
            stage._model = tf.function(stage.model, input_signature=[tf.TensorSpec([None, side, side, 3], tf.float32)])

    def detect(self, image: np.ndarray, second_look: bool = True) -> list[Detection]:
        """The faces in a uint8 RGB image [H, W, 3] of any size, the most confident first.

        Without `second_look` small faces are not looked for even if there are no large ones: several times faster
        where there is none.
        """
        height, width = image.shape[:2]
        scale = min(1.0, _MAX_SIDE / max(height, width))
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        bottom, right = (max(0, _MIN_SIDE - side) for side in image.shape[:2])
        if bottom or right:
            image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
        pixels = (image.astype(np.float32)[None] - 127.5) / 128
        scales = _pyramid(image.shape)
        first = [s for s in scales if _WINDOW / s >= self._min_face * min(image.shape[:2])]
        rows = self._faces(pixels, first)
        if not len(rows) and second_look and len(first) < len(scales):
            rows = self._faces(pixels, scales)
        return [_detection(row, scale) for row in rows]

    def _faces(self, pixels: np.ndarray, scales: list[float]) -> np.ndarray:
        """MTCNN's three stages on the given pyramid levels; rows of its own format [n, 16]."""
        from mtcnn.utils.bboxes import generate_bounding_box, resize_to_square, smart_nms_from_bboxes, upscale_bboxes

        nothing = np.empty((0, 16))
        proposals = []
        for scale in scales:
            size = [int(side * scale) for side in pixels.shape[1:3]]
            offsets, scores = self._proposal(self._resize(pixels, size, method="area"))
            boxes = upscale_bboxes(generate_bounding_box(offsets, scores, _PROPOSAL_THRESHOLD), np.array([scale]))
            proposals.append(smart_nms_from_bboxes(boxes, threshold=0.5, method="union", initial_sort=False))
        boxes = np.concatenate(proposals) if proposals else nothing
        if not len(boxes):
            return nothing
        boxes = resize_to_square(smart_nms_from_bboxes(boxes, threshold=0.7, method="union", initial_sort=True))
        boxes = self._refine(bboxes_batch=boxes, images_normalized=pixels)
        return self._output(bboxes_batch=boxes, images_normalized=pixels) if len(boxes) else nothing


def _pyramid(shape: tuple[int, ...]) -> list[float]:
    """MTCNN's pyramid for an image, finest level first: the same number of levels as `mtcnn` takes."""
    levels = round(-(np.log(min(shape[:2]) / _WINDOW) / np.log(_PYRAMID_RATIO) + 1))
    return [_WINDOW / _SMALLEST_FACE * _PYRAMID_RATIO**level for level in range(levels)]


def _detection(row: np.ndarray, scale: float) -> Detection:
    # mtcnn's row: image, x1, y1, x2, y2, confidence, five x, five y.
    values: Any = np.asarray(row, np.float64)
    box = np.array([values[1], values[2], values[3] - values[1], values[4] - values[2]]) / scale
    landmarks = values[6:16].reshape(2, 5).T / scale
    return Detection(box.astype(np.float32), float(values[5]), landmarks.astype(np.float32))
