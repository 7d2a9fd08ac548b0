"""A tiny built data set and untrained run folders, for tests that read what training would have left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import tiny_config, write_run
from tiny_sets import SUBJECTS, bu_3dfe_examples, clip_examples, example_of, face_of, write_built_set

from ifgan_tf.config import Config
from ifgan_tf.run_folder import RunFolder


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built data set `bu_3dfe` of 20 subjects, seven classes; one picture of the first subject has no face."""
    folder = tmp_path_factory.mktemp("data")
    write_built_set(folder, "bu_3dfe", {"train": bu_3dfe_examples()})
    return folder


@pytest.fixture(scope="session")
def several_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built data sets `bu_3dfe` (as `data_dir`), `ck_plus` (six people), `raf_db` (40 + 14 photos of 100x100)
    and `crema_d/intended`."""
    folder = tmp_path_factory.mktemp("sets")
    write_built_set(folder, "bu_3dfe", {"train": bu_3dfe_examples()})
    ck_plus = [
        example_of(f"S{person:03d}", f"S{person:03d}/{label}.png", label, face_of(50 + person, label, 0))
        for person in range(6)
        for label in range(7)
    ]
    write_built_set(folder, "ck_plus", {"train": ck_plus})
    write_built_set(folder, "crema_d/intended", {"train": clip_examples()})
    raf_db = {
        split: [
            example_of(
                "",
                f"aligned/{split}_{number}_aligned.jpg",
                number % 7,
                face_of(100 + number, number % 7, seed)[::2, ::2],
            )
            for number in range(count)
        ]
        for seed, (split, count) in enumerate({"train": 40, "test": 14}.items())
    }
    write_built_set(folder, "raf_db", raf_db)
    return folder


def _config(data_dir: Path, **settings: object) -> Config:
    return tiny_config(dataset="bu_3dfe", data_dir=str(data_dir), **settings)


@pytest.fixture(scope="session")
def make_config() -> Callable[..., Config]:
    """Makes a small configuration of the data set `bu_3dfe`: `make_config(data_dir, classifier_input=…, fold=…)`."""
    return _config


@pytest.fixture(scope="session")
def make_run(data_dir: Path) -> Callable[..., RunFolder]:
    """Makes an untrained run folder at a path: `make_run(path, classifier_input=…, fold=…, attention=…)`."""

    def make(path: Path, **settings: object) -> RunFolder:
        config = _config(data_dir, **settings)
        epochs = {"best": 7, "last": config.optimizer.epochs}
        return write_run(path, config, SUBJECTS, lambda label: face_of(99, label, 0), epochs)

    return make


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are composed and not drawn, which takes most of an evaluation; their files are empty."""
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: None)
