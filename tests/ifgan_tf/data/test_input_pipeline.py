import dataclasses
import errno
import os

import numpy as np
import pytest
import tensorflow as tf
from tiny_sets import faces_of, in_a_file

from ifgan_tf.data.input_pipeline import class_weights, plainly, steps_per_epoch, training_batches
from ifgan_tf.data.pixels import Images
from ifgan_tf.errors import UserError


@pytest.fixture
def faces():
    count = 10
    images = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None] * 20, (count, 37, 37, 3)).copy()
    return faces_of(np.arange(count) % 6, images=images)


@pytest.fixture
def noise():
    """Ten faces of which no view is like another."""
    images = np.random.default_rng(0).integers(0, 256, (10, 37, 37, 3), dtype=np.uint8)
    return faces_of(np.arange(10) % 6, images=images)


def batches_of(faces, config, first=0, share=(0, 1)):
    """From step `first` to the end of the run; the targets are the faces' numbers, and so tell them apart."""
    batch_size = config.optimizer.batch_size
    steps = range(first, config.optimizer.epochs * steps_per_epoch(faces, batch_size))
    targets = np.arange(len(faces), dtype=np.int32)
    return training_batches(faces, targets, config.data, batch_size, steps, config.run.seed, share)


def drawn(faces, config, first=0, share=(0, 1)):
    return [tuple(part.numpy() for part in batch) for batch in batches_of(faces, config, first, share)]


def same(some, others):
    assert len(some) == len(others) > 0
    for one, other in zip(some, others, strict=True):
        for mine, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def with_data(config, batch_size=4, **settings):
    optimizer = dataclasses.replace(config.optimizer, batch_size=batch_size)
    return dataclasses.replace(config, data=dataclasses.replace(config.data, **settings), optimizer=optimizer)


def test_shapes_and_types(faces, tiny_config):
    images, labels, targets = next(iter(batches_of(faces, tiny_config)))
    assert (images.shape, images.dtype, labels.shape, labels.dtype) == ((4, 32, 32, 3), "uint8", (4,), "int32")
    assert targets.dtype == "int32" and (targets.numpy() % 6).tolist() == labels.numpy().tolist()


