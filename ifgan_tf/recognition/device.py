"""Names the expression of faces in pictures, on a device: LiteRT, NumPy and OpenCV, nothing else.

    python -m export.classify --model=ifgan_float32.tflite IMAGE…

or, on a device, this one file and the one .tflite that `export.tflite` wrote:

    pip install ai-edge-litert numpy opencv-python-headless
    python classify.py --model=ifgan_float32.tflite photo.jpg folder/
    python classify.py --model=ifgan_float32.tflite --camera=0

One JSON line an image: {"image": path, "label": name, "probabilities": {name: p, …}} or {"image": path, "error": …}.
A picture with several faces is about its largest, most central one. Where no face is found nothing is guessed.

Exit codes: 0 every image got a label; 1 some did not (their lines say why); 2 nothing was done: a model file that is
none of ours, or arguments that make no sense.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

# Read when OpenCV is loaded: a picture of more pixels is refused before it takes the memory.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")

import cv2
import numpy as np

LABELS, METADATA, DETECTOR = "labels.txt", "metadata.json", "face_detector.tflite"  # inside the .tflite
IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

# Where a face lies once aligned; the same numbers as in training (ifgan_tf/data/alignment.py).
ALIGNED_SIZE = 256
TEMPLATE = np.array([[88.0, 104.0], [168.0, 104.0], [128.0, 152.0]], np.float32)

# MTCNN (Zhang et al., 2016): windows of its networks, smallest face, ratio of its pyramid, thresholds of its stages.
WINDOW, STRIDE, REFINE_SIDE, OUTPUT_SIDE = 12, 2, 24, 48
SMALLEST_FACE, PYRAMID_RATIO = 20, 0.709
PROPOSAL_THRESHOLD, REFINE_THRESHOLD, OUTPUT_THRESHOLD = 0.6, 0.7, 0.8
MIN_FACE = 0.2  # of the shorter side: what is looked for first, because small faces take nearly all of the time
MAX_SIDE, MIN_SIDE = 1280, 64


class ClassifyError(Exception):
    """Something a person can mend; the message says what."""


class Detection(NamedTuple):
    """A face: box [x, y, width, height], confidence 0..1, five landmarks [5, 2], all in pixels of the image."""

    box: np.ndarray
    confidence: float
    landmarks: np.ndarray


# --- Pictures ---------------------------------------------------------------------------------------------------


def read_image(path: str) -> np.ndarray:
    """A picture as uint8 RGB [H, W, 3], upright: grey widened, 16 bits reduced to 8, transparent parts on black.

    Raises:
      ClassifyError: when the file is missing, empty, damaged, too large or no picture.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise ClassifyError(f"cannot be read ({error.strerror})") from None
    if not data.size:
        raise ClassifyError("the file is empty")
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        # A JPEG has no transparency: no need to look for it.
        alpha = None if bytes(data[:2]) == b"\xff\xd8" else cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        raise ClassifyError(f"has more than {os.environ['OPENCV_IO_MAX_IMAGE_PIXELS']} pixels, or is damaged") from None
    if image is None:
        raise ClassifyError("is not a readable picture")
    if alpha is not None and alpha.ndim == 3 and alpha.shape[2] == 4 and alpha.shape[:2] == image.shape[:2]:
        opacity = alpha[:, :, 3:].astype(np.float32) / np.iinfo(alpha.dtype).max
        image = np.rint(image * opacity).astype(np.uint8)
    return np.ascontiguousarray(image[:, :, ::-1])


