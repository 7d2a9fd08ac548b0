"""The builder of the synthetic faces: what TFDS asks of every builder, and that each class and person comes out."""

import collections
import pathlib

import numpy as np
import pytest

pytest.importorskip("dill", reason="tensorflow_datasets.testing needs it")
import tensorflow_datasets as tfds

from datasets.synthetic_faces.action_units import ACTION_UNITS
from datasets.synthetic_faces.person import GENDERS
from datasets.synthetic_faces.synthetic_faces_dataset_builder import Builder, SyntheticFacesConfig, records
from ifgan_tf.labels import EXPRESSIONS, NEUTRAL

HAPPINESS = EXPRESSIONS.index("happiness")
TWO_PEOPLE = SyntheticFacesConfig(name="two_people", description="Two people.", subjects=2)


class SyntheticFacesTest(tfds.testing.DatasetBuilderTestCase):
    """Builds two people's faces as TFDS does."""

    DATASET_CLASS = Builder
    SPLITS = {"train": 42}  # noqa: RUF012
    SKIP_CHECKSUMS = True

    EXAMPLE_DIR = str(pathlib.Path(__file__).parent)  # a folder is asked for; nothing is read
    BUILDER_CONFIG_NAMES_TO_TEST = ["tiny"]  # noqa: RUF012

    def _make_builder(self, config=None):
        return Builder(data_dir=self.tmp_dir, config=TWO_PEOPLE)


def test_built_faces(tmp_path):
    one = SyntheticFacesConfig(name="one_person", description="One person.", subjects=1)
    builder = Builder(data_dir=tmp_path, config=one)
    builder.download_and_prepare()
    faces = list(tfds.as_numpy(tfds.builder("synthetic_faces/one_person", data_dir=tmp_path).as_dataset(split="train")))
    assert collections.Counter(int(face["label"]) for face in faces) == dict.fromkeys(range(len(EXPRESSIONS)), 3)
    assert sum(face["detection_confidence"] > 0.9 for face in faces) >= 20
    for face in faces:
        assert face["image"].shape == (256, 256, 3)
        assert face["subject"] == b"S000" and face["frame"] == 0
        neutral = face["label"] == NEUTRAL
        assert face["role"] == int(neutral)
        assert face["intensity"] == 0 if neutral else face["intensity"] in (2, 3, 4)
        assert (face["strength"] == 0) == neutral
        assert face["action_units"].shape == (len(ACTION_UNITS), 2) and (np.abs(face["pose"]) < 25).all()
    assert len({(face["age"], face["gender"], face["ancestry"]) for face in faces}) == 1
    smiles = [face["action_units"][list(ACTION_UNITS).index(12)].mean() for face in faces if face["label"] == HAPPINESS]
    assert min(smiles) > 0.2
    found = [face for face in faces if face["detection_confidence"]]
    eyes = [np.linalg.norm(face["true_landmarks"][1] - face["true_landmarks"][0]) for face in found]
    apart = [np.linalg.norm(face["landmarks"] - face["true_landmarks"], axis=1).mean() for face in found]
    assert np.median(np.divide(apart, eyes)) < 0.1
    assert builder.info.features["gender"].names == list(GENDERS)
    assert not any((tmp_path / ".pictures").iterdir())


def test_records_cover_every_class_and_person(tmp_path):
    faces = records(Builder.builder_configs["default"], tmp_path)
    assert len(faces) == len({face.key for face in faces}) == 3150
    assert collections.Counter(face.label for face in faces) == dict.fromkeys(EXPRESSIONS, 450)
    assert sorted({face.subject for face in faces}) == [f"S{index:03d}" for index in range(150)]
    assert {face.intensity for face in faces if face.role == "expressive"} == {2, 3, 4}
    anger = next(face for face in faces if face.key == "S007_anger_03")
    assert anger.sequence == "anger_03" and anger.load().shape[2] == 3


def test_configs():
    configs = Builder.builder_configs
    assert {name: config.subjects for name, config in configs.items()} == {"default": 150, "tiny": 12, "large": 1000}
    assert len(records(configs["large"], pathlib.Path())) == 28000
    assert len({record.key for record in records(configs["large"], pathlib.Path())}) == 28000
