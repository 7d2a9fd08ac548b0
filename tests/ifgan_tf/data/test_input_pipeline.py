import dataclasses

import numpy as np
import pytest
from tiny_sets import faces_of

from ifgan_tf.data.input_pipeline import class_weights, steps_per_epoch, training_batches
from ifgan_tf.errors import UserError


@pytest.fixture
def faces():
    count = 10
    images = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None] * 20, (count, 37, 37, 3)).copy()
    return faces_of(np.arange(count) % 6, images=images)


def batches_of(faces, config, first_step=0):
    batch_size = config.optimizer.batch_size
    steps = range(first_step, config.optimizer.epochs * steps_per_epoch(faces, batch_size))
    return training_batches(faces, 10 + faces.labels, config.data, batch_size, steps, config.run.seed)


def drawn(faces, config, first_step=0):
    return [(images.numpy(), labels.numpy()) for images, labels, _ in batches_of(faces, config, first_step)]


def test_shapes_and_types(faces, tiny_config):
    images, labels, targets = next(iter(batches_of(faces, tiny_config)))
    assert (images.shape, images.dtype, labels.shape, labels.dtype) == ((4, 32, 32, 3), "uint8", (4,), "int32")
    assert targets.dtype == "int32" and targets.numpy().tolist() == (10 + labels.numpy()).tolist()


def test_labels_stay_with_their_images(faces, tiny_config):
    for images, labels in drawn(faces, tiny_config):
        np.testing.assert_array_equal(images.max(axis=(1, 2, 3)) // 20 % 6, labels)


def test_an_epoch_shows_no_image_twice(faces, tiny_config):
    assert steps_per_epoch(faces, tiny_config.optimizer.batch_size) == 2
    batches = drawn(faces, tiny_config)
    assert len(batches) == 4  # two epochs of two whole batches
    for epoch in (batches[:2], batches[2:]):
        seen = np.concatenate([images.max(axis=(1, 2, 3)) for images, _ in epoch])
        assert len(set(seen)) == 8


def test_epochs_differ(faces, tiny_config):
    batches = drawn(faces, tiny_config)
    assert any((one[0] != other[0]).any() for one, other in zip(batches[:2], batches[2:], strict=True))


@pytest.mark.parametrize("step", [1, 2, 3])
def test_starting_later_continues_exactly(faces, tiny_config, step):
    whole, rest = drawn(faces, tiny_config), drawn(faces, tiny_config, step)
    for one, other in zip(whole[step:], rest, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_another_seed_gives_another_order(faces, tiny_config):
    other = dataclasses.replace(tiny_config, run=dataclasses.replace(tiny_config.run, seed=1))
    assert any((a[1] != b[1]).any() for a, b in zip(drawn(faces, tiny_config), drawn(faces, other), strict=True))


def test_fewer_images_than_a_batch_are_refused(faces):
    with pytest.raises(UserError, match="--batch_size=11: more than the 10 training images"):
        steps_per_epoch(faces, 11)


def test_class_weights_make_every_class_count_the_same():
    labels = np.array([0] * 6 + [1] * 3 + [2])
    weights = class_weights(labels)
    np.testing.assert_allclose(weights * np.bincount(labels), 10 / 3, rtol=1e-6)
    np.testing.assert_allclose(weights[labels].mean(), 1, rtol=1e-6)


def test_balanced_sampling_draws_every_class_equally_often_and_repeats_itself(tiny_config):
    count = 400
    labels = np.where(np.arange(count) < 380, 3, np.arange(count) % 2).astype(np.int32)  # 380 of 3, 10 each of 0 and 1
    faces = faces_of(labels, side=37)
    config = dataclasses.replace(
        tiny_config,
        data=dataclasses.replace(tiny_config.data, balanced_sampling=True),
        optimizer=dataclasses.replace(tiny_config.optimizer, epochs=5),
    )
    seen = np.concatenate([labels for _, labels in drawn(faces, config)])
    shares = np.bincount(seen, minlength=4) / len(seen)
    assert len(seen) == 2000 and shares[2] == 0
    np.testing.assert_allclose(shares[[0, 1, 3]], 1 / 3, atol=0.04)  # four standard deviations
    np.testing.assert_array_equal(seen[1600:], np.concatenate([labels for _, labels in drawn(faces, config, 4 * 100)]))
