"""Rebuilding the photo from what is left of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ifgan_tf.privacy import attackers
from ifgan_tf.privacy.attackers import network_view
from ifgan_tf.privacy.estimates import Estimate, bootstrap
from ifgan_tf.privacy.groups import Group


def reconstruct(
    pictures: Mapping[str, tuple[np.ndarray, np.ndarray]], background: Group, targets: Group, seed: int
) -> dict[str, dict[str, Estimate]]:
    """A decoder learns from the background and rebuilds the targets' photos.

    Args:
      pictures: see `ifgan_tf.privacy.representations`; `photo` must be among them.
      background, targets: who and what is in the pictures.
      seed: of the bootstrap.
    Returns:
      `reconstruction_psnr` and `reconstruction_ssim`, both by representation.
    """
    photos, truth = (network_view(images)[..., :3] / 2 + 0.5 for images in pictures["photo"])
    anything = photos.mean(axis=0)
    shown = {label: photos[background.labels == label].mean(axis=0) for label in np.unique(background.labels).tolist()}
    rebuilt = {
        # The best guesses in the mean squared error: without any picture, and from the expression alone.
        "constant": np.broadcast_to(anything, truth.shape),
        "average": np.stack([shown.get(label, anything) for label in targets.labels.tolist()]),
    }
    for name, (of_background, of_targets) in pictures.items():
        if name not in ("photo", "average"):
            learnt, probe = network_view(of_background)[..., :3], network_view(of_targets)[..., :3]
            rebuilt[name] = attackers.rebuild(learnt, photos, background.subjects, probe)
    quality = {name: _quality(truth, guess) for name, guess in rebuilt.items()}

    def over_images(values: np.ndarray) -> Estimate:
        return bootstrap(lambda counts: float(np.average(values, weights=counts)), len(values), seed)

    return {
        "reconstruction_psnr": {name: over_images(psnr) for name, (psnr, _) in quality.items()},
        "reconstruction_ssim": {name: over_images(ssim) for name, (_, ssim) in quality.items()},
    }


def _quality(truth: np.ndarray, guess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import tensorflow as tf

    guess = guess.astype(np.float32)
    return tf.image.psnr(truth, guess, 1.0).numpy(), tf.image.ssim(tf.constant(truth), tf.constant(guess), 1.0).numpy()
