"""Built data sets that tests write: small, and every picture's person and expression can be told from its pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ifgan_tf.data.built_sets import Faces
from ifgan_tf.data.pixels import DIGEST, ImageFile, Images, digest
from ifgan_tf.labels import EXPRESSIONS

SUBJECTS = tuple(f"F{number:04d}" for number in range(1, 21))
PER_CLASS = 2  # images of every class and subject


def face_of(subject: int, label: int, number: int) -> np.ndarray:
    """A "face": its hue says who, the height of its bar says what, a little noise makes each its own."""
    random = np.random.default_rng([subject, label, number])
    image = np.full((256, 256, 3), 40, np.float64)
    image[60:200, 60:200] = 90 + 80 * np.random.default_rng(subject).random(3)
    top = 70 + 18 * label
    image[top : top + 12, 80:180] = 250
    return np.clip(image + random.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


def faces_of(labels: Sequence[int] | np.ndarray, side: int = 2, **columns: Sequence[object] | np.ndarray) -> Faces:
    """Black faces; columns that are not given are of one person, each image a recording and a file of its own."""
    count = len(labels)
    each = np.array([str(number) for number in range(count)])
    plain = {
        "images": np.zeros((count, side, side, 3), np.uint8),
        "subjects": np.full(count, "F0001"),
        "recordings": each,
        "sources": each,
        "frames": np.zeros(count, np.int32),
        "detected": np.ones(count, bool),
        "intensities": np.zeros(count, np.int32),
    }
    given = {**plain, **{name: np.asarray(values) for name, values in columns.items()}}
    return Faces(Images.of(given.pop("images")), labels=np.asarray(labels, np.int32), **given)


def in_a_file(faces: Faces, folder: Path) -> Faces:
    """The same faces, with their images in a file of that folder."""
    pixels = faces.images[:]
    (folder / "pixels.uint8").write_bytes(pixels.tobytes())
    digests = np.frombuffer(b"".join(digest(image) for image in pixels), np.uint8).reshape(-1, DIGEST)
    file = ImageFile(folder / "pixels.uint8", digests, pixels.shape[1])
    return dataclasses.replace(faces, images=Images.of(file))


def noise_of(generator: np.random.Generator, side: int = 256) -> np.ndarray:
    """Smooth noise: uint8 [side, side, 3], with structure at several scales."""
    coarse = generator.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    return np.clip(image + generator.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


def write_built_set(folder: Path, name: str, splits: dict[str, list[dict[str, object]]]) -> None:
    """Writes a built data set, `name` or `name/config`: examples as the builders make them, see `example_of`."""
    import tensorflow_datasets as tfds

    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
            "label": tfds.features.ClassLabel(names=EXPRESSIONS),
            "subject": tfds.features.Text(),
            "sequence": tfds.features.Text(),
            "source": tfds.features.Text(),
            "frame": np.int32,
            "intensity": np.int32,
            "ethnicity": tfds.features.Text(),
            "detection_confidence": np.float32,
        }
    )
    writer_dir = folder / name / "1.0.0"
    writer_dir.mkdir(parents=True)
    name, _, variant = name.partition("/")
    info = tfds.core.DatasetIdentity(
        name=name, config_name=variant or None, version="1.0.0", data_dir=str(writer_dir), module_name="test"
    )
    dataset_info = tfds.core.DatasetInfo(builder=info, features=features)
    writer = tfds.core.SequentialWriter(dataset_info, max_examples_per_shard=10_000)
    writer.initialize_splits(list(splits))
    writer.add_examples(splits)
    writer.close_all()


def example_of(subject: str, source: str, label: int, image: np.ndarray) -> dict[str, object]:
    """One example of a built data set."""
    return {
        "image": image,
        "label": label,
        "subject": subject,
        "sequence": source,
        "source": source,
        "frame": 0,
        "intensity": 0,
        "ethnicity": "",
        "detection_confidence": np.float32(0.99),
    }


def bu_3dfe_examples() -> list[dict[str, object]]:
    """20 subjects, seven classes, two images each; one picture of the first subject has no face."""
    return [
        {
            "image": face_of(person, label, number),
            "label": label,
            "subject": subject,
            "sequence": f"{name}{number}",
            "source": f"{subject}/{subject}_{name}{number}.png",
            "frame": 0,
            "intensity": 0 if name == "neutral" else 3 + number,
            "ethnicity": "WH" if person % 2 else "BL",
            "detection_confidence": np.float32(0.0 if (person, label, number) == (0, 0, 0) else 0.99),
        }
        for person, subject in enumerate(SUBJECTS)
        for label, name in enumerate(EXPRESSIONS)
        for number in range(PER_CLASS)
    ]


def clip_examples() -> list[dict[str, object]]:
    """As CREMA-D: ten actors, no surprise, two clips of every expression and two frames of each."""
    return [
        {
            **example_of(actor, f"VideoFlash/{clip}.flv", EXPRESSIONS.index(name), image),
            "sequence": clip,
            "frame": frame,
        }
        for person, actor in enumerate(str(1001 + number) for number in range(10))
        for name in EXPRESSIONS
        if name != "surprise"
        for sentence in ("DFA", "IEO")
        for clip in [f"{actor}_{sentence}_{name}"]
        for frame in range(2)
        for image in [face_of(200 + person, EXPRESSIONS.index(name), 2 * ("DFA", "IEO").index(sentence) + frame)]
    ]


def noise_examples(subjects: Sequence[str]) -> list[dict[str, object]]:
    """Smooth noise: seven classes, two images of each class and subject."""
    generator = np.random.default_rng(0)
    return [
        example_of(subject, f"{subject}/{number}.png", number % 7, noise_of(generator))
        for subject in subjects
        for number in range(7 * PER_CLASS)
    ]
