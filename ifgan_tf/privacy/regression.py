"""Readers: models that read numbers (an intensity, action units) from a picture of somebody they have never seen.

Seeded, and bounded in steps, as the attackers are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ifgan_tf.faces.geometry import resize
from ifgan_tf.privacy.attackers import SIDE
from ifgan_tf.privacy.convolutional import Refit, convolutions

if TYPE_CHECKING:
    import keras

STEPS = 300  # of the network
HIDDEN = 64
DROPOUT = 0.5  # a thousand pictures are few
COMPONENTS = 200
FOLDS = 5  # of the people whom a penalty is chosen on
PENALTIES = 10.0 ** np.arange(-4, 3)  # of ridge regression, as a share of the values' mean squared length
PIXELS = 32  # side of the pictures whose pixels ridge regression sees; finer detail is in the gradients
CELL, BINS = 8, 9  # of oriented gradients
_FLAT = 1e-3  # a value that changes less than this is not blown up


def pixels_view(images: np.ndarray) -> np.ndarray:
    """Uint8 [N, S, S, 3] → the values at no more than 32 pixels a side, float32 [N, F] in [-1, 1]."""
    return _small(images, PIXELS).reshape(len(images), -1).astype(np.float32) / 127.5 - 1.0


def gradients_view(images: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients (Dalal and Triggs, 2005), in cells of 8 pixels and blocks of 2x2 cells.

    They see a wrinkle whatever the skin's colour: ridge regression reads photos of strangers better in them than in
    pixels.

    Args:
      images: uint8 [N, S, S, 3]; S of at least 16.
    Returns:
      float32 [N, F] in [0, 1].
    """
    grey = _small(images, SIDE).mean(axis=-1, dtype=np.float32) / 255
    cells = grey.shape[1] // CELL
    grey = grey[:, : cells * CELL, : cells * CELL]
    down, across = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, across)
    orientation = (np.mod(np.arctan2(down, across), np.pi) / np.pi * BINS).astype(int) % BINS
    sums = [
        np.where(orientation == number, strength, 0).reshape(-1, cells, CELL, cells, CELL).sum(axis=(2, 4))
        for number in range(BINS)
    ]
    histograms = np.stack(sums, axis=-1)
    corners = (histograms[:, y : cells - 1 + y, x : cells - 1 + x] for y in (0, 1) for x in (0, 1))
    blocks = np.concatenate(list(corners), axis=-1)
    blocks /= np.linalg.norm(blocks, axis=-1, keepdims=True) + 0.1  # of an even patch, noise is no pattern
    return blocks.reshape(len(images), -1)


def ridge(learnt: np.ndarray, truth: np.ndarray, people: np.ndarray, probe: np.ndarray) -> np.ndarray:
    """Ridge regression on the first 200 principal components of standardised values.

    Every target has its own penalty, the best in cross-validation over the people learnt from.

    Args:
      learnt: float [N, F].
      truth: float [N, T].
      people: [N], who is in them, two at least.
      probe: float [M, F].
    Returns:
      float64 [M, T].
    """
    from sklearn.decomposition import PCA
    from sklearn.model_selection import GroupKFold

    middle, spread = learnt.mean(axis=0), learnt.std(axis=0) + _FLAT
    count = min(len(learnt) - 1, learnt.shape[1], COMPONENTS)
    components = PCA(count, svd_solver="randomized" if learnt.shape[1] > 4 * count else "full", random_state=0)
    x = components.fit_transform((learnt - middle) / spread).astype(np.float64)
    questions = components.transform((probe - middle) / spread).astype(np.float64)
    unit = np.sqrt(np.mean(np.sum(x**2, axis=1))) or 1.0
    x, questions = x / unit, questions / unit
    squares = np.zeros((len(PENALTIES), truth.shape[1]))
    for known, asked in GroupKFold(min(FOLDS, len(np.unique(people)))).split(x, truth, people):
        squares += np.sum((_every_ridge(x[known], truth[known], x[asked]) - truth[asked]) ** 2, axis=1)
    return _every_ridge(x, truth, questions)[squares.argmin(axis=0), :, np.arange(truth.shape[1])].T


def _every_ridge(x: np.ndarray, truth: np.ndarray, probe: np.ndarray) -> np.ndarray:
    """Answers of every penalty: float64 [penalties, M, T]."""
    mean, level = x.mean(axis=0), truth.mean(axis=0)
    values, vectors = np.linalg.eigh((x - mean).T @ (x - mean))
    projected = vectors.T @ ((x - mean).T @ (truth - level))
    turned = (probe - mean) @ vectors
    shrunk = [projected / (np.maximum(values, 0) + penalty * len(x))[:, np.newaxis] for penalty in PENALTIES]
    return np.stack([turned @ weights + level for weights in shrunk])


class Network:
    """The small network of the attackers, with numbers for its answer; learnt afresh for every kind of picture."""

    def __init__(self, side: int, targets: int, seed: int) -> None:
        """Args:
        side: of the pictures.
        targets: how many numbers it reads.
        seed: of initial weights and of dropout.
        """
        from ifgan_tf.models.construction import drawn_from

        with drawn_from(seed):
            self._refit = Refit(_build_network(side, targets), _squared_error)

    def read(self, learnt: np.ndarray, truth: np.ndarray, probe: np.ndarray, seed: int) -> np.ndarray:
        """Learns, then reads.

        Args:
          learnt, probe: float32 [N, side, side, 6] and [M, side, side, 6], see `network_view`.
          truth: float [N, targets].
          seed: of the order of the pictures.
        Returns:
          float [M, targets].
        """
        level, spread = truth.mean(axis=0), truth.std(axis=0) + _FLAT
        wanted = ((truth - level) / spread).astype(np.float32)
        model = self._refit.fit(learnt, {"numbers": wanted}, STEPS, seed)
        return model.predict(probe, batch_size=256, verbose=0)["numbers"] * spread + level


def _build_network(side: int, targets: int) -> keras.Model:
    from keras import Input, Model, layers

    picture = Input((side, side, 6), name="picture")
    x = layers.Dropout(DROPOUT, name="dropout")(convolutions(picture))
    x = layers.Dense(HIDDEN, activation="relu", name="hidden")(x)
    return Model(picture, {"numbers": layers.Dense(targets, name="numbers")(x)}, name="reader")


def _squared_error(truth: Any, answer: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(tf.square(answer - truth))


def _small(images: np.ndarray, side: int) -> np.ndarray:
    return np.stack([resize(image, side) for image in images]) if images.shape[1] > side else images
