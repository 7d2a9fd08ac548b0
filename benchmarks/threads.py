"""Whether threads that share one model get their own answers."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from benchmarks.processes import machine
from ifgan_tf import cli

USAGE = """
Asks one Recognizer, and the classifier of a device, from several threads at once; every answer is compared with the one
that the same picture gets alone.

    python -m benchmarks.threads --models=RUN,SAVED_MODEL,FILE.tflite [--threads=8] [--calls=500]

--calls are those of each thread. Exits with 1 if any answer is another than alone.
"""

PICTURES, SIDE = 10, 160


def pictures() -> list[np.ndarray]:
    """Photos of different people who do not exist, uint8 RGB [160, 160, 3]."""
    from datasets.synthetic_faces.picture import take_picture
    from ifgan_tf.labels import EXPRESSIONS

    faces = [take_picture(100 + number, EXPRESSIONS[number % len(EXPRESSIONS)], 3).image for number in range(PICTURES)]
    return [cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for face in faces]


def wrong_answers(ask: Callable[[np.ndarray], object], threads: int, calls: int) -> int:
    """How many of `threads` x `calls` answers are not those that the same picture gets alone."""
    shown = pictures()
    alone = [ask(picture) for picture in shown]

    def one_thread(number: int) -> int:
        places = np.random.default_rng(number).integers(0, len(shown), calls)
        return sum(ask(shown[place]) != alone[place] for place in places)

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(one_thread, range(threads)))


def _ask_recognizer(path: Path) -> Callable[[np.ndarray], object]:
    from ifgan_tf import Recognizer

    recognizer = Recognizer(path)
    return lambda picture: [(face.probabilities, face.box.tolist()) for face in recognizer.predict(picture)]


def _ask_device(path: Path) -> Callable[[np.ndarray], object]:
    from ifgan_tf.recognition.litert import Classifier

    classifier = Classifier(str(path))

    def ask(picture: np.ndarray) -> object:
        return [classifier.probabilities(picture), [face.box.tolist() for face in classifier.detect(picture)]]

    return ask


def main(arguments: Sequence[str]) -> int:
    cli.only_flags(arguments)
    cli.required("models")
    threads, calls = flags.FLAGS.threads, flags.FLAGS.calls
    print(f"{machine('ai-edge-litert')}; {threads} threads x {calls} calls")
    asked = {f"Recognizer({name})": functools.partial(_ask_recognizer, Path(name)) for name in flags.FLAGS.models}
    asked |= {
        f"Classifier({name})": functools.partial(_ask_device, Path(name))
        for name in flags.FLAGS.models
        if name.endswith(".tflite")
    }
    total = 0
    for name, opened in asked.items():
        start = time.perf_counter()
        wrong = wrong_answers(opened(), threads, calls)
        print(f"{name}: {wrong} wrong of {threads * calls}, {time.perf_counter() - start:.0f} s", flush=True)
        total += wrong
    return 1 if total else 0


if __name__ == "__main__":
    flags.DEFINE_list("models", [], "Run folders, SavedModels, .tflite files.")
    flags.DEFINE_integer("threads", 8, "Threads that ask at once.", 1)
    flags.DEFINE_integer("calls", 500, "Calls of each thread.", 1)
    cli.run(main, USAGE)
