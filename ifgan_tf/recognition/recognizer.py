"""From photographs to expressions: find faces, align them, ask a model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, overload

import numpy as np
from PIL import Image

from ifgan_tf.data.images import decode_image, pixels_of, read_image
from ifgan_tf.errors import UserError
from ifgan_tf.faces.detection import Detection
from ifgan_tf.faces.geometry import align, model_view
from ifgan_tf.faces.quality import UNMEASURED, Quality, assess
from ifgan_tf.pretrained import MODEL
from ifgan_tf.recognition.naming import checked_confidence, label_of
from ifgan_tf.recognition.runtimes import open_runtime
from ifgan_tf.recognition.tracking import Tracker

# A file (its name, its bytes, or opened), pixels (uint8, grey [H, W], RGB [H, W, 3] or RGBA [H, W, 4]), or a picture of
# Pillow's.
Picture = str | os.PathLike[str] | bytes | BinaryIO | np.ndarray | Image.Image

FACES = ("largest", "all")


@dataclass(frozen=True, eq=False, repr=False)
class Face:
    """A face in a photograph, and what it shows.

    Attributes:
      box: float32 [4]: x, y, width, height in pixels of the photograph; may reach beyond it.
      detection: the detector's confidence, 0..1.
      landmarks: float32 [5, 2], in pixels of the photograph.
      label: the most probable expression; `uncertain` where `quality` says that the face cannot be read, or the
        probability is below the recognizer's `min_confidence`.
      confidence: the highest probability.
      probabilities: of every expression, in label order.
      average_face: uint8 RGB [S, S, 3], the average-identity face of that expression; None for a run without G.
      quality: what to know before trusting the answer: size, sharpness, light and pose, and words for what is poor.
      track: the number of the face in a video whose faces are followed; None elsewhere.
    """

    box: np.ndarray
    detection: float
    landmarks: np.ndarray
    label: str
    confidence: float
    probabilities: dict[str, float]
    average_face: np.ndarray | None
    quality: Quality = UNMEASURED
    track: int | None = None

    def __repr__(self) -> str:
        x, y, width, height = (round(float(value)) for value in self.box)
        return f"Face({self.label} {self.confidence:.0%} at x={x} y={y}, {width}x{height})"


class Recognizer:
    """A trained model, whichever way it was exported; the labels are the same. Threads may share one.

    A .tflite file needs no TensorFlow, so it starts in a fraction of a second.

    Args:
      path: a run folder, a SavedModel (or the folder of its versions), or a .tflite file; the model that ships, unless
        given.
      faces: `largest`, the one face that a photograph is about (largest and most central), or `all` of at least 20
        pixels.
      batch_size: faces the model is asked at a time.
      min_confidence: a face whose most probable expression has a lower probability, 0..1, is `uncertain`.

    Attributes:
      labels: class names, in label order.
      kind: `keras`, `saved_model` or `tflite`.
      template: float32 [3, 2], where the eye centres (image-left first) and the nose tip of the faces lie that the
        model was trained on, in a square of 256; see `ifgan_tf.faces.geometry.align`.

    Raises:
      UserError: when there is no such model, or an argument is out of its range.

    Example:
      >>> recognizer = Recognizer()
      >>> recognizer.predict("photo.jpg")
      [Face(happiness 93% at x=201 y=74, 68x90)]
      >>> [[face.label for face in faces] for faces in recognizer.predict(["photo.jpg", "nobody.jpg"])]
      [['happiness'], []]
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = MODEL,
        faces: str = "largest",
        batch_size: int = 32,
        min_confidence: float = 0.0,
    ) -> None:
        if faces not in FACES:
            raise UserError(f"--faces={faces}: expected one of {', '.join(FACES)}")
        self._min_confidence = checked_confidence(min_confidence)
        self._runtime = open_runtime(Path(path), every_face=faces == "all")
        self._batch_size = batch_size
        self.labels = self._runtime.labels
        self.kind = self._runtime.kind
        self.template = self._runtime.template

    @overload
    def predict(self, images: Picture) -> list[Face]: ...  # type: ignore[overload-overlap]  # names iterate too
    @overload
    def predict(self, images: Iterable[Picture]) -> list[list[Face]]: ...
    def predict(self, images: Picture | Iterable[Picture]) -> list[Face] | list[list[Face]]:
        """The faces of a picture, or of several; faces of several go through the model together.

        Args:
          images: one picture, or any number of them: files (names, bytes, or opened), arrays (uint8, grey [H, W],
            RGB [H, W, 3] or RGBA [H, W, 4]), pictures of Pillow's. All are turned upright by their EXIF, transparent
            parts are laid on black. One picture at a time is in memory, so a generator may give thousands.
        Returns:
          For one picture the list of its faces, empty where none was found; with `all`, from left to right. For
          several a list of such lists.

        Raises:
          UserError: naming the file that cannot be read, or an array of another shape or dtype.
        """
        one = isinstance(images, str | os.PathLike | bytes | Image.Image) or hasattr(images, "read")
        if one or not isinstance(images, Iterable) or (isinstance(images, np.ndarray) and images.ndim < 4):
            return self._predict([images])[0]
        return self._predict(images)

    def _predict(self, images: Iterable[Any]) -> list[list[Face]]:
        detections: list[list[Detection]] = []
        aligned: list[np.ndarray] = []
        for picture in map(_pixels, images):
            found = self.detect(picture)
            detections.append(found)
            aligned += [align(picture, detection.landmarks, self.template) for detection in found]
        probabilities, average_faces = self.classify(aligned)
        answers = iter(zip(aligned, probabilities, average_faces, strict=True))
        return [[self._face(detection, *next(answers)) for detection in found] for found in detections]

    def follow(self, tracker: Tracker, time_s: float, faces: Sequence[Face]) -> list[Face]:
        """The faces of the next frame of a video, with what was seen of them before.

        Args:
          tracker: of this video, and of this model.
          time_s: of the frame; no earlier than the one before.
          faces: of the frame, as `predict` found them.

        Returns:
          The same faces, each with the number of its track, and with the track's smoothed probabilities and the label
          that they lead to. A frame in which a face cannot be read does not count, and gets what the track has.
        """
        boxes = [face.box for face in faces]
        readings = [None if face.quality.unreadable else np.array([*face.probabilities.values()]) for face in faces]
        tracked = tracker.update(time_s, boxes, readings)
        return [self._on_track(face, *found) for face, found in zip(faces, tracked, strict=True)]

    def detect(self, image: np.ndarray) -> list[Detection]:
        """The faces of uint8 RGB [H, W, 3] that `predict` would look at."""
        return self._runtime.detect(_pixels(image))

    def classify(self, aligned: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray | None]]:
        """Asks the model about faces that are aligned already.

        Args:
          aligned: N faces, uint8 RGB [256, 256, 3] (any size is resampled), aligned to `template`.
        Returns:
          probabilities, float32 [N, classes], and N average faces, uint8 RGB [S, S, 3] or None.
        """
        probabilities, average_faces = [np.zeros((0, len(self.labels)), np.float32)], []
        for start in range(0, len(aligned), self._batch_size):
            part = aligned[start : start + self._batch_size]
            answer, faces = self._runtime.run(np.stack([model_view(face, self._runtime.image_size) for face in part]))
            probabilities.append(answer)
            average_faces += [None] * len(part) if faces is None else list(faces)
        return np.concatenate(probabilities), average_faces

    def _on_track(self, face: Face, number: int, probabilities: np.ndarray | None) -> Face:
        if probabilities is None:
            return replace(face, track=number)
        named = dict(zip(self.labels, map(float, probabilities), strict=True))
        label = label_of(named, UNMEASURED, self._min_confidence)  # what was read of it was fit to be read
        return replace(face, label=label, confidence=max(named.values()), probabilities=named, track=number)

    def _face(
        self, detection: Detection, aligned: np.ndarray, probabilities: np.ndarray, average_face: np.ndarray | None
    ) -> Face:
        named = dict(zip(self.labels, map(float, probabilities), strict=True))
        quality = assess(aligned, detection.landmarks)
        return Face(
            detection.box,
            detection.confidence,
            detection.landmarks,
            label_of(named, quality, self._min_confidence),
            max(named.values()),
            named,
            average_face,
            quality,
        )


def _pixels(image: Picture) -> np.ndarray:
    """uint8 RGB [H, W, 3] of whatever shows a picture."""
    if isinstance(image, str | os.PathLike):
        return read_image(image)
    if isinstance(image, Image.Image):
        try:
            return pixels_of(image)
        except Exception as error:  # Pillow decodes when asked for pixels, and raises anything
            raise UserError(f"{image!r}: not a readable image ({error}); expected an undamaged one") from error
    if hasattr(image, "read"):
        image = image.read()
    if isinstance(image, bytes):
        return decode_image(image, name="the picture given")
    if not isinstance(image, np.ndarray):
        raise UserError(f"{type(image).__name__}: expected a file, an array or a picture of Pillow's")
    channels = image.shape[2:] if image.ndim == 3 else (1,) if image.ndim == 2 else ()
    if image.dtype != np.uint8 or channels not in ((1,), (3,), (4,)) or not image.size:
        raise UserError(
            f"image of {image.dtype} {image.shape}: expected uint8, RGB [height, width, 3], grey [height, width] or "
            f"RGBA [height, width, 4]"
        )
    if channels == (3,):
        return image
    return pixels_of(Image.fromarray(image.squeeze(2) if image.shape[2:] == (1,) else image))
