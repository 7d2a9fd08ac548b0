"""What people watch in TensorBoard: curves of training over those of validation, and the faces that G draws."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from tensorboard.compat.proto import event_pb2
from tensorboard.plugins.hparams import api as hparams
from tensorboard.summary.writer.record_writer import RecordWriter

from ifgan_tf.config import Config, to_dict
from ifgan_tf.errors import reason

_PARTS = ("train", "validation")
_CELL = 128  # side of a face in a grid, whatever the model's size
_HEADER = 22
_INK = (40, 40, 40)

_HPARAMS = {
    "data": ("dataset", "classes", "fold_by", "image_size"),
    "model": ("classifier_input", "backbone", "attention", "generator_span"),
    "loss": ("lambda_gan", "lambda_l1", "lambda_softmax", "lambda_island"),
    "optimizer": ("batch_size", "epochs", "learning_rate"),
    "run": ("fold", "seed"),
}
_METRICS = [
    hparams.Metric("accuracy", group="validation", display_name="validation accuracy"),
    hparams.Metric("cross_entropy", group="validation", display_name="validation cross-entropy"),
    hparams.Metric("accuracy", group="evaluation", display_name="test accuracy"),
]
_MEANINGS = {
    "accuracy": "Share of images whose expression E names right, on what it sees at test time.",
    "mean_class_accuracy": "Mean over the classes of the share that is named right.",
    "cross_entropy": "Cross-entropy of E on what it sees at test time (second term of Eq. 4).",
    "loss": "Eq. 1: the weighted sum that G and E minimise.",
    "gan_generator": "Eq. 2 as G minimises it: how well D tells drawn faces from average ones.",
    "gan_discriminator": "Eq. 2 as D minimises it.",
    "gan_real": "D's part of Eq. 2 on average faces.",
    "gan_fake": "D's part of Eq. 2 on drawn faces.",
    "l1": "Eq. 3: mean distance of the drawn face from the average face, in the range -1 to 1.",
    "softmax": "Eq. 4: cross-entropy on the real tuples plus that on the generated ones.",
    "softmax_real": "First term of Eq. 4, on the real tuples.",
    "softmax_generated": "Second term of Eq. 4, on the generated tuples.",
    "island": "Eq. 5: the island loss.",
    "island_centre": "First term of Eq. 5: distance of features from the centre of their class.",
    "island_pairs": "Second term of Eq. 5: how alike the centres are.",
    "gradient_norm": "Norm of the gradient at G and E together.",
    "discriminator_gradient_norm": "Norm of the gradient at D.",
    "learning_rate": "Learning rate of Adam.",
    "images_per_second": "Images trained on a second.",
    "accuracy_photo_shuffled": "Accuracy of E on generated faces beside another's photo: what is lost, the photo told.",
    "accuracy_face_shuffled": "Accuracy of E on photos beside another's generated face: what is lost, the face told.",
}
_GROUPS = {
    "balance": "λ·loss: what the term adds to Eq. 1, on the first batch of an epoch before its step.",
    "gradient_generator": "Norm of the term's λ·gradient at all weights of G, on the first batch of an epoch.",
    "gradient_classifier": "Norm of the term's λ·gradient at all weights of E, on the first batch of an epoch.",
    "weights": "Norm of all weights of a network that are trained, after an epoch.",
    "updates": "How far an epoch moved the weights of a network, as a share of their norm: ‖Δw‖ / ‖w‖.",
}


class Summaries:
    """Writes one run's TensorBoard events: `train` and `validation` have the same tags, so that curves overlay.

    A night's training does not end for want of its curves: where they cannot be written, that is said once, and there
    are no more of them until the command is repeated.

    Args:
      folder: of the run's events.
      after: the step that a run goes on after: TensorBoard forgets what was written of later ones.
    """

    def __init__(self, folder: Path, after: int = 0) -> None:
        self._folder = folder
        self._writers: dict[str, tf.summary.SummaryWriter] = {}
        with self._spared():
            for part in _PARTS:
                _write_start(folder / part, after)
            self._writers = {part: tf.summary.create_file_writer(str(folder / part)) for part in ("", *_PARTS)}

    @contextlib.contextmanager
    def _spared(self) -> Iterator[None]:
        """Spares training an error in writing curves."""
        try:
            yield
        except (tf.errors.OpError, OSError) as error:
            told = "%s: curves and pictures for TensorBoard cannot be written (%s); training goes on without them"
            logging.warning(told, self._folder, reason(error))
            self._writers = {}

    @contextlib.contextmanager
    def _writing(self, part: str, step: int) -> Iterator[None]:
        with self._spared(), self._writers[part].as_default(step) if self._writers else contextlib.nullcontext():
            yield

    def configuration(self, config: Config, name: str) -> None:
        """The configuration, as a table a section and, what one compares runs by, as hyper-parameters of run `name`."""
        tree = to_dict(config)
        with self._writing("", 0):
            for section, settings in tree.items():
                rows = "\n".join(f"| --{key} | {value} |" for key, value in settings.items())
                tf.summary.text(f"configuration/{section}", f"| flag | value |\n|---|---|\n{rows}")
            chosen = {key: tree[section][key] for section, keys in _HPARAMS.items() for key in keys}
            hparams.hparams_config([hparams.HParam(key) for key in chosen], _METRICS)
            hparams.hparams(chosen, trial_id=name)

    def scalars(self, part: str, values: Mapping[str, float], step: int) -> None:
        """One curve a value, of `train` or `validation`."""
        with self._writing(part, step):
            for name, value in values.items():
                tf.summary.scalar(name, value, description=_MEANINGS.get(name) or _GROUPS.get(name.partition("/")[0]))

    def groups(self, part: str, groups: Mapping[str, Mapping[str, float]], step: int) -> None:
        """Curves that belong together, as `group/name`; see `scalars`."""
        for group, values in groups.items():
            self.scalars(part, {f"{group}/{name}": value for name, value in values.items()}, step)

    def image(self, name: str, image: np.ndarray, step: int) -> None:
        """A picture of validation, uint8 [H, W, 3]."""
        with self._writing("validation", step):
            tf.summary.image(name, image[np.newaxis])

    def flush(self) -> None:
        """Makes what was written visible to a reader now."""
        with self._spared():
            for writer in self._writers.values():
                writer.flush()


def _write_start(folder: Path, after: int) -> None:
    """An events file of its own that says: what was written of the steps after this one does not count.

    TensorBoard only heeds it where a first start stands before it. It goes through the files in the order of their
    names: this one comes before those that the process begins now.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.0.start"
    started = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    with (folder / name).open("wb") as file:
        records = RecordWriter(file)
        for event in (
            event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2"),
            event_pb2.Event(wall_time=time.time(), step=after + 1, session_log=started),
        ):
            records.write(event.SerializeToString())


def face_grid(columns: Mapping[str, np.ndarray], row_names: Sequence[str]) -> np.ndarray:
    """Faces side by side: one column a kind, one row a face, with names.

    Args:
      columns: name of a column → uint8 [N, S, S, 3].
      row_names: N names.
    Returns:
      uint8 [H, W, 3].
    """
    margin = 100
    height, width = _HEADER + _CELL * len(row_names), margin + _CELL * len(columns)
    grid = np.full((height, width, 3), 255, np.uint8)
    for j, (name, faces) in enumerate(columns.items()):
        left = margin + j * _CELL
        _write(grid, name, (left + 6, _HEADER - 7))
        for i, face in enumerate(faces):
            top = _HEADER + i * _CELL
            grid[top : top + _CELL, left : left + _CELL] = cv2.resize(
                face, (_CELL, _CELL), interpolation=cv2.INTER_CUBIC
            )
    for i, name in enumerate(row_names):
        _write(grid, name, (6, _HEADER + i * _CELL + _CELL // 2))
    return grid


def _write(image: np.ndarray, text: str, place: tuple[int, int]) -> None:
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)
