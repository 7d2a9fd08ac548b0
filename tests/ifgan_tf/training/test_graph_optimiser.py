"""TensorFlow's graph optimiser goes through every network and step without giving up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[2]
_STEPS = """
import numpy as np
import tensorflow as tf
from from_config import trainer_of
from tiny import tiny_config
from ifgan_tf.models.inference import build_inference

images, labels = np.zeros((2, 32, 32, 3), np.uint8), np.array([0, 1], np.int32)
faces = tf.zeros((6, 32, 32, 3))
for settings in (
    {"classifier_input": "pair"},
    {"classifier_input": "pair", "recompute": True},
    {"discriminator_batch_norm": False, "generator_encoder": "backbone", "generator_skips": 2, "generator_span": True,
     "lambda_real": 0.0, "weight_average": 0.9},
    {"classifier_input": "input"},
):
    config = tiny_config(**settings)
    trainer = trainer_of(config, faces)
    trainer.step(images, labels)
    networks = trainer.networks
    inference = build_inference(config.model.classifier_input, networks.generator, networks.classifier)
    tf.function(inference)(tf.constant(images))
"""


@pytest.mark.slow
def test_it_rewrites_every_step_and_what_is_exported():
    path = os.pathsep.join([str(_TESTS), str(_TESTS.parent)])
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0", "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", _STEPS], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "oneDNN" in done.stderr  # its messages are heard
    assert "failed: INVALID_ARGUMENT" not in done.stderr and "remapper failed" not in done.stderr
