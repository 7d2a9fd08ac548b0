"""What is set of the devices before anything is built on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tensorflow as tf
from tiny import changed

from ifgan_tf import config as config_lib
from ifgan_tf.config import Config
from ifgan_tf.training import loop


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What TensorFlow is asked to set; it stays as it is, for what is set can't be undone."""
    calls: list[str] = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: calls.append("deterministic"))
    return calls


@pytest.mark.parametrize("deterministic", [True, False])
def test_operations_that_repeat_themselves_are_asked_for_before_the_data_are_read(
    tiny_config: Config, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch, deterministic: bool
) -> None:
    class Reading(Exception):  # noqa: N818
        pass

    def load(*_: object) -> None:
        asked.append("data")
        raise Reading

    monkeypatch.setattr(loop.splits, "load", load)
    with pytest.raises(Reading):
        loop.train(changed(tiny_config, deterministic=deterministic), tmp_path / "run")
    assert asked == (["deterministic", "data"] if deterministic else ["data"])


def test_a_run_of_before_there_was_the_setting_loads(tiny_config: Config, tmp_path: Path) -> None:
    tree = config_lib.to_dict(tiny_config)
    del tree["run"]["deterministic"]
    (tmp_path / "config.json").write_text(json.dumps(tree))
    old = config_lib.load(tmp_path / "config.json")
    assert old.run.deterministic is False
    assert config_lib.differences(old, tiny_config) == []
