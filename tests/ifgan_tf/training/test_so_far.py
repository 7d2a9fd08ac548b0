"""What an epoch has gathered comes back from a checkpoint as it was, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ifgan_tf.training.so_far import SoFar

STEPS = [{"loss": 0.1 * number, "accuracy": 1 / (number + 3)} for number in range(20)]


def test_it_comes_back_from_a_checkpoint(tmp_path):
    before, after = SoFar(), SoFar()
    weights = {"classifier": [np.float32([[0.1, np.pi]]), np.zeros((0,), np.float32)], "generator": [np.float32([0.3])]}
    before.begin({"balance": {"l1": 0.1 + 0.2}}, weights)
    before.add(STEPS[:7], 0.5)
    before.epoch, before.line = 3, {"epoch": 3, "train": {"loss": 1e-300}}
    tf.train.Checkpoint(so_far=before).write(str(tmp_path / "state"))
    after.add(STEPS, 1.0)
    tf.train.Checkpoint(so_far=after).read(str(tmp_path / "state")).assert_consumed()
    for name in ("epoch", "taken", "seconds", "sums", "balance", "line"):
        assert getattr(after, name) == getattr(before, name)
    assert after.weights.keys() == weights.keys()
    for name, expected in weights.items():
        for one, other in zip(after.weights[name], expected, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


def test_means_do_not_depend_on_where_an_epoch_was_cut():
    whole, cut = SoFar(), SoFar()
    whole.add(STEPS, 1.0)
    for piece in (STEPS[:3], STEPS[3:4], STEPS[4:]):
        cut.add(piece, 0.1)
        again = SoFar()
        again.deserialize(cut.serialize())
        cut = again
    assert cut.means() == whole.means()
    assert whole.means()["loss"] == pytest.approx(0.95)


def test_a_finished_epoch_leaves_its_line_alone():
    so_far = SoFar()
    so_far.begin({"balance": {"l1": 1.0}}, {"classifier": [np.ones(1000, np.float32)]})
    so_far.add(STEPS, 1.0)
    line = {"epoch": 1, "train": so_far.means()}
    so_far.finish(line)
    assert (so_far.epoch, so_far.taken, so_far.sums, so_far.balance, so_far.line) == (1, 0, {}, {}, line)
    assert len(so_far.serialize()) < 1000, "weights of an epoch's beginning are kept inside it alone"
