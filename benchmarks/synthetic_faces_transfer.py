"""Whether people who do not exist teach: trained on them, tested on faces that others made.

    python -m benchmarks.synthetic_faces_transfer --train=DATA_DIR --test_set=bu_3dfe --test_data_dir=DIR --seeds=3

Trains a classifier for every folder in --train (each with a built --dataset: two versions of synthetic_faces lie in two
folders) and every seed, on the training subjects of fold 0, and prints the accuracy by class on all of --test_set, and
on the test subjects of fold 0 (every tenth person) of each folder. An image in which no face was found counts as an
error.

It is the demo's baseline (flags/demo.flags, the photo alone), from scratch, unless other flags are given: all of
train.py's are flags here too, among them --flagfile=flags/photos.flags with --backbone=MobileNetV2,
--classifier_input, and --dataset=bu_3dfe for the other way round. --model=RUN (or a .tflite) asks one that is trained
already, in place of training.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from absl import flags

from ifgan_tf import cli
from ifgan_tf import config as config_lib
from ifgan_tf.config import Config
from ifgan_tf.data.built_sets import Faces, load_faces
from ifgan_tf.data.folds import subject_fold
from ifgan_tf.labels import EXPRESSIONS

FOLD, BATCH = 0, 100
PRESET = Path(__file__).parents[1] / "flags" / "demo.flags"

Predict = Callable[[Faces], np.ndarray]  # cropped faces to labels, int [N], or `metrics.NO_FACE`


def trained(config: Config, data_dir: str, seed: int) -> Predict:
    """What the project's own loop trains; its best epoch on validation."""
    from ifgan_tf.data.splits import with_built_sets
    from ifgan_tf.evaluation.predictions import predict
    from ifgan_tf.run_folder import RunFolder
    from ifgan_tf.training.loop import train

    config = dataclasses.replace(
        config,
        data=with_built_sets(dataclasses.replace(config.data, data_dir=data_dir)),
        run=dataclasses.replace(config.run, seed=seed, fold=FOLD),
    )
    with tempfile.TemporaryDirectory() as folder:
        train(config, Path(folder))
        model = RunFolder(Path(folder)).inference()
    return lambda faces: predict(model, faces, "transfer").predicted


def ready(model: Path) -> tuple[int, Predict]:
    """A model that is trained already, a run folder or an export: the side of what it sees, and what it says."""
    from ifgan_tf.evaluation.metrics import NO_FACE
    from ifgan_tf.recognition.runtimes import open_runtime

    runtime = open_runtime(model)

    def predict(faces: Faces) -> np.ndarray:
        starts = range(0, len(faces), BATCH)
        said = [runtime.run(faces.images[start : start + BATCH])[0].argmax(axis=1) for start in starts]
        return np.where(faces.detected, np.concatenate(said), NO_FACE)

    return runtime.image_size, predict


def part_of(faces: Faces, part: str) -> Faces:
    """The faces of the `train`, `validation` or `test` subjects of fold 0."""
    return faces.select(subject_fold(faces.subjects.tolist(), FOLD).masks(faces.subjects)[part])


def test_faces(
    folders: Sequence[str], dataset: str, test_sets: Sequence[str], test_data_dir: str, image_size: int
) -> dict[str, Faces]:
    """What everybody is tested on, cropped for models of `image_size`: test sets, and each folder's held-out people.

    Raises:
      UserError: when one of them is not built.
    """
    tests = {name: load_faces(name, test_data_dir, "all", EXPRESSIONS, image_size) for name in test_sets}
    for folder in folders:
        tests[f"people held out, {folder}"] = part_of(
            load_faces(dataset, folder, "all", EXPRESSIONS, image_size), "test"
        )
    return {name: dataclasses.replace(faces, images=faces.images.cropped(image_size)) for name, faces in tests.items()}


def main(arguments: Sequence[str]) -> None:
    """Trains, tests and prints."""
    from benchmarks import class_table
    from ifgan_tf.evaluation.report import csv_text, write_text

    cli.only_flags(arguments)
    cli.required("train", "test_data_dir")
    values = flags.FLAGS
    config = config_lib.from_flags(values, FOLD)
    size, predict = ready(Path(values.model)) if values.model else (config.data.image_size, None)
    tests = test_faces(values.train, config.data.dataset, values.test_set, values.test_data_dir, size)
    rows: list[class_table.Row] = []
    for folder, seed in itertools.product(values.train, range(1 if values.model else values.seeds)):
        begun = time.monotonic()
        answer = predict or trained(config, folder, seed)
        seconds = time.monotonic() - begun
        judged = {name: class_table.figures(faces.labels, answer(faces)) for name, faces in tests.items()}
        told = ", ".join(f"{100 * row['accuracy']:.1f} % of {name}" for name, row in judged.items())
        logging.info("%s, seed %d: trained in %.0f s, names %s", folder, seed, seconds, told)
        source = values.model or folder
        rows += [{"trained on": source, "tested on": name, "seed": seed, **row} for name, row in judged.items()]
    print(class_table.markdown(rows))
    if not values.model:
        print(f"\nMeans of {values.seeds} seeds:\n")
        print(class_table.markdown(class_table.over_seeds(rows, ("trained on", "tested on"))))
    if values.output:
        write_text(Path(values.output), csv_text([{name: str(value) for name, value in row.items()} for row in rows]))


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_list("train", [], "Folders of built data sets, each with a --dataset to train on.")
    flags.DEFINE_list("test_set", ["bu_3dfe"], "Data sets to test on, all of each; name, or name/configuration.")
    flags.DEFINE_string("test_data_dir", "", "Folder of built data sets that holds them.")
    flags.DEFINE_string("model", "", "Run folder, SavedModel or .tflite file to ask, in place of training.")
    flags.DEFINE_integer("seeds", 3, "How many times, with other seeds.", lower_bound=1)
    flags.DEFINE_string("output", "", "CSV file for the figures of every run.")
    preset = [] if any("flagfile" in typed for typed in sys.argv[1:]) else [f"--flagfile={PRESET}"]
    sys.argv[1:1] = [*preset, "--classifier_input=input"]  # first, so that what is typed has the last word
    cli.run(main, __doc__ or "")