def images_of(arguments: list[str]) -> list[str]:
    """Files as they are; folders as the pictures in them, sorted.

    Raises:
      ClassifyError: for a folder without pictures.
    """
    found = []
    for argument in arguments:
        if not Path(argument).is_dir():
            found.append(argument)
            continue
        inside = sorted(str(file) for file in Path(argument).iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
        if not inside:
            raise ClassifyError(f"{argument}: no pictures in this folder; expected {', '.join(IMAGE_SUFFIXES)}")
        found += inside
    return found


# --- Finding a face ---------------------------------------------------------------------------------------------


class FaceDetector:
    """MTCNN's three networks by LiteRT, everything between them in NumPy.

    Args:
      model: content of the .tflite with the signatures `proposal`, `refine` and `output`.
    """

    def __init__(self, model: bytes) -> None:
        self._interpreter = _interpreter(model)
        self._proposal, self._refine, self._output = (
            self._interpreter.get_signature_runner(name) for name in ("proposal", "refine", "output")
        )

    def detect(self, image: np.ndarray) -> list[Detection]:
        """The faces in a uint8 RGB image [H, W, 3] of any size, the most confident first."""
        height, width = image.shape[:2]
        scale = min(1.0, MAX_SIDE / max(height, width))
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        bottom, right = (max(0, MIN_SIDE - side) for side in image.shape[:2])
        if bottom or right:
            image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
        pixels = (image.astype(np.float32) - 127.5) / 128
        shorter = min(image.shape[:2])
        levels = round(-(np.log(shorter / WINDOW) / np.log(PYRAMID_RATIO) + 1))
        scales = [WINDOW / SMALLEST_FACE * PYRAMID_RATIO**level for level in range(levels)]
        first = [s for s in scales if WINDOW / s >= MIN_FACE * shorter]
        found = self._faces(pixels, first)
        if not found and len(first) < len(scales):
            found = self._faces(pixels, scales)
        return [Detection(d.box / scale, d.confidence, d.landmarks / scale) for d in found]

    def _faces(self, pixels: np.ndarray, scales: list[float]) -> list[Detection]:
        """The three stages; boxes are rows x1, y1, x2, y2, sorted by falling scores."""
        levels = [self._propose(pixels, scale) for scale in scales]
        boxes = np.concatenate([np.empty((0, 4)), *(level[0] for level in levels)])
        scores = np.concatenate([np.empty(0), *(level[1] for level in levels)])
        boxes, scores = _suppress(boxes, scores, 0.7)
        if not len(boxes):
            return []
        boxes = _square(boxes)
        answer = self._refine(patches=_patches(pixels, boxes, REFINE_SIDE))
        boxes, scores = boxes + answer["offsets"] * _sizes(boxes), answer["scores"][:, 1]
        certain = scores > REFINE_THRESHOLD
        boxes, scores = _suppress(boxes[certain], scores[certain], 0.7)
        if not len(boxes):
            return []
        boxes = _square(boxes)
        answer = self._output(patches=_patches(pixels, boxes, OUTPUT_SIDE))
        points = answer["landmarks"].reshape(-1, 2, 5).transpose(0, 2, 1)  # [n, 5, (x, y)]
        points = points * _sizes(boxes)[:, None, :2] + boxes[:, None, :2] - 1
        boxes, scores = boxes + answer["offsets"] * _sizes(boxes), answer["scores"][:, 1]
        certain = scores > OUTPUT_THRESHOLD
        boxes, scores, points = _suppress(boxes[certain], scores[certain], 0.7, points[certain], over_smaller=True)
        corners = [np.concatenate([box[:2], box[2:] - box[:2]]) for box in boxes]
        return [Detection(*face) for face in zip(corners, map(float, scores), points, strict=True)]

    def _propose(self, pixels: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
        height, width = (int(side * scale) for side in pixels.shape[:2])
        answer = self._proposal(image=cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)[None])
        face = answer["scores"][0, :, :, 1]
        y, x = np.nonzero(face > PROPOSAL_THRESHOLD)
        # Counted from the second pixel to the one after the last, as the weights were trained.
        windows = np.stack([x, y, x, y], axis=1) * STRIDE + np.array([1, 1, WINDOW, WINDOW])
        boxes = (windows + answer["offsets"][0, y, x] * (WINDOW - 1.0)) / scale
        return _suppress(boxes, face[y, x], 0.5)


def _sizes(boxes: np.ndarray) -> np.ndarray:
    """Width, height, width, height of boxes whose last pixel belongs to them: [n, 4]."""
    return np.tile(boxes[:, 2:] - boxes[:, :2] + 1, 2)


def _square(boxes: np.ndarray) -> np.ndarray:
    centres, side = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)
    return np.concatenate([centres - side / 2, centres + side / 2], axis=1)


