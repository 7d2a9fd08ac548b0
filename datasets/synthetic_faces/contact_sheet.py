"""Many pictures on one sheet, in named rows and columns."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

_PAPER, _INK = 255, (60, 60, 60)
_GAP = 4  # pixels between pictures, and around them
_FONT, _PADDING, _TALL_AND_DEEP = cv2.FONT_HERSHEY_SIMPLEX, 6, "Ag"


def contact_sheet(
    pictures: Sequence[np.ndarray],
    columns: int,
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    side: int = 128,
) -> np.ndarray:
    """Pictures in rows of `columns`, from left to right and from top to bottom.

    Args:
      pictures: uint8 RGB [H, W, 3] each, of any size; one that is not square stands in the middle of its square.
      columns: how many pictures stand in a row; the last row may be shorter.
      row_names: written to the left of the rows: one a row, or none at all. ASCII.
      column_names: written above the columns: one a column, or none at all. ASCII.
      side: pixels of a picture's square on the sheet.

    Returns:
      uint8 RGB [H, W, 3].

    Raises:
      ValueError: if there are no pictures or if there are more or fewer names than rows or columns.
    """
    rows = -(-len(pictures) // columns)
    if not pictures:
        raise ValueError("contact_sheet: expected at least one picture")
    for names, number, what in ((row_names, rows, "rows"), (column_names, columns, "columns")):
        if names and len(names) != number:
            raise ValueError(f"contact_sheet: {len(names)} names for {number} {what}; expected one each, or none")
    size = side / 290
    left = _GAP + max((_text_size(name, size)[0] for name in row_names), default=-_PADDING) + _PADDING
    top = _GAP + (max(_text_size(name, size)[1] for name in column_names) + _PADDING if column_names else 0)
    step = side + _GAP
    sheet = np.full((top + rows * step, left + columns * step, 3), _PAPER, np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        _place(sheet[top + row * step :, left + column * step :][:side, :side], picture)
    for row, name in enumerate(row_names):
        width, height = _text_size(name, size)
        _write(sheet, name, left - _PADDING - width, top + row * step + (side + height) // 2, size)
    for column, name in enumerate(column_names):
        fitting = size * min(1.0, side / _text_size(name, size)[0])
        width, _ = _text_size(name, fitting)
        _write(sheet, name, left + column * step + (side - width) // 2, top - _GAP, fitting)
    return sheet


def _place(square: np.ndarray, picture: np.ndarray) -> None:
    """Puts a picture into its square, in place, as large as fits."""
    side = len(square)
    scale = side / max(picture.shape[:2])
    height, width = (max(round(n * scale), 1) for n in picture.shape[:2])
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    fitted = cv2.resize(picture, (width, height), interpolation=smooth)
    y, x = (side - height) // 2, (side - width) // 2
    square[y : y + height, x : x + width] = fitted


def _text_size(text: str, size: float) -> tuple[int, int]:
    """Width of a text, at least a pixel, and height of a line, whatever letters are in it."""
    (width, _), _ = cv2.getTextSize(text, _FONT, size, 1)
    (_, height), below = cv2.getTextSize(_TALL_AND_DEEP, _FONT, size, 1)
    return max(width, 1), height + below


def _write(sheet: np.ndarray, text: str, x: int, bottom: int, size: float) -> None:
    _, below = cv2.getTextSize(_TALL_AND_DEEP, _FONT, size, 1)
    cv2.putText(sheet, text, (x, bottom - below), _FONT, size, _INK, 1, cv2.LINE_AA)
