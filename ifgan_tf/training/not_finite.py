"""The error of a loss or a weight that is no number."""

from __future__ import annotations

from ifgan_tf.errors import UserError


class NotFiniteError(UserError):
    """Training cannot go on from here; with `--nan=rewind` it goes on from before.

    Attributes:
      what: is not finite, and in which step.
    """

    def __init__(self, step: int, what: str) -> None:
        self.what = f"step {step}: {what} is not finite"
        super().__init__(
            f"{self.what}. The last checkpoint is intact; train into a new --workdir with a smaller --learning_rate, "
            f"without --mixed_precision, or with --nan=rewind"
        )
