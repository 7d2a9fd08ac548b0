"""Functions over every sample of a picture, compiled by numba on first use and kept for the next process."""

from __future__ import annotations

import functools

from ifgan_tf.errors import UserError

try:
    import numba
except ModuleNotFoundError as error:
    raise UserError(
        "synthetic_faces is rendered by functions that numba compiles, and numba is not installed: pip install numba"
    ) from error

compiled = functools.partial(numba.njit, cache=True, fastmath=True)
