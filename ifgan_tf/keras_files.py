"""Files of Keras that somebody else may have written: looked through before Keras opens them.

Keras learnt only step by step not to run what a file holds, so what an older one would do is refused here as well.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ifgan_tf import files

# A weight can claim any shape and store nothing. The largest of any backbone here, a first dense layer, has 0.4 GB.
MAX_WEIGHT_BYTES = 4 << 30
MAX_CONFIG_BYTES = 64 << 20
_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"

# Where a model of Keras' own layers comes from, by the module that its configuration names.
_MODULES = (
    *("keras", "keras.layers", "keras.models", "keras.initializers", "keras.regularizers", "keras.constraints"),
    *("keras.activations", "keras.dtype_policies", "keras.ops", "builtins"),
)
# How a configuration writes plain values; they name no module.
_VALUES = ("__keras_tensor__", "__tensor__", "__numpy__", "__tuple__", "__slice__", "__ellipsis__", "__bytes__")
_PACKAGES = ("keras.src.layers.", "keras.src.models.", "keras.src.ops.", "keras.src.initializers.")
# Layers that run code from the file, open other files, or belong to another framework.
_NOT_LAYERS = frozenset(
    {"FlaxLayer", "Hashing", "IndexLookup", "IntegerLookup", "JaxLayer", "Lambda"}
    | {"StringLookup", "TFSMLayer", "TextVectorization", "TorchModuleWrapper", "__lambda__"}
)


def refuse_odd_weights(path: Path) -> None:
    """Sees that an HDF5 file holds plain numbers of its own, none of another file, none of a size that is not stored.

    Raises:
      ValueError: naming what is odd.
      OSError: when it is no HDF5 file, or cannot be read.
    """
    import h5py

    with h5py.File(path, "r") as file:
        _refuse_odd(file, set())


def refuse_odd_model(path: Path) -> None:
    """Sees that a file of a whole model is made of Keras' own layers, with weights as `refuse_odd_weights` has them.

    Args:
      path: ends in `.keras`, or, as older files of Keras, in `.h5` or `.hdf5`: Keras, too, goes by that.

    Raises:
      ValueError: naming what is odd, or when it is no such file.
      OSError: when it cannot be read.
    """
    import h5py

    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                _refuse_odd_layers(json.loads(_member(archive, _CONFIG, MAX_CONFIG_BYTES)), _is_of_keras)
                if archive.getinfo(_WEIGHTS).file_size > MAX_WEIGHT_BYTES:
                    raise ValueError(f"its {_WEIGHTS} is larger than any model's")
                with archive.open(_WEIGHTS) as stream, h5py.File(stream, "r") as file:
                    _refuse_odd(file, set())
        elif path.suffix in (".h5", ".hdf5"):
            with h5py.File(path, "r") as file:
                _refuse_odd_layers(json.loads(file.attrs["model_config"]), lambda module: True)
                _refuse_odd(file, set())
        else:
            raise ValueError(f"its name ends in {path.suffix!r}")
    except (zipfile.BadZipFile, KeyError, RecursionError) as error:
        raise ValueError(f"not a model file of Keras ({error})") from None


def _refuse_odd_layers(config: Any, known: Callable[[str], bool]) -> None:
    for name, module in _named(config):
        if name in _NOT_LAYERS or not (known(module) or (not module and name in _VALUES)):
            raise ValueError(f"it asks for {module}.{name}, which is no plain layer of Keras")


def _is_of_keras(module: str) -> bool:
    return module in _MODULES or module.startswith(_PACKAGES)


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    if archive.getinfo(name).file_size > limit:
        raise ValueError(f"its {name} is larger than any model's")
    return archive.read(name)


def _refuse_odd(group: Any, seen: set[int]) -> None:
    """`seen`: where the groups lie that were looked through: an HDF5 file may hold itself."""
    import h5py

    place = h5py.h5o.get_info(group.id).addr
    if place in seen:
        return
    seen.add(place)
    for name in group:
        kind = group.get(name, getclass=True, getlink=True)
        if kind is not h5py.HardLink:
            raise ValueError(f"its {name[:80]!r} is a link to another place ({kind.__name__})")
        member = group[name]
        if isinstance(member, h5py.Group):
            _refuse_odd(member, seen)
        elif not isinstance(member, h5py.Dataset):
            raise ValueError(f"its {name[:80]!r} is no array of numbers")
        elif member.external or member.is_virtual:
            raise ValueError(f"its {name[:80]!r} is kept in another file")
        elif member.shape is not None and math.prod(member.shape) * member.dtype.itemsize > MAX_WEIGHT_BYTES:
            raise ValueError(f"its {name[:80]!r} of {member.shape} is larger than any weight")


def _named(tree: Any) -> Iterator[tuple[str, str]]:
    """The name and module of every class and function that a configuration names, however deep."""
    for part in files.objects(tree):
        if isinstance(part.get("class_name"), str):
            yield part["class_name"], str(part.get("module") or "")