def _suppress(
    boxes: np.ndarray, scores: np.ndarray, threshold: float, *more: np.ndarray, over_smaller: bool = False
) -> Any:
    """Non-maximum suppression: drops what overlaps anything better, over the union or over the smaller box."""
    order = np.argsort(scores)[::-1]  # among equal scores, which are common, the later one wins: as in `mtcnn`
    boxes, scores = boxes[order], scores[order]
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    shared = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    shared = np.prod(np.maximum(shared, 0), axis=2)
    smaller, union = np.minimum(areas[:, None], areas[None]), areas[:, None] + areas[None] - shared
    overlap = shared / (smaller if over_smaller else union)
    best = ~np.triu(overlap > threshold, k=1).any(axis=0)
    return (boxes[best], scores[best], *(values[order][best] for values in more))


def _patches(pixels: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """Cuts boxes out, bilinearly, zero outside of the image: what `tf.image.crop_and_resize` does.

    Args:
      pixels: float32 [H, W, 3].
      boxes: [n, 4].
    Returns:
      float32 [n, side, side, 3].
    """
    height, width = pixels.shape[:2]
    steps = np.linspace(0, 1, side)
    x = (boxes[:, :1] + steps * (boxes[:, 2:3] - boxes[:, :1])) * ((width - 1) / width)  # [n, side]
    y = (boxes[:, 1:2] + steps * (boxes[:, 3:] - boxes[:, 1:2])) * ((height - 1) / height)
    inside = ((y >= 0) & (y <= height - 1))[:, :, None] & ((x >= 0) & (x <= width - 1))[:, None, :]
    left, top = (np.clip(np.floor(v).astype(int), 0, end - 1) for v, end in ((x, width), (y, height)))
    right, bottom = np.minimum(left + 1, width - 1)[:, None, :], np.minimum(top + 1, height - 1)[:, :, None]
    across, down = (x - left)[:, None, :, None], (y - top)[:, :, None, None]
    left, top = left[:, None, :], top[:, :, None]
    upper = pixels[top, left] * (1 - across) + pixels[top, right] * across
    lower = pixels[bottom, left] * (1 - across) + pixels[bottom, right] * across
    return ((upper * (1 - down) + lower * down) * inside[..., None]).astype(np.float32)


def best_face(detections: list[Detection], shape: tuple[int, ...]) -> Detection | None:
    """The face a picture is about: area minus twice the squared distance to the centre. None for an empty list."""
    centre = np.array([shape[1], shape[0]]) / 2

    def weight(detection: Detection) -> float:
        offset = detection.box[:2] + detection.box[2:] / 2 - centre
        return float(detection.box[2] * detection.box[3] - 2 * (offset**2).sum())

    return max(detections, key=weight, default=None)


# --- Aligning ---------------------------------------------------------------------------------------------------


def similarity_transform(points: np.ndarray) -> np.ndarray:
    """The similarity [2, 3] that brings eye centres and nose tip nearest to `TEMPLATE` (Umeyama, PAMI 1991)."""
    source, target = np.asarray(points, np.float64)[:3], TEMPLATE.astype(np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    source_centred, target_centred = source - source_mean, target - target_mean
    variance = (source_centred**2).sum() / len(source)
    if not np.isfinite(variance) or variance < 1e-12:
        raise ClassifyError("the landmarks found do not span a face")
    u, singular, vt = np.linalg.svd(target_centred.T @ source_centred / len(source))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])
    rotation = u @ np.diag(sign) @ vt
    scale = (singular * sign).sum() / variance
    return np.column_stack([scale * rotation, target_mean - scale * rotation @ source_mean])


