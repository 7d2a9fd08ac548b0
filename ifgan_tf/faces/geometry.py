"""Bringing a face to one pose and size: similarity transform by eye centres and nose tip, crops, one way to resample.

Section 4.1 of the paper: faces are aligned according to the eye centres and the nose, then cropped to 256x256. The
template that fixes "aligned" is `TEMPLATE`, unless the owners of a data set aligned its faces their own way.
"""

from __future__ import annotations

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
