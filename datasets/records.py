"""What a reader of a data set hands over: the faces it found, and what was wrong with the copy."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from ifgan_tf.errors import UserError
from ifgan_tf.labels import EXPRESSIONS

EXPRESSIVE = "expressive"
NEUTRAL = "neutral"
ROLES = (EXPRESSIVE, NEUTRAL)


@dataclasses.dataclass(frozen=True)
class FaceRecord:
    """One face image to be aligned and stored.

    Attributes:
      key: unique name within the data set.
      load: returns the image, uint8 RGB [H, W, 3]. Called in a worker process, so it must be picklable
        (`functools.partial` of a module's function); what it raises is counted and listed as unreadable.
      label: one of `ifgan_tf.labels.EXPRESSIONS`.
      subject: who it is; folds are made by it. Empty where the data set does not tell.
      sequence: the recording it belongs to.
      source: the file it comes from, relative to the manual folder. Consecutive records of one source (frames of a
        video) are read together, by one worker.
      frame: position in the recording, 0 for a still image.
      intensity: 1..4 where the data set grades it, else 0.
      role: "expressive", or "neutral" for the neutral image of a posed set, which feeds the neutral average.
      views: how the image may have to be turned or cut to show an upright, frontal face (`datasets.orientation`); the
        best one of a source is used.
      video: whether `source` is a video, and `frame` counts its frames from 0.
      candidates: where the frame is chosen by its face: returns frame numbers with their images, best first. The first
        that shows a frontal face is taken (`datasets.alignment`), and `frame` is known only then; `load` returns the
        first image of all. Picklable, as `load`. None where the frame is known.
      extra: the data set's own features.
      describe: returns more of them, those known only once the image is made. Called after `load`, in the
        worker process that aligns it.
    """

    key: str
    load: Callable[[], np.ndarray]
    label: str
    subject: str
    sequence: str
    source: str
    frame: int = 0
    intensity: int = 0
    role: str = EXPRESSIVE
    views: tuple[str, ...] = ("upright",)
    video: bool = False
    candidates: Callable[[], list[tuple[int, np.ndarray]]] | None = None
    extra: Mapping[str, object] = dataclasses.field(default_factory=dict)
    describe: Callable[[], Mapping[str, object]] = dict

    @property
    def place(self) -> str:
        """Where to look for the image: its file, in a video the frame too, once it is known."""
        return f"{self.source}, frame {self.frame}" if self.video and not self.candidates else self.source


def described(error: Exception | str, record: FaceRecord) -> str:
    """What an error says about a record; it begins with the record's file."""
    text = str(error) or type(error).__name__
    return text if text.startswith(record.source) else f"{record.place}: {text}"


@dataclasses.dataclass(frozen=True)
class Problem:
    """Something odd in a user's copy.

    Attributes:
      file: which file, relative to the manual folder.
      found: what was found, and what was expected instead.
      remedy: what to do.
      note: true if nothing is missing because of it.
    """

    file: str
    found: str
    remedy: str
    note: bool = False

    def __str__(self) -> str:
        return f"{self.file}: {self.found}; {self.remedy}"


@dataclasses.dataclass(frozen=True)
class Count:
    """A line of the table that `datasets.check` prints; `expected` is None where any number will do."""

    name: str
    found: int
    expected: int | None = None


@dataclasses.dataclass(frozen=True)
class Scan:
    """A data set's layout as found: its records by split, its counts and its problems."""

    splits: Mapping[str, list[FaceRecord]]
    counts: list[Count]
    problems: list[Problem]


def refuse_another_list(outside: Sequence[Problem], files: int) -> None:
    """Sees that codes outside of the owners' list are slips in single files, not signs of another list.

    Codes that count from 0, say, are wrong where they look right too.

    Args:
      outside: a problem for each file whose code is not in the list.
      files: how many files have a code.

    Raises:
      UserError: if there are several, and more than one in twenty files.
    """
    if len(outside) > max(1, files // 20):
        first = outside[0]
        raise UserError(
            f"{first.file}: {first.found}; {len(outside)} of {files} files have such codes, so they follow another "
            f"list than the owners' and none of them can be trusted; {first.remedy}"
        )


def no_usable_image(dataset: str, split: str, reasons: Sequence[str], then: str = "") -> UserError:
    """What is said when a split would be empty: why (the first three of the `reasons`), and what to do `then`."""
    why = "".join(f"; {reason}" for reason in reasons[:3])
    more = f"; and {len(reasons) - 3:,} more" if len(reasons) > 3 else ""
    return UserError(f"{dataset}: the copy has no usable image for the split {split!r}{why}{more}{then}")


def class_counts(records: Iterable[FaceRecord], expected: Mapping[str, int], prefix: str = "") -> list[Count]:
    """Images a class, in the vocabulary's order, against the expected ones."""
    found = collections.Counter(record.label for record in records)
    return [Count(f"{prefix}{name}", found[name], expected[name]) for name in EXPRESSIONS if name in expected]
