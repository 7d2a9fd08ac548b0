"""Settings and small runs that every test may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands do
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # results are compared bit by bit: the CPU repeats itself

# The checkout first: the folders datasets/ and export/ are never installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

import dataclasses

import pytest

from ifgan_tf.config import Config, DataConfig, ModelConfig, OptimizerConfig


@pytest.fixture
def tiny_config() -> Config:
    """Six classes at 32 pixels, from scratch: every network builds in a second."""
    return Config(
        data=DataConfig(image_size=32),
        model=ModelConfig(
            classifier_input="generated",
            backbone="SmallCNN",
            classifier_weights="none",
            generator_width=8,
            discriminator_width=8,
        ),
        optimizer=OptimizerConfig(batch_size=4, epochs=2, learning_rate=1e-3),
    )


@pytest.fixture
def with_model(tiny_config: Config):
    """`tiny_config` with other settings of its model section."""

    def change(**settings: object) -> Config:
        return dataclasses.replace(tiny_config, model=dataclasses.replace(tiny_config.model, **settings))

    return change
