"""Detail: how strongly, and with which action units, somebody shows an expression, read from what is kept of a photo.

A generated face is worth drawing only if it tells more than the expression's name. So readers learn to read the grade
of intensity and the action units, and are judged on the fold's test people by R², the share of the variance among their
images that is explained: 1 is all, 0 is what the mean of all tells, and below 0 is worse than that. They read

- `photo`, `generated`: the pictures;
- `average_of_prediction`: the true average face of the class that E named, a table of a few pictures;
- `feature`: E's feature of what it sees, the photo in a baseline: what a network finds there that has learnt for long;
- `label`: the true expression alone, `answer`: E's probabilities.

Only graded images are looked at, so no neutral ones: that a neutral face is not intense is told by its label. The grade
is used, and no finer strength that a data set may know, because every graded set has it. Readers learn from the run's
training and validation people together: G was trained on the former, whose generated faces may be cleaner than those of
strangers, and not on the latter. Ridge regression reads pixels and oriented gradients, and a small network reads the
picture; the strongest reader of a representation counts. Intervals are of a bootstrap over the test people.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ifgan_tf import progress
from ifgan_tf.data.built_sets import Faces, open_builder
from ifgan_tf.evaluation.predictions import Predictions, faces_of
from ifgan_tf.privacy.attackers import SIDE, network_view
from ifgan_tf.privacy.audit import merge, to_json
from ifgan_tf.privacy.estimates import Estimate, bootstrap
from ifgan_tf.privacy.groups import balanced
from ifgan_tf.privacy.identification import Leakage
from ifgan_tf.privacy.regression import Network, gradients_view, pixels_view, ridge
from ifgan_tf.privacy.representations import drawn, made_of
from ifgan_tf.run_folder import RunFolder

# Most images to learn from and to judge by, the same number of every person's every expression.
MAX_LEARNT, MAX_JUDGED = 2000, 1000
LEAST_SPREAD = 0.2  # standard deviation of an action unit that is read; 1 is what most people can do
# The rows of the feature `action_units`: numbers of the Facial Action Coding System.
ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28, 43)
INTENSITY = "intensity"

Known = Mapping[tuple[str, int], np.ndarray]  # (source, frame) → activation of every unit, float [units]


def detail(runs: Sequence[RunFolder], data_dir: str | None = None) -> dict[str, Any] | None:
    """The `detail` of a report: the mean over folds, with intervals; None when the data grade no expression.

    Args:
      runs: of the folds.
      data_dir: see `measure`.
    """
    same_people = runs[0].config().data.fold_by == "recording"
    found = [fold for fold in (measure(run, data_dir) for run in runs) if fold is not None]
    return to_json(merge(found, same_people)) if found else None


def measure(run: RunFolder, data_dir: str | None = None) -> Leakage | None:
    """Reads one fold's pictures; None, with a logged reason, when its data do not grade expressions.

    Args:
      run: a run folder with a checkpoint.
      data_dir: where the built data lie, if no longer where the run's configuration says.

    Raises:
      UserError: see `faces_of` and `RunFolder.networks`.
    """
    config = run.config()
    chosen = []
    known = ("train",) if config.data.validation == "none" else ("train", "validation")
    for parts, most in ((("test",), MAX_JUDGED), (known, MAX_LEARNT)):
        faces = Faces.join([faces_of(run, part, data_dir) for part in parts])
        graded = faces.select(faces.intensities > 0)
        if len(set(graded.intensities.tolist())) < 2 or len(set(graded.units("subject").tolist())) < 2:
            logging.info("detail: not measured, because %s does not grade its expressions", config.data.dataset)
            return None
        chosen.append(balanced(graded, most))
    (judged, learnt), (of_judged, of_learnt), averages = made_of(run, chosen, "faces to read")
    units = read_action_units(config.data.dataset, data_dir or config.data.data_dir)
    return read(learnt, judged, averages, (of_learnt, of_judged), units, config.run.seed, run.path.name)


def read(
    learnt: Predictions,
    judged: Predictions,
    averages: np.ndarray | None,
    feature: tuple[np.ndarray, np.ndarray],
    known: Known,
    seed: int,
    name: str = "",
) -> Leakage:
    """Learns to read every representation, and judges what is read.

    Args:
      learnt, judged: graded photos of the people learnt from and of the others, and what the networks made of them.
      averages: true average faces, uint8 [C, S, S, 3]; None without a generator.
      feature: E's features of both, float [N, F] and [M, F].
      known: action units of every image, or nothing.
      seed: of the readers and of the bootstrap.
      name: of the run, on the progress bar.

    Returns:
      `subjects`, `images` and one entry a representation with `intensity` and, where known, `action_units` (the mean
      over those that vary, each of which is in `units`): R² of the strongest reader; every reader's are in `readers`.
    """
    names, (truth, wanted) = _targets(learnt.faces, judged.faces, known)
    people = learnt.faces.units("subject")
    tested, person = np.unique(judged.faces.units("subject"), return_inverse=True)
    side = min(learnt.faces.images.shape[1], SIDE)
    network = Network(side, len(names), seed)
    found: Leakage = {"subjects": len(tested), "images": len(judged)}

    def judge(answers: Mapping[str, np.ndarray]) -> Leakage:
        readers = {reader: _explained(names, wanted, answer, person, seed) for reader, answer in answers.items()}
        return _strongest(readers) | {"readers": {reader: _summary(figures) for reader, figures in readers.items()}}

    pictures = drawn(learnt, judged, averages)
    for kind, (of_learnt, of_judged) in progress.bar(
        pictures.items(), desc=f"{name}: detail", unit="representation", leave=False
    ):
        view = network_view(np.concatenate([of_learnt, of_judged]))
        answers = {
            "pixels": ridge(pixels_view(of_learnt), truth, people, pixels_view(of_judged)),
            "gradients": ridge(gradients_view(of_learnt), truth, people, gradients_view(of_judged)),
            "network": network.read(view[: len(of_learnt)], truth, view[len(of_learnt) :], seed),
        }
        found[kind] = judge(answers)
    classes = np.eye(learnt.probabilities.shape[1], dtype=np.float32)
    values = {
        "feature": feature,
        "label": (classes[learnt.faces.labels], classes[judged.faces.labels]),
        "answer": (learnt.probabilities, judged.probabilities),
    }
    for kind, (of_learnt, of_judged) in values.items():
        found[kind] = judge({"ridge": ridge(of_learnt, truth, people, of_judged)})
    return found


def read_action_units(dataset: str, data_dir: str) -> Known:
    """The mean activation of both halves of the face, of every unit; empty where a built data set has none.

    Raises:
      UserError: when the data set has not been built.
    """
    import tensorflow_datasets as tfds

    builder = open_builder(dataset, data_dir)
    if "action_units" not in builder.info.features:
        return {}
    examples = builder.as_dataset(
        split="all", shuffle_files=False, decoders={"image": tfds.decode.SkipDecoding()}
    ).as_numpy_iterator()
    return {
        (example["source"].decode(), int(example["frame"])): example["action_units"].mean(axis=-1)
        for example in examples
    }


def r_squared(truth: np.ndarray, answer: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of each target's variance that is explained, not clipped: float [T]; NaN of a target that does not vary.

    Args:
      truth, answer: float [N, T].
      counts: [N], how often each image counts.
    """
    left = counts @ (truth - answer) ** 2
    whole = counts @ (truth - counts @ truth / counts.sum()) ** 2
    return 1 - np.divide(left, whole, out=np.full(len(whole), np.nan), where=whole > 1e-9)


