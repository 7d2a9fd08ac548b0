"""Time of G and E on one thread in LiteRT, against MobileNetV2 at 224 pixels in the same run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.processes import described_networks, new_inference
from ifgan_tf import cli
from ifgan_tf import config as config_lib
from ifgan_tf.config import Config

USAGE = """
Prints the time of one face as a ratio to MobileNetV2-224 float32: medians of turns that alternate. MobileNetV2-224 in
int8 stands beside it: how much int8 gains is a matter of the processor (dot-product instructions), so the peer's gain
says what could be had.

    python -m benchmarks.mobile_latency --flagfile=flags/bu_3dfe_small.flags

The networks have the preset's shape and new weights: time does not depend on what they have learnt. Limits: float32 at
most 1, int8 at most half of float32.
"""

LIMIT_FLOAT32, LIMIT_INT8 = 1.0, 0.5
ROUNDS = 61


def measure(config: Config, rounds: int = ROUNDS) -> dict[str, float]:
    """Median seconds a face, by `MobileNetV2-224`, `MobileNetV2-224 int8`, `float32` and `int8`; one thread each."""
    import keras

    from export.conversion import convert
    from export.parity import litert_runner, take_turns

    generator = np.random.default_rng(0)
    size = config.data.image_size
    faces = generator.integers(0, 256, (100, size, size, 3), dtype=np.uint8)
    peer = keras.Input((224, 224, 3), name="image")
    mobile = keras.applications.MobileNetV2(weights=None)
    ours = new_inference(config)
    mobile = keras.Model(peer, {"probabilities": mobile(peer / 127.5 - 1.0)})
    pictures = generator.integers(0, 256, (16, 224, 224, 3), dtype=np.uint8)
    models = {
        "MobileNetV2-224": convert(mobile, "float32"),
        "MobileNetV2-224 int8": convert(mobile, "int8", pictures),
        "float32": convert(ours, "float32"),
        "int8": convert(ours, "int8", faces),
    }
    runners: dict[str, Callable[[], object]] = {}
    for name, content in models.items():
        side = 224 if name.startswith("MobileNet") else size
        face = generator.integers(0, 256, (1, side, side, 3), dtype=np.uint8)
        runners[name] = functools.partial(litert_runner(content, 1), face)
    return take_turns(runners, rounds)


def main(arguments: Sequence[str]) -> int:
    cli.only_flags(arguments)
    times = measure(described_networks())
    peer = times["MobileNetV2-224"]
    for name, seconds in times.items():
        print(f"{name:20} {1000 * seconds:7.2f} ms   {seconds / peer:5.2f} of MobileNetV2-224")
    int8 = times["int8"] / times["float32"]
    peers_int8 = times["MobileNetV2-224 int8"] / peer
    print(f"int8 / float32: {int8:.2f} (limit {LIMIT_INT8}; of MobileNetV2-224: {peers_int8:.2f})")
    return 0 if times["float32"] <= LIMIT_FLOAT32 * peer and int8 <= LIMIT_INT8 else 1


if __name__ == "__main__":
    config_lib.define_flags()
    cli.run(main, USAGE)
