"""Streams of random numbers: who draws from `np.random.default_rng([seed, person, stream])`, so that no two meet.

A picture of the data set has `[seed, person, expression, take]`, with the expression's number in
`ifgan_tf.labels.EXPRESSIONS`: the streams here begin above those.
"""

from __future__ import annotations

from ifgan_tf.labels import EXPRESSIONS

PERSON = len(EXPRESSIONS)
LOOKS = 71
BODY = 72
SINGLE = 73  # pictures that are no part of the data set
