"""Images a second of the training input, and the share of a training run that is spent waiting for it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence

import numpy as np
from absl import flags

from benchmarks.processes import described_networks, machine, new_trainer, peak_memory
from ifgan_tf import cli
from ifgan_tf import config as config_lib
from ifgan_tf.config import Config
from ifgan_tf.data.built_sets import Faces
from ifgan_tf.data.pixels import Images
from ifgan_tf.faces.geometry import working_size

USAGE = """
Prints images/s of `ifgan_tf.data.input_pipeline` by itself on random faces (256x256 to 224x224 by default: shuffle,
turn, mirror, crop, batch; all uint8), then trains for some steps and prints which share of the time the step waited
for its batch.

    python -m benchmarks.input_pipeline --batch_size=50
    python -m benchmarks.input_pipeline --flagfile=flags/demo.flags --training_steps=100

Limits: at least 1500 images/s at 224 pixels, and less than 2 % of waiting. Exits with 1 if one is missed.
"""

FACES = 1000
IMAGES_PER_SECOND, WAITING = 1500, 0.02
REPEATS = 5


def random_faces(config: Config) -> Faces:
    """Faces of the size that training reads, and of noise: how long they take does not depend on what they show."""
    side = working_size(config.data.image_size)
    generator = np.random.default_rng(0)
    return Faces(
        images=Images.of(generator.integers(0, 256, (FACES, side, side, 3), dtype=np.uint8)),
        labels=(np.arange(FACES) % len(config.data.class_names)).astype(np.int32),
        subjects=np.full(FACES, "somebody"),
        recordings=np.full(FACES, "somebody/1"),
        sources=np.full(FACES, "nowhere"),
        frames=np.zeros(FACES, np.int32),
        detected=np.full(FACES, True),
        intensities=np.zeros(FACES, np.int32),
    )


def throughput(batches: Iterator, batch_size: int, count: int) -> float:
    """Median images/s over `REPEATS` stretches of `count` batches, after one to warm up."""
    rates = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        for _ in range(count):
            next(batches)
        rates.append(count * batch_size / (time.perf_counter() - start))
    return statistics.median(rates[1:])


def waiting(batches: Iterator, config: Config, steps: int) -> float:
    """Share of the time of `steps` training steps that went into asking for batches."""
    import tensorflow as tf

    size, classes = config.data.image_size, len(config.data.class_names)
    trainer = new_trainer(config, tf.zeros((classes, size, size, 3)))
    float(trainer.step(*next(batches))["loss"])
    waited, start = 0.0, time.perf_counter()
    for _ in range(steps):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        float(trainer.step(*batch)["loss"])
    return waited / (time.perf_counter() - start)


def main(arguments: Sequence[str]) -> int:
    cli.only_flags(arguments)
    from ifgan_tf.data.input_pipeline import training_batches

    config = described_networks()
    batch = config.optimizer.batch_size
    faces = random_faces(config)
    batches = iter(training_batches(faces, faces.labels, config.data, batch, range(10**6), config.run.seed))
    rate = throughput(batches, batch, max(1, 1000 // batch))
    print(machine())
    print(f"{config.data.image_size} pixels, batches of {batch}: {rate:.0f} images/s, peak {peak_memory():.2f} GB")
    missed = config.data.image_size == 224 and rate < IMAGES_PER_SECOND
    if steps := flags.FLAGS.training_steps:
        share = waiting(batches, config, steps)
        print(f"of {steps} training steps, {100 * share:.2f} % of the time was spent waiting for data")
        missed = missed or share >= WAITING
    return 1 if missed else 0


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_integer("training_steps", 0, "Steps to train for; 0 measures the input by itself.", 0)
    cli.run(main, USAGE)
