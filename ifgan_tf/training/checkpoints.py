"""Checkpoints of a run: all of `last`, to go on from, and the networks of `best`, to use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras
import tensorflow as tf

from ifgan_tf import files, saved_weights
from ifgan_tf.errors import UserError, reason
from ifgan_tf.models.networks import NOT_RESTORED, trackables
from ifgan_tf.training import selection
from ifgan_tf.training.step import Trainer


class Checkpoints:
    """Saves and restores a run.

    A checkpoint is written whole before the old one goes, so a killed run always has one to go on from.

    Attributes:
      epoch: epochs finished.
    """

    def __init__(self, folder: Path, trainer: Trainer) -> None:
        networks, in_training = trackables(trainer.finished_networks), trackables(trainer.networks)
        self._epoch = tf.Variable(0, dtype=tf.int64)
        self._best = tf.Variable([-1.0, 0.0], dtype=tf.float64)  # accuracy and minus cross-entropy, on validation
        state = tf.train.Checkpoint(
            **networks,
            optimizer=trainer.optimizer,
            **({"discriminator_optimizer": trainer.discriminator_optimizer} if trainer.discriminator_optimizer else {}),
            centres=trainer.centres.variable,
            epoch=self._epoch,
            best=self._best,
            seed_states=_seed_states(in_training),
            **({f"{name}_in_training": model for name, model in in_training.items()} if trainer.average else {}),
        )
        self._state = state
        self._folder = folder
        for which in ("last", "best"):
            (folder / which).mkdir(parents=True, exist_ok=True)
            saved_weights.mend(folder / which)
        plain = files.plain(folder)
        self._last = tf.train.CheckpointManager(state, str(plain / "last"), max_to_keep=1)
        self._best_networks = tf.train.CheckpointManager(
            tf.train.Checkpoint(**networks), str(plain / "best"), max_to_keep=1
        )

    @property
    def epoch(self) -> int:
        return int(self._epoch.numpy())

    def restore(self) -> bool:
        """Goes back to the last epoch saved; False when there is none.

        Raises:
          UserError: when the checkpoint does not fit the networks.
        """
        latest = saved_weights.latest(self._folder / "last")
        if latest is None:
            return False
        try:
            self._state.restore(str(latest)).assert_consumed()
        except NOT_RESTORED as error:
            raise UserError(
                f"{self._folder / 'last'}: cannot be restored ({reason(error)}); it is damaged or of another "
                f"version: train into a new --workdir"
            ) from None
        return True

    def save(self, epoch: int, validated: Mapping[str, float] | None) -> None:
        """Keeps the state after `epoch` epochs, and the networks as best when no epoch before did so well.

        Without validation (None) the last epoch counts, and is kept as best.

        Raises:
          UserError: when the disk is full or the folder cannot be written.
        """
        try:
            if validated is None:
                self._best_networks.save(checkpoint_number=epoch)
            elif selection.score(validated) > tuple(self._best.numpy()):
                self._best.assign(selection.score(validated))
                self._best_networks.save(checkpoint_number=epoch)
            self._epoch.assign(epoch)
            self._last.save(checkpoint_number=epoch)
        except (tf.errors.OpError, OSError) as error:
            raise UserError(
                f"{self._folder / 'last'}: the checkpoint of epoch {epoch} could not be written ({reason(error)}). "
                f"Free some space and repeat the command: it goes on from the checkpoint before"
            ) from None


def _seed_states(networks: dict[str, keras.Model]) -> list[tf.Variable]:
    """States of the random generators of dropout layers: Keras leaves them out of a model's checkpoint."""
    states = []
    for model in networks.values():
        for layer in model._flatten_layers(include_self=False):
            if (generator := getattr(layer, "seed_generator", None)) is not None:
                states.append(generator.state.value)
    return states
