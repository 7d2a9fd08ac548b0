"""Face detection and alignment against calling `mtcnn` image by image at full size, on the same processors.

    python -m benchmarks.alignment [--images=DIR] [--count=300]

Prints images/s of both (median over runs of 20 images, after warm-up), their ratio (limit: 2 at least) and how far the
landmarks lie apart (limit: 1 pixel in the median), and fails if a limit is missed. Images are those of a folder, by
default synthetic faces of 640x490.
"""

from __future__ import annotations

import json
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from absl import flags

from datasets.alignment import aligned_faces
from datasets.records import FaceRecord
from datasets.user_copy import list_files
from ifgan_tf import cli
from ifgan_tf.errors import UserError
from ifgan_tf.labels import EXPRESSIONS
from tests.datasets.imitations import place, synthetic_face

RATIO_LIMIT = 2.0
PIXEL_LIMIT = 1.0
_RUN = 20
_WARM_UP = 40


def images(folder: str | None, count: int) -> list[FaceRecord]:
    """`count` records of a folder's images, evenly spread, or of synthetic faces.

    Raises:
      UserError: if the folder has no images.
    """
    loads: list[Callable[[], np.ndarray]]
    if folder is None:
        loads = [_Synthetic(number) for number in range(count)]
    else:
        files, _ = list_files(folder)
        files = [
            f for f in files if f.name.lower().endswith((".bmp", ".jpg", ".jpeg", ".png")) and "_F3D" not in f.name
        ]
        if not files:
            raise UserError(f"--images={folder}: no images; expected BMP, JPEG or PNG files")
        loads = [files[index].image for index in np.linspace(0, len(files) - 1, min(count, len(files))).astype(int)]
    return [FaceRecord(f"{i:05d}", load, "neutral", "", "", source=f"{i:05d}") for i, load in enumerate(loads)]


class _Synthetic:
    """A synthetic face on a canvas of CK+'s size, a little different each time."""

    def __init__(self, number: int) -> None:
        self._face = synthetic_face(number, EXPRESSIONS[number % 7])
        self._number = number

    def __call__(self) -> np.ndarray:
        return place(self._face, 640, 490, seed=(self._number,))


def throughput(results: Iterable[object]) -> float:
    """Images a second while `results` are drawn: median over runs of `_RUN`, after `_WARM_UP`."""
    times = []
    for number, _ in enumerate(results):
        if number >= _WARM_UP - 1 and (number - _WARM_UP + 1) % _RUN == 0:
            times.append(time.perf_counter())
    return _RUN / statistics.median(np.diff(times))


def main(arguments: Sequence[str]) -> int:
    """Measures both ways on the same images."""
    cli.only_flags(arguments)
    records = images(flags.FLAGS.images, flags.FLAGS.count)
    if len(records) < _WARM_UP + 2 * _RUN:
        raise UserError(f"--count={len(records)}: expected at least {_WARM_UP + 2 * _RUN} images")
    with tempfile.TemporaryDirectory() as folder:
        cache = pathlib.Path(folder) / "detections.jsonl"
        ours = throughput(aligned_faces(records, cache))
        entries = {entry["key"]: entry for entry in map(json.loads, cache.read_text().splitlines())}

    from mtcnn import MTCNN

    detector = MTCNN()
    theirs: dict[str, np.ndarray] = {}

    def peer() -> Iterable[None]:
        for record in records:
            rows = detector.detect_faces(record.load(), output_type="numpy")
            if len(rows):
                theirs[record.key] = rows[(rows[:, 3] * rows[:, 4]).argmax(), 6:16].reshape(2, 5).T
            yield

    full_size = throughput(peer())
    both = [key for key, entry in entries.items() if "landmarks" in entry and key in theirs]
    distances = np.array([np.linalg.norm(np.array(entries[k]["landmarks"]) - theirs[k], axis=1) for k in both])
    ratio, distance = ours / full_size, float(np.median(distances))
    found = sum("landmarks" in entry for entry in entries.values())
    print(f"images: {len(records)}; faces found: {found} here, {len(theirs)} by mtcnn at full size")
    print(f"images/s: {ours:.1f} here, {full_size:.1f} mtcnn at full size; ratio {ratio:.1f} (limit {RATIO_LIMIT})")
    print(
        f"landmark distance in pixels: median {distance:.2f} (limit {PIXEL_LIMIT}), 95th percentile "
        f"{np.percentile(distances, 95):.2f}, largest {distances.max():.2f}"
    )
    return 0 if ratio >= RATIO_LIMIT and distance <= PIXEL_LIMIT else 1


if __name__ == "__main__":
    flags.DEFINE_string("images", None, "a folder of images; by default synthetic faces")
    flags.DEFINE_integer("count", 300, "how many images")
    cli.run(main, __doc__ or "")
