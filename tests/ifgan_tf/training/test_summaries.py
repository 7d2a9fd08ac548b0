import numpy as np
import pytest
from tensorboard.plugins.hparams import plugin_data_pb2

from ifgan_tf.config import Config
from ifgan_tf.training.summaries import Summaries, face_grid


def read(folder):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return events


def test_training_and_validation_are_two_runs_of_the_same_tags(tmp_path):
    summaries = Summaries(tmp_path)
    summaries.scalars("train", {"accuracy": 0.5, "loss": 1.5}, 7)
    summaries.scalars("validation", {"accuracy": 0.25}, 7)
    summaries.image("faces", np.zeros((8, 8, 3), np.uint8), 7)
    summaries.flush()
    train, validation = read(tmp_path / "train"), read(tmp_path / "validation")
    assert set(train.Tags()["tensors"]) == {"accuracy", "loss"}
    assert set(validation.Tags()["tensors"]) == {"accuracy", "faces"}
    assert train.Tensors("loss")[0].step == 7
    assert "Eq. 1" in train.SummaryMetadata("loss").summary_description


def test_curves_of_a_group_stand_together_and_say_what_they_are(tmp_path):
    summaries = Summaries(tmp_path)
    summaries.groups("train", {"balance": {"l1": 3.0}, "gradient_generator": {"l1": 0.5}}, 1)
    summaries.flush()
    train = read(tmp_path / "train")
    assert set(train.Tags()["tensors"]) == {"balance/l1", "gradient_generator/l1"}
    assert "λ·loss" in train.SummaryMetadata("balance/l1").summary_description
    assert "λ·gradient" in train.SummaryMetadata("gradient_generator/l1").summary_description


def test_configuration_as_text_and_as_hyper_parameters(tmp_path):
    summaries = Summaries(tmp_path)
    summaries.configuration(Config(), "runs/a")
    summaries.flush()
    events = read(tmp_path)
    text = events.Tensors("configuration/loss")[0].tensor_proto.string_val[0].decode()
    assert "| --lambda_l1 | 20.0 |" in text
    told = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    started = plugin_data_pb2.HParamsPluginData.FromString(told).session_start_info
    assert started.group_name == "runs/a"
    assert started.hparams["lambda_l1"].number_value == 20 and started.hparams["attention"].bool_value
    config = events.SummaryMetadata("_hparams_/experiment").plugin_data.content
    metrics = plugin_data_pb2.HParamsPluginData.FromString(config).experiment.metric_infos
    assert {(m.name.group, m.name.tag) for m in metrics} >= {("validation", "accuracy"), ("evaluation", "accuracy")}


def test_grid_shows_every_face_in_its_place():
    red, green = (np.zeros((2, 16, 16, 3), np.uint8) for _ in range(2))
    red[..., 0], green[..., 1] = 255, 255
    grid = face_grid({"photo": red, "generated": green}, ["anger", "fear"])
    height, width = grid.shape[:2]
    assert tuple(grid[height - 60, width - 200]) == (255, 0, 0)
    assert tuple(grid[height - 60, width - 60]) == (0, 255, 0)
    assert (grid[:20] < 128).any()  # the names of the columns
