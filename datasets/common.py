"""What the TFDS builders share: the feature dictionary and the way from records to aligned examples."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from datasets.alignment import aligned_faces
from datasets.outcome import BuildReport
from datasets.records import ROLES, FaceRecord, Problem, Scan, described, no_usable_image
from ifgan_tf import progress as progress_lib
from ifgan_tf.data import templates
from ifgan_tf.data.images import encode_png
from ifgan_tf.faces.geometry import ALIGNED_SIZE, TEMPLATE
from ifgan_tf.labels import EXPRESSIONS

Example = tuple[str, dict[str, Any]]

_LOOK = "; all that is wrong with it: python -m datasets.check --dataset={} --manual_dir=YOUR_COPY"


def features(extra: Mapping[str, Any] | None = None, image_size: int = ALIGNED_SIZE) -> tfds.features.FeaturesDict:
    """The features of every face data set, and a data set's own `extra` ones.

    `landmarks` are eye, eye, nose tip, mouth corner, mouth corner in pixels of the source image, image-left first;
    zeros with `detection_confidence` 0 where no face was found and the image is the centred square.
    """
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(image_size, image_size, 3), encoding_format="png"),
            "label": tfds.features.ClassLabel(names=list(EXPRESSIONS)),
            "subject": tfds.features.Text(),
            "sequence": tfds.features.Text(),
            "frame": np.int32,
            "intensity": np.int32,
            "role": tfds.features.ClassLabel(names=list(ROLES)),
            "source": tfds.features.Text(),
            "detection_confidence": np.float32,
            "landmarks": tfds.features.Tensor(shape=(5, 2), dtype=np.float32),
            **(extra or {}),
        }
    )


def example(record: FaceRecord, image: np.ndarray, confidence: float, landmarks: np.ndarray) -> dict[str, Any]:
    """A record as TFDS stores it."""
    return {
        "image": encode_png(image),  # TFDS' own encoder takes four times as long, longer than finding the face
        "label": record.label,
        "subject": record.subject,
        "sequence": record.sequence,
        "frame": record.frame,
        "intensity": record.intensity,
        "role": record.role,
        "source": record.source,
        "detection_confidence": confidence,
        "landmarks": np.asarray(landmarks, np.float32),
        **record.extra,
    }


def aligned_examples(
    builder: tfds.core.GeneratorBasedBuilder,
    split: str,
    records: Sequence[FaceRecord],
    problems: Sequence[Problem] = (),
) -> Iterator[Example]:
    """Detects, aligns and yields a split's records; the builder's whole `_generate_examples`.

    Unreadable records are left out; these, the undetected ones and the copy's `problems` are counted and listed in the
    report, which is written into the built data set when the split is complete, as is the template. Detections are kept
    in `detections_file`, so a killed build goes on where it stopped.
    """
    report = BuildReport(split, problems)
    progress = functools.partial(progress_lib.bar, total=len(records), desc=f"{builder.name} {split}", unit="image")
    for face in progress(aligned_faces(records, detections_file(builder))):
        if face.image is None:
            report.unreadable(face.record, face.error)
            continue
        detection = face.detection
        report.add(face.record, face.image, detected=detection is not None)
        yield (
            face.record.key,
            example(
                face.record,
                face.image,
                detection.confidence if detection else 0.0,
                detection.landmarks if detection else np.zeros((5, 2)),
            ),
        )
    _write(report, builder)
    write_template(TEMPLATE, builder)


def examples_as_given(
    builder: tfds.core.GeneratorBasedBuilder,
    split: str,
    records: Sequence[FaceRecord],
    problems: Sequence[Problem] = (),
) -> Iterator[Example]:
    """As :func:`aligned_examples` for images that their owners aligned: stored as they are, nothing detected."""
    report = BuildReport(split, problems)
    for record in progress_lib.bar(records, desc=f"{builder.name} {split}", unit="image"):
        try:
            image = record.load()
        except Exception as error:  # one bad image never ends a build: it is counted and listed
            report.unreadable(record, error)
            continue
        report.add(record, image, detected=True)
        yield record.key, example(record, image, confidence=1.0, landmarks=np.zeros((5, 2)))
    _write(report, builder)


def detections_file(builder: tfds.core.GeneratorBasedBuilder) -> pathlib.Path:
    """Where what was found in a data set's pictures is kept."""
    return pathlib.Path(builder.data_dir_root) / ".detections" / f"{builder.name}.jsonl"


def write_template(template: np.ndarray, builder: tfds.core.GeneratorBasedBuilder) -> None:
    """Writes what the faces are aligned to (see `ifgan_tf.data.templates`) into the data set that is being built."""
    templates.save(template, pathlib.Path(builder.data_path) / templates.FILE)


def splits(builder: tfds.core.GeneratorBasedBuilder, scan: Scan) -> dict[str, Iterator[Example]]:
    """The builder's whole `_split_generators`, of what was found in the copy.

    Raises:
      UserError: if a split has no image that can be read; TFDS would write the others first, and then fail.
    """
    for split, records in scan.splits.items():
        reasons = [str(problem) for problem in scan.problems if not problem.note]
        for record in records:
            try:
                record.load()
                break
            except Exception as error:
                reasons.append(described(error, record))
        else:
            raise no_usable_image(builder.name, split, reasons, _LOOK.format(builder.name))
    return {split: builder._generate_examples(split, records, scan.problems) for split, records in scan.splits.items()}


def _write(report: BuildReport, builder: tfds.core.GeneratorBasedBuilder) -> None:
    outcome = report.as_dict()
    if not outcome["images"]:  # TFDS fails on an empty split without saying which
        reasons = [entry["error"] for entry in outcome["unreadable"]]
        raise no_usable_image(builder.name, report.split, reasons, _LOOK.format(builder.name))
    # During generation this is TFDS' temporary folder, so report and data appear together or not at all.
    report.write(builder.data_path)
