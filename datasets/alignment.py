"""Detects and aligns the faces of many records: in worker processes, in order, going on where a killed run stopped.

Detections are kept in a file of JSON lines beside the built data, under the record's key and a digest of its pixels.
A line is written as soon as a face is done, so a killed build repeats no detection, and since the key covers the
pixels, a changed image is detected anew.
"""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import itertools
import json
import multiprocessing
import os
import pathlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np

from datasets.orientation import FRONTAL, evidence, turn
from datasets.records import FaceRecord
from ifgan_tf.errors import UserError
from ifgan_tf.faces.detection import Detection, best_face
from ifgan_tf.faces.geometry import align, fallback_crop
from ifgan_tf.faces.mtcnn_tensorflow import FaceDetector

# Part of what a kept detection is known by: raise it when detections, or the choice among views, change.
_VERSION = 4
# A worker costs seconds to start (TensorFlow); MTCNN's memory grows with every image it sees.
_RECORDS_A_WORKER = 50
_TASKS_BEFORE_RESTART = 2000
_TASKS_IN_FLIGHT = 4

CacheEntries = Mapping[str, dict[str, Any]]
# Frame numbers and uint8 RGB images that a record may be, best first: one, unless the record has candidates.
Candidates = Sequence[tuple[int, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class AlignedFace:
    """A record's outcome.

    Attributes:
      record: where it came from; of candidates, with the number of the frame that was taken.
      image: uint8 RGB [256, 256, 3]; None if the record could not be read.
      detection: None if no face was found: then `image` is the fallback crop.
      error: why the record could not be read.
    """

    record: FaceRecord
    image: np.ndarray | None
    detection: Detection | None
    error: str = ""


class DetectionCache:
    """Detections by record key, appended to a file of JSON lines as they are made."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = pathlib.Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.entries: dict[str, dict[str, Any]] = {}
        data = self._path.read_bytes() if self._path.exists() else b""
        end = data.rfind(b"\n") + 1
        if end < len(data):  # the line that a killed build was writing
            os.truncate(self._path, end)
        for line in data[:end].splitlines():
            try:
                entry = json.loads(line)
                self.entries[entry["key"]] = entry
            except (ValueError, KeyError, TypeError, RecursionError):
                continue  # a damaged line costs one more detection, nothing else
        self._file = self._path.open("a", encoding="utf-8")

    def add(self, entry: dict[str, Any]) -> None:
        if self.entries.get(entry["key"]) != entry:
            self.entries[entry["key"]] = entry
            self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self._file.flush()

    def __enter__(self) -> DetectionCache:
        return self

    def __exit__(self, *unused: object) -> None:
        self._file.close()


def aligned_faces(
    records: Iterable[FaceRecord], cache_path: str | os.PathLike[str], workers: int | None = None
) -> Iterator[AlignedFace]:
    """The records' aligned faces, in the records' order.

    Args:
      records: may be many; consecutive records of the same `source` are read by the same worker.
      cache_path: the file of detections; made if missing.
      workers: number of processes, 0 for none; by default one a processor, fewer for little work.

    A record that ends its worker process (a decoder that crashes, too little memory) is one that could not be read.

    Raises:
      UserError: if worker processes end without a record as well.
    """
    tasks = [tuple(group) for _, group in itertools.groupby(records, key=lambda record: record.source)]
    if workers is None:
        workers = min(os.cpu_count() or 1, sum(map(len, tasks)) // _RECORDS_A_WORKER)
    with DetectionCache(cache_path) as cache:
        results = _in_processes(tasks, cache.entries, workers) if workers else _in_process(tasks, cache.entries)
        for faces, entries in results:
            for entry in entries:
                cache.add(entry)
            yield from faces


TaskResult = tuple[list[AlignedFace], list[dict[str, Any]]]


def _in_process(tasks: list[tuple[FaceRecord, ...]], entries: CacheEntries) -> Iterator[TaskResult]:
    for task in tasks:
        yield _align_task(task, _known(task, entries))


def _in_processes(tasks: list[tuple[FaceRecord, ...]], entries: CacheEntries, workers: int) -> Iterator[TaskResult]:
    for start in range(0, len(tasks), _TASKS_BEFORE_RESTART):
        todo = collections.deque(tasks[start : start + _TASKS_BEFORE_RESTART])
        while todo:
            yield from _side_by_side(todo, entries, workers)
            # Not empty if a worker died. Whose task that was, nobody knows: those that were in flight go one by one.
            yield from _one_by_one(todo, min(len(todo), workers * _TASKS_IN_FLIGHT), entries)


def _side_by_side(
    todo: collections.deque[tuple[FaceRecord, ...]], entries: CacheEntries, workers: int
) -> Iterator[TaskResult]:
    """Does the tasks and takes them off `todo`, until all are done or a worker dies."""
    pool = _pool(workers)
    waiting: collections.deque[concurrent.futures.Future[TaskResult]] = collections.deque()
    try:
        for task in tuple(todo):
            waiting.append(pool.submit(_align_task, task, _known(task, entries)))
            if len(waiting) >= workers * _TASKS_IN_FLIGHT:
                result = waiting.popleft().result()
                todo.popleft()
                yield result
        while waiting:
            result = waiting.popleft().result()
            todo.popleft()
            yield result
    except BrokenProcessPool:
        return
    finally:
        pool.shutdown(cancel_futures=True)


def _one_by_one(
    todo: collections.deque[tuple[FaceRecord, ...]], number: int, entries: CacheEntries
) -> Iterator[TaskResult]:
    """Does the first tasks, each alone in its process, so that it is known which one ends it."""
    pool = None
    try:
        for _ in range(number):
            pool = pool or _pool(1)
            task = todo.popleft()
            try:
                result = pool.submit(_align_task, task, _known(task, entries)).result()
            except BrokenProcessPool:
                pool.shutdown()
                pool = _working_pool()
                error = "the process that read it died: a damaged file, or not enough memory"
                result = [AlignedFace(record, None, None, error) for record in task], []
            yield result
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)


def _working_pool() -> concurrent.futures.ProcessPoolExecutor:
    """A pool of one process that has found nothing in a black image.

    Raises:
      UserError: if it died of that.
    """
    pool = _pool(1)
    try:
        pool.submit(_find, np.zeros((64, 64, 3), np.uint8)).result()
    except BrokenProcessPool as error:
        pool.shutdown()
        raise UserError(
            "the processes that look for faces die, whatever the image (out of memory?); free some memory and repeat "
            "the command: it goes on where it stopped"
        ) from error
    return pool


def _pool(workers: int) -> concurrent.futures.ProcessPoolExecutor:
    # Spawned: TensorFlow does not survive a fork.
    context = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(workers, context, initializer=_start_worker)


def _known(task: tuple[FaceRecord, ...], entries: CacheEntries) -> CacheEntries:
    return {record.key: entries[record.key] for record in task if record.key in entries}


def _end_with_parent() -> None:
    """Ends this worker when the build is killed; the pool itself would leave it waiting for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _start_worker() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the networks are tiny; the GPU belongs to a training
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import cv2

    with _no_stderr():  # what TensorFlow writes while it is imported knows no level
        import tensorflow as tf

    cv2.setNumThreads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


@contextlib.contextmanager
def _no_stderr() -> Iterator[None]:
    """Nothing written to standard error, by libraries in C either."""
    kept = os.dup(2)
    try:
        with pathlib.Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


_detector: FaceDetector | None = None


def detector() -> FaceDetector:
    """This process' detector, made when it is first needed."""
    global _detector
    if _detector is None:
        _detector = FaceDetector()
    return _detector


def _align_task(task: tuple[FaceRecord, ...], known: CacheEntries) -> TaskResult:
    """Reads a source's records and aligns their faces; detects unless every one is known with these very pixels.

    One bad image never ends a build: whatever is raised about it, it is counted and listed.
    """
    candidates: dict[str, Candidates] = {}
    extra: dict[str, Mapping[str, object]] = {}
    errors: dict[str, str] = {}
    for record in task:
        try:
            images = record.candidates() if record.candidates else [(record.frame, record.load())]
            extra[record.key] = {**record.extra, **record.describe()}
            candidates[record.key] = images
        except Exception as error:
            errors[record.key] = _text(error)
    try:
        aligned, fresh = _align(candidates, known, task[0].views)
    except Exception as error:
        aligned, fresh = {}, []
        errors = {record.key: _text(error) for record in task} | errors
    faces = []
    for record in task:
        if record.key in aligned:
            frame, face, detection = aligned[record.key]
            described = dataclasses.replace(record, frame=frame, candidates=None, extra=extra[record.key])
            faces.append(AlignedFace(described, face, detection))
        else:
            faces.append(AlignedFace(record, None, None, errors[record.key]))
    return faces, fresh


def _align(
    candidates: Mapping[str, Candidates], known: CacheEntries, views: tuple[str, ...]
) -> tuple[dict[str, tuple[int, np.ndarray, Detection | None]], list[dict[str, Any]]]:
    """A source's aligned faces with their frames and detections, and the cache entries that are new."""
    digests = {key: _digest(images) for key, images in candidates.items()}
    entries = [known[key] for key in candidates if key in known]
    fresh = []
    if [(entry["pixels"], entry.get("version")) for entry in entries] != [
        (digest, _VERSION) for digest in digests.values()
    ]:
        entries = fresh = _detect(candidates, digests, views)
    return {key: _aligned(some, entry) for (key, some), entry in zip(candidates.items(), entries, strict=True)}, fresh


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


def _digest(candidates: Candidates) -> str:
    """Of all pixels; of several images also of their numbers, for the kept entry names one of them."""
    digest = hashlib.blake2b(digest_size=16)
    for frame, image in candidates:
        digest.update(image.tobytes() + str(image.shape).encode())
        if len(candidates) > 1:
            digest.update(str(frame).encode())
    return digest.hexdigest()


def _detect(
    candidates: Mapping[str, Candidates], digests: Mapping[str, str], views: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The cache entries of a source's images, all seen in the view that shows its faces best."""
    view = views[0]
    if len(views) > 1:  # most of these views are wrong ones: nothing small is looked for in them
        firsts = [some[0][1] for some in candidates.values()]
        for second_look in (False, True):
            seen = {v: sum(evidence(_find(turn(image, v), second_look)) for image in firsts) for v in views}
            view = max(views, key=lambda view: seen[view])
            if seen[view]:
                break
    return [_entry(key, digests[key], view, some) for key, some in candidates.items()]


def _pick(candidates: Candidates, view: str) -> tuple[int, Detection | None]:
    """The number of the first image that shows a frontal face, and that face.

    Where none does, the most frontal face of all; where there is no face at all, the first image.
    """
    best: tuple[int, Detection | None] = candidates[0][0], None
    most = -1.0
    for frame, image in candidates:
        detection = _find(turn(image, view))
        if detection is not None and (found := evidence(detection)) > most:
            best, most = (frame, detection), found
        if most >= FRONTAL:
            break
    return best


def _find(image: np.ndarray, second_look: bool = True) -> Detection | None:
    return best_face(detector().detect(image, second_look=second_look), image.shape)


def _aligned(candidates: Candidates, entry: dict[str, Any]) -> tuple[int, np.ndarray, Detection | None]:
    frame = entry.get("frame", candidates[0][0])
    image = turn(dict(candidates)[frame], entry["view"])
    if "landmarks" not in entry:
        return frame, fallback_crop(image), None
    landmarks = np.array(entry["landmarks"], np.float32)
    detection = Detection(np.array(entry["box"], np.float32), entry["confidence"], landmarks)
    return frame, align(image, landmarks), detection


def _entry(key: str, digest: str, view: str, candidates: Candidates) -> dict[str, Any]:
    frame, detection = _pick(candidates, view)
    entry: dict[str, Any] = {"key": key, "pixels": digest, "version": _VERSION, "view": view}
    if len(candidates) > 1:
        entry["frame"] = frame
    if detection:
        entry |= {
            "box": detection.box.tolist(),
            "confidence": detection.confidence,
            "landmarks": detection.landmarks.tolist(),
        }
    return entry
