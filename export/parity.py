"""How a .tflite file compares with the Keras model it came from: on real faces, and by the clock."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from export.conversion import SIGNATURE, open_interpreter
from ifgan_tf import progress as progress_lib
from ifgan_tf.data.built_sets import Faces

Answers = dict[str, np.ndarray]
_ROUNDS = 15
WARM_UP = 3


def evenly(faces: Faces, count: int) -> Faces:
    """At most `count` faces, evenly spaced over the set and so over people and labels."""
    mask = np.zeros(len(faces), bool)
    mask[np.linspace(0, len(faces) - 1, min(count, len(faces))).round().astype(int)] = True
    return faces.select(mask)


def keras_runner(model: keras.Model) -> Callable[[np.ndarray], Answers]:
    """One uint8 face [1, S, S, 3] → the model's outputs, as a compiled graph."""
    graph = tf.function(lambda image: model(tf.cast(image, tf.float32), training=False))
    return lambda image: {name: value.numpy() for name, value in graph(tf.constant(image)).items()}


def litert_runner(content: bytes, threads: int) -> Callable[[np.ndarray], Answers]:
    """The same for the content of a .tflite file."""
    interpreter = open_interpreter(content, threads)
    signature = interpreter.get_signature_runner(SIGNATURE)
    return lambda image: signature(image=image)


def answers(run: Callable[[np.ndarray], Answers], images: np.ndarray, progress: str) -> Answers:
    """The outputs for uint8 [N, S, S, 3], each stacked to [N, …]."""
    rows = [run(image[None]) for image in progress_lib.bar(images, desc=progress, unit="face", leave=False)]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def compare(ours: Answers, reference: Answers, faces: Faces) -> dict[str, Any]:
    """Differences and accuracies of two models' answers on the same faces.

    Returns:
      `images`; `max_probability_difference`; `max_average_face_difference` and `mean_average_face_difference` in grey
      levels (only with a generator); `label_agreement`, 0..1; `accuracy` and `keras_accuracy`, 0..1, where a face that
      was not found counts as wrong.
    """
    labels, reference_labels = (values["probabilities"].argmax(axis=1) for values in (ours, reference))
    report: dict[str, Any] = {
        "images": len(faces),
        "max_probability_difference": _max_difference(ours, reference, "probabilities"),
        "label_agreement": float((labels == reference_labels).mean()),
        "accuracy": float(((labels == faces.labels) & faces.detected).mean()),
        "keras_accuracy": float(((reference_labels == faces.labels) & faces.detected).mean()),
    }
    if "average_face" in ours and "average_face" in reference:
        report["max_average_face_difference"] = _max_difference(ours, reference, "average_face")
        difference = ours["average_face"].astype(np.float64) - reference["average_face"]
        report["mean_average_face_difference"] = float(np.abs(difference).mean())
    return report


def take_turns(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each of several calls.

    They take turns, so that what else the machine does hits all of them; three turns to warm up come before.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(WARM_UP + rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn >= WARM_UP:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(spent) for name, spent in times.items()}


def latencies(content: bytes, model: keras.Model, image: np.ndarray, rounds: int = _ROUNDS) -> dict[str, float]:
    """Time of one face by LiteRT with one and two threads, as a ratio to Keras on the same machine.

    The three take turns, see `take_turns`.

    Args:
      image: uint8 [1, S, S, 3].
    Returns:
      `keras_ms`, and `one_thread_ratio`, `two_threads_ratio`: below 1 is faster than Keras.
    """
    runners = {"keras": keras_runner(model), "one": litert_runner(content, 1), "two": litert_runner(content, 2)}
    times = take_turns({name: partial(runner, image) for name, runner in runners.items()}, rounds)
    reference, one, two = times.values()
    return {"keras_ms": 1000 * reference, "one_thread_ratio": one / reference, "two_threads_ratio": two / reference}


def _max_difference(ours: Answers, reference: Answers, name: str) -> float:
    return float(np.abs(ours[name].astype(np.float64) - reference[name].astype(np.float64)).max())
