"""The images of data sets by their numbers, wherever they lie: in memory, or in a file that is too large for it."""

from __future__ import annotations

import hashlib
import os
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ifgan_tf.errors import UserError
from ifgan_tf.faces.geometry import centre_crop

DIGEST = 16  # bytes that stand for an image's content


class Source(Protocol):
    """What images are taken from, one at a time: an array in memory, or an `ImageFile`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """[N, W, W, 3]."""

    def __getitem__(self, row: Any, /) -> Any:
        """Image `row`, uint8 [W, W, 3], which is not to be written into."""


class ImageFile:
    """Images of one size, one behind the other in a file of their pixels alone, read where they lie.

    The file stays open: it may be replaced or deleted. It is not mapped into memory: what has been looked at of a
    mapped file counts as memory of this process, and a disk's fault kills it instead of raising an error.
    """

    def __init__(self, path: Path, digests: np.ndarray, side: int) -> None:
        """Args:
          path: of a file of N times `side` x `side` x 3 bytes.
          digests: uint8 [N, DIGEST], of each image.
          side: W.

        Raises:
          OSError: when it cannot be opened.
        """
        self.path, self.digests = path, digests
        self.shape = (len(digests), side, side, 3)
        self._bytes = side * side * 3
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)

    def __getitem__(self, row: int) -> np.ndarray:
        """Reads image `row`, uint8 [W, W, 3]; other threads run meanwhile.

        Raises:
          UserError: when the file ends before it, or the disk fails.
        """
        image = np.empty(self.shape[1:], np.uint8)
        rest, place = image.data.cast("B"), int(row) * self._bytes
        try:
            while rest:
                count = os.preadv(self._file, [rest], place)
                if not count:
                    raise OSError("it ends before that image")
                rest, place = rest[count:], place + count
        except OSError as error:
            raise UserError(
                f"{self.path}: image {row} cannot be read ({error.strerror or error}); see that the disk is sound, "
                f"delete the folder {self.path.parent} and give the same command again: it decodes the data set anew "
                f"and goes on from the last checkpoint"
            ) from None
        return image

    def expect(self, rows: np.ndarray) -> None:
        """Lets the system read images ahead, all at once, which a disk does faster than one after the other."""
        if hasattr(os, "posix_fadvise"):  # macOS has none
            for row in rows.tolist():
                os.posix_fadvise(self._file, row * self._bytes, self._bytes, os.POSIX_FADV_WILLNEED)


@dataclass(frozen=True, eq=False)
class Images:
    """Some of the images of some sources, in any order: choosing and joining copies no pixels.

    Attributes:
      sources: of images of one size.
      places: int64 [N, 2], which source each image is of, and its number there.
      side: S, of the central patch that is shown of each.
    """

    sources: tuple[Source, ...]
    places: np.ndarray
    side: int

    @staticmethod
    def of(source: Source) -> Images:
        """All images of one source."""
        count, side = source.shape[:2]
        return Images((source,), np.stack([np.zeros(count, np.int64), np.arange(count)], axis=1), side)

    @staticmethod
    def join(parts: Sequence[Images]) -> Images:
        """Those of several, of one size, one after the other."""
        sources: list[Source] = []
        places = []
        for part in parts:
            places.append(part.places + np.array([len(sources), 0]))
            sources += part.sources
        return Images(tuple(sources), np.concatenate(places), parts[0].side)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """[N, S, S, 3]."""
        return (len(self), self.side, self.side, 3)

    @property
    def held(self) -> bool:
        """Whether they are all in memory."""
        return not any(isinstance(source, ImageFile) for source in self.sources)

    def take(self, index: Any) -> Images:
        """Those that `index` chooses: a mask, a slice or numbers, as NumPy takes them."""
        return replace(self, places=self.places[index])

    def cropped(self, side: int) -> Images:
        """The same, of which a smaller central patch is shown."""
        return replace(self, side=side)

    def each(self, index: Any = slice(None)) -> Iterator[np.ndarray]:
        """One after the other, uint8 [S, S, 3], not to be written into.

        Raises:
          UserError: when a file cannot be read.
        """
        for source, row in self.places[index].tolist():
            yield centre_crop(self.sources[source][row], self.side)

    def __getitem__(self, index: Any) -> np.ndarray:
        """A copy of those that `index` chooses, uint8 [M, S, S, 3]; of a single number, that one, uint8 [S, S, 3].

        Raises:
          UserError: when a file cannot be read.
        """
        if np.ndim(index) == 0 and not isinstance(index, slice):
            return next(self.each([index])).copy()
        images = np.empty((len(self.places[index]), *self.shape[1:]), np.uint8)
        for copy, image in zip(images, self.each(index), strict=True):
            copy[...] = image
        return images

    def expect(self, index: Any) -> None:
        """Says which are asked for soon."""
        places = self.places[index]
        for number, source in enumerate(self.sources):
            if isinstance(source, ImageFile):
                source.expect(places[places[:, 0] == number, 1])

    def digests(self) -> Iterator[bytes]:
        """What stands for each whole image's content; of a file it is known without reading it."""
        for number, row in self.places.tolist():
            source = self.sources[number]
            yield source.digests[row].tobytes() if isinstance(source, ImageFile) else digest(source[row])


def digest(image: np.ndarray) -> bytes:
    """What stands for an image's content: `DIGEST` bytes."""
    return hashlib.blake2b(image.tobytes(), digest_size=DIGEST).digest()
