"""Checkpoints of a run: all of `last`, to go on from, and the networks of `best`, to use."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path

import keras
import tensorflow as tf

from ifgan_tf import files, saved_weights
from ifgan_tf.errors import UserError, reason
from ifgan_tf.models.networks import NOT_RESTORED, trackables
from ifgan_tf.training import selection
from ifgan_tf.training.not_finite import NotFiniteError
from ifgan_tf.training.so_far import SoFar
from ifgan_tf.training.step import Trainer

_KEPT = 2  # of `last`: where the newer one is damaged, the older is gone on from
_REWINDS = 3  # of a run at most


class Checkpoints:
    """Saves and restores a run.

    A checkpoint is written whole before an old one goes, so a killed run always has one to go on from. Those of `last`
    are numbered by steps, those of `best` by epochs.
    """

    def __init__(
        self, folder: Path, trainer: Trainer, so_far: SoFar, steps_per_epoch: int, minutes: float, writes: bool = True
    ) -> None:
        """Args:
        folder: of the checkpoints, made if missing.
        trainer: what is trained.
        so_far: of its run.
        steps_per_epoch: of the run.
        minutes: between two of them inside an epoch, see `due`.
        writes: whether this process is the one that writes them; the others have the same to restore, and nothing else.
        """
        networks, in_training = trackables(trainer.finished_networks), trackables(trainer.networks)
        self._trainer, self._so_far = trainer, so_far
        self._steps_per_epoch, self._minutes = steps_per_epoch, minutes
        self._epoch = tf.Variable(0, dtype=tf.int64)  # by this name evaluation finds it
        self._best = tf.Variable([-1.0, 0.0], dtype=tf.float64)  # accuracy and minus cross-entropy, on validation
        self._state = tf.train.Checkpoint(
            **networks,
            optimizer=trainer.optimizer,
            **({"discriminator_optimizer": trainer.discriminator_optimizer} if trainer.discriminator_optimizer else {}),
            rate_factor=trainer.rate_factor,
            centres=trainer.centres.variable,
            epoch=self._epoch,
            so_far=so_far,
            best=self._best,
            seed_states=_seed_states(in_training),
            **({f"{name}_in_training": model for name, model in in_training.items()} if trainer.average else {}),
        )
        self._best_networks = tf.train.Checkpoint(**networks)
        for checkpoint in (self._state, self._best_networks):
            _ = checkpoint.save_counter  # made now, as workers make every variable together, and not when one saves
        self._folder, self._writes = folder, writes
        self._saved: tuple[int, int] | None = None
        self._saved_at = time.monotonic()
        if writes:
            for which in ("last", "best"):
                (folder / which).mkdir(parents=True, exist_ok=True)

    @property
    def step(self) -> int:
        """Steps taken in the whole run."""
        return self._so_far.epoch * self._steps_per_epoch + self._so_far.taken

    def restore(self) -> bool:
        """Goes back to the newest checkpoint, or to the one before where that is damaged; False when there is none.

        To be called before anything is saved. One that is damaged is removed once the one before is restored: it stands
        for steps that are taken again.

        Raises:
          UserError: when there is none that is whole and fits the networks.
        """
        last = self._folder / "last"
        lost = saved_weights.lost(last)
        damaged = {lost: "its index is lost"} if lost else {}
        for checkpoint in saved_weights.newest_first(last):
            if (problem := self._restored_from(checkpoint)) is None:
                break
            damaged[checkpoint.name] = problem
        else:
            if not damaged:
                self._open()
                return False
            told = "; ".join(f"{name} cannot be restored ({problem})" for name, problem in damaged.items())
            raise UserError(f"{last}: {told}: damaged or of another version; train into a new --workdir")
        for name, problem in damaged.items():
            logging.warning("%s: damaged (%s); going on from %s, the one before", last / name, problem, checkpoint.name)
            if self._writes:
                saved_weights.remove(last / name)
        self._open()
        self._saved, self._saved_at = self._place(), time.monotonic()
        return True

    def rewind(self, fault: NotFiniteError) -> None:
        """Goes back to the last checkpoint, and on with half the learning rate.

        Raises:
          NotFiniteError: when the run has been rewound too often already.
        """
        factor = float(self._trainer.rate_factor.numpy()) / 2
        if factor < 0.5**_REWINDS:
            raise fault
        self.restore()
        self._trainer.rate_factor.assign(factor)  # not that of the checkpoint: the next one keeps it
        logging.warning("%s: back to step %d, and on with %g of the learning rate", fault.what, self.step, factor)

    def due(self) -> bool:
        """Whether so many minutes have passed since the last checkpoint; changes of the clock are none."""
        return time.monotonic() - self._saved_at >= 60 * self._minutes

    def save(self) -> None:
        """Keeps the state, unless it is kept already.

        Raises:
          NotFiniteError: when there is no going on from it.
          UserError: when the disk is full or the folder cannot be written.
        """
        if self._place() == self._saved:
            return
        self._epoch.assign(self._so_far.epoch)
        self._write("last", self.step, f"checkpoint of step {self.step}")
        self._saved, self._saved_at = self._place(), time.monotonic()

    def keep_best(self, epoch: int, validated: Mapping[str, float] | None) -> None:
        """Keeps the networks as best after `epoch` epochs when no epoch before did so well.

        Without validation (None) the last epoch counts, and is kept as best.

        Raises:
          UserError: see `save`.
        """
        if validated is not None:
            if selection.score(validated) <= tuple(self._best.numpy()):
                return
            self._best.assign(selection.score(validated))
        self._write("best", epoch, f"checkpoint of epoch {epoch}")

    def _not_finite(self) -> list[str]:
        """Names of weights, moments and centres that hold something that is no number."""
        trainer = self._trainer
        networks = dict.fromkeys((*trainer.networks, *trainer.finished_networks))
        holders = [*networks, trainer.optimizer, trainer.discriminator_optimizer]
        variables = [variable for holder in holders if holder is not None for variable in holder.variables]
        found = [variable.path for variable in variables if not _finite(variable)]
        return found + ["centres"] * (not _finite(trainer.centres.variable))

    def _restored_from(self, checkpoint: Path) -> str | None:
        """Restores one; what is wrong with it, if something is."""
        try:
            self._state.restore(str(checkpoint)).assert_consumed()
        except NOT_RESTORED as error:
            return reason(error)
        return f"{bad[0]} is not finite" if (bad := self._not_finite()) else None

    def _open(self) -> None:
        """Takes the folders as they are now."""
        if not self._writes:
            return
        plain = files.plain(self._folder)
        for which in ("last", "best"):
            saved_weights.mend(self._folder / which)
        self._kept = {
            "last": tf.train.CheckpointManager(self._state, str(plain / "last"), _KEPT),
            "best": tf.train.CheckpointManager(self._best_networks, str(plain / "best"), 1),
        }

    def _write(self, which: str, number: int, what: str) -> None:
        if bad := self._not_finite():
            raise NotFiniteError(self.step, bad[0])
        if not self._writes:
            return
        try:
            self._kept[which].save(checkpoint_number=number)
        except (tf.errors.OpError, OSError) as error:
            folder = self._folder / which
            saved_weights.sweep(folder)  # or the halves would keep the disk full
            raise UserError(
                f"{folder}: the {what} could not be written ({reason(error)}). Free some space and repeat the command: "
                f"it goes on from the checkpoint before"
            ) from None

    def _place(self) -> tuple[int, int]:
        return self._so_far.epoch, self._so_far.taken


def _finite(variable: keras.Variable | tf.Variable) -> bool:
    value = tf.convert_to_tensor(variable)
    return not value.dtype.is_floating or bool(tf.reduce_all(tf.math.is_finite(value)))


def _seed_states(networks: dict[str, keras.Model]) -> list[tf.Variable]:
    """States of the random generators of dropout layers: Keras leaves them out of a model's checkpoint."""
    states = []
    for model in networks.values():
        for layer in model._flatten_layers(include_self=False):
            if (generator := getattr(layer, "seed_generator", None)) is not None:
                states.append(generator.state.value)
    return states
