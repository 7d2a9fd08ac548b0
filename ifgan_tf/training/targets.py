"""What G learns to draw of every training image: an average face (paper §4.3)."""

from __future__ import annotations

import logging

import numpy as np

from ifgan_tf.config import Config, DataConfig
from ifgan_tf.data import average_faces
from ifgan_tf.data.folds import Fold
from ifgan_tf.data.splits import Splits, average_face_examples
from ifgan_tf.errors import UserError
from ifgan_tf.faces import geometry
from ifgan_tf.run_folder import RunFolder


def average_face_targets(run: RunFolder, config: Config, data: Splits) -> tuple[np.ndarray | None, np.ndarray]:
    """What G learns to draw: the average faces of the fold's training subjects, from the run folder once made.

    Returns:
      uint8 [T, S, S, 3], of every class and, with `targets=intensity`, behind them of every class and grade; which of
      them each training image has, int32 [N]. No faces for a baseline whose data give none, as RAF-DB without a posed
      set beside it: it has no G to learn them.

    Raises:
      UserError: where there is a G, and data that give none.
    """
    labels, size, graded = data.train.labels, config.data.image_size, config.model.targets == "intensity"
    try:
        faces, grades = _read(run, graded)
    except UserError:  # not made yet, or spoilt since
        try:
            _make(run, config.data, data.fold)
        except UserError as error:
            if config.model.classifier_input != "input":
                raise
            logging.info("no average faces, and the baseline needs none (%s)", error)
            return None, labels
        faces, grades = _read(run, graded)
    if graded and not grades:
        raise UserError(
            f"--targets=intensity: {config.data.dataset} has no expression of one grade often enough for an average "
            f"face; leave the flag out"
        )
    place = {key: len(config.data.class_names) + number for number, key in enumerate(grades)}
    keys = zip(labels.tolist(), data.train.intensities.tolist(), strict=True)
    targets = np.array([place.get(key, key[0]) for key in keys], np.int32)
    return geometry.centre_crop(average_faces.at_size(faces, geometry.working_size(size)), size), targets


def _read(run: RunFolder, graded: bool) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """The run's average faces, those of the classes first, and which (label, grade) the others are of."""
    more = run.graded_average_faces() if graded else {}
    return np.concatenate([run.average_faces(), *[face[np.newaxis] for face in more.values()]]), list(more)


def _make(run: RunFolder, data: DataConfig, fold: Fold) -> None:
    examples = average_face_examples(data, fold)
    average_faces.save(average_faces.average_faces(examples, data.class_names), run.average_faces_dir)
