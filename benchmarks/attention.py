"""Time and memory of self-attention against the number of positions: whole, and in blocks of rows."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence

from absl import flags

from benchmarks.processes import machine, measure, peak_memory
from ifgan_tf import cli

USAGE = """
Prints a line a size: seconds and peak memory of the forward and the backward pass of one attention module over 128
channels, whole and in blocks (`ifgan_tf.models.attention.attend`). Every figure comes from a process of its own; memory
is what the passes need beyond what the process needed before.

    python -m benchmarks.attention [--sides=28,56,112] [--batch_size=2]
"""

CHANNELS = 128
FORMS = ("whole", "blocks")
REPEATS = 5


def measure_here(form: str, side: int, batch_size: int) -> dict[str, float]:
    """Median `seconds` of a pass there and back in this process, and `memory` in GB."""
    import tensorflow as tf

    from ifgan_tf.models.attention import BLOCK_COEFFICIENTS, attend

    positions = side * side
    shapes = [(batch_size, positions, width) for width in (CHANNELS // 8, CHANNELS // 8, CHANNELS)]
    inputs = [tf.random.stateless_normal(shape, (1, n)) for n, shape in enumerate(shapes)]
    block = BLOCK_COEFFICIENTS if form == "blocks" else positions**2

    @tf.function
    def there_and_back(inputs: list[tf.Tensor]) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            queries, keys, values = inputs
            loss = tf.reduce_sum(tf.square(attend(queries, keys, values, block)))
        return tf.add_n([tf.reduce_sum(gradient) for gradient in tape.gradient(loss, inputs)])

    there_and_back.get_concrete_function(inputs)
    before = peak_memory()
    seconds = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        float(there_and_back(inputs))
        seconds.append(time.perf_counter() - start)
    return {"seconds": statistics.median(seconds[1:]), "memory": peak_memory() - before}


def main(arguments: Sequence[str]) -> None:
    cli.only_flags(arguments)
    values = flags.FLAGS
    batch = values.batch_size
    if values.form:
        print(json.dumps(measure_here(values.form, int(values.sides[0]), batch)))
        return
    print(machine() + f"; batch {batch}")
    for side in values.sides:
        arguments = (f"--sides={side}", f"--batch_size={batch}")
        whole, blocks = (measure("benchmarks.attention", *arguments, f"--form={form}") for form in FORMS)
        print(
            f"{side}x{side}, N = {int(side) ** 2:5}: whole {whole['seconds']:6.3f} s {whole['memory']:6.3f} GB, blocks "
            f"{blocks['seconds']:6.3f} s {blocks['memory']:6.3f} GB; whole / blocks: time "
            f"{whole['seconds'] / blocks['seconds']:.2f}, memory {whole['memory'] / blocks['memory']:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    flags.DEFINE_list("sides", ["28", "56", "112"], "Sides of the feature map.")
    flags.DEFINE_integer("batch_size", 2, "Feature maps.", 1)
    flags.DEFINE_enum("form", None, list(FORMS), "Measure this form alone, in this process, and print JSON.")
    cli.run(main, USAGE)
