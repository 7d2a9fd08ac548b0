"""From photographs to expressions: find faces, align them, ask a model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ifgan_tf.data.alignment import Detection, FaceDetector, align, best_face
from ifgan_tf.data.faces import model_view
from ifgan_tf.data.images import read_image
from ifgan_tf.errors import UserError
from ifgan_tf.recognition.runtimes import open_backend

FACES = ("largest", "all")


@dataclass(frozen=True)
class Face:
    """A face in a photograph, and what it shows.

    Attributes:
      box: float32 [4]: x, y, width, height in pixels of the photograph; may reach beyond it.
      detection: the detector's confidence, 0..1.
      landmarks: float32 [5, 2], in pixels of the photograph.
      label: the most probable expression.
      confidence: its probability.
      probabilities: of every expression, in label order.
      average_face: uint8 RGB [S, S, 3], the average-identity face of that expression; None for a run without G.
    """

    box: np.ndarray
    detection: float
    landmarks: np.ndarray
    label: str
    confidence: float
    probabilities: dict[str, float]
    average_face: np.ndarray | None


class Recognizer:
    """A trained model, whichever way it was exported; the labels are the same.

    Args:
      path: a run folder, a SavedModel (or the folder of its versions), or a .tflite file.
      faces: `largest`, the one face that a photograph is about (largest and most central), or `all` of at least 20
        pixels.
      batch_size: faces the model is asked at a time.

    Attributes:
      labels: class names, in label order.
      kind: `keras`, `saved_model` or `tflite`.

    Raises:
      UserError: when there is no such model.

    Example:
      >>> recognizer = Recognizer("runs/demo")
      >>> [[face.label for face in faces] for faces in recognizer.predict(["photo.jpg"])]
      [['happiness']]
    """

    def __init__(self, path: str | os.PathLike[str], faces: str = "largest", batch_size: int = 32) -> None:
        if faces not in FACES:
            raise UserError(f"--faces={faces}: expected one of {', '.join(FACES)}")
        self._backend = open_backend(Path(path))
        self._all = faces == "all"
        self._detector = FaceDetector(min_face=0.0) if self._all else FaceDetector()
        self._batch_size = batch_size
        self.labels = self._backend.labels
        self.kind = self._backend.kind

    def predict(self, images: Sequence[np.ndarray | str | os.PathLike[str]]) -> list[list[Face]]:
        """The faces of every image; faces of several images go through the model together.

        Args:
          images: uint8 RGB [H, W, 3], or files.
        Returns:
          A list for every image, empty where no face was found; with `all`, from left to right.

        Raises:
          UserError: naming the file that cannot be read, or an array of another shape or dtype.
        """
        pictures = [image if isinstance(image, np.ndarray) else read_image(image) for image in images]
        detections = [self.detect(picture) for picture in pictures]
        aligned = [
            align(picture, detection.landmarks)
            for picture, found in zip(pictures, detections, strict=True)
            for detection in found
        ]
        probabilities, average_faces = self.classify(aligned)
        answers = iter(zip(probabilities, average_faces, strict=True))
        return [[self._face(detection, *next(answers)) for detection in found] for found in detections]

    def detect(self, image: np.ndarray) -> list[Detection]:
        """The faces of uint8 RGB [H, W, 3] that `predict` would look at."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise UserError(f"image of {image.dtype} {image.shape}: expected uint8 RGB [height, width, 3]")
        found = self._detector.detect(image)
        if self._all:
            return sorted(found, key=lambda detection: float(detection.box[0]))
        best = best_face(found, image.shape)
        return [] if best is None else [best]

    def classify(self, aligned: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray | None]]:
        """Asks the model about faces that are aligned already.

        Args:
          aligned: N faces, uint8 RGB [256, 256, 3] (any size is resampled).
        Returns:
          probabilities, float32 [N, classes], and N average faces, uint8 RGB [S, S, 3] or None.
        """
        probabilities, average_faces = [np.zeros((0, len(self.labels)), np.float32)], []
        for start in range(0, len(aligned), self._batch_size):
            part = aligned[start : start + self._batch_size]
            answer, faces = self._backend.run(np.stack([model_view(face, self._backend.image_size) for face in part]))
            probabilities.append(answer)
            average_faces += [None] * len(part) if faces is None else list(faces)
        return np.concatenate(probabilities), average_faces

    def _face(self, detection: Detection, probabilities: np.ndarray, average_face: np.ndarray | None) -> Face:
        best = int(probabilities.argmax())
        named = dict(zip(self.labels, map(float, probabilities), strict=True))
        return Face(
            detection.box,
            detection.confidence,
            detection.landmarks,
            self.labels[best],
            float(probabilities[best]),
            named,
            average_face,
        )
