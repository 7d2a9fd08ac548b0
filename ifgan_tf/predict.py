"""Expressions of the faces in photographs, folders, videos and cameras."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from ifgan_tf import cli, files, progress
from ifgan_tf.errors import UserError
from ifgan_tf.pretrained import MODEL
from ifgan_tf.silence import native_silence

if TYPE_CHECKING:
    from ifgan_tf.recognition.media import Frame
    from ifgan_tf.recognition.recognizer import Face, Recognizer

USAGE = """
Finds faces, aligns them and names their expressions.

    python -m ifgan_tf.predict INPUT… --output=OUT                    (the model that ships; needs no TensorFlow)
    python -m ifgan_tf.predict --workdir=RUN INPUT… --output=OUT      (a run of train.py)
    python -m ifgan_tf.predict --model=EXPORT INPUT… --output=OUT     (a SavedModel or a .tflite file)

INPUT: images, videos, folders of them, globs, camera:0 or a stream such as rtsp://… (Ctrl-C ends it). What a file is
is told by its content; hidden files, what systems leave in folders and earlier results in OUT are skipped. Writes into
OUT

  predictions.csv    source, frame, time_s, face, x, y, width, height, detection, label, confidence, one column a class,
                     error, quality; text that a spreadsheet would run as a formula has an apostrophe before it
  predictions.jsonl  the same, one object a face; {"source": …, "frame": …, "error": …} where there was nothing to say
  annotated/         copies of images and videos (WebM) with box, label, confidence and the average face drawn in
  average_faces/     the average face of every face found in an image, NAME_0.png and so on, by the column `face`

`quality` says in words why an answer is to be trusted less (small, blurred, dark, bright, turned); it is empty for a
good face. A face of which nothing can be read is `uncertain` and keeps its probabilities; so is, with
--min_confidence=P, one whose best probability is below P. With --track, a face of a video keeps its number (`face`)
while it is seen, and its probabilities are smoothed over half a second, so that labels do not flicker.

A frame without a face has a row in the CSV with an empty label and the reason, so that nothing drops out unseen.
Whatever ends the command, the tables hold what was finished. Of a few images it also says at once what they show.

Exit codes: 0 every input was read and had a face; 1 some input could not be read, or had no face in any frame (listed
at the end); 2 nothing was done, because the command or the model is wrong, or OUT cannot be written; 130 interrupted.
"""

INTERRUPTED = 130
MOST_TOLD = 10  # inputs whose answers are told beside the tables; nobody reads more lines
CHUNK_FRAMES, CHUNK_PIXELS = 32, 2**25  # frames whose faces go through the model together; bounds memory


@dataclass
class Counts:
    """What became of one source; `answer` is what an image shows, and where its copy is."""

    frames: int = 0
    faces: int = 0
    answer: str = ""
    error: str = ""
    interrupted: bool = False


def predict(
    recognizer: Recognizer,
    inputs: Sequence[str],
    output: Path,
    *,
    annotate: bool = True,
    average_faces: bool = True,
    track: bool = False,
) -> dict[str, Counts]:
    """Reads every input and writes what `USAGE` lists.

    Args:
      recognizer: the model and face finder.
      inputs: see `ifgan_tf.recognition.media.sources`.
      output: folder; an older result in it is replaced.
      annotate: draw copies.
      average_faces: write the average face of every face in an image.
      track: follow the faces of videos and cameras, and smooth their probabilities over time.

    Returns:
      What became of every source, by name. Ctrl-C ends it early: what was not read then is `interrupted`, unless it is
      a camera or stream, which end so.

    Raises:
      UserError: when no input leads anywhere, `output` cannot be written or holds what would be written over and is no
        result, or another prediction writes there.
    """
    from ifgan_tf.recognition.media import frame_count, frames, sources
    from ifgan_tf.recognition.tables import Writer
    from ifgan_tf.recognition.tracking import Tracker

    with _writable(output):
        found = sources(inputs, output)
    counts = {source.name: Counts(interrupted=not source.live) for source in found}
    stream = chain.from_iterable(map(frames, found))
    with (
        _writable(output),
        files.only_one(output, "a prediction"),
        Writer(output, recognizer.labels, annotate, average_faces) as writer,
        progress.bar(total=sum(map(frame_count, found)) or None, desc="predict", unit="frame") as bar,
        contextlib.suppress(KeyboardInterrupt),
    ):
        reading, tracker = found[0], Tracker()
        for chunk in _chunks(stream):
            for frame, faces in _faces_of(recognizer, chunk):
                if frame.source != reading:
                    counts[reading.name].interrupted = False
                    reading, tracker = frame.source, Tracker()
                if track and frame.source.is_video and frame.image is not None:
                    faces = recognizer.follow(tracker, frame.time_s, faces)
                failure = writer.write(frame, faces)
                count = counts[frame.source.name]
                count.interrupted = frame.source.is_video and not frame.source.live
                count.frames += frame.image is not None
                count.faces += len(faces)
                count.answer = "" if frame.source.is_video else _answer(faces, writer.copy)
                count.error = frame.error or failure or count.error
                bar.update()
        for count in counts.values():
            count.interrupted = False
    return counts


def _answer(faces: Sequence[Face], copy: Path | None) -> str:
    from ifgan_tf.recognition.annotation import caption

    told = ", ".join(map(caption, faces))
    return f"{told}, drawn in {files.printable(copy)}" if told and copy else told


def _faces_of(recognizer: Recognizer, chunk: Sequence[Frame]) -> Iterator[tuple[Frame, list[Face]]]:
    images = [frame.image for frame in chunk if frame.image is not None]
    try:
        found = iter(recognizer.predict(images))
    except Exception:  # one picture that the networks choke on costs itself, not its neighbours
        if len(chunk) > 1:
            for frame in chunk:
                yield from _faces_of(recognizer, [frame])
            return
        reason = f"{files.printable(chunk[0].source.name)}: too large or too odd for the model"
        yield replace(chunk[0], image=None, error=reason), []
        return
    for frame in chunk:
        yield frame, next(found) if frame.image is not None else []


def _chunks(stream: Iterator[Frame]) -> Iterator[list[Frame]]:
    """Frames in groups of bounded number and size; a camera's come one by one."""
    chunk: list[Frame] = []
    pixels = 0
    for frame in stream:
        chunk.append(frame)
        pixels += frame.image.shape[0] * frame.image.shape[1] if frame.image is not None else 0
        if frame.source.live or len(chunk) >= CHUNK_FRAMES or pixels >= CHUNK_PIXELS:
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
            f"--output={files.printable(output)}: cannot be written ({error.strerror}); expected a folder with room "
            f"and permission. What was finished is kept"
        ) from None


