"""A trained model behind one face: a run folder (Keras), a SavedModel, or a .tflite file (without TensorFlow)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ifgan_tf import files
from ifgan_tf.errors import UserError
from ifgan_tf.faces.detection import Detection
from ifgan_tf.recognition.litert import LABELS, MAX_LABELS_BYTES, Classifier, label_names
from ifgan_tf.recognition.operations import refuse_other_operations

Answer = tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class Runtime:
    """A model that is ready to run, with what finds faces for it; threads may share it.

    Attributes:
      kind: `keras`, `saved_model` or `tflite`.
      labels: class names, in label order.
      image_size: S, of the faces it takes.
      run: uint8 RGB [N, S, S, 3], N at least 1 → (probabilities float32 [N, classes]; average faces uint8 RGB
        [N, S, S, 3], or None without a generator).
      detect: uint8 RGB [H, W, 3] → its faces.
      template: float32 [3, 2], what the faces that it takes are aligned to.
    """

    kind: str
    labels: tuple[str, ...]
    image_size: int
    run: Callable[[np.ndarray], Answer]
    detect: Callable[[np.ndarray], list[Detection]]
    template: np.ndarray


def open_runtime(path: str | Path, every_face: bool = False) -> Runtime:
    """Opens whatever `path` holds.

    Args:
      path: a run folder; a SavedModel written by export.saved_model, or the folder of its versions (the newest is
        taken); a .tflite file written by export.tflite.
      every_face: find all faces, from left to right, and not only the one that a picture is about.

    Raises:
      UserError: when it is missing, damaged, or none of these.
    """
    path = Path(path).expanduser()
    if (path / "config.json").is_file():
        return _keras(path, every_face)
    versions = sorted((int(p.name), p) for p in path.glob("[0-9]*") if p.name.isdecimal()) if path.is_dir() else []
    folder = versions[-1][1] if versions else path
    if (folder / "saved_model.pb").is_file():
        return _saved_model(folder, every_face)
    if path.is_file():
        return _tflite(path, every_face)
    what = "no run folder and no SavedModel" if path.exists() else "no such file or folder"
    raise UserError(
        f"{path}: {what}; expected a run folder made by train.py, a SavedModel made by python -m export.saved_model, "
        f"or a .tflite file made by python -m export.tflite"
    )


def _keras(path: Path, every_face: bool) -> Runtime:
    import tensorflow as tf

    from ifgan_tf.run_folder import RunFolder

    run = RunFolder(path)
    model = run.inference()
    graph = tf.function(lambda images: model(tf.cast(images, tf.float32), training=False), reduce_retracing=True)

    def answer(faces: np.ndarray) -> Answer:
        outputs = graph(tf.constant(faces))
        face = outputs.get("average_face")
        return outputs["probabilities"].numpy(), None if face is None else face.numpy()

    return Runtime("keras", run.classes(), run.config().data.image_size, answer, _mtcnn(every_face), run.template())


def _saved_model(path: Path, every_face: bool) -> Runtime:
    import tensorflow as tf

    from ifgan_tf.data import templates

    try:
        refuse_other_operations(path)
        module = tf.saved_model.load(str(files.plain(path)))
        labels = label_names(files.read_text(path / "assets" / LABELS, MAX_LABELS_BYTES))
        template = templates.load(path / "assets" / templates.FILE)
        signatures = module.signatures
        signature = signatures["generate_tensors" if "generate_tensors" in signatures else "tensors"]
        size = int(signature.structured_input_signature[1]["images"].shape[1])
        if signature.structured_outputs["probabilities"].shape[1] != len(labels):
            raise ValueError(f"{len(labels)} labels in assets/labels.txt")
    except Exception as error:  # whatever a damaged file makes TensorFlow raise
        raise UserError(
            f"{path}: not a SavedModel of this project, or damaged ({str(error)[:200]}); write it again with "
            f"python -m export.saved_model"
        ) from None

    def answer(faces: np.ndarray, module: object = module) -> Answer:  # a signature does not keep its module alive
        outputs = signature(images=tf.constant(faces))
        face = outputs.get("average_face")
        return outputs["probabilities"].numpy(), None if face is None else face.numpy()

    return Runtime("saved_model", labels, size, answer, _mtcnn(every_face), template)


def _tflite(path: Path, every_face: bool) -> Runtime:
    try:
        classifier = Classifier(str(path))
    except UserError as error:
        raise UserError(str(error).removeprefix("--model=")) from None

    def answer(faces: np.ndarray) -> Answer:
        rows = [classifier.run(face) for face in faces]  # the graph has a static batch of one
        probabilities = np.array([list(row.probabilities.values()) for row in rows], np.float32)
        drawn = [row.average_face for row in rows if row.average_face is not None]
        return probabilities, np.stack(drawn) if drawn else None

    find = partial(classifier.detect, every=every_face)
    return Runtime("tflite", classifier.labels, classifier.image_size, answer, find, classifier.template)


def _mtcnn(every_face: bool) -> Callable[[np.ndarray], list[Detection]]:
    """The face finder of training."""
    from ifgan_tf.faces.mtcnn_tensorflow import FaceDetector

    return partial(FaceDetector().find, every=every_face)
