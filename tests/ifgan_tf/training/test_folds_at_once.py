"""Folds in processes of their own: all are trained, so many at a time, and a failure is named at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ifgan_tf.errors import UserError
from ifgan_tf.training.folds_at_once import train_folds

ROOT = Path(__file__).parents[3]

# Stands for train.py: says when it began and ended, and fails at the folds that it is told to.
SCRIPT = """
import os, sys, time
folder, failing = sys.argv[1], sys.argv[2]
fold = sys.argv[3].removeprefix("--folds=")
open(f"{folder}/{fold}.began", "w").write(f"{time.time()} {os.environ['TF_NUM_INTRAOP_THREADS']}")
print("epoch 1/1", file=sys.stderr)
time.sleep(float(os.environ.get("SECONDS_A_FOLD", "0.3")))
if fold in failing:
    sys.exit(2)
open(f"{folder}/{fold}.ended", "w").write(str(time.time()))
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    return str(tmp_path / "script.py")


def test_two_at_a_time_and_what_they_say_is_passed_on(script, tmp_path, caplog):
    caplog.set_level("INFO")
    train_folds([script, str(tmp_path), "-"], [0, 3, 4, 7], 2)
    began = {fold: float((tmp_path / f"{fold}.began").read_text().split()[0]) for fold in (0, 3, 4, 7)}
    ended = {fold: float((tmp_path / f"{fold}.ended").read_text()) for fold in began}
    for moment in began.values():
        assert sum(began[fold] <= moment < ended[fold] for fold in began) <= 2
    assert max(began[0], began[3]) < min(ended[0], ended[3])  # at the same time
    assert {f"fold {fold}: epoch 1/1" for fold in began} <= set(caplog.messages)
    threads = int((tmp_path / "0.began").read_text().split()[1])
    assert threads == max(1, len(os.sched_getaffinity(0)) // 2)


def test_a_fold_that_fails_is_named_and_the_others_are_trained(script, tmp_path):
    with pytest.raises(UserError, match=r"--folds=1,2: not finished"):
        train_folds([script, str(tmp_path), "12"], [1, 2, 3], 2)
    assert (tmp_path / "3.ended").exists()


def test_stopping_stops_the_folds(script, tmp_path):
    starter = (
        "import sys; from ifgan_tf import cli; from ifgan_tf.training.folds_at_once import train_folds;"
        "sys.argv = sys.argv[:1];"
        f"cli.run(lambda _: train_folds([{script!r}, {str(tmp_path)!r}, '-'], [0, 1, 2], 2), '')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter], cwd=ROOT, env={**os.environ, "SECONDS_A_FOLD": "60"}, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "1.began").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    assert not list(tmp_path.glob("*.ended")) and not (tmp_path / "2.began").exists()