def test_labels_stay_with_their_images(faces, tiny_config):
    for images, labels, _ in drawn(faces, tiny_config):
        np.testing.assert_array_equal(images.max(axis=(1, 2, 3)) // 20 % 6, labels)


def test_an_epoch_shows_no_image_twice(faces, tiny_config):
    assert steps_per_epoch(faces, tiny_config.optimizer.batch_size) == 2
    batches = drawn(faces, tiny_config)
    assert len(batches) == 4  # two epochs of two whole batches
    for epoch in (batches[:2], batches[2:]):
        seen = np.concatenate([images.max(axis=(1, 2, 3)) for images, *_ in epoch])
        assert len(set(seen)) == 8


def test_epochs_differ(faces, tiny_config):
    batches = drawn(faces, tiny_config)
    assert any((one[0] != other[0]).any() for one, other in zip(batches[:2], batches[2:], strict=True))


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("first", [1, 2, 3])
def test_starting_at_any_step_continues_exactly(noise, tiny_config, first, balanced):
    config = with_data(tiny_config, balanced_sampling=balanced, colour_jitter=0.1)
    same(drawn(noise, config)[first:], drawn(noise, config, first))


def test_nothing_is_left_after_the_last_step(faces, tiny_config):
    assert drawn(faces, tiny_config, first=4) == []


@pytest.mark.parametrize("balanced", [False, True])
def test_shares_put_together_are_the_whole_batch(noise, tiny_config, balanced):
    config = with_data(tiny_config, balanced_sampling=balanced, colour_jitter=0.1)
    shares = [drawn(noise, config, share=(worker, 2)) for worker in range(2)]
    together = [
        tuple(np.concatenate(parts) for parts in zip(*of_a_step, strict=True))
        for of_a_step in zip(*shares, strict=True)
    ]
    same(drawn(noise, config), together)


def test_a_share_reads_its_own_images_alone(noise, tiny_config):
    class Watched:
        shape = noise.images.shape

        def __getitem__(self, row):
            read.append(row)
            return noise.images[row]

    read = []
    watched = dataclasses.replace(noise, images=Images.of(Watched()))
    (mine,) = [chosen for _, _, chosen in drawn(watched, tiny_config, first=3, share=(1, 4))]
    assert read == mine.tolist() and len(read) == 1


def test_a_batch_that_cannot_be_shared_is_refused(faces, tiny_config):
    with pytest.raises(UserError, match="--batch_size=4: 3 share each batch; expected a multiple of 3"):
        batches_of(faces, tiny_config, share=(0, 3))


def test_a_view_of_an_image_in_an_epoch_is_the_same_in_batches_of_any_size(noise, tiny_config):
    views = []
    for batch_size in (2, 5):
        batches = drawn(noise, with_data(tiny_config, batch_size, colour_jitter=0.1))[: 10 // batch_size]
        views.append({int(n): view for images, _, numbers in batches for n, view in zip(numbers, images, strict=True)})
    assert views[0].keys() == views[1].keys() == set(range(10))
    for number, view in views[0].items():
        np.testing.assert_array_equal(view, views[1][number])


def test_an_image_that_is_drawn_twice_is_seen_in_two_ways(tiny_config):
    image = np.random.default_rng(0).integers(0, 256, (37, 37, 3), dtype=np.uint8)
    same_face = faces_of([0] * 4, images=np.repeat(image[np.newaxis], 4, axis=0))
    ((views, *_),) = drawn(same_face, with_data(tiny_config, balanced_sampling=True), first=1)
    assert len(np.unique(views, axis=0)) == 4


@pytest.mark.parametrize("balanced", [False, True])
def test_from_a_file_and_from_memory_come_the_same_batches(noise, tiny_config, tmp_path, balanced):
    config = with_data(tiny_config, balanced_sampling=balanced, colour_jitter=0.1)
    same(drawn(noise, config, first=1), drawn(in_a_file(noise, tmp_path), config, first=1))


def test_nothing_of_a_data_set_is_in_the_graph(tiny_config):
    marked = faces_of([1] * 1000, images=np.full((1000, 37, 37, 3), 201, np.uint8))
    config = with_data(tiny_config, balanced_sampling=True)
    dataset = batches_of(marked, config)
    graph = tf.raw_ops.DatasetToGraphV2(input_dataset=dataset._variant_tensor, external_state_policy=1).numpy()
    assert len(graph) < 100_000 and bytes([201] * 100) not in graph  # labels alone would be 4 kB, the images 4 MB
    assert np.ones(100, np.int32).tobytes() not in graph


@pytest.mark.parametrize("fault", ["truncated", "unreadable"])
def test_a_file_that_cannot_be_read_is_named_with_what_to_do(noise, tiny_config, tmp_path, fault, monkeypatch):
    streamed = in_a_file(noise, tmp_path)
    batches = plainly(batches_of(streamed, tiny_config))
    if fault == "truncated":
        with (tmp_path / "pixels.uint8").open("r+b") as file:
            file.truncate(100)
    else:
        monkeypatch.setattr("os.preadv", failing)
    told = "it ends before that image" if fault == "truncated" else "Input/output error"
    with pytest.raises(UserError, match=rf"pixels\.uint8: image \d+ cannot be read \({told}\); .* same command again"):
        next(batches)


def failing(*_):
    raise OSError(errno.EIO, os.strerror(errno.EIO))


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
    seen = np.concatenate([labels for _, labels, _ in drawn(faces, config)])
    shares = np.bincount(seen, minlength=4) / len(seen)
    assert len(seen) == 2000 and shares[2] == 0
    np.testing.assert_allclose(shares[[0, 1, 3]], 1 / 3, atol=0.04)  # four standard deviations
