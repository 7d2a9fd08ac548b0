"""Faces a second of G and E together in Keras, as a SavedModel and in LiteRT."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.processes import described_networks, machine, new_inference
from ifgan_tf import cli
from ifgan_tf import config as config_lib

USAGE = """
Prints faces/s of the networks that the flags describe (defaults: the paper's), one face a call and in batches; the
three take turns, the figures are medians, the ratios are to Keras at the same batch. LiteRT uses as many threads as
there are processors and takes one face a call.

    python -m benchmarks.inference [--flagfile=flags/demo.flags]

Weights are new and faces random: time does not depend on what they show.
"""

ROUNDS = 15


def runners(config: config_lib.Config, batch: int) -> dict[str, Callable[[], object]]:
    """One call each of Keras and SavedModel on `batch` faces and, for a single face, of LiteRT."""
    import os

    import tensorflow as tf

    from export.conversion import convert
    from export.parity import litert_runner

    size = config.data.image_size
    faces = np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
    model = new_inference(config)
    keras_call = tf.function(lambda images: model(images, training=False))
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        saved = tf.saved_model.load(folder)
    images = tf.constant(faces)
    as_floats = tf.constant(faces, tf.float32)
    calls: dict[str, Callable[[], object]] = {
        "Keras": lambda: keras_call(images)["probabilities"].numpy(),
        "SavedModel": lambda: saved.serve(as_floats)["probabilities"].numpy(),
    }
    if batch == 1:
        litert = litert_runner(convert(model, "float32"), os.cpu_count() or 1)
        calls["LiteRT"] = lambda: litert(faces)
    return calls


def main(arguments: Sequence[str]) -> None:
    cli.only_flags(arguments)
    from export.parity import take_turns

    config = described_networks()
    print(machine("ai-edge-litert"))
    for batch in (1, 16):
        calls = runners(config, batch)
        medians = take_turns(calls, ROUNDS)
        for name, spent in medians.items():
            print(
                f"batch {batch:2}: {name:10} {batch / spent:7.2f} faces/s, {1000 * spent:7.1f} ms a call, "
                f"{medians['Keras'] / spent:.2f} of Keras",
                flush=True,
            )


if __name__ == "__main__":
    config_lib.define_flags()
    cli.run(main, USAGE)
