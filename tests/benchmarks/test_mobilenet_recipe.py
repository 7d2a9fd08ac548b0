import itertools

import keras
import numpy as np
from tiny_sets import faces_of

from benchmarks import mobilenet_recipe
from benchmarks.mobilenet_recipe import SIZE
from benchmarks.strong_augmentation import distorted


def test_a_view_follows_from_its_random_numbers():
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    views = [distorted(image, SIZE, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert views[0].shape == (SIZE, SIZE, 3) and views[0].dtype == np.uint8
    np.testing.assert_array_equal(views[0], views[1])
    assert np.abs(views[0].astype(int) - views[2]).mean() > 5


def test_views_stay_on_the_face_and_half_are_mirrored():
    image = np.zeros((128, 128, 3), np.uint8)
    image[54:74, 34:54] = 255  # left of the centre
    rng = np.random.default_rng(0)
    left, right = 0, 0
    for _ in range(200):
        view = distorted(image, SIZE, rng).astype(float).sum(axis=2)
        centre = (view * np.arange(SIZE)).sum() / view.sum()
        left, right = left + (centre < SIZE / 2 - 4), right + (centre > SIZE / 2 + 4)
    assert min(left, right) > 60


def test_rare_classes_are_drawn_as_often_as_others():
    labels = np.array([0] * 95 + [1] * 5)
    shown = np.broadcast_to(255 * labels[:, None, None, None], (100, 128, 128, 3)).astype(np.uint8)
    faces = faces_of(labels, images=shown)
    drawn = list(itertools.islice(mobilenet_recipe._batches(faces, 2, seed=0), 5))
    labels = np.concatenate([labels for _, labels in drawn]).argmax(axis=1)
    assert 0.4 < labels.mean() < 0.6
    bright = np.concatenate([views for views, _ in drawn]).mean(axis=(1, 2, 3))
    assert bright[labels == 1].min() > bright[labels == 0].max()  # each label with its own face


def test_a_picture_and_its_mirror_image_are_told_alike():
    image = keras.Input((SIZE, SIZE, 3))
    network = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(image / 255)))
    model = mobilenet_recipe._with_mirrored_view(network)
    picture = np.random.default_rng(0).integers(0, 256, (1, SIZE, SIZE, 3), np.uint8)
    one, other = (model(view)["probabilities"].numpy() for view in (picture, picture[:, :, ::-1]))
    np.testing.assert_allclose(one, other, atol=1e-5)
    alone = keras.ops.softmax(network(picture.astype(np.float32))).numpy()
    assert np.abs(one - alone).max() > 1e-3  # the mirror image has a say
    np.testing.assert_allclose(one.sum(), 1, atol=1e-5)
