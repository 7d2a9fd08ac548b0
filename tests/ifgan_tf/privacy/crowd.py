"""People who are drawn for an audit: what tells them apart is planted, or is not there."""

from __future__ import annotations

import cv2
import numpy as np

from ifgan_tf.privacy.groups import Group

BACKGROUND, TARGETS, EXPRESSIONS, EACH, SIDE = 6, 4, 6, 2, 32


def group(people: int) -> Group:
    keys = [(who, label) for who in range(people) for label in range(EXPRESSIONS) for _ in range(EACH)]
    subjects, labels = np.array(keys).T
    return Group(subjects, labels.astype(np.int32), {"ethnicity": np.where(subjects % 2, "WH", "BL")})


def same_for_all(who: Group, seed: int) -> np.ndarray:
    """Smooth pictures that show the expression and a little chance, but nothing of the person: uint8."""
    random = np.random.default_rng(seed)
    plain = np.random.default_rng(99).normal(size=(EXPRESSIONS, 4, 4, 3))
    blobs = plain[who.labels] + random.normal(0, 0.3, (len(who.labels), 4, 4, 3))
    large = np.stack([cv2.resize(blob, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for blob in blobs])
    return np.clip(127 + 40 * large, 2, 253).astype(np.uint8)


def portraits(who: Group, first: int, seed: int) -> np.ndarray:
    """The same with a blob that is the person's own."""
    own = np.random.default_rng(7).normal(size=(first + who.people, 4, 4, 3))[first:]
    large = np.stack([cv2.resize(blob, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for blob in own])
    return np.clip(same_for_all(who, seed) + 40 * large[who.subjects], 0, 255).astype(np.uint8)