def _targets(learnt: Faces, judged: Faces, known: Known) -> tuple[list[str], tuple[np.ndarray, np.ndarray]]:
    """Names of what is read, and its values in both parts, float64 [N, T] and [M, T]."""
    names = [INTENSITY]
    values = [faces.intensities[:, np.newaxis].astype(np.float64) for faces in (learnt, judged)]
    if known:
        units = [
            np.array([known[key] for key in zip(faces.sources.tolist(), faces.frames.tolist(), strict=True)])
            for faces in (learnt, judged)
        ]
        varied = np.flatnonzero((units[0].std(axis=0) >= LEAST_SPREAD) & (np.ptp(units[1], axis=0) > 0))
        names += [str(ACTION_UNITS[unit]) for unit in varied]
        values = [np.hstack([value, unit[:, varied]]) for value, unit in zip(values, units, strict=True)]
    return names, (values[0], values[1])


def _explained(names: Sequence[str], truth: np.ndarray, answer: np.ndarray, person: np.ndarray, seed: int) -> Leakage:
    """R² of every target, and the mean over action units, with a bootstrap over people; `person`, int [N] from 0."""

    def statistic(target: slice, counts: np.ndarray) -> float:
        return float(np.mean(r_squared(truth[:, target], answer[:, target], counts[person])))

    people = int(person.max()) + 1
    estimates = [bootstrap(partial(statistic, slice(number, number + 1)), people, seed) for number in range(len(names))]
    figures: Leakage = {INTENSITY: estimates[0]}
    if len(names) > 1:
        figures["action_units"] = bootstrap(partial(statistic, slice(1, None)), people, seed)
        figures["units"] = dict(zip(names[1:], estimates[1:], strict=True))
    return figures


def _strongest(readers: Mapping[str, Leakage]) -> Leakage:
    """Of intensity and of action units, the figures of the reader who reads them best."""

    def best(name: str) -> Leakage:
        return max(readers.values(), key=lambda figures: figures[name].value)

    figures: Leakage = {INTENSITY: best(INTENSITY)[INTENSITY]}
    if all("action_units" in reader for reader in readers.values()):
        figures |= {name: best("action_units")[name] for name in ("action_units", "units")}
    return figures


def _summary(figures: Leakage) -> dict[str, Estimate]:
    return {name: figure for name, figure in figures.items() if isinstance(figure, Estimate)}
