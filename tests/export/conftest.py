"""A run folder without training: tiny untrained networks, subjects, average faces, and built faces to read."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np
import pytest
from from_config import networks_of

from ifgan_tf import config as config_lib
from ifgan_tf.config import Config, DataConfig, ModelConfig
from ifgan_tf.data import folds
from ifgan_tf.data.images import encode_png
from ifgan_tf.labels import EXPRESSIONS
from ifgan_tf.run_folder import RunFolder

if TYPE_CHECKING:
    from ifgan_tf.models.networks import Networks

SUBJECTS = [f"S{number:02d}" for number in range(10)]
IMAGES_A_SUBJECT = 14


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built data set `faces` of smooth noise: ten subjects, seven classes, two images each."""
    tfds = pytest.importorskip("tensorflow_datasets")
    folder = tmp_path_factory.mktemp("data")
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(256, 256, 3)),
            "label": tfds.features.ClassLabel(names=list(EXPRESSIONS)),
            "subject": tfds.features.Text(),
            "source": tfds.features.Text(),
            "detection_confidence": np.float32,
        }
    )
    generator = np.random.default_rng(0)
    examples = [
        (
            f"{subject}/{number}",
            {
                "image": make_noise(generator),
                "label": number % 7,
                "subject": subject,
                "source": f"{subject}/{number}.png",
                "detection_confidence": 1.0,
            },
        )
        for subject in SUBJECTS
        for number in range(IMAGES_A_SUBJECT)
    ]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="faces",
        version="1.0.0",
        features=features,
        split_datasets={"train": examples},
        config="fake",
        data_dir=str(folder),
        description="Smooth noise.",
        release_notes={"1.0.0": "first"},
        disable_shuffling=True,
    )
    return folder


@pytest.fixture(scope="session")
def smooth_noise() -> Callable[..., np.ndarray]:
    """Draws an image: `smooth_noise(generator, side)`."""
    return make_noise


def make_noise(generator: np.random.Generator, side: int = 256) -> np.ndarray:
    """uint8 [side, side, 3], with structure at several scales."""
    coarse = generator.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    return np.clip(image + generator.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Callable[..., RunFolder]:
    """Makes a run folder of untrained networks: `make_run(classifier_input="pair", num_classes=7, image_size=32)`."""

    def make(
        classifier_input: str = "pair", num_classes: int = 7, image_size: int = 32, mixed_precision: bool = False
    ) -> RunFolder:
        import tensorflow as tf

        from ifgan_tf.models.networks import trackables

        run = RunFolder(tmp_path_factory.mktemp("run"))
        config = Config(
            data=DataConfig(
                dataset="faces/fake", data_dir=str(data_dir), num_classes=num_classes, image_size=image_size
            ),
            model=ModelConfig(
                classifier_input=classifier_input,
                backbone="SmallCNN",
                classifier_weights="none",
                generator_width=8,
                discriminator_width=8,
            ),
        )
        if mixed_precision:
            config = dataclasses.replace(config, run=dataclasses.replace(config.run, mixed_precision=True))
        config_lib.save(config, run.config_file)
        folds.save(folds.subject_fold(SUBJECTS, 0), run.folds_file)
        run.average_faces_dir.mkdir()
        for name in run.classes():
            (run.average_faces_dir / f"{name}.png").write_bytes(encode_png(np.full((256, 256, 3), 99, np.uint8)))
        networks = networks_of(config)
        _settle(networks)
        checkpoint = tf.train.Checkpoint(**trackables(networks))
        tf.train.CheckpointManager(checkpoint, run.checkpoints_dir / "best", 1).save()
        return run

    return make


def _settle(networks: Networks) -> None:
    """Gives what starts at 0 or 1 (γ of attention, moving averages, biases) values that would show if they got lost."""
    from ifgan_tf.models.networks import trackables

    generator = np.random.default_rng(1)
    for model in trackables(networks).values():
        for weight in model.weights:
            if weight.path.endswith(("gamma", "bias", "beta", "moving_mean")):
                weight.assign(weight + generator.normal(0, 0.3, weight.shape))
            if weight.path.endswith("moving_variance"):
                weight.assign(generator.uniform(0.5, 2.0, weight.shape))


@pytest.fixture(scope="session")
def run(make_run: Callable[..., RunFolder]) -> RunFolder:
    """Seven classes, E sees photo and average face, 32x32."""
    return make_run()