def main(arguments: Sequence[str]) -> int:
    values = flags.FLAGS
    if values.workdir and values.model:
        raise UserError("expected either --workdir=RUN or --model=EXPORT, or neither; see --help")
    cli.required("output")
    if not arguments:
        raise UserError("expected INPUT…; see --help")
    recognizer = _recognizer(values.workdir, values.model, values.faces, values.min_confidence)
    output = Path(values.output)
    counts = predict(
        recognizer, arguments, output, annotate=values.annotate, average_faces=values.average_faces, track=values.track
    )
    return report(counts, output)


def _recognizer(workdir: str, model: str, faces: str, min_confidence: float) -> Recognizer:
    """Of what the flags name; of the model that ships if they name nothing."""
    from ifgan_tf.recognition.recognizer import Recognizer

    if workdir:
        from ifgan_tf.run_folder import single_run

        return Recognizer(single_run(Path(workdir)).path, faces, min_confidence=min_confidence)
    path = Path(model or MODEL)
    with native_silence() if path.is_file() else contextlib.nullcontext():  # LiteRT says which processor it found
        return Recognizer(path, faces, min_confidence=min_confidence)


def report(counts: Mapping[str, Counts], output: Path) -> int:
    """Says what became of the inputs; returns the exit code."""
    for name, count in counts.items() if len(counts) <= MOST_TOLD else ():
        if count.answer:
            logging.info("%s: %s", files.printable(name), count.answer)
    faces = sum(count.faces for count in counts.values())
    logging.info("%d inputs, %d faces: %s", len(counts), faces, output / "predictions.csv")
    unread = [name for name, count in counts.items() if count.interrupted and not count.error]
    poor = [name for name, count in counts.items() if name not in unread and (count.error or not count.faces)]
    for name in poor:
        logging.warning("%s", counts[name].error or f"{files.printable(name)}: no face found")
    if unread:
        logging.warning("interrupted: %d inputs were not read, or not to their end; the rest is kept", len(unread))
        return INTERRUPTED
    return 1 if poor else 0


if __name__ == "__main__":
    flags.DEFINE_string("workdir", "", "Run folder made by train.py; without it and --model, the model that ships.")
    flags.DEFINE_string("model", "", "A SavedModel or .tflite file exported from a run.")
    flags.DEFINE_string("output", "", "Folder to write into.")
    flags.DEFINE_enum("faces", "largest", ["largest", "all"], "The face an image is about, or all of them.")
    flags.DEFINE_float("min_confidence", 0.0, "A label of a lower probability is `uncertain`; 0: none is.")
    flags.DEFINE_bool("track", False, "Follow faces of videos and cameras, and smooth their probabilities.")
    flags.DEFINE_bool("annotate", True, "Write annotated copies.")
    flags.DEFINE_bool("average_faces", True, "Write the average face of every face found in an image.")
    cli.run(main, USAGE)
