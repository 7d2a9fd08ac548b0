"""Training on several devices is training on one: in processes of their own, as devices are set before TensorFlow."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.replicas import cluster
from ifgan_tf.errors import UserError
from ifgan_tf.run_folder import RunFolder
from ifgan_tf.training import loop, strategy

ROOT = Path(__file__).parents[3]
NETWORKS = (
    *("--backbone=SmallCNN", "--classifier_weights=none", "--image_size=32", "--generator_width=8"),
    *("--discriminator_width=8", "--batch_size=8", "--learning_rate=0.001"),
)
# The largest difference of any gradient, as a share of the largest number in it. Sums in another order differ by a few
# roundings of float32, 6e-8 each; batch normalisation divides some of them by small deviations.
TOLERANCE = 1e-4


def start(output, name, *settings, **environment):
    command = [sys.executable, "-m", "tests.two_devices", f"--output={output}", f"--strategy={name}"]
    return subprocess.Popen(
        [*command, *NETWORKS, *settings],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told[-3000:]


def two_steps(output, name, *settings):
    finish(start(output, name, *settings))
    return np.load(output)


def assert_same(one, several):
    assert set(one.files) == set(several.files)
    steepest = max((np.abs(one[name]).max() for name in one.files if name.startswith("gradient")), default=0)
    for name in one.files:
        largest = np.abs(one[name]).max()
        if name.startswith("gradient") and largest < 1e-6 * steepest:
            continue  # it is 0, but for rounding: of a bias before batch normalisation
        share = np.abs(one[name].astype(np.float64) - several[name]).max() / max(largest, 1e-9)
        assert share < TOLERANCE, (name, share, largest)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        ("--classifier_input=pair", "--weight_average=0.9", "--class_weights", "--recompute"),
        ("--classifier_input=generated", "--centre_update=gradient", "--island_reduction=sum"),
    ],
    ids=["pair", "generated"],
)
def test_two_devices_train_as_one(tmp_path, settings):
    one = two_steps(tmp_path / "one.npz", "one", *settings)
    assert_same(one, two_steps(tmp_path / "two.npz", "mirrored", *settings))


@pytest.mark.slow
def test_two_devices_take_two_steps_in_one_call(tmp_path):
    settings = "--classifier_input=generated", "--steps_per_execution=2"
    one = two_steps(tmp_path / "one.npz", "one", *settings)
    assert len([name for name in one.files if name.startswith("step 1")]) > 5
    assert_same(one, two_steps(tmp_path / "two.npz", "mirrored", *settings))


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    settings = "--classifier_input=generated", "--nodiscriminator_batch_norm", "--lambda_real=0.5"
    one = two_steps(tmp_path / "one.npz", "one", *settings)
    started = [start(tmp_path / "two.npz", "multi_worker", *settings, TF_CONFIG=told) for told in cluster(2)]
    for process in started:
        finish(process)
    assert_same(one, np.load(tmp_path / "two.npz"))


# train.py without the building of data, which the data set of these tests does not come from.
TRAIN = """
from pathlib import Path
from absl import flags
from ifgan_tf import cli, config

def main(_):
    from ifgan_tf.training.loop import train
    train(config.from_flags(flags.FLAGS, fold=0), Path(flags.FLAGS.workdir))

config.define_flags()
flags.DEFINE_string("workdir", None, "")
cli.run(main, "")
"""


def train_together(workdir, data_dir, epochs=60):
    """Starts a training in two workers."""
    settings = "--classifier_input=input", "--dataset=bu_3dfe", f"--epochs={epochs}"
    command = [sys.executable, "-c", TRAIN, *NETWORKS, *settings]
    return [
        subprocess.Popen(
            [*command, f"--workdir={workdir}", f"--data_dir={data_dir}", "--strategy=multi_worker"],
            cwd=ROOT,
            env={**os.environ, "TF_CONFIG": told},
            stderr=subprocess.PIPE,
            text=True,
        )
        for told in cluster(2)
    ]


def wait_for_an_epoch(run, after=0):
    deadline = time.monotonic() + 200
    while not run.metrics_file.exists() or len(run.metrics()) <= after:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_workers_stop_together_and_go_on_together(tmp_path, data_dir):
    run = RunFolder(tmp_path / "run")
    workers = train_together(run.path, data_dir)
    wait_for_an_epoch(run)
    workers[1].send_signal(signal.SIGTERM)  # not the one that writes
    told = [worker.communicate(timeout=200)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [143, 143], told
    assert "the same command goes on from there" in told[0]
    begun = len(run.metrics())

    workers = train_together(run.path, data_dir)
    wait_for_an_epoch(run, begun)
    workers[1].kill()
    _, told = workers[0].communicate(timeout=200)
    workers[1].communicate()
    assert workers[0].returncode == 2, told
    assert "error: --strategy=multi_worker: another worker has ended" in told and "going on after" in told
    lines = [line["epoch"] for line in run.metrics()]
    assert lines == list(range(1, len(lines) + 1)) and len(lines) > begun


@pytest.mark.slow
def test_the_chief_calibrates_while_the_others_wait(tmp_path, data_dir):
    for _ in range(2):  # the second time there is nothing left to train
        for worker in train_together(tmp_path, data_dir, epochs=1):
            finish(worker)
        assert RunFolder(tmp_path).temperature() != 1.0
        RunFolder(tmp_path).calibration_file.unlink()


@pytest.mark.parametrize("signals", [[], [signal.SIGTERM]], ids=["alone", "as this one"])
def test_a_chief_that_ends_while_others_wait(monkeypatch, signals):
    """Whoever stops a job asks all of its workers; the chief may be gone before this one has heard of it."""

    def lost():
        for number in signals:
            os.kill(os.getpid(), number)
        raise UserError("another worker has ended")

    monkeypatch.setattr(strategy, "wait_for_all", lost)
    with pytest.raises(SystemExit if signals else UserError, match="143" if signals else "has ended"):
        loop._wait_for_the_chief(tf.distribute.get_strategy())


@pytest.mark.parametrize(
    "told",
    [
        "",
        "{",
        "[]",
        '{"cluster": {"worker": ["a:1", "b:2"]}}',
        '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 2}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:2"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}',
    ],
)
def test_multi_worker_needs_its_cluster(monkeypatch, told):
    monkeypatch.setenv("TF_CONFIG", told)
    with pytest.raises(UserError, match=r"--strategy=multi_worker: TF_CONFIG=.*expected the workers"):
        strategy.strategy_of("multi_worker")


def test_a_worker_that_waits_for_the_others_can_be_ended(tmp_path):
    first = cluster(2)[0]
    host, port = json.loads(first)["cluster"]["worker"][0].split(":")
    process = start(tmp_path / "never.npz", "multi_worker", TF_CONFIG=first)
    deadline = time.monotonic() + 120
    while socket.socket().connect_ex((host, int(port))):  # then it listens, and waits
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    try:
        assert process.wait(timeout=30) == -signal.SIGINT
    finally:
        process.kill()


def test_one_device_asks_nobody():
    assert strategy.is_chief(tf.distribute.get_strategy()) and not strategy.anyone(False) and strategy.anyone(True)
    strategy.agree_on(7, "step")
    strategy.refuse_what_cannot_be_shared(7, 1, jit_compile=True)
    with pytest.raises(UserError, match="--batch_size=50: cannot be shared out evenly among 1 devices times"):
        strategy.refuse_what_cannot_be_shared(50, 4, jit_compile=False)


def test_several_devices_of_one_are_one():
    assert strategy.strategy_of("mirrored") is tf.distribute.get_strategy()  # a CPU and no more
