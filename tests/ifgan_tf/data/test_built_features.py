"""A built data set from a stranger: its description makes TFDS import nothing."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ifgan_tf.data import built_sets
from ifgan_tf.errors import UserError

Change = Callable[[Path, str], None]


def _current(folder: Path, name: str) -> None:
    features = json.loads((folder / "features.json").read_text())
    features["featuresDict"]["features"]["image"]["pythonClassName"] = name
    (folder / "features.json").write_text(json.dumps(features))


def _snake_case(folder: Path, name: str) -> None:
    features = json.loads((folder / "features.json").read_text())
    features["python_class_name"] = name
    features.pop("pythonClassName")
    (folder / "features.json").write_text(json.dumps(features))


def _of_old(folder: Path, name: str) -> None:
    (folder / "features.json").write_text(json.dumps({"type": name, "content": {}}))


def _inside_of_text(folder: Path, name: str) -> None:
    nested = {"pythonClassName": "tensorflow_datasets.core.features.features_dict.FeaturesDict"}
    (folder / "features.json").write_text(
        json.dumps({**nested, "jsonFeature": {"json": json.dumps({"a": {"type": name, "content": {}}})}})
    )


def _in_the_info(folder: Path, name: str) -> None:
    info = json.loads((folder / "dataset_info.json").read_text())
    (folder / "dataset_info.json").write_text(json.dumps({**info, "features": {"pythonClassName": name}}))


@pytest.mark.parametrize("change", [_current, _snake_case, _of_old, _inside_of_text, _in_the_info])
def test_no_module_is_imported(change: Change, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "stranger.py").write_text(f"open({str(tmp_path / 'SENTINEL')!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    shutil.copytree(data_dir, tmp_path / "data")
    change(tmp_path / "data" / "bu_3dfe" / "1.0.0", "stranger.Feature")
    try:
        with pytest.raises(UserError, match=r"\.json: asks for '(stranger\.Feature|jsonFeature)'"):
            built_sets.open_builder("bu_3dfe", str(tmp_path / "data"))
        assert not (tmp_path / "SENTINEL").exists()
    finally:
        sys.modules.pop("stranger", None)


@pytest.mark.parametrize("content", ["{", "[" * 100_000, "\udc80"])
def test_a_damaged_description_is_named(content: str, data_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(data_dir, tmp_path / "data")
    file = tmp_path / "data" / "bu_3dfe" / "1.0.0" / "features.json"
    file.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=r"features\.json: damaged"):
        built_sets.open_builder("bu_3dfe", str(tmp_path / "data"))
