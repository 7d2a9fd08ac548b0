"""TFDS' own test of each builder, on imitations in the official layouts."""

import pathlib
import shutil
import tempfile
from typing import ClassVar
from unittest import mock

import numpy as np
import pytest
import tensorflow_datasets as tfds
from coloured_faces import CentredFaces, coloured_face, expression_shown

from datasets import alignment
from datasets.bu_3dfe import bu_3dfe_dataset_builder
from datasets.ck_plus import ck_plus_dataset_builder
from datasets.crema_d import crema_d_dataset_builder
from datasets.mmi import mmi_dataset_builder
from datasets.raf_db import raf_db_dataset_builder
from ifgan_tf.data import templates
from ifgan_tf.faces import geometry
from ifgan_tf.labels import EXPRESSIONS
from tests.datasets import imitations


class _BuilderTest(tfds.testing.DatasetBuilderTestCase):
    """Draws the imitation, and replaces MTCNN, which has tests of its own."""

    TEMPLATE: ClassVar = geometry.TEMPLATE

    @staticmethod
    def write(root):
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        cls.EXAMPLE_DIR = tempfile.mkdtemp()
        cls.write(pathlib.Path(cls.EXAMPLE_DIR))
        cls._detector = mock.patch.object(alignment, "detector", CentredFaces)
        cls._detector.start()
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls._detector.stop()
        shutil.rmtree(cls.EXAMPLE_DIR)

    def test_red_stays_red_and_every_label_is_the_shown_one(self):
        config = next(iter(self.dataset_class.builder_configs), None)
        builder = self._make_builder(config)
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=self.EXAMPLE_DIR))
        examples = 0
        for split in builder.info.splits:
            for example in tfds.as_numpy(builder.as_dataset(split=split)):
                assert expression_shown(example["image"]) == EXPRESSIONS[example["label"]]
                red, green, blue = np.median(example["image"].reshape(-1, 3), axis=0)
                assert (red > green + 40 and red > blue + 30) or red == green == blue  # CK+ is mostly grey
                examples += 1
        assert examples == sum(self.SPLITS.values())
        template = templates.load(pathlib.Path(builder.data_dir) / templates.FILE)
        np.testing.assert_allclose(template, self.TEMPLATE, atol=1e-3)


class Bu3dfeTest(_BuilderTest):
    DATASET_CLASS = bu_3dfe_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ("paper",)
    SPLITS: ClassVar = {"train": 26}

    @staticmethod
    def write(root):
        imitations.write_bu_3dfe(root, subjects=2, extension="png", face=coloured_face)


class CkPlusTest(_BuilderTest):
    DATASET_CLASS = ck_plus_dataset_builder.Builder
    SPLITS: ClassVar = {"train": 4 * 11}

    @staticmethod
    def write(root):
        sequences = {**dict.fromkeys(imitations.CK_PLUS_SEQUENCES, 2), "anger": 1}
        imitations.write_ck_plus(root, sequences, unlabelled=2, subjects=5, face=coloured_face)


class MmiTest(_BuilderTest):
    DATASET_CLASS = mmi_dataset_builder.Builder
    SPLITS: ClassVar = {"train": 4 * 6}

    @staticmethod
    def write(root):
        imitations.write_mmi(root, dict.fromkeys(imitations.MMI_SEQUENCES, 1), subjects=3, face=coloured_face)


class RafDbTest(_BuilderTest):
    DATASET_CLASS = raf_db_dataset_builder.Builder
    SPLITS: ClassVar = {"train": 14, "test": 7}
    TEMPLATE: ClassVar = geometry.TEMPLATE + 0.78  # of 100 pixels: half a pixel is 1.28 of 256 pixels

    @staticmethod
    def write(root):
        counts = {"train": dict.fromkeys(EXPRESSIONS, 2), "test": dict.fromkeys(EXPRESSIONS, 1)}
        imitations.write_raf_db(root, counts, face=coloured_face)


class CremaDTest(_BuilderTest):
    DATASET_CLASS = crema_d_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ("intended", "rated")
    SPLITS: ClassVar = {"train": 3 * 6}

    @staticmethod
    def write(root):
        clips = ("IEO_ANG_HI", "IEO_DIS_MD", "IEO_FEA_HI", "IEO_HAP_LO", "IEO_NEU_XX", "TAI_SAD_XX")  # raters agree
        imitations.write_crema_d(root, [f"1001_{clip}" for clip in clips], face=coloured_face)


# Not a test by itself: TFDS' class has nothing to build.
del _BuilderTest


if __name__ == "__main__":
    pytest.main([__file__])
