"""Training from a file, where the images do not fit into memory, is training from memory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from tiny import changed, tiny_config
from tiny_sets import SUBJECTS, example_of, write_built_set

from ifgan_tf import config as config_lib
from ifgan_tf.data import splits
from ifgan_tf.data.input_pipeline import plainly, steps_per_epoch, training_batches
from ifgan_tf.errors import UserError
from ifgan_tf.evaluation.predictions import faces_of
from ifgan_tf.models.networks import Networks
from ifgan_tf.run_folder import RunFolder
from ifgan_tf.training import loop
from ifgan_tf.training.validation import Validation

_LITTLE = 1e-6  # --cache_gb into which nothing fits


@pytest.fixture(scope="module")
def config(make_config, data_dir, tmp_path_factory):
    """A run of pairs, so that its validation looks at generated faces again, on data beside which files can be made."""
    folder = shutil.copytree(data_dir, tmp_path_factory.mktemp("data") / "built")
    return make_config(folder, classifier_input="pair", batch_size=32, epochs=2, learning_rate=1e-3)


@pytest.fixture(scope="module")
def held(config, tmp_path_factory):
    """The run from memory."""
    run = RunFolder(tmp_path_factory.mktemp("held") / "run")
    loop.train(config, run.path)
    return run


def lines(run):
    told = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "images_per_second"} for line in told]


@pytest.mark.slow
def test_a_run_from_a_file_is_the_run_from_memory_and_either_goes_on_as_the_other(config, held, tmp_path, monkeypatch):
    run, real = RunFolder(tmp_path / "streamed"), loop.train_epoch

    def stop_in_epoch_2(trainer, batches, steps, *rest):
        if steps.start > len(steps):
            trainer.step(*next(batches))
            raise KeyboardInterrupt
        return real(trainer, batches, steps, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_epoch", stop_in_epoch_2)
        with pytest.raises(KeyboardInterrupt):
            loop.train(changed(config, cache_gb=_LITTLE), run.path)
    stopped = RunFolder(shutil.copytree(run.path, tmp_path / "stopped"))
    assert len(lines(stopped)) == 1
    for going_on, cache_gb in ((run, _LITTLE), (stopped, 0.0)):
        loop.train(changed(config, cache_gb=cache_gb), going_on.path)
        assert lines(going_on) == lines(held)
        for one, other in zip(going_on.networks("last"), held.networks("last"), strict=True):
            for mine, theirs in zip(one.weights, other.weights, strict=True):
                np.testing.assert_array_equal(mine, theirs)
    streamed, kept = (faces_of(folder, "test") for folder in (run, held))
    assert not streamed.images.held and kept.images.held
    np.testing.assert_array_equal(streamed.images[:], kept.images[:])


@pytest.mark.slow
def test_a_file_that_fails_in_mid_epoch_ends_the_run_with_one_error_and_its_checkpoint(
    config, held, tmp_path, monkeypatch
):
    run = RunFolder(shutil.copytree(held.path, tmp_path / "run"))
    longer, real = changed(config, epochs=3, cache_gb=_LITTLE), loop.train_epoch
    config_lib.save(longer, run.config_file)

    def lose(*arguments):
        with next(Path(config.data.data_dir).rglob("pixels.uint8")).open("r+b") as file:
            file.truncate(1000)
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_epoch", lose)
        with pytest.raises(UserError, match=r"pixels\.uint8: image \d+ cannot be read .* give the same command again"):
            loop.train(longer, run.path)
    assert run.checkpoint_epoch("last") == 2
    assert loop.train(longer, run.path)["epoch"] == 3  # as it said: the data set is decoded anew


def resident() -> int:
    """Bytes of this process that are in memory."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return 1024 * int(line.split()[1])


def test_memory_stays_flat_with_ten_times_what_the_cache_holds(tmp_path):
    random, count = np.random.default_rng(0), 1000
    examples = [  # small files of large images
        example_of(SUBJECTS[n % 20], f"{n}.png", n // 20 % 7, random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        for n in range(count)
    ]
    write_built_set(tmp_path, "bu_3dfe", {"train": examples})
    config = tiny_config(dataset="bu_3dfe", data_dir=str(tmp_path), image_size=224, batch_size=20, classes="7")
    whole = count * 256 * 256 * 3
    config = changed(config, cache_gb=whole / 1e9 / 10)

    def walk(cache_gb: float) -> int:
        """Most bytes that an epoch of batches and its validation add, from before anything is read."""
        before = resident()
        data = splits.load(config.data, 0, cache_gb)
        most = resident()
        steps = steps_per_epoch(data.train, 20)
        for _ in plainly(training_batches(data.train, data.train.labels, config.data, 20, range(steps), 0)):
            most = max(most, resident())
        predicted = Validation(networks, "generated", data.validation, None, config.data.class_names, 224).predict()
        assert len(predicted["probabilities"]) == len(data.validation)
        return max(most, resident()) - before

    photo = keras.Input((224, 224, 3))
    drawn, told = keras.layers.Conv2D(3, 1)(photo), keras.layers.Dense(7)(keras.layers.GlobalMaxPooling2D()(photo))
    networks = Networks(keras.Model(photo, drawn), None, keras.Model(photo, {"logits": told}))
    walk(config.run.cache_gb)  # what TensorFlow makes once
    assert walk(config.run.cache_gb) < whole / 5
    assert walk(0.0) > whole / 2, "the measure sees images in memory"
