"""Settings and small runs that every test may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands do
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # results are compared bit by bit: the CPU repeats itself

# The checkout first: the folders datasets/ and export/ are never installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

import pytest
import tiny

from ifgan_tf.config import Config


@pytest.fixture
def tiny_config() -> Config:
    """Six classes at 32 pixels, from scratch: every network builds in a second."""
    return tiny.tiny_config(batch_size=4, epochs=2, learning_rate=1e-3)


@pytest.fixture
def with_model(tiny_config: Config) -> Callable[..., Config]:
    """`tiny_config` with other settings of its model section."""
    return lambda **settings: tiny.changed(tiny_config, **settings)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: of two processes, neither has to wait long for the other in the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
