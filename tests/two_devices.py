"""One training step, by one device and by two, in processes of their own: devices are set before TensorFlow starts.

    python -m tests.two_devices --strategy=mirrored --output=two.npz -- flags of train.py

writes what steps report, and what one of them leaves: Adam's first moments (its gradients, up to a factor), the centres
and moving statistics; with --steps_per_execution=2, what steps of one call report. Two logical processors stand for two
GPUs; `multi_worker` follows TF_CONFIG.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from absl import flags

from ifgan_tf import cli
from ifgan_tf import config as config_lib
from ifgan_tf.config import Config

STEPS = 2


def one_step(config: Config) -> dict[str, np.ndarray]:
    """What is left after `STEPS` steps on batches of noise, by whatever replicas there are."""
    import tensorflow as tf
    from from_config import trainer_of

    from ifgan_tf.training import strategy

    size, batch = config.data.image_size, config.optimizer.batch_size
    average = tf.random.stateless_uniform((len(config.data.class_names), size, size, 3), (1, 2), -1, 1)
    trainer = trainer_of(config, average)
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (STEPS, batch, size, size, 3)).astype(np.uint8)
    labels = generator.integers(0, len(config.data.class_names), (STEPS, batch)).astype(np.int32)

    def part(share: tuple[int, int]) -> tf.data.Dataset:
        which, count = share
        own = slice(which * batch // count, (which + 1) * batch // count)
        return tf.data.Dataset.from_tensor_slices((images[:, own], labels[:, own], labels[:, own]))

    left: dict[str, np.ndarray] = {}
    if config.run.steps_per_execution == STEPS:
        metrics = trainer.several(*strategy.batches(part))
        return {
            f"step {step}: {name}": values[step].numpy() for name, values in metrics.items() for step in range(STEPS)
        }
    for number, values in enumerate(strategy.batches(part)):
        metrics = trainer.step(*values)
        left |= {f"step {number}: {name}": value.numpy() for name, value in metrics.items()}
        if number == 0:  # later, biases before batch normalisation differ: their gradient is 0 but for rounding
            left |= {f"gradient: {v.path}": _everywhere(v) for v in trainer.optimizer.variables if "momentum" in v.path}
            moving = [weight for model in filter(None, trainer.networks) for weight in model.non_trainable_weights]
            left |= {f"moving: {weight.path}": _everywhere(weight) for weight in moving}
            left |= {"centres": _everywhere(trainer.centres.variable)}
    for model in filter(None, trainer.finished_networks):
        for weight in model.weights:
            _everywhere(weight)
    return left


def _everywhere(variable: object) -> np.ndarray:
    """A variable's value, which is the same on every replica."""
    import keras
    import tensorflow as tf

    held = variable.value if isinstance(variable, keras.Variable) else variable
    copies = [copy.numpy() for copy in tf.distribute.get_strategy().experimental_local_results(held)]
    if any((copy != copies[0]).any() for copy in copies):
        raise AssertionError(f"{variable}: differs between replicas")
    return copies[0]


def main(arguments: Sequence[str]) -> None:
    import tensorflow as tf

    from ifgan_tf.training.strategy import is_chief, strategy_of

    cli.only_flags(arguments)
    processor = tf.config.list_physical_devices("CPU")[0]
    count = 1 if flags.FLAGS.strategy == "multi_worker" else 2
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * count)
    config = config_lib.from_flags(flags.FLAGS, fold=0)
    with (devices := strategy_of(config.run.strategy)).scope():
        left = one_step(config)
        if is_chief(devices):
            np.savez(flags.FLAGS.output, **left)


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_string("output", None, "File to write.")
    sys.path.insert(0, "tests")
    cli.run(main, __doc__ or "")
