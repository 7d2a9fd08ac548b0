import functools
import json

import numpy as np
import pytest

from ifgan_tf import config as config_lib
from ifgan_tf import files
from ifgan_tf.data.images import encode_png
from ifgan_tf.errors import UserError
from ifgan_tf.run_folder import RunFolder, fold_folders, refuse_a_mixture, single_run


def test_a_single_run_is_its_own_fold(tmp_path, tiny_config):
    config_lib.save(tiny_config, tmp_path / "config.json")
    assert fold_folders(tmp_path) == [RunFolder(tmp_path)]
    assert RunFolder(tmp_path).config() == tiny_config
    assert RunFolder(tmp_path).classes()[-1] == "surprise"


def test_folds_are_found_in_order(tmp_path, tiny_config):
    for name in ("fold_03", "fold_00", "notes"):
        (tmp_path / name).mkdir()
        config_lib.save(tiny_config, tmp_path / name / "config.json")
    assert [run.path.name for run in fold_folders(tmp_path)] == ["fold_00", "fold_03"]


def test_no_run_is_named(tmp_path):
    for find in (fold_folders, single_run):
        with pytest.raises(UserError, match=r"--workdir=.*: no run there .*train\.py"):
            find(tmp_path)


def test_the_one_run_that_is_asked_for(tmp_path, tiny_config):
    for name in ("fold_00", "fold_01"):
        (tmp_path / name).mkdir()
        config_lib.save(tiny_config, tmp_path / name / "config.json")
    with pytest.raises(UserError, match=r"holds 2 folds; name one, as --workdir=.*fold_00"):
        single_run(tmp_path)
    assert single_run(tmp_path / "fold_01") == RunFolder(tmp_path / "fold_01")


def test_a_missing_average_face_is_named(tmp_path, tiny_config):
    config_lib.save(tiny_config, tmp_path / "config.json")
    with pytest.raises(UserError, match=r"average_faces/anger\.png: no such average face"):
        RunFolder(tmp_path).average_faces()


def test_one_run_and_folds_do_not_share_a_folder(tmp_path, tiny_config):
    refuse_a_mixture(tmp_path, in_folders=True)
    config_lib.save(tiny_config, tmp_path / "config.json")
    refuse_a_mixture(tmp_path, in_folders=False)
    with pytest.raises(UserError, match="holds a single run already"):
        refuse_a_mixture(tmp_path, in_folders=True)
    (tmp_path / "folds" / "fold_03").mkdir(parents=True)
    config_lib.save(tiny_config, tmp_path / "folds" / "fold_03" / "config.json")
    refuse_a_mixture(tmp_path / "folds", in_folders=True)
    with pytest.raises(UserError, match="holds fold_03 already"):
        refuse_a_mixture(tmp_path / "folds", in_folders=False)
    config_lib.save(tiny_config, tmp_path / "folds" / "config.json")
    with pytest.raises(UserError, match="holds a single run and fold_03 beside it"):
        fold_folders(tmp_path / "folds")  # what an older version let happen: neither is left out unseen


@pytest.mark.parametrize("content", ["", "{", "[]", '{"data": 3}', "\0", "[" * 9999])
def test_a_spoilt_configuration_is_named(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    (tmp_path / "folds.json").write_text(content)
    for read in (RunFolder(tmp_path).config, RunFolder(tmp_path).fold):
        with pytest.raises(UserError, match=r"(config|folds)\.json: not a"):
            read()


def test_a_run_without_checkpoint_is_named(tmp_path, tiny_config):
    config_lib.save(tiny_config, tmp_path / "config.json")
    with pytest.raises(UserError, match="no such checkpoint; train the run first"):
        RunFolder(tmp_path).networks()


def test_an_average_face_of_another_size_is_named(tmp_path, tiny_config):
    config_lib.save(tiny_config, tmp_path / "config.json")
    run = RunFolder(tmp_path)
    run.average_faces_dir.mkdir()
    for name in run.classes():
        (run.average_faces_dir / f"{name}.png").write_bytes(encode_png(np.zeros((300, 256, 3), np.uint8)))
    with pytest.raises(UserError, match=r"anger\.png: of 256 x 300 pixels; expected 256 x 256"):
        run.average_faces()


def test_metrics_of_a_stranger_do_not_fill_the_memory(tmp_path, monkeypatch):
    (tmp_path / "metrics.jsonl").write_text("{}\n" * 1000)
    monkeypatch.setattr("ifgan_tf.files.read_bytes", functools.partial(files.read_bytes, limit=1000))
    with pytest.raises(UserError, match=r"metrics\.jsonl: more than 1,000 bytes"):
        RunFolder(tmp_path).metrics()


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("data", "image_size"),
        ("model", "generator_width"),
        ("model", "discriminator_width"),
        ("model", "generator_convolutions"),
    ],
)
def test_networks_that_no_machine_holds_are_refused(tmp_path, tiny_config, section, name):
    tree = config_lib.to_dict(tiny_config)
    tree[section][name] = 32 * 10**6
    (tmp_path / "config.json").write_text(json.dumps(tree))
    with pytest.raises(UserError, match=f"--{name}=32000000: expected"):
        RunFolder(tmp_path).config()


def test_a_run_without_calibration_has_no_temperature(tmp_path):
    assert RunFolder(tmp_path).temperature() == 1.0
    (tmp_path / "calibration.json").write_text('{"temperature": 2}')
    assert RunFolder(tmp_path).temperature() == 2.0


_NO_TEMPERATURES = ("0", "-1", "NaN", "Infinity", "true", "null", '"2"', "1e-30", "1" + 400 * "0")


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '"temperature"', "[" * 9999, *(f'{{"temperature": {value}}}' for value in _NO_TEMPERATURES)],
)
def test_a_damaged_calibration_is_named(tmp_path, content):
    (tmp_path / "calibration.json").write_text(content)
    with pytest.raises(UserError, match=r"calibration\.json: not a calibration .*expected a temperature from 0\.1"):
        RunFolder(tmp_path).temperature()
