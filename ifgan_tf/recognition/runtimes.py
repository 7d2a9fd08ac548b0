"""A trained model behind one face: a run folder (Keras), a SavedModel, or a .tflite file."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ifgan_tf.errors import UserError

Answer = tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class Backend:
    """A model that is ready to run.

    Attributes:
      kind: `keras`, `saved_model` or `tflite`.
      labels: class names, in label order.
      image_size: S, of the faces it takes.
      run: uint8 RGB [N, S, S, 3], N at least 1 → (probabilities float32 [N, classes]; average faces uint8 RGB
        [N, S, S, 3], or None without a generator).
    """

    kind: str
    labels: tuple[str, ...]
    image_size: int
    run: Callable[[np.ndarray], Answer]


def open_backend(path: str | Path) -> Backend:
    """Opens whatever `path` holds.

    Args:
      path: a run folder; a SavedModel written by export.saved_model, or the folder of its versions (the newest is
        taken); a .tflite file written by export.tflite.

    Raises:
      UserError: when it is missing, damaged, or none of these.
    """
    path = Path(path)
    if (path / "config.json").is_file():
        return _keras(path)
    versions = sorted((int(p.name), p) for p in path.glob("[0-9]*") if p.name.isdecimal()) if path.is_dir() else []
    folder = versions[-1][1] if versions else path
    if (folder / "saved_model.pb").is_file():
        return _saved_model(folder)
    if path.is_file():
        return _tflite(path)
    what = "no run folder and no SavedModel" if path.exists() else "no such file or folder"
    raise UserError(
        f"{path}: {what}; expected a run folder made by train.py, a SavedModel made by python -m export.saved_model, "
        f"or a .tflite file made by python -m export.tflite"
    )


def _keras(path: Path) -> Backend:
    import tensorflow as tf

    from ifgan_tf.models.inference import load_inference
    from ifgan_tf.run_folder import RunFolder

    run = RunFolder(path)
    model = load_inference(run.config(), run.checkpoints_dir / "best")
    graph = tf.function(lambda images: model(tf.cast(images, tf.float32), training=False), reduce_retracing=True)

    def answer(faces: np.ndarray) -> Answer:
        outputs = graph(tf.constant(faces))
        face = outputs.get("average_face")
        return outputs["probabilities"].numpy(), None if face is None else face.numpy()

    return Backend("keras", run.classes(), run.config().data.image_size, answer)


def _saved_model(path: Path) -> Backend:
    import tensorflow as tf

    try:
        module = tf.saved_model.load(str(path))
        labels = tuple((path / "assets" / "labels.txt").read_text().split())
        signatures = module.signatures
        signature = signatures["generate_tensors" if "generate_tensors" in signatures else "tensors"]
        size = int(signature.structured_input_signature[1]["images"].shape[1])
    except (OSError, KeyError, AttributeError, ValueError, TypeError, tf.errors.OpError) as error:
        raise UserError(
            f"{path}: not a SavedModel of this project, or damaged ({str(error)[:200]}); write it again with "
            f"python -m export.saved_model"
        ) from None

    def answer(faces: np.ndarray, module: object = module) -> Answer:  # a signature does not keep its module alive
        outputs = signature(images=tf.constant(faces))
        face = outputs.get("average_face")
        return outputs["probabilities"].numpy(), None if face is None else face.numpy()

    return Backend("saved_model", labels, size, answer)


def _tflite(path: Path) -> Backend:
    from ai_edge_litert.interpreter import Interpreter

    try:
        with zipfile.ZipFile(path) as package:
            labels = tuple(package.read("labels.txt").decode().split())
            metadata = json.loads(package.read("metadata.json"))
        size, content = int(metadata["image_size"]), path.read_bytes()
        if hashlib.sha256(content[: metadata["model"]["bytes"]]).hexdigest() != metadata["model"]["sha256"]:
            raise ValueError("its checksum is wrong")
        interpreter = Interpreter(model_content=content)
        signature = interpreter.get_signature_runner("serving_default")
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path}: not a .tflite file of this project, or damaged ({str(error)[:200]}); write it again with "
            f"python -m export.tflite"
        ) from None

    def answer(faces: np.ndarray, interpreter: object = interpreter) -> Answer:
        rows = [signature(image=face[None]) for face in faces]  # the graph has a static batch of one
        probabilities = np.concatenate([row["probabilities"] for row in rows])
        generated = [row["average_face"] for row in rows if "average_face" in row]
        return probabilities, np.concatenate(generated) if generated else None

    return Backend("tflite", labels, size, answer)
