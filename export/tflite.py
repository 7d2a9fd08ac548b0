"""A trained run as .tflite files for LiteRT."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from export.output import without_average_face, written
from ifgan_tf import cli
from ifgan_tf.data import templates
from ifgan_tf.errors import UserError
from ifgan_tf.faces.geometry import working_size
from ifgan_tf.recognition.litert import DETECTOR, LABELS, METADATA
from ifgan_tf.run_folder import RunFolder, single_run

if TYPE_CHECKING:
    from ifgan_tf.data.built_sets import Faces

USAGE = """
Writes the best networks of a run as DIR/ifgan_<format>.tflite, one file a format.

    python -m export.tflite --workdir=RUN --output=DIR --format=float32,float16,dynamic,int8 [--plain]

Each file takes one aligned face, `image` uint8 RGB [1, S, S, 3], and gives `probabilities` and, if the run has a
generator, `average_face`. It carries labels.txt, metadata.json and a face detector (any zip tool shows them), so that
export/classify.py and this one file are all that a device needs. metadata.json also lies beside it, as .json.
With --plain there is no `average_face`: MediaPipe and other image classifiers take a file of one output.

Every file is compared with Keras on the run's test faces before it is written: differences, agreement of labels,
accuracy, latency. One that loses more than 1 point of accuracy is refused; the others are written.

