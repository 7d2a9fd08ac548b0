"""Figures that attackers are measured by, and their uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

REPLICATES = 200
LEVEL = 0.95  # of an interval


@dataclass(frozen=True)
class Estimate:
    """A figure and its bootstrap replicates, float [REPLICATES]."""

    value: float
    replicates: np.ndarray

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % percentile interval."""
        tail = (1 - LEVEL) / 2
        low, high = np.nanquantile(self.replicates, [tail, 1 - tail])
        return float(low), float(high)


def bootstrap(statistic: Callable[[np.ndarray], float], images: int, seed: int) -> Estimate:
    """A statistic of images, and of images drawn again with replacement.

    Args:
      statistic: takes how often each image counts, int [images], and returns the figure (NaN when undefined).
      images: number of images.
      seed: of the draws.
    """
    draws = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=REPLICATES)
    return Estimate(statistic(np.ones(images, np.int64)), np.array([statistic(counts) for counts in draws]))


def mean(estimates: Sequence[Estimate]) -> Estimate:
    """The mean over folds, whose images differ."""
    value = float(np.mean([one.value for one in estimates]))
    return Estimate(value, np.mean([one.replicates for one in estimates], axis=0))


def balanced_rate(groups: np.ndarray, right: np.ndarray, counts: np.ndarray) -> float:
    """Share of right answers as the mean over groups, so that always naming one of n gives exactly 1/n.

    Args:
      groups: [N], the true answer of each image (a person, or an attribute's value).
      right: float [N], share of the trials in which the image was named right.
      counts: int [N], how often each image counts.
    """
    _, member = np.unique(groups, return_inverse=True)
    total = np.bincount(member, weights=counts)
    hit = np.bincount(member, weights=counts * right)
    return float(np.mean(hit[total > 0] / total[total > 0]))


def verification_auc(scores: np.ndarray, same: np.ndarray, weights: np.ndarray) -> float:
    """Chance that a pair of one person scores above a pair of two, ties counted half; NaN without both kinds.

    Args:
      scores: float [P], likeness of every pair.
      same: bool [P], whether it is one person.
      weights: float [P], how often the pair counts.
    """
    from sklearn.metrics import roc_auc_score

    counted = weights > 0
    if not same[counted].any() or same[counted].all():
        return float("nan")
    return float(roc_auc_score(same[counted], scores[counted], sample_weight=weights[counted]))


def true_accept_rate(scores: np.ndarray, same: np.ndarray, weights: np.ndarray, far: float) -> float:
    """Share of one person's pairs above a threshold that at most `far` of two people's pairs pass; NaN without both.

    Args:
      scores, same, weights: see `verification_auc`.
      far: false accept rate, such as 0.01.
    """
    strangers, own = weights * ~same, weights * same
    if not strangers.any() or not own.any():
        return float("nan")
    _, member = np.unique(scores, return_inverse=True)  # pairs of equal score pass together
    passing = np.cumsum(np.bincount(member, weights=strangers)[::-1]) / strangers.sum()
    accepted = np.cumsum(np.bincount(member, weights=own)[::-1]) / own.sum()
    allowed = passing <= far
    return float(accepted[allowed].max()) if allowed.any() else 0.0
