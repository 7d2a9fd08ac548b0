"""A run folder without training, built faces to read, and what is exported of the run: all made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny import tiny_config, write_run
from tiny_sets import noise_examples, noise_of, write_built_set

from ifgan_tf.run_folder import RunFolder

SUBJECTS = [f"S{number:02d}" for number in range(10)]


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built data set `faces/fake` of smooth noise: ten subjects, seven classes, two images each."""
    folder = tmp_path_factory.mktemp("data")
    write_built_set(folder, "faces/fake", {"train": noise_examples(SUBJECTS)})
    return folder


@pytest.fixture(scope="session")
def smooth_noise() -> Callable[..., np.ndarray]:
    """Draws an image: `smooth_noise(generator, side)`."""
    return noise_of


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Callable[..., RunFolder]:
    """Makes a run folder of untrained networks: `make_run(classifier_input="pair", classes="7", image_size=32)`."""

    def make(classifier_input: str = "pair", classes: str = "7", **settings: object) -> RunFolder:
        config = tiny_config(
            dataset="faces/fake",
            data_dir=str(data_dir),
            classifier_input=classifier_input,
            classes=classes,
            **settings,
        )
        grey = np.full((256, 256, 3), 99, np.uint8)
        return write_run(tmp_path_factory.mktemp("run"), config, SUBJECTS, lambda _: grey, {"best": 1}, settled=True)

    return make


@pytest.fixture(scope="session")
def run(make_run: Callable[..., RunFolder]) -> RunFolder:
    """Seven classes, E sees photo and average face, 32x32; calibrated, so that every way out has to know of it."""
    run = make_run()
    run.calibration_file.write_text('{"temperature": 1.5}')
    return run


@pytest.fixture(scope="session")
def version(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`run` as a SavedModel, alone in a folder; whoever changes it copies it first."""
    from export.saved_model import export_saved_model

    return export_saved_model(run, tmp_path_factory.mktemp("serving"))


@pytest.fixture(scope="session")
def model_file(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`run` as `ifgan_float32.tflite`, not compared with Keras; whoever changes it copies it first."""
    from export.tflite import export_tflite

    folder = tmp_path_factory.mktemp("tflite")
    export_tflite(run, folder, parity_images=0)
    return folder / "ifgan_float32.tflite"
