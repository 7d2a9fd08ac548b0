"""A model without TensorFlow: the .tflite that `export.tflite` writes, run by LiteRT, and the face finder inside it."""

from __future__ import annotations

import hashlib
import json
import struct
import threading
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ifgan_tf.errors import UserError
from ifgan_tf.faces.detection import Cascade, Detection
from ifgan_tf.faces.geometry import TEMPLATE, align, centre_crop, resize, template_of
from ifgan_tf.recognition import INSTALL

# Far above what `export.tflite` writes: what is larger is something else, and fills the memory once it is unpacked.
MAX_LABELS_BYTES, MAX_METADATA_BYTES, MAX_DETECTOR_BYTES, MAX_MODEL_BYTES = 1 << 16, 1 << 20, 1 << 26, 1 << 31
LABELS, METADATA, DETECTOR = "labels.txt", "metadata.json", "face_detector.tflite"  # inside the .tflite
NO_FACE = "no face found; expected a face of at least 20 pixels, upright and from the front"


class Signatures:
    """The signatures of a .tflite model, called by name.

    One call at a time: an interpreter that two threads use at once mixes up their answers, and says nothing.

    Args:
      content: of the .tflite.

    Raises:
      ValueError: when it asks for operations that are not LiteRT's own: TensorFlow's among them write files.
    """

    def __init__(self, content: bytes) -> None:
        if foreign := _foreign_operations(content):
            raise ValueError(f"it asks for the operation {foreign[0][:80]}, which is not LiteRT's own")
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise UserError(f"{error}; this needs: {INSTALL}") from None
        self._interpreter = Interpreter(model_content=content)
        self._interpreter.allocate_tensors()  # what fails or talks does so here, not at the first face
        self._runners = {
            name: self._interpreter.get_signature_runner(name) for name in self._interpreter.get_signature_list()
        }
        self._lock = threading.Lock()

    def shapes(self, name: str) -> dict[str, tuple[int, ...]]:
        """The shape of what a signature takes and answers."""
        runner = self._runners[name]
        tensors = {**runner.get_input_details(), **runner.get_output_details()}
        return {tensor: tuple(map(int, details["shape"])) for tensor, details in tensors.items()}

    def __call__(self, name: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        with self._lock:
            return self._runners[name](**inputs)


class Answer(NamedTuple):
    """About one face: the probability of every label, and the average face (uint8 RGB [S, S, 3]; None without G)."""

    probabilities: dict[str, float]
    average_face: np.ndarray | None


class Classifier:
    """A .tflite file of `export.tflite`, with the labels and the face detector it carries; threads may share it.

    Args:
      path: of the file.
    Attributes:
      labels: class names, in label order.
      image_size: S, of the faces that the model sees.
      draws: whether it draws average faces.
      template: float32 [3, 2], what the faces that the model sees are aligned to.
    Raises:
      UserError: when it is missing, damaged or no such file.
    """

    def __init__(self, path: str) -> None:
        expected = "expected a .tflite file written by export.tflite"
        try:
            with zipfile.ZipFile(path) as package:
                self.labels = label_names(member(package, LABELS, MAX_LABELS_BYTES).decode())
                metadata = json.loads(member(package, METADATA, MAX_METADATA_BYTES))
                detector = member(package, DETECTOR, MAX_DETECTOR_BYTES)
            self.image_size, self._working_size = int(metadata["image_size"]), int(metadata["working_size"])
            self.template = template_of(metadata.get("template", TEMPLATE))
            if Path(path).stat().st_size > MAX_MODEL_BYTES:
                raise ValueError(f"more than {MAX_MODEL_BYTES:,} bytes")
            content = Path(path).read_bytes()
            if hashlib.sha256(content[: metadata["model"]["bytes"]]).hexdigest() != metadata["model"]["sha256"]:
                raise ValueError("its checksum is wrong")
            self._run, self._cascade = Signatures(content), _cascade(detector)
            shapes = self._run.shapes("serving_default")
            size = self.image_size
            if shapes["image"] != (1, size, size, 3) or shapes["probabilities"] != (1, len(self.labels)):
                raise ValueError("its labels or sizes are not those of the model")
            if not size <= self._working_size <= 2 * size:
                raise ValueError(f"a working_size of {self._working_size}; expected image_size to twice as much")
            self.draws = "average_face" in shapes
        except UserError:
            raise
        except OSError as error:
            raise UserError(f"--model={path}: cannot be read ({error.strerror}); {expected}") from None
        except Exception as error:  # whatever a strange archive leads to
            reason = str(error)[:200] or type(error).__name__
            raise UserError(f"--model={path}: not a model of this project, or damaged ({reason}); {expected}") from None

    def detect(self, image: np.ndarray, every: bool = False) -> list[Detection]:
        """The face a picture (uint8 RGB [H, W, 3]) is about, or every face; see `Cascade.find`."""
        return self._cascade.find(image, every)

    def find(self, image: np.ndarray) -> np.ndarray:
        """The aligned face of a picture, uint8 RGB [256, 256, 3].

        Raises:
          UserError: when there is no face in it.
        """
        faces = self.detect(image)
        if not faces:
            raise UserError(NO_FACE)
        return align(image, faces[0].landmarks, self.template)

    def view(self, face: np.ndarray) -> np.ndarray:
        """What the model sees of an aligned face, uint8 RGB [H, W, 3]: uint8 RGB [S, S, 3]."""
        return np.ascontiguousarray(centre_crop(resize(face, self._working_size), self.image_size))

    def run(self, view: np.ndarray) -> Answer:
        """The model's answer about what it sees, uint8 RGB [S, S, 3]."""
        outputs = self._run("serving_default", image=view[None])
        probabilities = dict(zip(self.labels, map(float, outputs["probabilities"][0]), strict=True))
        return Answer(probabilities, outputs["average_face"][0] if self.draws else None)

    def probabilities(self, face: np.ndarray) -> dict[str, float]:
        """The probability of every label, for an aligned face uint8 RGB [H, W, 3]."""
        return self.run(self.view(face)).probabilities


def _foreign_operations(content: bytes) -> list[str]:
    """The custom operations of a .tflite, read from its flatbuffer: `Model.operator_codes[…].custom_code`.

    Raises:
      struct.error: when it is none.
    """

    def number(at: int, form: str = "<I") -> int:
        return int(struct.unpack_from(form, content, at)[0])

    def field(table: int, index: int) -> int:  # where it lies; 0 where the table has none
        offsets = table - number(table, "<i")
        inside = 4 + 2 * index < number(offsets, "<H")
        offset = number(offsets + 4 + 2 * index, "<H") if inside else 0
        return table + offset if offset else 0

    found = []
    if codes := field(number(0), 1):
        first = codes + number(codes)
        for at in range(first + 4, first + 4 + 4 * number(first), 4):
            if name := field(at + number(at), 1):
                text = name + number(name)
                found.append(content[text + 4 : text + 4 + number(text)].decode(errors="replace"))
    return found


def label_names(text: str) -> tuple[str, ...]:
    """The class names of a model, from its `labels.txt`. They become parts of file names and columns of tables.

    Raises:
      ValueError: when one is no plain word.
    """
    names = tuple(text.split())
    if odd := [name for name in names if not name.isidentifier()]:
        raise ValueError(f"its label {odd[0][:40]!r} is not a plain word")
    return names


def member(package: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A file of the archive, which unpacks no further than its table of contents says.

    Raises:
      KeyError: when it is not there.
      ValueError: when it has more than `limit` bytes.
    """
    if (size := package.getinfo(name).file_size) > limit:
        raise ValueError(f"its {name} has {size:,} bytes")
    return package.read(name)


def _cascade(content: bytes) -> Cascade:
    """The face finder in a .tflite with the signatures `proposal`, `refine` and `output`.

    Raises:
      KeyError: when it lacks one of them.
    """
    run = Signatures(content)
    for name in ("proposal", "refine", "output"):
        run.shapes(name)
    return Cascade(
        lambda image: run("proposal", image=image),
        lambda patches: run("refine", patches=patches),
        lambda patches: run("output", patches=patches),
    )
