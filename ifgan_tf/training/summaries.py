"""What people watch in TensorBoard: curves, and the faces that G draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import tensorflow as tf

from ifgan_tf.config import Config, to_dict

_CELL = 128  # side of a face in a grid, whatever the model's size
_HEADER = 22
_INK = (40, 40, 40)


class Summaries:
    """Writes one run's TensorBoard events."""

    def __init__(self, folder: str) -> None:
        self._writer = tf.summary.create_file_writer(folder)

    def configuration(self, config: Config) -> None:
        """The configuration, as a table a section."""
        with self._writer.as_default(step=0):
            for section, settings in to_dict(config).items():
                rows = "\n".join(f"| --{name} | {value} |" for name, value in settings.items())
                tf.summary.text(f"configuration/{section}", f"| flag | value |\n|---|---|\n{rows}")

    def scalars(self, group: str, values: Mapping[str, float], step: int) -> None:
        """One curve a value, under `group`/."""
        with self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(f"{group}/{name}", value)

    def image(self, name: str, image: np.ndarray, step: int) -> None:
        """A picture, uint8 [H, W, 3]."""
        with self._writer.as_default(step=step):
            tf.summary.image(name, image[np.newaxis])

    def flush(self) -> None:
        """Makes what was written visible to a reader now."""
        self._writer.flush()


def face_grid(columns: Mapping[str, np.ndarray], row_names: Sequence[str]) -> np.ndarray:
    """Faces side by side: one column a kind, one row a face, with names.

    Args:
      columns: name of a column → uint8 [N, S, S, 3].
      row_names: N names.
    Returns:
      uint8 [H, W, 3].
    """
    margin = 100
    height, width = _HEADER + _CELL * len(row_names), margin + _CELL * len(columns)
    grid = np.full((height, width, 3), 255, np.uint8)
    for j, (name, faces) in enumerate(columns.items()):
        left = margin + j * _CELL
        _write(grid, name, (left + 6, _HEADER - 7))
        for i, face in enumerate(faces):
            top = _HEADER + i * _CELL
            grid[top : top + _CELL, left : left + _CELL] = cv2.resize(
                face, (_CELL, _CELL), interpolation=cv2.INTER_CUBIC
            )
    for i, name in enumerate(row_names):
        _write(grid, name, (6, _HEADER + i * _CELL + _CELL // 2))
    return grid


def attention_picture(photo: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """A photo beside the attention maps of three positions: brow, cheek and mouth (Fig. 6).

    Args:
      photo: uint8 [S, S, 3].
      attention: float [N, N], rows summing to 1, N a square.
    Returns:
      uint8 [H, W, 3].
    """
    side = round(len(attention) ** 0.5)
    panels = [cv2.resize(photo, (_CELL, _CELL), interpolation=cv2.INTER_CUBIC)]
    for x, y in ((0.36, 0.3), (0.3, 0.6), (0.5, 0.78)):
        row = attention[int(y * side) * side + int(x * side)].reshape(side, side)
        shown = np.uint8(255 * row / max(float(row.max()), 1e-9))
        panel = cv2.applyColorMap(cv2.resize(shown, (_CELL, _CELL), interpolation=cv2.INTER_NEAREST), cv2.COLORMAP_JET)
        panel = cv2.addWeighted(panels[0], 0.4, panel[..., ::-1].copy(), 0.6, 0)
        cv2.circle(panel, (int(x * _CELL), int(y * _CELL)), 4, (255, 255, 255), 2, cv2.LINE_AA)
        panels.append(panel)
    return np.hstack(panels)


def confusion_picture(confusion: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """A confusion matrix as a picture: rows are the truth, shaded by share of the row.

    Args:
      confusion: int [classes, classes].
      names: of the classes.
    Returns:
      uint8 [H, W, 3].
    """
    cell, margin = 56, 110
    size = len(names)
    picture = np.full((_HEADER + cell * size, margin + cell * size, 3), 255, np.uint8)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    for i in range(size):
        _write(picture, names[i], (6, _HEADER + i * cell + cell // 2))
        _write(picture, names[i][:7], (margin + i * cell + 2, _HEADER - 7))
        for j in range(size):
            top, left = _HEADER + i * cell, margin + j * cell
            shade = np.array([255, 255, 255]) * (1 - shares[i, j]) + np.array([30, 100, 180]) * shares[i, j]
            picture[top : top + cell, left : left + cell] = shade.astype(np.uint8)
            ink = (255, 255, 255) if shares[i, j] > 0.5 else _INK
            _write(picture, str(confusion[i, j]), (left + 14, top + cell // 2 + 5), ink)
    return picture


def _write(image: np.ndarray, text: str, place: tuple[int, int], ink: tuple[int, int, int] = _INK) -> None:
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, ink, 1, cv2.LINE_AA)
