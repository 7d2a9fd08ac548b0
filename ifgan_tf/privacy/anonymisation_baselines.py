"""Anonymisation baselines: other ways to hide who is in a photo, as a scale for the generated face."""

from __future__ import annotations

import cv2
import numpy as np

from ifgan_tf.faces.geometry import resize

# Standard deviation of the blur as a share of the face's width.
BLURS = {"blurred_light": 0.02, "blurred": 0.05, "blurred_strong": 0.1}
BLOCKS = 8  # of a pixelated face, each way


def blur(images: np.ndarray, share: float) -> np.ndarray:
    """Gaussian blur.

    Args:
      images: uint8 [N, S, S, 3].
      share: standard deviation as a share of S.
    Returns:
      uint8 [N, S, S, 3].
    """
    sigma = share * images.shape[1]
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) for image in images])


def pixelate(images: np.ndarray) -> np.ndarray:
    """8x8 blocks of one colour each: uint8 [N, S, S, 3] → the same shape."""
    side = images.shape[1]
    blocks = [resize(image, BLOCKS) for image in images]
    return np.stack([cv2.resize(block, (side, side), interpolation=cv2.INTER_NEAREST) for block in blocks])
