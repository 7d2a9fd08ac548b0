"""Expressions of the faces in photographs, folders, videos and cameras."""

from __future__ import annotations

import contextlib
import csv
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from absl import flags

from ifgan_tf import cli
from ifgan_tf.errors import UserError

if TYPE_CHECKING:
    from ifgan_tf.recognition.media import Frame, Source
    from ifgan_tf.recognition.recognizer import Face, Recognizer

USAGE = """
Finds faces, aligns them and names their expressions.

    python -m ifgan_tf.predict --workdir=RUN INPUT… --output=OUT
    python -m ifgan_tf.predict --model=EXPORT INPUT… --output=OUT    (a SavedModel or a .tflite file)

INPUT: images, videos, folders of them, globs, or camera:0 (Ctrl-C ends it). Writes into OUT

  predictions.csv    source, frame, time_s, face, x, y, width, height, detection, label, confidence, one column a class
  predictions.jsonl  the same, one object a face; {"source": …, "frame": …, "error": …} where there was nothing to say
  annotated/         copies of images and videos with box, label, confidence and the average face drawn in
  average_faces/     the average face of every face found in an image

A frame without a face has a row in the CSV with an empty label, so that nothing drops out unseen.

Exit codes: 0 every input was read and had a face; 1 some input could not be read, or had no face in any frame (listed
at the end); 2 nothing was done, because the command or the model is wrong.
"""

COLUMNS = ("source", "frame", "time_s", "face", "x", "y", "width", "height", "detection", "label", "confidence")
CHUNK_FRAMES, CHUNK_PIXELS = 32, 2**25  # frames whose faces go through the model together; bounds memory


@dataclass
class Counts:
    """What became of one source."""

    frames: int = 0
    faces: int = 0
    error: str = ""


def predict(
    recognizer: Recognizer, inputs: Sequence[str], output: Path, *, annotate: bool = True, average_faces: bool = True
) -> dict[str, Counts]:
    """Reads every input and writes what `USAGE` lists.

    Args:
      recognizer: the model and face finder.
      inputs: files, folders, globs, `camera:N`.
      output: folder; an older result in it is replaced.
      annotate: draw copies.
      average_faces: write the average face of every face in an image.

    Returns:
      What became of every source, by name.

    Raises:
      UserError: when an input does not exist or `output` cannot be written.
    """
    from ifgan_tf.recognition.media import frame_count, frames, sources

    found = sources(inputs)
    counts = {source.name: Counts() for source in found}
    stream = chain.from_iterable(map(frames, found))
    with (
        _writable(output),
        Writer(output, recognizer.labels, annotate, average_faces) as writer,
        _progress(sum(map(frame_count, found))) as bar,
    ):
        try:
            for chunk in _chunks(stream):
                for frame, faces in _faces_of(recognizer, chunk):
                    writer.write(frame, faces)
                    count = counts[frame.source.name]
                    count.frames += frame.image is not None
                    count.faces += len(faces)
                    count.error = frame.error or count.error
                    bar.update()
        except KeyboardInterrupt:  # how a camera ends
            logging.info("interrupted: what was read so far is kept")
    return counts


class Writer:
    """Writes rows, annotated copies and average faces as frames come; tables are renamed at the end."""

    def __init__(self, output: Path, labels: Sequence[str], annotate: bool, average_faces: bool) -> None:
        self._output, self._labels = output, tuple(labels)
        self._annotate, self._average_faces = annotate, average_faces
        output.mkdir(parents=True, exist_ok=True)
        self._paths = {name: output / f"predictions.{name}" for name in ("csv", "jsonl")}
        self._files: dict[str, IO[str]] = {}
        self._video: VideoCopy | None = None

    def __enter__(self) -> Writer:
        for name, path in self._paths.items():
            self._files[name] = path.with_name(f".{path.name}").open("w", newline="", encoding="utf-8")
        self._table = csv.writer(self._files["csv"])
        self._table.writerow((*COLUMNS, *self._labels))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._video:
            self._video.close()
        for name, file in self._files.items():
            file.close()
            beside = Path(file.name)
            if kind is None:
                beside.replace(self._paths[name])
            else:
                beside.unlink(missing_ok=True)

    def write(self, frame: Frame, faces: Sequence[Face]) -> None:
        """One frame's rows and pictures; flushed, so that a long run can be watched and loses nothing."""
        head = (frame.source.name, frame.number, round(frame.time_s, 3))
        for number, face in enumerate(faces):
            box = [round(float(value), 1) for value in face.box]
            values = (*head, number, *box, round(face.detection, 4), face.label, round(face.confidence, 6))
            probabilities = {name: round(value, 6) for name, value in face.probabilities.items()}
            self._table.writerow((*values, *probabilities.values()))
            line = {**dict(zip(COLUMNS, values, strict=True)), "probabilities": probabilities}
            self._files["jsonl"].write(json.dumps(line) + "\n")
        if not faces:
            self._table.writerow((*head, *[""] * (len(COLUMNS) - len(head) + len(self._labels))))
            line = {**dict(zip(COLUMNS, head, strict=False)), "error": frame.error or "no face found"}
            self._files["jsonl"].write(json.dumps(line) + "\n")
        for file in self._files.values():
            file.flush()
        if frame.image is not None:
            self._write_pictures(frame, frame.image, faces)

    def _write_pictures(self, frame: Frame, image: np.ndarray, faces: Sequence[Face]) -> None:
        from ifgan_tf.recognition.annotation import annotated

        relative = frame.source.relative
        if self._annotate and frame.source.is_video:
            if self._video is None or self._video.source != frame.source:
                if self._video:
                    self._video.close()
                target = _named(self._output / "annotated" / relative, (".mp4",))
                self._video = VideoCopy(frame.source, target, image.shape, frame.rate)
            self._video.write(annotated(image, faces))
        elif self._annotate:
            _write_image(self._output / "annotated" / relative, annotated(image, faces))
        if self._average_faces and not frame.source.is_video:
            for number, face in enumerate(faces):
                if face.average_face is not None:
                    name = f"{relative.stem}_{number}_{face.label}.png"
                    _write_image((self._output / "average_faces" / relative).with_name(name), face.average_face)


