"""What a training leaves behind as it goes on: checkpoints, lines of metrics, curves. All of it is written here."""

from __future__ import annotations

from typing import Any

from ifgan_tf.config import Config
from ifgan_tf.run_folder import RunFolder
from ifgan_tf.training.checkpoints import Checkpoints
from ifgan_tf.training.not_finite import NotFiniteError
from ifgan_tf.training.so_far import SoFar
from ifgan_tf.training.summaries import Summaries

_GROUPS = ("weights", "updates")  # of a line of metrics that are curves at the end of an epoch


class Journal:
    """Writes down one run; its lines and curves are cut back to where it goes on from.

    Attributes:
      summaries: the curves.
    """

    summaries: Summaries

    def __init__(self, run: RunFolder, config: Config, checkpoints: Checkpoints, so_far: SoFar) -> None:
        self._run, self._config = run, config
        self._checkpoints, self._so_far = checkpoints, so_far
        self._go_on()

    def _go_on(self) -> None:
        self._run.forget_metrics_after(self._so_far.epoch)
        if self._so_far.line and self._so_far.epoch not in [line["epoch"] for line in self._run.metrics()]:
            self._run.append_metrics(self._so_far.line)
        self.summaries = Summaries(self._run.tensorboard_dir, self._checkpoints.step)
        self.summaries.configuration(self._config, "/".join(self._run.path.absolute().parts[-2:]))

    def keep(self) -> None:
        """Keeps all that was done until now.

        Raises:
          NotFiniteError, UserError: see `Checkpoints.save`.
        """
        self.summaries.flush()  # or curves of steps that are kept would be lost with the process
        self._checkpoints.save()

    def begin_epoch(self, step: int) -> None:
        """Tells what the terms weigh at the beginning of an epoch, before `step`."""
        self.summaries.groups("train", self._so_far.balance, step)

    def finish_epoch(self, line: dict[str, Any]) -> None:
        """Keeps an epoch and its line of metrics.

        Raises:
          NotFiniteError, UserError: see `Checkpoints.save`.
          OSError: when the line cannot be written; the checkpoint has it.
        """
        step = line["step"]
        self.summaries.groups("train", {group: line[group] for group in _GROUPS}, step)
        self.summaries.scalars("train", {"learning_rate": line["learning_rate"]}, step)
        if "validation" in line:
            self.summaries.scalars("validation", line["validation"], step)
        self._checkpoints.keep_best(line["epoch"], line.get("validation"))
        self._so_far.finish(line)
        self.keep()
        self._run.append_metrics(line)

    def rewind(self, fault: NotFiniteError) -> None:
        """Goes back to the last checkpoint after `fault`, if the run is to.

        Raises:
          NotFiniteError: if it is not, or has been rewound too often.
        """
        if self._config.run.nan != "rewind":
            raise fault
        self._checkpoints.rewind(fault)
        self._go_on()
