"""What tests make of a whole configuration; the package itself is only given the parts it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ifgan_tf.config import Config

if TYPE_CHECKING:
    import keras

    from ifgan_tf.models.networks import Networks
    from ifgan_tf.training.step import Trainer


def networks_of(config: Config) -> Networks:
    """New networks."""
    from ifgan_tf.models.networks import build_networks

    return build_networks(*_shape(config), config.run.seed, config.run.precision)


def generator_of(config: Config) -> keras.Model:
    """A new G."""
    from ifgan_tf.models.generator import build_generator

    return build_generator(*_shape(config))


def trainer_of(config: Config, average_faces: Any, steps_per_epoch: int = 10) -> Trainer:
    """New networks with what trains them."""
    from ifgan_tf.training.step import Trainer

    model = config.model
    return Trainer(
        networks_of(config),
        average_faces,
        model.classifier_input,
        config.loss,
        config.optimizer,
        steps_per_epoch,
        recompute=config.run.recompute,
    )


def loaded(config: Config, checkpoint: Any) -> Networks:
    """Networks from a checkpoint."""
    from ifgan_tf.models.networks import load_networks

    return load_networks(*_shape(config), checkpoint)


def _shape(config: Config) -> tuple[Any, int, int]:
    return config.model, config.data.image_size, len(config.data.class_names)
