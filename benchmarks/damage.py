"""Ways to damage a run folder while nobody writes there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ifgan_tf import saved_weights


def cut_values(last: Path) -> None:
    """Half of the newest checkpoint's values are gone."""
    file = _values(last)
    os.truncate(file, file.stat().st_size // 2)


def change_values(last: Path) -> None:
    """A byte in the middle of the newest checkpoint's values is another."""
    file = _values(last)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def lose_values(last: Path) -> None:
    """The newest checkpoint's values are gone."""
    _values(last).unlink()


def empty_index(last: Path) -> None:
    """The newest checkpoint's index is empty."""
    _newest(last).with_suffix(".index").write_bytes(b"")


def lose_index(last: Path) -> None:
    """The newest checkpoint's index is gone."""
    _newest(last).with_suffix(".index").unlink()


def spoil_record(last: Path) -> None:
    """TensorFlow's record of the checkpoints is of zeros; nothing else is lost."""
    (last / "checkpoint").write_bytes(b"\0" * 64)


def spoil_weight(last: Path) -> None:
    """A weight in the newest checkpoint is no number; its checksums are right."""
    import tensorflow as tf

    newest = str(_newest(last))
    reader = tf.train.load_checkpoint(newest)
    names = sorted(reader.get_variable_to_shape_map())
    values = [np.array(reader.get_tensor(name)) for name in names]
    kernel = next(place for place, name in enumerate(names) if name.startswith("classifier/") and "kernel" in name)
    values[kernel].flat[0] = np.nan
    tf.raw_ops.SaveV2(prefix=newest, tensor_names=names, shape_and_slices=[""] * len(names), tensors=values)


DAMAGES: Mapping[str, Callable[[Path], None]] = {
    "newest checkpoint cut": cut_values,
    "newest checkpoint: a bit flipped": change_values,
    "newest checkpoint: values lost": lose_values,
    "newest checkpoint: index empty": empty_index,
    "newest checkpoint: index lost": lose_index,
    "newest checkpoint: NaN weight": spoil_weight,
    "record of checkpoints spoilt": spoil_record,
}


def _newest(last: Path) -> Path:
    checkpoint = saved_weights.latest(last)
    assert checkpoint is not None
    return checkpoint


def _values(last: Path) -> Path:
    (file,) = last.glob(f"{_newest(last).name}.data-*")
    return file
