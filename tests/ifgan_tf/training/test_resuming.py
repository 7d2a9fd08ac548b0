"""Going on equals never having stopped, after whichever step and however it was stopped."""

from __future__ import annotations

import errno
import os
import signal
import time

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tiny import changed

from benchmarks.run_state import differences
from ifgan_tf.errors import UserError
from ifgan_tf.run_folder import RunFolder
from ifgan_tf.training import checkpoints, epoch, loop
from ifgan_tf.training.step import Trainer
from ifgan_tf.training.validation import Validation

STEPS = 6  # of an epoch
LOOKS = [2, 4, 6, 8, 10, 12]  # steps with points of the curves


@pytest.fixture(scope="module", autouse=True)
def often():
    """Curves have several points an epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epoch, "_LOOK_EVERY", 2)
        yield


@pytest.fixture(scope="module")
def config(make_config, data_dir):
    """E alone, which is built and traced in a second; `make_config` gives G and D as well."""
    return make_config(
        data_dir, batch_size=32, epochs=2, learning_rate=1e-3, weight_average=0.9, classifier_input="input"
    )


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
    """The run that was never stopped; to be read only."""
    run = RunFolder(tmp_path_factory.mktemp("whole") / "run")
    assert loop.train(config, run.path)["step"] == 2 * STEPS
    return run


@pytest.fixture
def before_step(monkeypatch):
    """Does something before a step: `before_step(3, something)`."""
    real, asked = epoch.next_batch, {}

    def next_batch(batches, step):
        if step in asked:
            asked.pop(step)()
        return real(batches, step)

    monkeypatch.setattr(epoch, "next_batch", next_batch)
    return asked.__setitem__


def ask(number=signal.SIGTERM):
    os.kill(os.getpid(), number)


def stopped(config, path, code=143):
    with pytest.raises(SystemExit) as left:
        loop.train(config, path)
    assert left.value.code == code


def kept(run, which="last"):
    return sorted(int(path.stem.partition("-")[2]) for path in (run.checkpoints_dir / which).glob("*.index"))


def steps_of(run, tag, part="train"):
    events = EventAccumulator(str(run.tensorboard_dir / part))
    events.Reload()
    return [event.step for event in events.Tensors(tag)]


@pytest.mark.slow
def test_stopped_by_signals_after_some_steps_and_in_validation(config, tmp_path, before_step, monkeypatch, caplog):
    config = changed(config, classifier_input="pair", weight_average=0.0)
    whole, run = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "run")
    loop.train(config, whole.path)
    caplog.set_level("INFO")
    before_step(2, ask)
    stopped(config, run.path)
    assert "stopped after step 2 of 12; the same command goes on from there" in caplog.text
    assert kept(run) == [2] and not run.metrics() and run.checkpoint_epoch("last") == 0

    predict, calls = Validation.predict, []

    def slow(self):
        calls.append(self)
        if len(calls) == 1:
            ask()
        return predict(self)

    monkeypatch.setattr(Validation, "predict", slow)
    stopped(config, run.path)
    assert "going on after epoch 0 of 2 and 2 of 6 steps of the next" in caplog.text
    assert kept(run) == [2, 6] and not run.metrics() and run.checkpoint_epoch("last") == 0

    before_step(9, lambda: ask(signal.SIGINT))
    stopped(config, run.path, 130)
    assert kept(run) == [6, 9] and run.checkpoint_epoch("last") == 1 and kept(run, "best") == [1]

    loop.train(config, run.path)
    assert differences(whole.path, run.path) == []
    assert steps_of(run, "loss") == steps_of(whole, "loss") == LOOKS
    for tag in ("balance/l1", "updates/generator"):
        assert steps_of(run, tag) == steps_of(whole, tag)
    assert steps_of(run, "accuracy", "validation") == steps_of(whole, "accuracy", "validation") == [6, 12]


@pytest.mark.slow
def test_checkpoints_by_the_minute_and_a_clock_that_jumps(config, whole, tmp_path, before_step, monkeypatch):
    """`time.time` goes back and forth by years; what counts is how much time passes."""
    now, jumps = [0.0], iter([4e9, -1e9] * 10**6)
    wall = time.time
    monkeypatch.setattr(time, "time", lambda: wall() + next(jumps))
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    run = RunFolder(tmp_path / "run")

    def pass_minutes(minutes):
        now[0] += 60 * minutes

    def die():
        raise KeyboardInterrupt("as good as killed: nothing is kept")

    config = changed(config, checkpoint_minutes=7.0)
    before_step(1, lambda: pass_minutes(6))
    before_step(3, lambda: pass_minutes(1))  # seven since the run began
    before_step(5, die)
    with pytest.raises(KeyboardInterrupt):
        loop.train(config, run.path)
    assert kept(run) == [3]
    before_step(4, lambda: pass_minutes(6.9))
    before_step(7, lambda: pass_minutes(6.9))  # the end of the epoch was kept between them
    before_step(9, die)
    with pytest.raises(KeyboardInterrupt):
        loop.train(config, run.path)
    assert kept(run) == [3, 6]
    loop.train(changed(config, checkpoint_minutes=1e-9), run.path)  # another number is no other run
    assert kept(run) == [6, 12]  # the clock of minutes stands still
    assert differences(whole.path, run.path) == []


@pytest.mark.slow
def test_a_damaged_checkpoint_and_the_one_before(config, whole, tmp_path, before_step, caplog):
    run = RunFolder(tmp_path / "run")
    last = run.checkpoints_dir / "last"
    config = changed(config, checkpoint_minutes=1e-9)
    before_step(4, ask)
    stopped(config, run.path)
    assert kept(run) == [3, 4]
    os.truncate(last / "ckpt-4.data-00000-of-00001", 1000)
    (last / "checkpoint").write_bytes(b"")
    before_step(8, ask)
    stopped(config, run.path)
    assert "last/ckpt-4: damaged (" in caplog.text and "going on from ckpt-3, the one before" in caplog.text
    assert len(run.metrics()) == 1 and kept(run) == [7, 8]
    (last / "ckpt-8.index").unlink()
    (last / "ckpt-7.index").write_bytes(b"")
    before = sorted(path.name for path in last.iterdir())
    with pytest.raises(UserError, match=r"checkpoints/last: ckpt-8 .*its index is lost.*ckpt-7 cannot be restored"):
        loop.train(config, run.path)
    assert sorted(path.name for path in last.iterdir()) == before and len(run.metrics()) == 1


def test_what_is_no_number_is_rewound_and_the_order_of_batches_stays(config, tmp_path, monkeypatch, caplog):
    """Weights are spoilt before step 4, once; so the second time all goes well, at half the rate."""
    config, run = changed(config, nan="rewind", checkpoint_minutes=1e-9), RunFolder(tmp_path / "run")
    real, seen, spoilt = epoch.next_batch, [], []

    def next_batch(batches, step):
        batch = real(batches, step)
        seen.append((step, batch[1].numpy().tolist()))
        if step == 4 and not spoilt:
            spoilt.append(step)
            weight = trainers[0].networks.classifier.trainable_variables[0]
            weight.assign(tf.fill(weight.shape, float("nan")))
        return batch

    trainers = []
    build = Trainer.__init__
    monkeypatch.setattr(Trainer, "__init__", lambda self, *args: (trainers.append(self), build(self, *args))[1])
    monkeypatch.setattr(epoch, "next_batch", next_batch)
    line = loop.train(config, run.path)
    assert "is not finite: back to step 3, and on with 0.5 of the learning rate" in caplog.text
    assert [step for step, _ in seen] == [1, 2, 3, 4, *range(4, 13)]
    assert seen[3] == seen[4]
    assert line["learning_rate"] == pytest.approx(0.5e-3) and len(run.metrics()) == 2
    assert steps_of(run, "loss") == LOOKS
    assert float(trainers[0].optimizer.learning_rate) == pytest.approx(0.5e-3)
    loop.train(changed(config, epochs=2), run.path)
    assert (
        tf.train.load_variable(str(run.checkpoints_dir / "last" / "ckpt-12"), "rate_factor/.ATTRIBUTES/VARIABLE_VALUE")
        == 0.5
    )


def test_a_run_is_rewound_three_times_at_most(config, tmp_path, monkeypatch, caplog):
    forward = Trainer.forward

    def poisoned(self, *batch):
        terms, logits, features = forward(self, *batch)
        return {**terms, "softmax": terms["softmax"] * float("nan")}, logits, features

    monkeypatch.setattr(Trainer, "forward", poisoned)
    with pytest.raises(UserError, match=r"step 1: .*softmax=nan.* is not finite\. The last checkpoint is intact"):
        loop.train(changed(config, nan="rewind"), tmp_path / "run")
    assert [word for word in ("0.5 of", "0.25 of", "0.125 of", "0.0625 of") if word in caplog.text] == [
        "0.5 of",
        "0.25 of",
        "0.125 of",
    ]
    assert kept(RunFolder(tmp_path / "run")) == [0]


def test_images_that_cannot_be_read_are_one_error(config, tmp_path, monkeypatch):
    def unreadable(*args):
        yield from ()
        raise tf.errors.DataLossError(None, None, "shard-3: corrupted record at 17")

    monkeypatch.setattr(loop.input_pipeline, "training_batches", unreadable)
    with pytest.raises(UserError, match=r"step 1: its images could not be read \(shard-3: corrupted record at 17\)\."):
        loop.train(config, tmp_path / "run")


def test_curves_that_cannot_be_written_are_said_once_and_training_goes_on(config, whole, tmp_path, caplog):
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.tensorboard_dir.write_text("a file in the way")
    loop.train(config, run.path)
    assert caplog.text.count("curves and pictures for TensorBoard cannot be written") == 1
    assert differences(whole.path, run.path) == []


def test_a_disk_too_full_for_a_line_of_metrics_loses_none(config, whole, tmp_path, monkeypatch):
    run, write = RunFolder(tmp_path / "run"), RunFolder._write_metrics

    def full(self, lines):
        if len(lines) == 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(self.metrics_file))
        write(self, lines)

    monkeypatch.setattr(RunFolder, "_write_metrics", full)
    with pytest.raises(OSError, match="No space left on device"):
        loop.train(config, run.path)
    assert [line["epoch"] for line in run.metrics()] == [1]
    monkeypatch.undo()
    loop.train(config, run.path)
    assert differences(whole.path, run.path) == []
