"""A run folder: all that a later command needs to know of a training run."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ifgan_tf import config as config_lib
from ifgan_tf import files, saved_weights
from ifgan_tf.config import Config
from ifgan_tf.data import folds, templates
from ifgan_tf.data.average_faces import graded_name
from ifgan_tf.errors import UserError, reason
from ifgan_tf.faces.geometry import ALIGNED_SIZE
from ifgan_tf.labels import GRADES

if TYPE_CHECKING:
    import keras

    from ifgan_tf.models.networks import Networks


TEMPERATURES = (0.1, 10.0)  # what logits may be divided by: far beyond it, float32 would tell no classes apart

_EPOCH = "epoch/.ATTRIBUTES/VARIABLE_VALUE"  # what TensorFlow calls a variable `epoch` in a checkpoint


@dataclass(frozen=True)
class RunFolder:
    """One fold's run folder.

    `config.json`, `folds.json`, `template.json`, `average_faces/<label>.png` (a baseline may have none) and
    `average_faces/<label>_<grade>.png` (where the data grade), `checkpoints/best/`, `checkpoints/last/`,
    `metrics.jsonl`, `calibration.json` (once it is finished, if it has validation), TensorBoard events under
    `tensorboard/`, and `evaluation/`.
    """

    path: Path

    @property
    def config_file(self) -> Path:
        return self.path / "config.json"

    @property
    def folds_file(self) -> Path:
        return self.path / "folds.json"

    @property
    def template_file(self) -> Path:
        return self.path / templates.FILE

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
    def calibration_file(self) -> Path:
        return self.path / "calibration.json"

    @property
    def tensorboard_dir(self) -> Path:
        return self.path / "tensorboard"

    @property
    def evaluation_dir(self) -> Path:
        return self.path / "evaluation"

    def has_begun(self) -> bool:
        """Whether anything was learnt here that a checkpoint keeps."""
        return saved_weights.latest(self.checkpoints_dir / "last") is not None

    def forget_beginning(self) -> None:
        """Drops what a training makes of its configuration before its first checkpoint."""
        self.template_file.unlink(missing_ok=True)
        for folder in (self.average_faces_dir, self.tensorboard_dir):
            shutil.rmtree(folder, ignore_errors=True)

    def config(self) -> Config:
        """The run's configuration. Raises `UserError` when this is no run folder."""
        return config_lib.load(self.config_file)

    def classes(self) -> tuple[str, ...]:
        """The run's class names, in label order."""
        return self.config().data.class_names

    def fold(self) -> folds.Fold:
        """The run's subjects. Raises `UserError` when this is no run folder."""
        return folds.load(self.folds_file)

    def template(self) -> np.ndarray:
        """What the run's faces were aligned to, and new ones must be: float32 [3, 2]; see `ifgan_tf.data.templates`.

        Raises:
          UserError: when its file is damaged.
        """
        return templates.load(self.template_file)

    def average_faces(self) -> np.ndarray:
        """The average face of every class: uint8 [classes, 256, 256, 3], RGB.

        Raises:
          UserError: when one is missing.
        """
        pictures = [self.average_faces_dir / f"{name}.png" for name in self.classes()]
        for file in pictures:
            if not file.is_file():
                raise UserError(f"{file}: no such average face; expected a run folder made by train.py --workdir=…")
        return np.stack([_face(file) for file in pictures])

    def graded_average_faces(self) -> dict[tuple[int, int], np.ndarray]:
        """Those of a class at one grade of intensity, where the data grade: (label, grade) → uint8 [256, 256, 3]."""
        found = {
            (label, grade): self.average_faces_dir / f"{graded_name(name, grade)}.png"
            for label, name in enumerate(self.classes())
            for grade in range(1, GRADES + 1)
        }
        return {key: _face(file) for key, file in found.items() if file.is_file()}

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of `metrics.jsonl`, one a finished epoch; those that a full disk or a power cut spoilt are none."""
        try:
            lines = files.read_bytes(self.metrics_file).splitlines() if self.metrics_file.is_file() else []
        except ValueError as error:
            raise UserError(f"{self.metrics_file}: {error}; expected a line an epoch") from None
        told = [epoch for line in lines if (epoch := _epoch(line)) is not None]
        if spoilt := len([line for line in lines if line.strip()]) - len(told):
            logging.warning("%s: %d spoilt lines are left out", self.metrics_file, spoilt)
        return told

    def append_metrics(self, line: dict[str, Any]) -> None:
        """Adds the line of a finished epoch."""
        self._write_metrics([*self.metrics(), line])

    def forget_metrics_after(self, epoch: int) -> None:
        """Drops the lines of epochs that no checkpoint kept: they are about to be trained again."""
        self._write_metrics([line for line in self.metrics() if line["epoch"] <= epoch])

    def _write_metrics(self, lines: list[dict[str, Any]]) -> None:
        """All lines anew: none can be cut short."""
        files.write_text(self.metrics_file, "".join(json.dumps(line) + "\n" for line in lines))

    def checkpoint_epoch(self, which: str) -> int | None:
        """How many epochs the checkpoint `best` or `last` had been trained for; None when there is none yet.

        Raises:
          UserError: when it is damaged.
        """
        import tensorflow as tf

        from ifgan_tf.models.networks import NOT_RESTORED

        def finished(checkpoint: Path) -> int:
            # `last` is numbered by steps and says how many epochs are finished; `best` is numbered by epochs.
            reader = tf.train.load_checkpoint(str(checkpoint))
            return int(reader.get_tensor(_EPOCH)) if reader.has_tensor(_EPOCH) else saved_weights.number(checkpoint)

        folder = self.checkpoints_dir / which
        try:
            return saved_weights.read_latest(folder, finished, NOT_RESTORED)
        except NOT_RESTORED as error:
            raise UserError(f"{folder}: damaged ({reason(error)})") from None

    def temperature(self) -> float:
        """What the best networks' logits are divided by before the softmax; see `ifgan_tf.training.calibration`.

        Within `TEMPERATURES`; 1 where none was fitted: older runs, unfinished ones, and those without validation.

        Raises:
          UserError: when its file is damaged.
        """
        try:
            told = files.read_json(self.calibration_file)["temperature"]
            if type(told) not in (int, float) or not TEMPERATURES[0] <= told <= TEMPERATURES[1]:
                raise ValueError(f"a temperature of {str(told)[:40]}")
            return float(told)
        except FileNotFoundError:
            return 1.0
        except (OSError, ValueError, TypeError, KeyError) as error:
            least, most = TEMPERATURES
            raise UserError(
                f"{self.calibration_file}: not a calibration ({reason(error)}); expected a temperature from {least:g} "
                f"to {most:g}; remove the file, and the command that trained this run fits it anew"
            ) from None

    def networks(self, which: str = "best", precision: str | None = None) -> Networks:
        """G, D and E from a checkpoint: `best` on validation (without validation, the last), or of the `last` epoch.

        Args:
          which: checkpoint.
          precision: what they compute in; that of the run if None.

        Raises:
          UserError: when the run has none yet.
        """
        from ifgan_tf.models.networks import load_networks

        config = self.config()
        return load_networks(
            config.model,
            config.data.image_size,
            len(config.data.class_names),
            self.checkpoints_dir / which,
            precision or config.run.precision,
        )

    def inference(self) -> keras.Model:
        """The best G and E as one model, computing in float32 (see `ifgan_tf.models.inference.build_inference`).

        Its probabilities are calibrated, see `temperature`.

        Raises:
          UserError: see `networks` and `temperature`.
        """
        from ifgan_tf.models.construction import FLOAT32
        from ifgan_tf.models.inference import build_inference

        networks, shown = self.networks("best", FLOAT32), self.config().model.classifier_input
        return build_inference(shown, networks.generator, networks.classifier, self.temperature())


def _face(file: Path) -> np.ndarray:
    """An average face, uint8 [256, 256, 3]. Raises `UserError` for a picture of another size."""
    from ifgan_tf.data.images import read_image

    if (face := read_image(file)).shape != (ALIGNED_SIZE, ALIGNED_SIZE, 3):
        raise UserError(
            f"{file}: of {face.shape[1]} x {face.shape[0]} pixels; expected {ALIGNED_SIZE} x {ALIGNED_SIZE}"
        )
    return face


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


def single_run(workdir: Path) -> RunFolder:
    """The one run of `--workdir`.

    Raises:
      UserError: when there is none, or it holds the folds of `--fold=all`.
    """
    runs = fold_folders(workdir)
    if len(runs) > 1:
        raise UserError(f"--workdir={workdir}: holds {len(runs)} folds; name one, as --workdir={runs[0].path}")
    return runs[0]
