"""The one expression vocabulary: six basic expressions, then neutral.

Every data set, model, report and export uses these names in this order; six-class runs use the first six.
"""

from __future__ import annotations

from ifgan_tf.errors import UserError

EXPRESSIONS: tuple[str, ...] = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
NEUTRAL: int = EXPRESSIONS.index("neutral")


def classes(num_classes: int) -> tuple[str, ...]:
    """The class names of a run with `num_classes` classes: 6 (basic expressions) or 7 (and neutral).

    Raises:
      UserError: for any other number.
    """
    if num_classes not in (6, 7):
        raise UserError(f"--num_classes={num_classes}: expected 6 (basic expressions) or 7 (with neutral)")
    return EXPRESSIONS[:num_classes]


def index(name: str) -> int:
    """The label of an expression name.

    Raises:
      UserError: for a name outside the vocabulary.
    """
    if name not in EXPRESSIONS:
        raise UserError(f"label {name!r}: expected one of {', '.join(EXPRESSIONS)}")
    return EXPRESSIONS.index(name)
