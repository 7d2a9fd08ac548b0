"""Drawing what was recognised into a copy of the photograph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ifgan_tf.recognition.naming import UNCERTAIN

if TYPE_CHECKING:
    from ifgan_tf.recognition.recognizer import Face

_COLOUR, _INK = (255, 214, 0), (0, 0, 0)
_FACE = 120  # pixels of a face whose box is two pixels wide; larger ones get more, whatever the picture's size
_SMALLEST_TEXT = 0.35  # still legible
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def annotated(image: np.ndarray, faces: Sequence[Face]) -> np.ndarray:
    """A copy with box, label and confidence of every face, its average face inset at the box's upper right corner.

    Args:
      image: uint8 RGB [H, W, 3].
      faces: of that image.
    Returns:
      uint8 RGB [H, W, 3].
    """
    copy = image.copy()
    for face in faces:
        left, top, width, height = (round(float(value)) for value in face.box)
        scale = min(width, height) / _FACE
        cv2.rectangle(copy, (left, top), (left + width, top + height), _COLOUR, max(1, round(2 * scale)))
        if face.average_face is not None:
            _inset(copy, face.average_face, left + width, top, max(12, round(0.4 * min(width, height))))
        _write(copy, caption(face), left, top, top + height, max(0.6 * scale, _SMALLEST_TEXT))
    return copy


def caption(face: Face) -> str:
    """What is written beside a face: label, confidence, and what is poor; no confidence where nothing can be read."""
    unread = face.label == UNCERTAIN and face.quality.unreadable
    said = UNCERTAIN if unread else f"{face.label} {face.confidence:.0%}"
    return f"{said} ({face.quality})" if face.quality.words else said


def _write(image: np.ndarray, text: str, left: int, top: int, under: int, size: float) -> None:
    """Dark letters on the box's colour: above the box, below it, or inside of it, wherever there is room first."""
    size = min(size, image.shape[1] / cv2.getTextSize(text, _FONT, 1.0, 1)[0][0])
    thickness = max(1, round(1.5 * size))
    (width, height), below = cv2.getTextSize(text, _FONT, size, thickness)
    left, tall = max(0, min(left, image.shape[1] - width)), height + 2 * below
    bottom = top if top >= tall else under + tall if under + tall <= image.shape[0] else top + tall
    bottom = max(tall, min(bottom, image.shape[0]))
    cv2.rectangle(image, (left, bottom - tall), (left + width, bottom), _COLOUR, cv2.FILLED)
    cv2.putText(image, text, (left, bottom - below), _FONT, size, _INK, thickness, cv2.LINE_AA)


def _inset(image: np.ndarray, face: np.ndarray, left: int, top: int, side: int) -> None:
    """Pastes a square picture beside the box, moved as far as needed to lie inside of the image."""
    side = min(side, *image.shape[:2])
    left, top = (max(0, min(at, end - side)) for at, end in ((left, image.shape[1]), (top, image.shape[0])))
    image[top : top + side, left : left + side] = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
    cv2.rectangle(image, (left, top), (left + side - 1, top + side - 1), _COLOUR, 1)
