"""The one expression vocabulary: six basic expressions, then neutral.

Every data set, model, report and export uses these names in this order. A run may tell fewer apart: it leaves names
out, and the order stays.
"""

from __future__ import annotations

from ifgan_tf.errors import UserError

EXPRESSIONS: tuple[str, ...] = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
GRADES = 4  # of intensity, from a trace to as strong as it gets, where a data set grades
BASIC: tuple[str, ...] = EXPRESSIONS[:6]
NEUTRAL: int = EXPRESSIONS.index("neutral")
_NUMBERS = {"6": BASIC, "7": EXPRESSIONS}


def classes(text: str) -> tuple[str, ...]:
    """The class names of a run, in the vocabulary's order.

    Args:
      text: `6` (the basic expressions), `7` (with neutral), or names separated by commas, in any order.

    Raises:
      UserError: for anything else, a name given twice, or fewer than two.
    """
    named = [name.strip() for name in text.split(",")]
    chosen = _NUMBERS.get(text.strip()) or tuple(name for name in EXPRESSIONS if name in named)
    if len(chosen) < 2 or (text.strip() not in _NUMBERS and len(named) != len(chosen)):
        raise UserError(
            f"--classes={text}: expected 6 (basic expressions), 7 (with neutral), or two or more different ones of "
            f"{','.join(EXPRESSIONS)}"
        )
    return chosen


def index(name: str) -> int:
    """The label of an expression name.

    Raises:
      UserError: for a name outside the vocabulary.
    """
    if name not in EXPRESSIONS:
        raise UserError(f"label {name!r}: expected one of {', '.join(EXPRESSIONS)}")
    return EXPRESSIONS.index(name)
