import dataclasses
import json
from pathlib import Path

import pytest
from absl import flags

from ifgan_tf import config
from ifgan_tf.config import Config, DataConfig, LossConfig, ModelConfig, OptimizerConfig, RunConfig
from ifgan_tf.errors import UserError
from ifgan_tf.labels import EXPRESSIONS

PRESETS = sorted((Path(__file__).parents[2] / "flags").glob("*.flags"))


@pytest.fixture
def values(monkeypatch):
    """A fresh set of flags, as a command line would fill it."""
    fresh = flags.FlagValues()
    monkeypatch.setattr(flags, "FLAGS", fresh)
    for kind in ("integer", "float", "string", "bool", "enum", "alias"):
        define = getattr(flags, f"DEFINE_{kind}")
        monkeypatch.setattr(flags, f"DEFINE_{kind}", lambda *a, define=define: define(*a, flag_values=fresh))
    flags.DEFINE_string("workdir", None, "")
    flags.DEFINE_string("fold", "0", "")
    config.define_flags()
    return fresh


def parsed(values, *arguments, fold=0):
    values(["train.py", *arguments])
    return config.from_flags(values, fold)


def test_defaults_are_the_papers():
    paper = Config()
    assert (paper.loss.lambda_gan, paper.loss.lambda_l1, paper.loss.lambda_softmax, paper.loss.lambda_island) == (
        1,
        20,
        10,
        1,
    )
    assert paper.loss.island_alpha == 0.03
    optimizer = paper.optimizer
    assert (optimizer.batch_size, optimizer.epochs, optimizer.weight_decay) == (50, 100, 1e-4)
    assert optimizer.weight_decay_scope == "all"
    assert (optimizer.learning_rate, optimizer.learning_rate_decay, optimizer.learning_rate_decay_epochs) == (
        1e-4,
        0.9,
        10,
    )
    assert (optimizer.beta_1, optimizer.beta_2) == (0.9, 0.99)
    assert (paper.data.image_size, paper.data.rotation, paper.model.backbone) == (224, 5.0, "ResNet101")
    assert (paper.model.classifier_input, paper.model.classifier_weights) == ("pair", "imagenet")


def test_no_flags_give_the_defaults(values):
    assert parsed(values) == dataclasses.replace(
        Config(), data=dataclasses.replace(DataConfig(), data_dir=str(Path("~/tensorflow_datasets").expanduser()))
    )


def test_every_setting_has_a_flag_with_its_meaning(values):
    for section in config.sections().values():
        for field in dataclasses.fields(section):
            assert field.name in values
            assert field.name == "fold" or values[field.name].help


def test_flags_reach_their_setting(values):
    made = parsed(values, "--image_size=64", "--noattention", "--lambda_l1=5", "--classifier_input=generated", fold=3)
    assert made.data.image_size == 64 and not made.model.attention and made.loss.lambda_l1 == 5.0
    assert made.model.classifier_input == "generated" and made.run.fold == 3


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_every_preset_parses(values, preset):
    parsed(values, f"--flagfile={preset}")


def test_there_are_presets():
    assert {"demo", "bu_3dfe_small"} <= {preset.stem for preset in PRESETS}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Config(data=DataConfig(image_size=100)),
            r"--image_size=100: expected a positive multiple of 32.*try 96",
        ),
        (lambda: Config(data=DataConfig(image_size=0)), r"--image_size=0"),
        (lambda: Config(data=DataConfig(classes="8")), r"--classes=8: expected 6 .*, 7 "),
        (lambda: Config(model=ModelConfig(generator_skips=5)), r"--generator_skips=5: expected 0 to 4"),
        (lambda: Config(optimizer=OptimizerConfig(batch_size=0)), r"--batch_size=0: expected at least 1"),
        (lambda: Config(optimizer=OptimizerConfig(epochs=0)), r"--epochs=0: expected at least 1"),
        (
            lambda: Config(optimizer=OptimizerConfig(learning_rate=-1e-3)),
            r"--learning_rate=-0.001: expected a number abo",
        ),
        (lambda: Config(optimizer=OptimizerConfig(learning_rate=0)), r"--learning_rate=0: expected a number above 0"),
        (lambda: Config(optimizer=OptimizerConfig(learning_rate=float("nan"))), r"--learning_rate=nan: expected"),
        (lambda: Config(optimizer=OptimizerConfig(learning_rate=float("inf"))), r"--learning_rate=inf: expected"),
        (lambda: Config(optimizer=OptimizerConfig(beta_2=1.0)), r"--beta_2=1.0: expected 0 to below 1"),
        (lambda: Config(optimizer=OptimizerConfig(weight_decay=-1)), r"--weight_decay=-1: expected at least 0"),
        (lambda: Config(loss=LossConfig(lambda_l1=-20)), r"--lambda_l1=-20: expected at least 0"),
        (lambda: Config(data=DataConfig(rotation=-5)), r"--rotation=-5: expected 0 to 180"),
        (lambda: Config(run=RunConfig(seed=-1)), r"--seed=-1: expected 0 to 4294967295"),
        (lambda: Config(optimizer=OptimizerConfig(batch_size="8")), r"--batch_size='8': expected a whole number"),
        (lambda: Config(model=ModelConfig(attention=1)), r"--attention=1: expected true or false"),
        (
            lambda: Config(model=ModelConfig(classifier_input="both")),
            r"--classifier_input=both: expected pair or generated or input",
        ),
    ],
)
def test_impossible_settings_are_named(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_saved_and_loaded(tmp_path):
    made = Config(data=DataConfig(image_size=64), model=ModelConfig(attention=False))
    config.save(made, tmp_path / "config.json")
    assert config.load(tmp_path / "config.json") == made
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]