def align(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Cuts a face out upright: uint8 RGB [256, 256, 3]; what lies outside of the image repeats its edge."""
    transform = similarity_transform(landmarks)
    shrink = int(1 / np.hypot(transform[0, 0], transform[1, 0]))
    if shrink >= 2:  # warpAffine looks at four pixels only: average the others in first, or fine texture aliases
        height, width = (max(1, side // shrink) for side in image.shape[:2])
        factors = np.array([image.shape[1] / width, image.shape[0] / height])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        offset = transform[:, 2] + transform[:, :2] @ (factors / 2 - 0.5)
        transform = np.column_stack([transform[:, :2] * factors, offset])
    size = (ALIGNED_SIZE, ALIGNED_SIZE)
    return cv2.warpAffine(image, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


# --- Classifying ------------------------------------------------------------------------------------------------


class Classifier:
    """A .tflite file of `export.tflite`, with the labels and the face detector it carries.

    Args:
      path: of the file.
    Raises:
      ClassifyError: when it is missing, damaged or no such file.
    """

    def __init__(self, path: str) -> None:
        expected = "expected a .tflite file written by export.tflite"
        try:
            with zipfile.ZipFile(path) as package:
                self.labels = package.read(LABELS).decode().split()
                metadata = json.loads(package.read(METADATA))
                self._detector = FaceDetector(package.read(DETECTOR))
            self._size, self._working_size = int(metadata["image_size"]), int(metadata["working_size"])
            content = Path(path).read_bytes()
            if hashlib.sha256(content[: metadata["model"]["bytes"]]).hexdigest() != metadata["model"]["sha256"]:
                raise ValueError("its checksum is wrong")
            self._interpreter = _interpreter(content)
            self._run = self._interpreter.get_signature_runner("serving_default")
        except OSError as error:
            raise ClassifyError(f"--model={path}: cannot be read ({error.strerror}); {expected}") from None
        except (zipfile.BadZipFile, KeyError, ValueError, RuntimeError) as error:
            raise ClassifyError(
                f"--model={path}: not a model of this project, or damaged ({error}); {expected}"
            ) from None

    def find(self, image: np.ndarray) -> np.ndarray:
        """The aligned face of a picture, uint8 RGB [256, 256, 3].

        Raises:
          ClassifyError: when there is no face in it.
        """
        face = best_face(self._detector.detect(image), image.shape)
        if face is None:
            raise ClassifyError("no face found; expected a face of at least 20 pixels, upright and from the front")
        return align(image, face.landmarks)

    def probabilities(self, face: np.ndarray) -> dict[str, float]:
        """The probability of every label, for an aligned face uint8 RGB [H, W, 3]."""
        shrinks = self._working_size < min(face.shape[:2])
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        face = cv2.resize(face, (self._working_size, self._working_size), interpolation=method)
        start = (self._working_size - self._size) // 2
        face = np.ascontiguousarray(face[start : start + self._size, start : start + self._size])
        values = self._run(image=face[None])["probabilities"][0]
        return dict(zip(self.labels, map(float, values), strict=True))


def _interpreter(model: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=model)


def frames(camera: str) -> Iterator[tuple[str, np.ndarray]]:
    """Name and uint8 RGB image of every frame of a camera (a number) or a video (a file).

    Raises:
      ClassifyError: when it does not open.
    """
    capture = cv2.VideoCapture(int(camera) if camera.isdigit() else camera)
    if not capture.isOpened():
        raise ClassifyError(f"--camera={camera}: does not open; expected the number of a camera, or a video file")
    try:
        number = 0
        while True:
            there, frame = capture.read()
            if not there:
                return
            yield f"{camera}#{number}", np.ascontiguousarray(frame[:, :, ::-1])
            number += 1
    finally:
        capture.release()


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="classify", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="a .tflite file written by export.tflite")
    parser.add_argument("--aligned", action="store_true", help="the pictures are aligned faces already: look for none")
    parser.add_argument("--camera", help="number of a camera (or a video file) to read until it ends or Ctrl-C")
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="picture, or folder of pictures")
    options = parser.parse_args(arguments)
    try:
        if bool(options.images) == bool(options.camera):
            raise ClassifyError("expected either pictures or --camera")
        names = images_of(options.images)
        classifier = Classifier(options.model)
        pictures: Iterator[tuple[str, Any]] = frames(options.camera) if options.camera else ((n, None) for n in names)
        failures = sum(not _report(classifier, name, image, options.aligned) for name, image in pictures)
    except ClassifyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    return 1 if failures else 0


def _report(classifier: Classifier, name: str, image: np.ndarray | None, aligned: bool) -> bool:
    """Prints the line of one picture (read here if it is a file); False when it got no label."""
    line: dict[str, Any] = {"image": name}
    try:
        image = read_image(name) if image is None else image
        probabilities = classifier.probabilities(image if aligned else classifier.find(image))
        line |= {"label": max(probabilities, key=lambda label: probabilities[label]), "probabilities": probabilities}
    except ClassifyError as error:
        line["error"] = str(error)
    print(json.dumps(line), flush=True)
    return "error" not in line


if __name__ == "__main__":
    sys.exit(main())
