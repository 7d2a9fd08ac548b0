import time

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from ifgan_tf.config import Config
from ifgan_tf.training.summaries import Summaries, face_grid


def read(folder):
    events = EventAccumulator(str(folder))
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


def test_what_was_written_of_steps_that_are_taken_again_is_forgotten(tmp_path):
    for after, steps in ((0, (2, 4, 6)), (4, (6, 8))):
        summaries = Summaries(tmp_path, after)
        for step in steps:
            summaries.scalars("train", {"loss": 10.0 * after + step}, step)
        summaries.flush()
        time.sleep(1.1)  # files of events are read in the order of the seconds in their names
    told = read(tmp_path / "train").Tensors("loss")
    assert [(one.step, float(tf.make_ndarray(one.tensor_proto))) for one in told] == [(2, 2), (4, 4), (6, 46), (8, 48)]


def test_a_full_disk_ends_the_curves_and_nothing_else(tmp_path, monkeypatch, caplog):
    def full(self):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    summaries = Summaries(tmp_path)
    monkeypatch.setattr(type(summaries._writers["train"]), "flush", full)
    summaries.scalars("train", {"loss": 1.0}, 1)
    summaries.scalars("train", {"loss": 1.0}, 2)
    summaries.configuration(Config(), "runs/a")
    summaries.image("faces", np.zeros((8, 8, 3), np.uint8), 7)
    summaries.flush()
    told = "curves and pictures for TensorBoard cannot be written (No space left on device); training goes on without"
    assert caplog.text.count(told) == caplog.text.count("\n") == 1


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