def test_classes_are_named_in_one_way_whatever_way_they_were_given(values):
    five = "disgust,happiness,sadness,surprise,neutral"
    assert parsed(values, "--classes=surprise,neutral,happiness,sadness,disgust").data.classes == five
    assert parsed(values, "--num_classes=7").data.class_names == EXPRESSIONS
    assert parsed(values, "--num_classes=7", f"--classes={five}").data.classes == five  # the last one counts


def test_a_run_of_six_or_seven_classes_without_names_is_still_read(tmp_path):
    path = tmp_path / "config.json"
    config.save(Config(), path)
    tree = json.loads(path.read_text())
    del tree["data"]["classes"]
    tree["data"]["num_classes"] = 7
    path.write_text(json.dumps(tree))
    assert config.load(path).data.class_names == EXPRESSIONS


def test_a_setting_that_an_older_file_lacks_has_its_default(tmp_path):
    tree = config.to_dict(Config())
    del tree["loss"]["lambda_real"]
    (tmp_path / "config.json").write_text(json.dumps(tree))
    assert config.load(tmp_path / "config.json") == Config()


def test_a_run_from_before_there_was_a_choice_has_its_penalty_on_kernels(tmp_path):
    tree = config.to_dict(Config())
    del tree["optimizer"]["weight_decay_scope"]
    (tmp_path / "config.json").write_text(json.dumps(tree))
    assert config.load(tmp_path / "config.json").optimizer.weight_decay_scope == "kernels"


def test_where_a_baseline_lies_is_no_difference_but_that_there_is_one():
    def begun(folder):
        return dataclasses.replace(Config(), model=dataclasses.replace(Config().model, warm_start=folder))

    assert config.differences(begun("/a"), begun("/b")) == []
    assert config.differences(begun(""), begun("/b")) == ["--warm_start:  -> /b"]


def test_a_missing_file_is_no_run_folder(tmp_path):
    with pytest.raises(UserError, match=r"config\.json: no such file; expected a run folder"):
        config.load(tmp_path / "config.json")


@pytest.mark.parametrize("change", [lambda tree: tree["data"].update(colour="red"), lambda tree: tree.pop("loss")])
def test_another_versions_file_is_refused(tmp_path, change):
    tree = config.to_dict(Config())
    change(tree)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(tree))
    with pytest.raises(UserError, match="not a configuration of this version"):
        config.load(path)


def test_a_value_out_of_range_in_a_file_is_named_with_the_file(tmp_path):
    tree = config.to_dict(Config())
    tree["optimizer"]["batch_size"] = 0
    (tmp_path / "config.json").write_text(json.dumps(tree))
    with pytest.raises(UserError, match=r"config\.json: .*--batch_size=0: expected at least 1"):
        config.load(tmp_path / "config.json")


def test_a_run_may_be_gone_on_with_with_another_cache_and_one_from_before_there_was_any_has_the_default(tmp_path):
    other = Config(run=dataclasses.replace(Config().run, cache_gb=3.0))
    assert config.differences(Config(), other) == []
    tree = config.to_dict(other)
    del tree["run"]["cache_gb"]
    (tmp_path / "config.json").write_text(json.dumps(tree))
    assert config.load(tmp_path / "config.json") == Config()


def test_differences_name_the_flags_but_not_where_data_lie():
    other = Config(data=DataConfig(data_dir="/elsewhere", image_size=64))
    assert config.differences(Config(), other) == ["--image_size: 224 -> 64"]


def test_what_may_differ_on_going_on_is_no_difference_and_old_files_lack_it(tmp_path):
    other = Config(run=RunConfig(checkpoint_minutes=1.0, nan="rewind"))
    assert config.differences(Config(), other) == []
    tree = config.to_dict(Config())
    for name in ("checkpoint_minutes", "nan"):
        del tree["run"][name]
    (tmp_path / "config.json").write_text(json.dumps(tree))
    assert config.load(tmp_path / "config.json") == Config()
