"""Thousands of damaged pictures and videos through every door: none may end a run, none may go missing."""

from __future__ import annotations

import collections
import csv
import io
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from absl import flags
from PIL import Image

from datasets.bu_3dfe import layout as bu_3dfe
from datasets.synthetic_faces.picture import take_picture
from ifgan_tf import cli, labels
from tests.datasets.imitations import MMI_SEQUENCES, write_mmi

USAGE = """
Renders faces, writes them in many formats, damages the files, and sends them through predict, export.classify and
datasets.check, each in processes of their own. Prints what became of them.

    python -m benchmarks.fuzz --model=FILE.tflite [--pictures=2000] [--videos=200] [--seed=0]

Exits with 1 if a process crashed, hung or printed a traceback, or if a file has no row, line or word of its own.
"""

PICTURE_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "GIF", "BMP")
VIDEO_FORMATS = {".mp4": "mp4v", ".mkv": "mp4v", ".webm": "VP80", ".avi": "MJPG"}
_FACES = 7
_TIMEOUT_S = 3600


@dataclass(frozen=True)
class Outcome:
    """Of one door: how often each thing happened, and what must not (crashes, tracebacks, files gone missing)."""

    door: str
    counts: collections.Counter[str]
    faults: list[str]


def mutated(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """A damaged copy of a file: bytes changed, lost, added, moved or taken from another file."""
    data = bytearray(content)
    for kind in random.choice(6, size=int(random.integers(1, 3)), p=[0.35, 0.25, 0.1, 0.1, 0.1, 0.1]):
        at = int(random.integers(0, len(data) + 1))
        if kind == 0:  # some bytes anywhere
            for place in random.integers(0, len(data), int(random.integers(1, 20))) if data else ():
                data[place] = int(random.integers(0, 256))
        elif kind == 1:  # some bytes of the header
            for place in random.integers(0, min(len(data), 256), 2) if data else ():
                data[place] = int(random.integers(0, 256))
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + int(random.integers(1, 64))]
        elif kind == 4:
            data[at:at] = random.bytes(int(random.integers(1, 64)))
        else:
            data[at:] = other[at:]
        if not data:
            break
    return bytes(data)


def write_pictures(folder: Path, count: int, random: np.random.Generator) -> list[Path]:
    """Damaged pictures of every format in turn, every tenth without a suffix."""
    whole = {name: [_encoded(face, name) for face in _faces()] for name in PICTURE_FORMATS}
    files = []
    for number in range(count):
        name = PICTURE_FORMATS[number % len(PICTURE_FORMATS)]
        one, other = (whole[name][int(random.integers(0, _FACES))] for _ in range(2))
        suffix = "" if number % 10 == 9 else f".{name.lower()}"
        files.append(folder / f"{number:05d}{suffix}")
        files[-1].write_bytes(mutated(one, other, random))
    return files


def write_videos(folder: Path, count: int, random: np.random.Generator) -> list[Path]:
    """Damaged videos of every container in turn."""
    whole = {suffix: [_video(suffix, start) for start in range(2)] for suffix in VIDEO_FORMATS}
    files = []
    for number in range(count):
        suffix = list(VIDEO_FORMATS)[number % len(VIDEO_FORMATS)]
        files.append(folder / f"video_{number:05d}{suffix}")
        files[-1].write_bytes(mutated(whole[suffix][0], whole[suffix][1], random))
    return files


def through_predict(model: Path, files: Sequence[Path], folder: Path) -> Outcome:
    """`python -m ifgan_tf.predict`: a row for every file."""
    arguments = [f"--model={model}", f"--output={folder}", "--faces=largest", *map(str, files)]
    faults, _ = _run("ifgan_tf.predict", arguments)
    counts: collections.Counter[str] = collections.Counter()
    seen: dict[str, str] = {}
    if (folder / "predictions.csv").is_file():
        with (folder / "predictions.csv").open(newline="", encoding="utf-8") as table:
            for row in csv.DictReader(table):
                said = row["error"] if row["error"] in ("", "no face found") else "error"
                if seen.get(row["source"]) != "error":
                    seen[row["source"]] = said or "label"
    for file in files:
        counts[_kind(file, seen.get(str(file), "missing"))] += 1
    return Outcome("predict", counts, faults + _missing(counts))


def through_classify(model: Path, files: Sequence[Path]) -> Outcome:
    """`python -m export.classify`: a line for every file."""
    faults, printed = _run("export.classify", [f"--model={model}", *map(str, files)])
    seen = {}
    for text in printed.splitlines():
        line = json.loads(text)
        reason = "no face found" if "no face" in line.get("error", "") else "error"
        seen[line["image"]] = reason if "error" in line else "label"
    counts = collections.Counter(_kind(file, seen.get(str(file), "missing")) for file in files)
    return Outcome("classify", counts, faults + _missing(counts))