Exit codes: 0 every format is written; 2 one is refused, or nothing was done.
"""

FORMATS = ("float32", "float16", "dynamic", "int8")
MAX_ACCURACY_DROP = 0.01
CALIBRATION_FACES, MIN_CALIBRATION_FACES = 200, 100


def export_tflite(
    run: RunFolder,
    output: Path,
    formats: Sequence[str] = ("float32",),
    *,
    data_dir: str | None = None,
    parity_images: int = 200,
    allow_accuracy_drop: bool = False,
    plain: bool = False,
) -> dict[str, dict[str, Any]]:
    """Converts, compares and writes a run's best networks.

    Args:
      run: a run folder.
      output: folder of the files.
      formats: out of `FORMATS`.
      data_dir: where the built data lie, if no longer where the run's configuration says.
      parity_images: how many test faces to compare on; 0 compares nothing and needs no data (but `int8` does).
      allow_accuracy_drop: write a file even if it loses more than `MAX_ACCURACY_DROP`.
      plain: leave out the average face; image classifiers of other makers take one output.

    Returns:
      The metadata of every file, by format.

    Raises:
      UserError: when the run has no checkpoint, the data are missing, or `output` cannot be written; and at the end,
        when all is written but for the formats whose accuracy falls.
    """
    from export import parity
    from export.conversion import convert, output_names
    from export.mtcnn_tflite import convert_detector
    from export.tflite_metadata import with_metadata
    from ifgan_tf.evaluation.predictions import faces_of

    model = run.inference()
    if plain:
        model = without_average_face(model)
    calibration = _calibration_faces(run, data_dir) if "int8" in formats else None
    test, photos, reference = None, None, None
    if parity_images:
        test = parity.evenly(faces_of(run, "test", data_dir), parity_images)
        photos = test.images[:]
        reference = parity.answers(parity.keras_runner(model), photos, "Keras")
    detector = convert_detector()
    written, refused = {}, []
    for number_format in formats:
        logging.info("%s: converting", number_format)
        content = convert(model, number_format, calibration.images[:] if calibration else None)
        content = with_metadata(content, output_names(content), LABELS, f"Facial expression, {number_format}")
        metadata = describe(run, number_format, content, sorted(model.output))
        if test is not None and photos is not None and reference is not None:
            answers = parity.answers(parity.litert_runner(content, 2), photos, f"LiteRT, {number_format}")
            metadata["parity"] = {
                **parity.compare(answers, reference, test),
                "megabytes": len(content) / 1e6,
                **parity.latencies(content, model, photos[:1]),
            }
            logging.info("%s: %s", number_format, _readable(metadata["parity"]))
            if loses_accuracy(metadata["parity"]) and not allow_accuracy_drop:
                refused.append(_refusal(number_format, metadata["parity"]))
                continue
        write(output / f"ifgan_{number_format}.tflite", content, metadata, detector)
        written[number_format] = metadata
    if refused:
        raise UserError("; ".join(refused) + ". Choose another format, or pass --allow_accuracy_drop")
    return written


def describe(run: RunFolder, number_format: str, content: bytes, outputs: Sequence[str]) -> dict[str, Any]:
    """What a caller must know of a file: labels, size, ranges, and where the networks came from.

    `outputs` are the names of those it has. `model` is the length and checksum of `content`, which the zip archive's
    own checksums do not cover.
    """
    config = run.config()
    size, generator = config.data.image_size, config.model.classifier_input != "input"
    image = {"shape": [1, size, size, 3], "dtype": "uint8", "range": [0, 255], "colour": "RGB"}
    described = {
        "average_face": image,
        "probabilities": {"shape": [1, len(run.classes())], "dtype": "float32", "range": [0, 1]},
    }
    return {
        "format": number_format,
        "model": {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()},
        "networks": "G and E" if generator else "E",
        "labels": list(run.classes()),
        "image_size": size,
        "working_size": working_size(size),
        "view": "256x256 face, eyes and nose tip aligned to template, resampled to working_size, centre of image_size",
        "template": templates.points(run.template()),
        "input": {"image": image},
        "outputs": {name: described[name] for name in outputs},
        "classifier_input": config.model.classifier_input,
        "backbone": config.model.backbone,
        "dataset": config.data.dataset,
        "fold": config.run.fold,
    }


def write(path: Path, content: bytes, metadata: dict[str, Any], detector: bytes) -> None:
    """Writes a .tflite with its associated files appended as a zip archive (TFLite's own convention), and its sidecar.

    Raises:
      UserError: when it cannot be written.
    """
    sidecar = json.dumps(metadata, indent=2) + "\n"
    package = io.BytesIO(content)
    with zipfile.ZipFile(package, "a") as archive:
        archive.writestr(LABELS, "\n".join(metadata["labels"]) + "\n")
        archive.writestr(METADATA, sidecar)
        archive.writestr(DETECTOR, detector)
    with written(path) as beside:
        beside.write_bytes(package.getvalue())
    with written(path.with_suffix(".json")) as beside:
        beside.write_text(sidecar)


def _calibration_faces(run: RunFolder, data_dir: str | None) -> Faces:
    from export.parity import evenly
    from ifgan_tf.evaluation.predictions import faces_of

    faces = evenly(faces_of(run, "train", data_dir), CALIBRATION_FACES)
    if len(faces) < MIN_CALIBRATION_FACES:
        raise UserError(
            f"--format=int8: {len(faces)} training faces to calibrate on; expected at least {MIN_CALIBRATION_FACES}; "
            f"choose another format"
        )
    return faces


def _readable(parity: dict[str, Any]) -> str:
    face = ""
    if "max_average_face_difference" in parity:
        largest, mean = parity["max_average_face_difference"], parity["mean_average_face_difference"]
        face = f", of the average face {largest:.0f} grey levels (mean {mean:.2f})"
    return (
        f"{parity['images']} faces, largest difference to Keras {parity['max_probability_difference']:.2g}{face}, "
        f"same label {parity['label_agreement']:.1%}, accuracy {parity['accuracy']:.1%} "
        f"(Keras {parity['keras_accuracy']:.1%}), {parity['megabytes']:.1f} MB, time against Keras "
        f"{parity['one_thread_ratio']:.2f} (1 thread), {parity['two_threads_ratio']:.2f} (2 threads)"
    )


def loses_accuracy(parity: dict[str, Any]) -> bool:
    """Whether more faces are lost than `MAX_ACCURACY_DROP` allows; counted in whole faces, which do not round."""
    lost = round((parity["keras_accuracy"] - parity["accuracy"]) * parity["images"])
    return lost > MAX_ACCURACY_DROP * parity["images"]


def _refusal(number_format: str, parity: dict[str, Any]) -> str:
    return (
        f"--format={number_format}: accuracy falls from {parity['keras_accuracy']:.1%} to {parity['accuracy']:.1%} "
        f"on {parity['images']} test faces, more than {100 * MAX_ACCURACY_DROP:.0f} point; not written"
    )


def main(arguments: Sequence[str]) -> None:
    cli.only_flags(arguments)
    cli.required("workdir")
    values = flags.FLAGS
    run = single_run(Path(values.workdir))
    output = Path(values.output or run.path / ("plain" if values.plain else "tflite"))
    for number_format in export_tflite(
        run,
        output,
        values.format,
        data_dir=values.data_dir or None,
        parity_images=values.parity_images,
        allow_accuracy_drop=values.allow_accuracy_drop,
        plain=values.plain,
    ):
        logging.info("%s", output / f"ifgan_{number_format}.tflite")


if __name__ == "__main__":
    flags.DEFINE_string("workdir", "", "Run folder made by train.py.")
    flags.DEFINE_string("output", "", "Folder of the .tflite files; default: WORKDIR/tflite, or WORKDIR/plain.")
    flags.DEFINE_list("format", ["float32"], f"Number formats, comma-separated, out of {', '.join(FORMATS)}.")
    flags.register_validator(
        "format", lambda chosen: bool(chosen) and set(chosen) <= set(FORMATS), f"expected some of {', '.join(FORMATS)}"
    )
    flags.DEFINE_string("data_dir", "", "Folder of built data sets; default: where the run found them.")
    flags.DEFINE_integer("parity_images", 200, "Test faces to compare with Keras on; 0: compare nothing.", 0)
    flags.DEFINE_bool("allow_accuracy_drop", False, "Write a file even if it loses more than 1 point of accuracy.")
    flags.DEFINE_bool("plain", False, "Leave out the average face, for image classifiers that take one output.")
    cli.run(main, USAGE)
