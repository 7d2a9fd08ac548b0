"""The one exception whose message is written for the person at the keyboard."""

import re

_LONGEST = 300


class UserError(Exception):
    """Bad input that a person can mend.

    The message names the file or flag, says what was expected and what to do. Entry points print it
    as one line and exit with code 2 (see :mod:`ifgan_tf.cli`).
    """


def reason(error: BaseException) -> str:
    """What an exception of a library says, in one line: without TensorFlow's names of nodes and operations."""
    text = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error) or type(error).__name__
    text = re.sub(r"\{\{.*?\}\}|\[(\[\{\{.*?\}\}\]|Op:\w*)\]", "", str(text)).strip().partition("\n")[0]
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
