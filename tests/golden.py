"""What checkpoints of today must still fit tomorrow: one that is kept, and every variable of the presets' networks.

python -m tests.golden     writes both anew; only where checkpoints are to be left behind on purpose
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))

from from_config import networks_of
from tiny import changed, tiny_config

from ifgan_tf.config import Config

if TYPE_CHECKING:
    from ifgan_tf.models.networks import Networks

FILES = Path(__file__).parent / "golden_files"
CHECKPOINT = FILES / "checkpoint.zip"
OUTPUTS = FILES / "outputs.npz"
VARIABLES = FILES / "variables.txt"
CONFIG = tiny_config(classifier_input="pair", generator_width=4, discriminator_width=2)  # 0.3 million weights
_NETWORKS = {
    "the paper's": changed(Config(), classifier_weights="none"),
    "the small presets'": changed(
        Config(),
        image_size=64,
        classifier_input="generated",
        classifier_weights="none",
        backbone="SmallCNN",
        generator_encoder="backbone",
        generator_width=16,
        generator_skips=2,
        generator_span=True,
        discriminator_width=16,
        discriminator_batch_norm=False,
    ),
}


def outputs(networks: Networks) -> dict[str, np.ndarray]:
    """What the networks make of two photos: `face`, `patches` and `logits`."""
    photo = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    face = np.array(networks.generator(photo))
    patches = np.array(networks.discriminator([photo, face]))
    return {
        "face": face,
        "patches": patches,
        "logits": np.array(networks.classifier(np.concatenate([photo, face], -1))["logits"]),
    }


def variables() -> Iterator[str]:
    """A line for every variable: network, path and shape."""
    from ifgan_tf.models.networks import trackables

    for whose, config in _NETWORKS.items():
        yield f"# {whose}"
        for network, model in trackables(networks_of(config)).items():
            for weight in model.weights:
                yield " ".join([f"{network}/{weight.path}", "x".join(map(str, weight.shape))]).rstrip()


def _fill(networks: Networks) -> None:
    """Weights of which none has its first value, kernels of three values: they fit into a small file."""
    generator = np.random.default_rng(1)
    for model in networks:
        for weight in model.weights:
            value: Any = weight + generator.normal(0, 0.3, weight.shape)
            if weight.name == "kernel":
                value = generator.integers(-1, 2, weight.shape) * np.sqrt(3.0 / np.prod(weight.shape[:-1]))
            elif weight.name == "moving_variance":
                value = generator.uniform(0.5, 2.0, weight.shape)
            weight.assign(value)


def _write() -> None:
    import tensorflow as tf

    from ifgan_tf.models.networks import trackables

    networks = networks_of(CONFIG)
    _fill(networks)
    FILES.mkdir(exist_ok=True)
    with (
        TemporaryDirectory() as folder,
        zipfile.ZipFile(CHECKPOINT, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as kept,
    ):
        tf.train.CheckpointManager(tf.train.Checkpoint(**trackables(networks)), folder, 1).save()
        for file in sorted(Path(folder).iterdir()):
            kept.write(file, file.name)
    np.savez_compressed(OUTPUTS, **outputs(networks))
    VARIABLES.write_text("\n".join(variables()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _write()
