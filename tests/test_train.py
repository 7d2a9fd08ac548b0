"""`train.py` as a person runs it: built from nothing, killed in the middle of an epoch, run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SMALL = [
    "--dataset=synthetic_faces/tiny",
    "--num_classes=7",
    "--image_size=32",
    "--classifier_input=generated",
    "--backbone=SmallCNN",
    "--classifier_weights=none",
    "--generator_width=8",
    "--discriminator_width=8",
    "--batch_size=8",
    "--epochs=3",
]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "train.py", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=900)


def metrics(workdir: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "images_per_second"} for line in lines]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A folder of `data`, built on the way, and the `run` that was trained on them."""
    folder = tmp_path_factory.mktemp("whole")
    start = time.monotonic()
    done = run(*SMALL, f"--data_dir={folder / 'data'}", f"--workdir={folder / 'run'}")
    minutes = (time.monotonic() - start) / 60
    assert done.returncode == 0, done.stderr
    assert "validation accuracy" in done.stderr
    told = [line for line in done.stderr.splitlines() if not line.startswith(("epoch ", str(folder)))]
    first, *progress = told
    assert first.startswith("building synthetic_faces/tiny in ")
    assert all(line.startswith("synthetic_faces train: ") for line in progress), "no libraries' chatter"
    assert len(progress) <= minutes + 1, "a line a minute and a last one, no bars"
    return folder


@pytest.mark.slow
def test_killed_in_the_middle_of_an_epoch_and_run_again(whole, tmp_path):
    data = f"--data_dir={whole / 'data'}"
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        command(*SMALL, data, f"--workdir={killed}"),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    seen = ""
    deadline = time.monotonic() + 600
    while "epoch 1/3" not in seen and time.monotonic() < deadline:  # told when it is over: the second has begun
        seen = process.stderr.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert len(metrics(killed)) == 1, "killed in the second epoch: the first is kept"

    again = run(*SMALL, data, f"--workdir={killed}")
    assert again.returncode == 0, again.stderr
    assert "going on after epoch 1 of 3" in again.stderr
    assert metrics(killed) == metrics(whole / "run")


@pytest.mark.slow
def test_some_folds_of_the_baseline_and_their_evaluation(whole, tmp_path):
    arguments = [*SMALL, "--model=baseline", "--epochs=1", f"--data_dir={whole / 'data'}"]
    done = run(*arguments, "--folds=3,0", f"--workdir={tmp_path / 'run'}")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["fold_00", "fold_03", "summary.md"]
    config = json.loads((tmp_path / "run" / "fold_03" / "config.json").read_text())
    assert config["model"]["classifier_input"] == "input" and config["run"]["fold"] == 3
    table = (tmp_path / "run" / "summary.md").read_text().partition("\n\n")[2]
    assert table.strip() in done.stderr

    again = run(*arguments, "--folds=0,3,5", f"--workdir={tmp_path / 'run'}")  # two are done, one is not
    assert again.returncode == 0, again.stderr
    assert "epoch 1/1" not in again.stderr.split("fold_03: validation accuracy")[0]
    evaluated = subprocess.run(
        [sys.executable, "evaluate.py", f"--workdir={tmp_path / 'run'}", "--noidentity"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert evaluated.returncode == 0, evaluated.stderr
    assert "folds 0, 3, 5 of 10" in evaluated.stdout and "missing: 1-2, 4, 6-9" in evaluated.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workdir=W", "extra"], "extra: expected flags only"),
        ([], "--workdir is missing"),
        (["--workdir=W", "--fold=10"], "--fold=10: expected 0 to 9, or --fold=all"),
        (["--workdir=W", "--fold=\u00b2"], "expected 0 to 9"),
        (["--workdir=W", "--folds=3,ten"], "--folds=3,ten: expected 0 to 9"),
        (["--workdir=W", "--dataset=raf_db", "--fold=all"], "--fold=all: raf_db is evaluated on its owners' split"),
        (["--workdir=W", "--additional_data=ckplus"], "--additional_data=ckplus: expected some of"),
        (["--workdir=W", "--dataset=mmi", "--additional_data=mmi"], "--additional_data=mmi: that is --dataset itself"),
        (["--workdir=W", "--image_size=100"], "--image_size=100: expected a positive multiple of 32"),
        (["--workdir=W", "--classifier_input=both"], "classifier_input"),
        (["--workdir=W", "--flagfile=/no/such.flags"], "/no/such.flags"),
        (["--workdir=W", "--dataset=nonsense"], "--dataset=nonsense"),
        (["--workdir=W", "--fold=all", "--folds_at_once=2", "--strategy=mirrored"], "--folds_at_once=2: every fold"),
        (["--workdir=W", "--gradient_accumulation=7"], "--gradient_accumulation=7: expected a divisor of --batch_size"),
    ],
)
def test_bad_usage_is_one_error_and_code_2(tmp_path, arguments, message):
    done = run(*[argument.replace("=W", f"={tmp_path / 'run'}") for argument in arguments])
    assert done.returncode == 2
    assert "error: " in done.stderr and message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_manual_dir_without_the_data_set_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    done = run(
        "--dataset=bu_3dfe",
        f"--manual_dir={tmp_path / 'empty'}",
        f"--data_dir={tmp_path / 'data'}",
        f"--workdir={tmp_path / 'run'}",
    )
    assert done.returncode == 2
    assert f"--manual_dir={tmp_path / 'empty'}" in done.stderr
    assert not (tmp_path / "run").exists()


def test_no_network_for_imagenet_weights_is_named(tmp_path):
    """Keras' download goes through a proxy that refuses, as on a machine without a network."""
    script = (
        "import os, sys; os.environ['https_proxy'] = os.environ['HTTPS_PROXY'] = 'http://127.0.0.1:9';"
        "os.environ['KERAS_HOME'] = sys.argv[1];"
        "from ifgan_tf import cli; from ifgan_tf.models.backbones import build_backbone;"
        "sys.argv = sys.argv[:1];"
        "cli.run(lambda arguments: build_backbone('MobileNetV2', 'imagenet', 96, 3, 0.9) and None, '')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 2
    assert "error: --classifier_weights=imagenet: the weights of MobileNetV2 could not be downloaded" in done.stderr
    assert "pass --classifier_weights=FILE" in done.stderr
