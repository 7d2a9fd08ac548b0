import numpy as np
import pytest

from ifgan_tf.config import Config
from ifgan_tf.training.summaries import Summaries, attention_picture, confusion_picture, face_grid


def read(folder):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return events


def test_what_is_written_can_be_read(tmp_path):
    summaries = Summaries(str(tmp_path))
    summaries.configuration(Config())
    summaries.scalars("train", {"loss": 1.5}, 7)
    summaries.image("faces", np.zeros((8, 8, 3), np.uint8), 7)
    summaries.flush()
    events = read(tmp_path)
    tags = set(events.Tags()["tensors"])
    assert {"train/loss", "faces", "configuration/loss", "configuration/model"} <= tags
    assert events.Tensors("train/loss")[0].step == 7
    text = events.Tensors("configuration/loss")[0].tensor_proto.string_val[0].decode()
    assert "| --lambda_l1 | 20.0 |" in text


def test_grid_shows_every_face_in_its_place():
    red, green = (np.zeros((2, 16, 16, 3), np.uint8) for _ in range(2))
    red[..., 0], green[..., 1] = 255, 255
    grid = face_grid({"photo": red, "generated": green}, ["anger", "fear"])
    height, width = grid.shape[:2]
    assert tuple(grid[height - 60, width - 200]) == (255, 0, 0)
    assert tuple(grid[height - 60, width - 60]) == (0, 255, 0)
    assert (grid[:20] < 128).any()  # the names of the columns


def test_attention_is_brightest_where_the_row_is():
    attention = np.zeros((64, 64), np.float32)
    attention[:, 0] = 1.0  # every position reads the top left corner
    picture = attention_picture(np.full((32, 32, 3), 128, np.uint8), attention)
    assert picture.shape == (128, 512, 3)
    corner, elsewhere = picture[4, 128 + 4].astype(int), picture[70, 128 + 120].astype(int)
    assert corner[0] > corner[2] and elsewhere[2] > elsewhere[0]  # red hot, blue cold


def test_confusion_is_darker_where_more_are():
    picture = confusion_picture(np.array([[9, 1], [0, 10]]), ["anger", "fear"])
    right, wrong = picture[22 + 5, 110 + 5].astype(int), picture[22 + 5, 110 + 56 + 5].astype(int)
    assert right.sum() < wrong.sum()
