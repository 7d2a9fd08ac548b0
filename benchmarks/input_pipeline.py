"""Images a second of the training input, from memory and from disk, and the share of a run spent waiting for it."""

from __future__ import annotations

import dataclasses
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.processes import described_networks, machine, new_trainer, peak_memory
from ifgan_tf import cli
from ifgan_tf import config as config_lib
from ifgan_tf.config import Config
from ifgan_tf.data.built_sets import Faces
from ifgan_tf.data.images import encode_png
from ifgan_tf.data.pixels import DIGEST, ImageFile, Images
from ifgan_tf.faces.geometry import resize, working_size

USAGE = """
Prints images/s and milliseconds of processor time an image of `ifgan_tf.data.input_pipeline` by itself (256x256 to
224x224 by default: shuffle, turn, mirror, crop, batch; all uint8): of faces in memory; of faces in a file of which
nothing is in memory, and of reading that file alone; of the same file when the system has it in memory; and, beside
them, of decoding PNG alone, which a run would have to do that kept neither. Then it trains for some steps and prints
which share of the time the step waited for its batch.

    python -m benchmarks.input_pipeline --batch_size=50 --folder=A_FOLDER_OF_THE_DISK
    python -m benchmarks.input_pipeline --flagfile=flags/demo.flags --training_steps=100

Limits: at 224 pixels at least 3000 images/s, from disk as well, and less than 2 % of waiting. Exits with 1 if one is
missed.
"""

HELD, STREAMED, PNGS = 1000, 4000, 200  # faces in memory, in the file, and as PNG
IMAGES_PER_SECOND, WAITING = 3000, 0.02
REPEATS = 5


@dataclasses.dataclass(frozen=True)
class Rate:
    """Images a second, and seconds of processor time that an image takes, over all threads."""

    images: float
    processor: float

    def __str__(self) -> str:
        return f"{self.images:6.0f} images/s, {1000 * self.processor:.3f} ms of processor time an image"


def some_faces(config: Config, count: int) -> np.ndarray:
    """Uint8 [count, W, W, 3], of the size that training reads, as smooth as faces, so that PNG takes its usual time."""
    generator, side = np.random.default_rng(0), working_size(config.data.image_size)
    images = np.empty((count, side, side, 3), np.uint8)
    for image in images:
        smooth = resize(generator.integers(30, 226, (12, 12, 3), dtype=np.uint8), side).astype(np.int16)
        image[...] = smooth + generator.integers(-6, 7, smooth.shape)  # stays within a byte
    return images


def described(images: Images, config: Config) -> Faces:
    """Faces of those images, with labels in turn."""
    count = len(images)
    return Faces(
        images=images,
        labels=(np.arange(count) % len(config.data.class_names)).astype(np.int32),
        subjects=np.full(count, "somebody"),
        recordings=np.full(count, "somebody/1"),
        sources=np.full(count, "nowhere"),
        frames=np.zeros(count, np.int32),
        detected=np.full(count, True),
        intensities=np.zeros(count, np.int32),
    )


def written(folder: Path, images: np.ndarray) -> ImageFile:
    """A file of `STREAMED` faces: those, over and over."""
    path = folder / "pixels.uint8"
    with path.open("wb") as file:
        for image in itertools.islice(itertools.cycle(images), STREAMED):
            file.write(image.tobytes())
        os.fsync(file.fileno())  # what is not on the disk cannot be forgotten
    return ImageFile(path, np.zeros((STREAMED, DIGEST), np.uint8), images.shape[1])


def forget(path: Path) -> None:
    """Has the system read the file from the disk when it is asked for next."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def throughput(batches: Iterator, batch_size: int, count: int, before: Callable[[], object] = lambda: None) -> Rate:
    """Medians over `REPEATS` stretches of `count` batches, after one to warm up; `before` is called before each."""
    rates = []
    for _ in range(REPEATS + 1):
        before()
        start, processor = time.perf_counter(), time.process_time()
        for _ in range(count):
            next(batches)
        images = count * batch_size
        rates.append(Rate(images / (time.perf_counter() - start), (time.process_time() - processor) / images))
    return Rate(*(statistics.median(getattr(rate, name) for rate in rates[1:]) for name in ("images", "processor")))


def reading(images: Images, batch_size: int) -> Iterator[np.ndarray]:
    """Nothing but reading, in a random order; the disk is told of a batch at once."""
    random = np.random.default_rng(0)
    while True:
        chosen = random.permutation(len(images))[:batch_size]
        images.expect(chosen)
        yield images[chosen]


def decoding(images: np.ndarray) -> tuple[Rate, float]:
    """Of decoding PNG alone, in as many threads as there are processors; and the bytes of a file."""
    import tensorflow as tf

    contents = [encode_png(image) for image in images[:PNGS]]
    decoded = (
        tf.data.Dataset.from_tensor_slices(contents)
        .repeat()
        .map(tf.io.decode_png, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(50)
    )
    return throughput(iter(decoded), 50, 20), statistics.mean(map(len, contents))


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

    def batches_of(images: Images) -> Iterator:
        faces = described(images, config)
        return iter(training_batches(faces, faces.labels, config.data, batch, range(10**9), config.run.seed))

    images, count = some_faces(config, HELD), max(1, 1000 // batch)
    print(machine())
    with tempfile.TemporaryDirectory(dir=flags.FLAGS.folder or None) as folder:
        file = written(Path(folder), images)
        decode, size = decoding(images)
        rates = {
            "from memory": throughput(batches_of(Images.of(images)), batch, count),
            "from disk": throughput(batches_of(Images.of(file)), batch, count, lambda: forget(file.path)),
            "reading that disk alone": throughput(
                reading(Images.of(file), batch), batch, count, lambda: forget(file.path)
            ),
            "from the system's cache of it": throughput(batches_of(Images.of(file)), batch, count),
            f"decoding PNG alone, {size / 1000:.0f} kB each": decode,
        }
    print(f"{config.data.image_size} pixels, batches of {batch}, peak {peak_memory():.2f} GB")
    for name, rate in rates.items():
        print(f"{rate}, {rate.images / decode.images:5.2f} of PNG's rate: {name}")
    slowest = min(rates["from memory"].images, rates["from disk"].images)
    missed = config.data.image_size == 224 and slowest < IMAGES_PER_SECOND
    if steps := flags.FLAGS.training_steps:
        share = waiting(batches_of(Images.of(images)), config, steps)
        print(f"of {steps} training steps, {100 * share:.2f} % of the time was spent waiting for data")
        missed = missed or share >= WAITING
    return 1 if missed else 0


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_integer("training_steps", 0, "Steps to train for; 0 measures the input by itself.", 0)
    flags.DEFINE_string("folder", "", "Where to write the file that is read from disk; removed in the end.")
    cli.run(main, USAGE)
