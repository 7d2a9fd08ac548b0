"""All that is in a run's newest checkpoint, to be compared with another's bit by bit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ifgan_tf import saved_weights
from ifgan_tf.run_folder import RunFolder

_SO_FAR = "so_far/.ATTRIBUTES/py_state"
_OF_NO_TRAINING = ("_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter/.ATTRIBUTES/VARIABLE_VALUE")
_BY_THE_CLOCK = ("seconds", "images_per_second")


def differences(one: Path, other: Path) -> list[str]:
    """What is not the same in two run folders: names of variables of `last` and `best`, lines of metrics.

    Figures that a clock gave are left out.
    """
    found = []
    for which in ("last", "best"):
        states = [dict(_values(_newest(path, which))) for path in (one, other)]
        for name in sorted(states[0].keys() | states[1].keys()):
            if states[0].get(name) != states[1].get(name):
                found.append(f"{which}: {name}")
    lines = [[_without_clock(line) for line in RunFolder(path).metrics()] for path in (one, other)]
    return found + ["metrics.jsonl"] * (lines[0] != lines[1])


def _newest(run: Path, which: str) -> Path:
    checkpoint = saved_weights.latest(RunFolder(run).checkpoints_dir / which)
    assert checkpoint is not None, f"{run} has no checkpoint {which}"
    return checkpoint


def _values(checkpoint: Path) -> Iterator[tuple[str, object]]:
    import tensorflow as tf

    yield "number", saved_weights.number(checkpoint)
    reader = tf.train.load_checkpoint(str(checkpoint))
    for name in reader.get_variable_to_shape_map():
        if name in _OF_NO_TRAINING:
            continue
        value = reader.get_tensor(name)
        if name == _SO_FAR:
            told, _, weights = value.partition(b"\n")
            yield name, (_without_clock(json.loads(told)), weights)
        else:
            array = np.asarray(value)
            yield name, (array.dtype.str, array.shape, array.tobytes())


def _without_clock(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _without_clock(inner) for name, inner in value.items() if name not in _BY_THE_CLOCK}
