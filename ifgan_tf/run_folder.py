"""A run folder: all that a later command needs to know of a training run."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ifgan_tf import config as config_lib
from ifgan_tf import labels, saved_weights
from ifgan_tf.config import Config
from ifgan_tf.data import folds
from ifgan_tf.errors import UserError

if TYPE_CHECKING:
    from ifgan_tf.models.networks import Networks


@dataclass(frozen=True)
class RunFolder:
    """One fold's run folder.

    `config.json`, `folds.json`, `average_faces/<label>.png`, `checkpoints/best/`, `checkpoints/last/`, `metrics.jsonl`,
    TensorBoard events under `tensorboard/`, and `evaluation/`.
    """

    path: Path

    @property
    def config_file(self) -> Path:
        return self.path / "config.json"

    @property
    def folds_file(self) -> Path:
        return self.path / "folds.json"

    @property
    def average_faces_dir(self) -> Path:
        return self.path / "average_faces"

    @property
    def checkpoints_dir(self) -> Path:
        return self.path / "checkpoints"

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def tensorboard_dir(self) -> Path:
        return self.path / "tensorboard"

    @property
    def evaluation_dir(self) -> Path:
        return self.path / "evaluation"

    def config(self) -> Config:
        """The run's configuration. Raises `UserError` when this is no run folder."""
        return config_lib.load(self.config_file)

    def classes(self) -> tuple[str, ...]:
        """The run's class names, in label order."""
        return labels.classes(self.config().data.num_classes)

    def fold(self) -> folds.Fold:
        """The run's subjects. Raises `UserError` when this is no run folder."""
        return folds.load(self.folds_file)

    def average_faces(self) -> np.ndarray:
        """The average face of every class: uint8 [classes, 256, 256, 3], RGB.

        Raises:
          UserError: when one is missing.
        """
        from ifgan_tf.data.images import read_image

        files = [self.average_faces_dir / f"{name}.png" for name in self.classes()]
        for file in files:
            if not file.is_file():
                raise UserError(f"{file}: no such average face; expected a run folder made by train.py --workdir=…")
        return np.stack([read_image(file) for file in files])

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of `metrics.jsonl`, one a finished epoch; those that a full disk or a power cut spoilt are none."""
        lines = self.metrics_file.read_bytes().splitlines() if self.metrics_file.is_file() else []
        told = [epoch for line in lines if (epoch := _epoch(line)) is not None]
        if spoilt := len([line for line in lines if line.strip()]) - len(told):
            logging.warning("%s: %d spoilt lines are left out", self.metrics_file, spoilt)
        return told

    def checkpoint_epoch(self, which: str) -> int | None:
        """How many epochs the checkpoint `best` or `last` had been trained for; None when there is none yet.

        Raises:
          UserError: when it is damaged.
        """
        latest = saved_weights.latest(self.checkpoints_dir / which)
        return None if latest is None else saved_weights.number(latest)

    def networks(self, which: str = "best") -> Networks:
        """G, D and E from a checkpoint: `best` on validation, or of the `last` epoch.

        Raises:
          UserError: when the run has none yet.
        """
        from ifgan_tf.models.networks import load_networks

        return load_networks(self.config(), self.checkpoints_dir / which)


def _epoch(line: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and type(told.get("epoch")) is int else None


def fold_folder(workdir: Path, fold: int) -> Path:
    """Where `--fold=all` keeps one fold: `workdir/fold_03`."""
    return workdir / f"fold_{fold:02d}"


def refuse_a_mixture(workdir: Path, in_folders: bool) -> None:
    """Sees that a folder holds either one run or folds: of a mixture, later commands would report the one run alone.

    Raises:
      UserError: naming what is there already.
    """
    folds = sorted(path.parent.name for path in workdir.glob("fold_[0-9][0-9]/config.json"))
    if in_folders and (workdir / "config.json").is_file():
        raise UserError(
            f"--workdir={workdir}: holds a single run already, made without --folds; give the folds another --workdir"
        )
    if folds and not in_folders:
        raise UserError(
            f"--workdir={workdir}: holds {', '.join(folds)} already; add to them with --folds=…, or give this run "
            f"another --workdir"
        )


def fold_folders(workdir: Path) -> list[RunFolder]:
    """The run folders under `--workdir`: itself, or its `fold_00` … `fold_09` after `--fold=all`.

    Raises:
      UserError: when there is none, or both.
    """
    found = [RunFolder(path.parent) for path in sorted(workdir.glob("fold_[0-9][0-9]/config.json"))]
    if (workdir / "config.json").is_file():
        if found:
            names = ", ".join(run.path.name for run in found)
            raise UserError(
                f"--workdir={workdir}: holds a single run and {names} beside it; name one of these folders, or move "
                f"the single run into its own fold_NN there"
            )
        return [RunFolder(workdir)]
    if not found:
        raise UserError(
            f"--workdir={workdir}: no run there (no config.json); train one with train.py --workdir={workdir}"
        )
    return found