class VideoCopy:
    """An MP4 that grows frame by frame and appears under its name when it is closed."""

    def __init__(self, source: Source, target: Path, shape: tuple[int, ...], rate: float) -> None:
        import cv2

        self.source, self._target, self._size = source, target, (shape[1], shape[0])
        target.parent.mkdir(parents=True, exist_ok=True)
        self._beside = target.with_name(f".{target.name}")
        self._writer = cv2.VideoWriter(str(self._beside), cv2.VideoWriter.fourcc(*"mp4v"), rate, self._size)
        if not self._writer.isOpened():
            raise OSError(None, "OpenCV cannot write this video", str(target))

    def write(self, image: np.ndarray) -> None:
        import cv2

        if (image.shape[1], image.shape[0]) != self._size:  # some videos change size on the way
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        self._writer.release()
        if self._beside.exists():
            self._beside.replace(self._target)


def _faces_of(recognizer: Recognizer, chunk: Sequence[Frame]) -> Iterator[tuple[Frame, list[Face]]]:
    images = [frame.image for frame in chunk if frame.image is not None]
    found = iter(recognizer.predict(images))
    for frame in chunk:
        yield frame, next(found) if frame.image is not None else []


def _chunks(stream: Iterator[Frame]) -> Iterator[list[Frame]]:
    """Frames in groups of bounded number and size; a camera's come one by one."""
    chunk: list[Frame] = []
    pixels = 0
    for frame in stream:
        chunk.append(frame)
        pixels += frame.image.shape[0] * frame.image.shape[1] if frame.image is not None else 0
        live = frame.source.name.startswith("camera:")
        if live or len(chunk) >= CHUNK_FRAMES or pixels >= CHUNK_PIXELS:
            yield chunk
            chunk, pixels = [], 0
    if chunk:
        yield chunk


@contextlib.contextmanager
def _writable(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"--output={output}: cannot be written ({error.strerror}: {error.filename}); expected a folder with room "
            f"and permission"
        ) from None


def _write_image(path: Path, image: np.ndarray) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    path = _named(path, (".png", ".jpg", ".jpeg"))
    beside = path.with_name(f".{path.name}")
    with beside.open("wb") as file:
        Image.fromarray(image).save(file, format="PNG" if path.suffix.lower() == ".png" else "JPEG", quality=92)
    beside.replace(path)


def _named(path: Path, suffixes: Sequence[str]) -> Path:
    """The path itself if it has one of the suffixes, else with the first of them added."""
    return path if path.suffix.lower() in suffixes else path.with_name(path.name + suffixes[0])


def _progress(total: int) -> Any:
    from ifgan_tf import progress

    return progress.bar(total=total or None, desc="predict", unit="frame")


def _define_flags() -> None:
    flags.DEFINE_string("workdir", "", "Run folder made by train.py.")
    flags.DEFINE_string("model", "", "In place of --workdir: a SavedModel or .tflite file exported from a run.")
    flags.DEFINE_string("output", "", "Folder to write into.")
    flags.DEFINE_enum("faces", "largest", ["largest", "all"], "The face an image is about, or all of them.")
    flags.DEFINE_bool("annotate", True, "Write annotated copies.")
    flags.DEFINE_bool("average_faces", True, "Write the average face of every face found in an image.")


def main(arguments: Sequence[str]) -> int:
    values = flags.FLAGS
    if bool(values.workdir) == bool(values.model):
        raise UserError("expected either --workdir=RUN or --model=EXPORT; see --help")
    if not arguments or not values.output:
        raise UserError("expected INPUT… and --output=OUT; see --help")
    from ifgan_tf.recognition.recognizer import Recognizer
    from ifgan_tf.run_folder import fold_folders

    path = Path(values.model)
    if values.workdir:
        runs = fold_folders(Path(values.workdir))
        if len(runs) > 1:
            raise UserError(f"--workdir={values.workdir}: holds {len(runs)} folds; name one, as {runs[0].path}")
        path = runs[0].path
    recognizer = Recognizer(path, values.faces)
    output = Path(values.output)
    counts = predict(recognizer, arguments, output, annotate=values.annotate, average_faces=values.average_faces)
    faces = sum(count.faces for count in counts.values())
    logging.info("%d inputs, %d faces: %s", len(counts), faces, output / "predictions.csv")
    poor = {name: count for name, count in counts.items() if count.error or not count.faces}
    for name, count in poor.items():
        logging.warning("%s", count.error or f"{name}: no face found")
    return 1 if poor else 0


if __name__ == "__main__":
    _define_flags()
    cli.run(main, USAGE)
