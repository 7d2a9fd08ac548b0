"""The word for a face: its most probable expression, unless the answer is not to be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ifgan_tf.errors import UserError
from ifgan_tf.faces.quality import Quality

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