def through_check(dataset: str, files: Sequence[Path], copy: Path, sources: Sequence[Path]) -> Outcome:
    """`python -m datasets.check` on a copy whose files `sources` are damaged ones: it ends, and counts them."""
    for file, source in zip(files, sources, strict=False):
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(file.read_bytes())
    faults, printed = _run("datasets.check", [f"--dataset={dataset}", f"--manual_dir={copy}"])
    if "complete" not in printed:
        faults.append("datasets.check: no last line")
    listed = re.search(r"Problems: (\d+)", printed)
    counts = collections.Counter({"listed as problems": int(listed[1]) if listed else 0})
    counts["read"] = min(len(files), len(sources)) - counts["listed as problems"]
    return Outcome(f"check {dataset}", counts, faults)


def _run(module: str, arguments: Sequence[str]) -> tuple[list[str], str]:
    """Runs a command; returns what must not happen, and what it printed."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments], capture_output=True, check=False, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return [f"{module}: did not end within {_TIMEOUT_S} s"], ""
    errors = done.stderr.decode(errors="replace")
    faults = [] if done.returncode in (0, 1) else [f"{module}: exit code {done.returncode}: {errors[-300:]}"]
    if "Traceback" in errors:
        faults.append(f"{module}: {errors[errors.index('Traceback') :][-600:]}")
    return faults, done.stdout.decode(errors="replace")


def _kind(file: Path, outcome: str) -> str:
    return f"{file.suffix or '(none)':<7}{outcome}"


def _missing(counts: collections.Counter[str]) -> list[str]:
    return [f"{count} files {kind}" for kind, count in counts.items() if kind.endswith("missing")]


def _faces() -> Iterator[np.ndarray]:
    for number in range(_FACES):
        yield cv2.resize(take_picture(100 + number, labels.EXPRESSIONS[number], 3).image, (120, 120))


def _encoded(face: np.ndarray, name: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "drawn"
    content = io.BytesIO()
    image = Image.fromarray(np.rot90(face))
    image.save(content, format=name, **({} if name in ("GIF", "BMP") else {"exif": exif}))
    return content.getvalue()


def _video(suffix: str, start: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"video{suffix}"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*VIDEO_FORMATS[suffix]), 5, (120, 120))
        for number, face in enumerate(_faces()):
            if number >= start:
                writer.write(cv2.cvtColor(face, cv2.COLOR_RGB2BGR))
        writer.release()
        return path.read_bytes()


def _bu_3dfe_names(copy: Path) -> Iterator[Path]:
    codes = [code for code, name in bu_3dfe.CODES.items() if name != "neutral"]
    for sex, number in ((sex, number) for sex in "FM" for number in range(1, 100)):
        subject = f"{sex}{number:04d}"
        for code in codes:
            for level in bu_3dfe.PAPER_INTENSITIES:  # the others are not opened
                yield copy / "BU_3DFE" / subject / f"{subject}_{code}{level:02d}WH_F2D.jpg"


def fuzz(model: Path, pictures: int, videos: int, seed: int, folder: Path) -> list[Outcome]:
    """Sends everything through every door.

    Args:
      model: a .tflite file.
      pictures, videos: how many.
      seed: of the damage.
      folder: an empty one, to work in.
    """
    random = np.random.default_rng(seed)
    (folder / "in").mkdir()
    images, clips = write_pictures(folder / "in", pictures, random), write_videos(folder / "in", videos, random)
    outcomes: list[Outcome] = []
    doors: list[Callable[[], Outcome]] = [
        lambda: through_predict(model, [*images, *clips], folder / "out"),
        lambda: through_classify(model, images),
        lambda: through_check("bu_3dfe", images, folder / "bu_3dfe", list(_bu_3dfe_names(folder / "bu_3dfe"))),
    ]
    if clips:
        write_mmi(folder / "mmi", sequences=dict(_shared_out(len(clips))), frames=3)
        sessions = sorted((folder / "mmi").rglob("*.avi"))
        doors.append(lambda: through_check("mmi", clips, folder / "mmi", sessions))
    for door in doors:
        outcomes.append(door())
        _print(outcomes[-1])
    return outcomes


def _shared_out(videos: int) -> Iterator[tuple[str, int]]:
    for name in MMI_SEQUENCES:
        yield name, max(1, videos // len(MMI_SEQUENCES))


def _print(outcome: Outcome) -> None:
    print(f"{outcome.door}: {sum(outcome.counts.values())} files")
    for kind, count in sorted(outcome.counts.items()):
        print(f"  {count:6d}  {kind}")
    for fault in outcome.faults:
        print(f"  FAULT {fault}")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    cli.only_flags(arguments)
    cli.required("model")
    values = flags.FLAGS
    with tempfile.TemporaryDirectory() as folder:
        outcomes = fuzz(Path(values.model).absolute(), values.pictures, values.videos, values.seed, Path(folder))
    return 1 if any(outcome.faults for outcome in outcomes) else 0


if __name__ == "__main__":
    flags.DEFINE_string("model", "", "A .tflite file written by export.tflite.")
    flags.DEFINE_integer("pictures", 2000, "Damaged pictures.", 1)
    flags.DEFINE_integer("videos", 200, "Damaged videos.", 0)
    flags.DEFINE_integer("seed", 0, "Of the damage.")
    cli.run(main, USAGE)
