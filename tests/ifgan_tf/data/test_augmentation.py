import cv2
import numpy as np
import pytest
import tensorflow as tf

from ifgan_tf.data.augmentation import DRAWS, augment, jitter_colours, view_transforms

SEED = tf.constant([3, 4])
IMAGES = np.stack(
    [
        cv2.GaussianBlur(np.random.default_rng(i).integers(0, 256, (64, 64, 3)).astype(np.uint8), (0, 0), 3)
        for i in range(6)
    ]
)


def draws(count, seed=SEED, numbers=DRAWS):
    return tf.random.stateless_uniform((count, numbers), seed)


def view(images=IMAGES, seed=SEED, size=56, rotation=5.0, jitter=0.0):
    chosen = tf.range(len(images))
    return augment(images.__getitem__, chosen, draws(len(images), seed), 64, size, rotation, jitter).numpy()


def test_the_same_seed_gives_the_same_view():
    np.testing.assert_array_equal(view(), view())
    assert np.abs(view().astype(int) - view(seed=tf.constant([3, 5]))).max() > 0


def test_the_same_eagerly_and_inside_a_dataset():
    inputs = (tf.range(len(IMAGES)), draws(len(IMAGES)))
    dataset = tf.data.Dataset.from_tensors(inputs).map(lambda *x: augment(IMAGES.__getitem__, *x, 64, 56, 5.0, 0.2))
    np.testing.assert_array_equal(next(iter(dataset)).numpy(), view(jitter=0.2))


def test_every_image_of_a_batch_has_its_own_view():
    views = view(np.repeat(IMAGES[:1], 6, axis=0))
    assert all(np.abs(views[0].astype(int) - other).max() > 0 for other in views[1:])


def test_without_rotation_a_view_is_a_crop_or_its_mirror():
    for image, one in zip(IMAGES, view(rotation=0.0), strict=True):
        crops = [image[y : y + 56, x : x + 56] for y in range(9) for x in range(9)]
        assert any(np.array_equal(one, crop) or np.array_equal(one, crop[:, ::-1]) for crop in crops)


def test_an_affine_view_is_neither_turned_nor_moved_twice():
    """A spot in the middle of the image stays as near to the middle of the view as `affine` moves it: 5 %."""
    spot = np.zeros((64, 64, 3), np.uint8)
    spot[31:33, 31:33] = 255
    chosen, numbers = tf.zeros(200, tf.int32), draws(200)
    views = augment(spot[np.newaxis].__getitem__, chosen, numbers, 64, 48, 90.0, 0.0, ("affine",)).numpy()[..., 0]
    weights = views / views.sum(axis=(1, 2), keepdims=True)
    places = np.stack([(weights.sum(axis=axis) * np.arange(48)).sum(axis=1) for axis in (1, 2)], axis=1) - 23.5
    assert 1.5 < np.abs(places).max() <= 0.05 * 48 * 1.2 + 0.5


def test_crops_and_mirrors_cover_their_range():
    transforms = view_transforms(draws(4000, numbers=4), 64, 56, 0.0).numpy()
    mirrored = transforms[:, 0] < 0
    assert 0.45 < mirrored.mean() < 0.55
    left, top = transforms[~mirrored][:, 2], transforms[:, 5]
    assert set(np.round(left).astype(int)) == set(range(9)) == set(np.round(top).astype(int))


def test_rotation_stays_within_its_limit_and_reaches_it():
    transforms = view_transforms(draws(4000, numbers=4), 64, 56, 5.0).numpy()
    angles = np.degrees(np.arcsin(transforms[:, 3])) * np.sign(transforms[:, 0])
    assert 4.9 < np.abs(angles).max() <= 5.0001
    assert abs(angles.mean()) < 0.3


def test_a_rotated_view_is_that_of_tensorflow():
    expected = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.constant(IMAGES, tf.float32),
        transforms=view_transforms(draws(len(IMAGES))[:, :4], 64, 56, 5.0),
        output_shape=[56, 56],
        interpolation="BILINEAR",
        fill_mode="NEAREST",
        fill_value=0.0,
    )
    assert np.abs(view() - expected.numpy()).max() <= 2


def test_red_stays_red():
    red = np.zeros((2, 64, 64, 3), np.uint8)
    red[..., 0] = 200
    views = view(red, jitter=0.1)
    assert (views[..., 0] > 120).all() and (views[..., 1:] < 60).all()


@pytest.mark.parametrize("amount", [0.1, 0.4])
def test_colour_jitter_is_bounded_and_its_own_for_every_image(amount):
    grey = tf.fill((64, 8, 8, 3), tf.constant(100, tf.uint8))
    means = jitter_colours(grey, draws(64, numbers=5), amount).numpy().mean(axis=(1, 2, 3)) / 100.0
    assert (np.abs(means - 1) <= (1 + amount) * (1 + amount / 2) - 1 + 0.01).all()
    assert means.std() > amount / 10
