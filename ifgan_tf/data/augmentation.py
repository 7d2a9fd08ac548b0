"""Random views of aligned faces for training (paper §4.2): flip, rotation, crop; optional colour jitter, distortions.

A view follows from the image and from the random numbers that its caller gives it, so that a resumed run sees what an
uninterrupted one would have seen. Whatever moves pixels is one resampling, so nothing is blurred twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable

import cv2
import numpy as np
import tensorflow as tf

from ifgan_tf.data.distortions import AFFINE, affine, distorted

_OF_POSE, _OF_COLOUR = 4, 5
DRAWS = _OF_POSE + _OF_COLOUR  # random numbers that a view takes


def augment(
    each: Callable[[np.ndarray], Iterable[np.ndarray]],
    chosen: tf.Tensor,
    draws: tf.Tensor,
    side: int,
    image_size: int,
    rotation: float,
    colour_jitter: float,
    distortions: Collection[str] = (),
) -> tf.Tensor:
    """A random view of every image of a batch.

    Args:
      each: gives the images of some numbers, int64 [B], one after the other: uint8 [W, W, 3]. It is called on the host
        for each batch, so that a data set is no part of a graph and never lies on a device.
      chosen: int [B], the images' numbers.
      draws: float [B, DRAWS] in [0, 1), even and independent.
      side: W, at least `image_size`.
      image_size: side S of the random crop.
      rotation: largest rotation either way, in degrees.
      colour_jitter: largest relative change of brightness, contrast and colour balance; 0 for none.
      distortions: names of `config.DISTORTIONS`; `affine` takes the place of rotation and random crop.
    Returns:
      uint8 [B, S, S, 3].
    """

    def resampled(chosen: np.ndarray, transforms: np.ndarray, draws: np.ndarray) -> np.ndarray:
        matrices = transforms[:, :6].reshape(-1, 2, 3)
        if not distortions:
            return _resample(each(chosen), matrices, image_size)
        generators = [np.random.default_rng(of_view.view(np.uint32)) for of_view in draws]
        if AFFINE in distortions:
            matrices = np.stack([_after(m, affine(image_size, g)) for m, g in zip(matrices, generators, strict=True)])
        views = _resample(each(chosen), matrices, image_size)
        return np.stack([distorted(view, distortions, g) for view, g in zip(views, generators, strict=True)])

    pose = draws[:, :_OF_POSE]
    if AFFINE in distortions:  # which turns and moves the view itself
        pose = tf.concat([pose[:, :1], tf.fill([tf.shape(pose)[0], _OF_POSE - 1], 0.5)], axis=1)
    transforms = view_transforms(pose, side, image_size, rotation)
    # Not stateful: it gives the same for the same, and TensorFlow may run several at once where it must be repeatable.
    views = tf.numpy_function(resampled, [chosen, transforms, draws], tf.uint8, stateful=False)
    views.set_shape((*chosen.shape, image_size, image_size, 3))
    return jitter_colours(views, draws[:, _OF_POSE:], colour_jitter) if colour_jitter else views


def _after(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The affine map, [2, 3], that does `inner` first."""
    return outer @ np.vstack([inner, [0, 0, 1]])


def _resample(images: Iterable[np.ndarray], matrices: np.ndarray, image_size: int) -> np.ndarray:
    """Bilinear; beyond the border, the border's pixels. OpenCV takes a fifth of the time of TensorFlow's operation."""
    views = np.empty((len(matrices), image_size, image_size, 3), np.uint8)
    for image, matrix, view in zip(images, matrices, views, strict=True):
        cv2.warpAffine(
            image,
            matrix,
            (image_size, image_size),
            dst=view,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return views


def view_transforms(draws: tf.Tensor, side: int, image_size: int, rotation: float) -> tf.Tensor:
    """Projective transforms that map a pixel of the view to one of the image: mirror or not, ±rotation, crop.

    Args:
      draws: float [B, 4] in [0, 1).
      side: W of the images.
      image_size: S of the views.
      rotation: in degrees.
    Returns:
      float32 [B, 8]; the first six are the rows of OpenCV's 2x3 matrix from view to image.
    """
    mirror = tf.where(draws[:, 0] < 0.5, -1.0, 1.0)
    angle = (2.0 * draws[:, 1] - 1.0) * (rotation * math.pi / 180.0)
    # Whole pixels, so that a crop alone does not resample.
    left, top = (tf.floor(draws[:, i] * (side - image_size + 1)) for i in (2, 3))
    centre = (side - 1) / 2.0
    cos, sin = tf.cos(angle), tf.sin(angle)
    # image = centre + R(angle) · diag(mirror, 1) · (view + (left, top) - centre)
    a, b, d, e = cos * mirror, -sin, sin * mirror, cos
    x0, y0 = left - centre, top - centre
    c, f = a * x0 + b * y0 + centre, d * x0 + e * y0 + centre
    zero = tf.zeros_like(a)
    return tf.stack([a, b, c, d, e, f, zero, zero], axis=1)


def jitter_colours(images: tf.Tensor, draws: tf.Tensor, amount: float) -> tf.Tensor:
    """Random contrast, brightness and colour balance of every image.

    Args:
      images: uint8 [B, S, S, 3].
      draws: float [B, 5] in [0, 1).
      amount: largest relative change.
    Returns:
      uint8 [B, S, S, 3].
    """
    x = tf.cast(images, tf.float32)
    changes = (2.0 * draws[:, tf.newaxis, tf.newaxis] - 1.0) * amount
    mean = tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True)
    x = (x - mean) * (1.0 + changes[..., :1]) + mean * (1.0 + changes[..., 1:2])
    x = x * (1.0 + 0.5 * changes[..., 2:])
    return tf.saturate_cast(tf.round(x), tf.uint8)
