"""The check of a device: which presets share a step, what is a failure, and all of it at a small size on the CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from absl import flags

from benchmarks import gpu_check
from ifgan_tf import config as config_lib
from ifgan_tf.errors import UserError

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "benchmarks.gpu_check"]


@pytest.fixture
def defined(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The flags of a training, for the time of the test."""
    monkeypatch.chdir(ROOT)
    values = flags.FlagValues()
    monkeypatch.setattr(flags, "FLAGS", values)
    with monkeypatch.context() as patch:
        for kind in ("integer", "float", "string", "bool", "enum", "alias"):
            name = f"DEFINE_{kind}"
            original = getattr(flags, name)
            patch.setattr(flags, name, lambda *given, original=original: original(*given, flag_values=values))
        config_lib.define_flags()
    yield


def test_presets_whose_steps_are_the_same_are_checked_once(defined: None) -> None:
    groups = gpu_check.presets([])
    named = [name for same in groups.values() for name in same]
    assert len(set(named)) == len(named) and {"bu_3dfe", "demo", "raf_db", "paper_small"} <= set(named)
    assert "small" not in named  # a part of others, which nothing is trained with
    of = {name: first for first, same in groups.items() for name in same}
    assert of["bu_3dfe"] == of["ck_plus"] == of["mmi"] != of["raf_db"]
    assert of["demo"] not in (of["raf_db_small"], of["paper_small"])
    with pytest.raises(UserError, match="--presets=nothing: expected some of bu_3dfe"):
        gpu_check.presets(["nothing"])


def answering(monkeypatch: pytest.MonkeyPatch, answers: dict[str, list[dict]]) -> None:
    """Every process answers with the next of its check's answers."""
    left = {check: iter(some) for check, some in answers.items()}

    def ask(*arguments: str) -> dict:
        check = next(argument for argument in arguments if argument.startswith("--check="))
        answer = next(left[check.removeprefix("--check=")])
        if answer.get("dies"):
            raise subprocess.CalledProcessError(-9, "python")
        return answer

    monkeypatch.setattr(gpu_check, "_ask", ask)
    monkeypatch.setattr(gpu_check, "presets", lambda names: {"a": ["a", "b"]})


STEP = {"loss": 2.0, "images_per_second": 8.0, "first_step": 3.0, "memory": 1.0}
GOOD: dict[str, list[dict]] = {
    "devices": [{"devices": ["a card"], "grows": True}],
    "step": [STEP, STEP, STEP],
    "tf32": [{"gpu": True, "on": STEP, "off": {**STEP, "loss": 2.05}}],
    "digest": [{"digest": "same"}, {"digest": "same"}],
    "constants": [{"graph": 0.1, "device": 0.2, "data": 67.0}],
    "torch": [{**STEP, "images_per_second": 4.0}],
}


def test_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    answering(monkeypatch, GOOD)
    lines = list(gpu_check.checks([], [], 1))
    assert all(line.passed for line in lines)
    assert [line.name for line in lines[1:4]] == ["a, b: float32", "a, b: bfloat16", "a, b: XLA"]
    assert "ours is 2.00 of it" in lines[-1].figure


@pytest.mark.parametrize(
    ("check", "answers"),
    [
        ("devices", [{"devices": ["a card"], "grows": False}]),
        ("step", [STEP, {**STEP, "loss": float("nan")}, STEP]),
        ("step", [STEP, STEP, {"dies": True}]),
        ("tf32", [{"gpu": True, "on": STEP, "off": {**STEP, "loss": 3.0}}]),
        ("tf32", [{"gpu": False, "on": STEP, "off": {**STEP, "loss": 2.0001}}]),
        ("digest", [{"digest": "one"}, {"digest": "other"}]),
        ("digest", [{"dies": True}]),
        ("constants", [{"graph": 3.0, "device": None, "data": 67.0}]),
        ("constants", [{"graph": 0.1, "device": 67.1, "data": 67.0}]),
        ("torch", [{"dies": True}]),
    ],
)
def test_one_failure_is_one_line(monkeypatch: pytest.MonkeyPatch, check: str, answers: list[dict]) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    answering(monkeypatch, GOOD | {check: answers})
    lines = list(gpu_check.checks([], [], 1))
    assert len(lines) == 8
    assert [str(line).startswith("FAILED") for line in lines].count(True) == 1


@pytest.mark.slow
def test_all_checks_pass_on_a_cpu_at_a_small_size() -> None:
    command = [*COMMAND, "--small", "--presets=demo", "--steps=1"]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()[1:]
    assert lines[-1] == "all passed"
    assert [line.split()[0] for line in lines[:-1]] == ["ok"] * 8
    assert "weights after 3 steps of 2 processes are equal" in done.stdout
