"""Checkpoints are found by their files, whatever became of TensorFlow's record of them."""

from __future__ import annotations

import pytest
import tensorflow as tf

from ifgan_tf import saved_weights
from ifgan_tf.errors import UserError


@pytest.mark.parametrize(
    "record", [b"", b"\0" * 80, b"\xff\xfe", b'model_checkpoint_path: "ck'], ids=["empty", "zeros", "binary", "cut"]
)
def test_the_record_of_checkpoints_is_not_needed(tmp_path, record):
    value = tf.Variable(0.0)
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(value=value), str(tmp_path), 2)
    for number in (9, 10):
        manager.save(checkpoint_number=number)
    (tmp_path / "checkpoint").write_bytes(record)
    (tmp_path / "ckpt-11_temp").mkdir()  # a save that was killed
    assert saved_weights.latest(tmp_path) == tmp_path / "ckpt-10"
    saved_weights.mend(tmp_path)
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "ckpt-10")
    tf.train.CheckpointManager(tf.train.Checkpoint(value=value), str(tmp_path), 1).save(checkpoint_number=11)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint",
        "ckpt-11.data-00000-of-00001",
        "ckpt-11.index",
    ]


def test_a_checkpoint_that_was_there_is_missed(tmp_path):
    assert saved_weights.latest(tmp_path) is None
    (tmp_path / "checkpoint").touch()
    for find in (saved_weights.latest, saved_weights.mend):
        with pytest.raises(UserError, match="damaged, it holds the record of a checkpoint and no index"):
            find(tmp_path)


def test_what_is_cut_short_is_swept_away_and_an_index_that_is_lost_is_missed(tmp_path):
    value = tf.Variable(0.0)
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(value=value), str(tmp_path), 2)
    for number in (9, 10):
        manager.save(checkpoint_number=number)
    assert saved_weights.lost(tmp_path) is None
    (tmp_path / "ckpt-10.index").unlink()
    (tmp_path / "ckpt-11_temp").mkdir()
    assert saved_weights.lost(tmp_path) == "ckpt-10"
    assert saved_weights.newest_first(tmp_path) == [tmp_path / "ckpt-9"]
    saved_weights.mend(tmp_path)
    assert saved_weights.lost(tmp_path) is None
    left = ["checkpoint", "ckpt-9.data-00000-of-00001", "ckpt-9.index"]
    assert sorted(path.name for path in tmp_path.iterdir()) == left
    saved_weights.remove(tmp_path / "ckpt-9")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
