"""How networks come to be: their first weights from a seed, their arithmetic in a precision, and nothing else changed.

Keras asks the process for both. Layers take their precision from a global policy, and `keras.applications` has no other
way; initializers draw their seeds from Python's `random`. So both are set while networks are built, and put back.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import keras

FLOAT32 = "float32"


@contextlib.contextmanager
def drawn_from(seed: int, policy: str = FLOAT32) -> Iterator[None]:
    """Networks that are built inside have weights drawn from `seed` and compute in `policy`.

    Args:
      seed: of initial weights, and of dropout layers.
      policy: a name that `keras.DTypePolicy` takes, such as `mixed_bfloat16`, which keeps weights in float32.
    """
    state, before = random.getstate(), keras.config.dtype_policy()
    random.seed(seed)
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
        random.setstate(state)
