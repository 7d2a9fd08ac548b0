"""Figures of merit of a classifier: scikit-learn's, and calibration.

A prediction of `NO_FACE` says that no face was found in the picture: it is never right, so it lowers every
end-to-end figure, and it has no column in the confusion matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NO_FACE = -1
BINS = 15  # of the expected calibration error


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy in bins of equal width: bin i holds confidences in (i/bins, (i+1)/bins]."""

    count: np.ndarray  # int [bins]
    confidence: np.ndarray  # float [bins], mean; 0 in an empty bin
    accuracy: np.ndarray  # float [bins], mean; 0 in an empty bin


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """How often each class was taken for each.

    Args:
      labels: int [N], the truth, 0 to classes - 1.
      predictions: int [N], or `NO_FACE`, which is left out.
      classes: number of classes.
    Returns:
      int [classes, classes]; rows are the truth, columns the predictions.
    """
    from sklearn.metrics import confusion_matrix

    if not len(labels):  # scikit-learn refuses it
        return np.zeros((classes, classes), np.int64)
    return confusion_matrix(labels, predictions, labels=[*range(classes), NO_FACE])[:classes, :classes]


def accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Share of images, both int [N], whose prediction is right; 0 without images."""
    return float(np.mean(labels == predictions)) if len(labels) else 0.0


def class_accuracy(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Recall of every class: float [classes], NaN for a class that no image has."""
    from sklearn.metrics import recall_score

    if not len(labels):
        return np.full(classes, np.nan)
    return recall_score(labels, predictions, labels=range(classes), average=None, zero_division=np.nan)


def mean_class_accuracy(labels: np.ndarray, predictions: np.ndarray, classes: int) -> float:
    """Mean recall over the classes that occur in `labels`; 0 without images."""
    return float(np.nanmean(class_accuracy(labels, predictions, classes))) if len(labels) else 0.0


def macro_f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Mean F1 over the classes that occur in `labels`; 0 without images."""
    from sklearn.metrics import f1_score

    if not len(labels):
        return 0.0
    # A class that the test images do not show has no F1; taking others for it lowers theirs already.
    return float(f1_score(labels, predictions, labels=np.unique(labels), average="macro", zero_division=0.0))


def reliability(confidences: np.ndarray, correct: np.ndarray, bins: int = BINS) -> Reliability:
    """Mean confidence and accuracy in every bin of confidence.

    Args:
      confidences: float [N] in [0, 1], the probability of the predicted class.
      correct: bool [N].
      bins: number of bins of equal width.
    """
    where = np.clip(np.ceil(confidences * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(where, minlength=bins)
    divisor = np.maximum(count, 1)
    confidence = np.bincount(where, weights=confidences, minlength=bins) / divisor
    right = np.bincount(where, weights=correct.astype(float), minlength=bins) / divisor
    return Reliability(count, confidence, right)


def expected_calibration_error(confidences: np.ndarray, correct: np.ndarray, bins: int = BINS) -> float:
    """Mean distance of confidence from accuracy over the bins, weighted by their images (Guo et al., 2017, Eq. 3)."""
    return calibration_error(reliability(confidences, correct, bins))


def calibration_error(table: Reliability) -> float:
    """`expected_calibration_error` of images that are in bins already; 0 without images."""
    distances = np.abs(table.accuracy - table.confidence)
    return float(np.sum(table.count * distances) / max(np.sum(table.count), 1))


def uncalibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(logits) of what softmax(logits / temperature) gave: float [N, classes], rows that add up to 1."""
    powers = probabilities.astype(np.float64) ** temperature
    return powers / powers.sum(axis=1, keepdims=True)


def pooled_reliability(tables: Sequence[Reliability]) -> Reliability:
    """The bins of all images together, from those of several parts; at least one."""
    count = np.sum([table.count for table in tables], axis=0)
    confidence, accuracy = (
        np.sum([table.count * values for table, values in zip(tables, each, strict=True)], axis=0)
        / np.maximum(count, 1)
        for each in ([table.confidence for table in tables], [table.accuracy for table in tables])
    )
    return Reliability(count, confidence, accuracy)
