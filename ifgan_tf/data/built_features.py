"""What the files of a built data set may ask TFDS to import: nothing but the features that data sets of faces have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ifgan_tf import files
from ifgan_tf.errors import UserError

_FILES = ("features.json", "dataset_info.json")  # the latter may hold features as well
_CLASS_KEYS = ("pythonClassName", "python_class_name", "type")
_NESTED_KEYS = ("jsonFeature", "json_feature")  # features as text inside of text, of which ours have none
_PACKAGE = "tensorflow_datasets.core.features"
_FEATURES = frozenset(
    f"{_PACKAGE}.{name}"
    for name in (
        "class_label_feature.ClassLabel",
        "features_dict.FeaturesDict",
        "image_feature.Image",
        "scalar.Scalar",
        "tensor_feature.Tensor",
        "text_feature.Text",
    )
)


def refuse_other_features(folder: Path) -> None:
    """Sees that a data set's description names no Python class but TFDS' own features of pictures, texts and numbers.

    TFDS imports whatever module a `features.json` names, and importing runs it; it knows other features that start
    programs (video).

    Args:
      folder: of the built version, with its `features.json`.

    Raises:
      UserError: naming the file and what it asks for, or when it is no JSON.
      OSError: when `features.json` is not there or cannot be read.
    """
    for file in (folder / name for name in _FILES):
        if file.name != _FILES[0] and not file.exists():
            continue
        try:
            named = _named_classes(files.read_json(file))
        except ValueError as error:
            raise UserError(f"{file}: damaged ({error}); build the data set again") from None
        for found in named:
            if found not in _FEATURES:
                raise UserError(
                    f"{file}: asks for {found[:100]!r}, which no data set of this project has and which could run "
                    f"anything; get the data set from somebody you trust, or build it yourself"
                )


def _named_classes(tree: Any) -> list[str]:
    """The Python classes that a description names, however deep."""
    found = []
    for part in files.objects(tree):
        found += [str(part[key]) for key in _CLASS_KEYS if isinstance(part.get(key), str)]
        found += [key for key in _NESTED_KEYS if key in part]
    return found
