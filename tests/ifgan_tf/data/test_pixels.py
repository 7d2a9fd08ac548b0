import numpy as np
import pytest
from tiny_sets import faces_of, in_a_file

from ifgan_tf.data.pixels import Images, digest
from ifgan_tf.errors import UserError

NOISE = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)


@pytest.fixture(params=["memory", "file"])
def images(request, tmp_path):
    held = faces_of(range(6), images=NOISE)
    return (held if request.param == "memory" else in_a_file(held, tmp_path)).images


INDICES = [
    2,
    np.int64(-1),
    slice(1, 5, 2),
    slice(None),
    [4, 0, 4],
    np.array([3]),
    np.array([True, False, False, True, True, False]),
    np.zeros(6, bool),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_images_are_chosen_as_an_array_chooses(images, index):
    np.testing.assert_array_equal(images[index], NOISE[index])
    assert images.shape == NOISE.shape and len(images) == 6
    if np.ndim(index) or isinstance(index, slice):
        np.testing.assert_array_equal(images.take(index)[:], NOISE[index])
        np.testing.assert_array_equal(images.cropped(4).take(index)[:], NOISE[index][:, 2:6, 2:6])


@pytest.mark.parametrize("index", [6, [0, 6]])
def test_a_number_beyond_the_last_is_refused(images, index):
    with pytest.raises(IndexError):
        images[index]


def test_those_of_several_sources_are_joined_and_chosen_from(images):
    other = Images.of(NOISE[::-1].copy())
    both = Images.join([images.take([5, 1]), other, images])
    expected = np.concatenate([NOISE[[5, 1]], NOISE[::-1], NOISE])
    np.testing.assert_array_equal(both[:], expected)
    np.testing.assert_array_equal(both.take(expected[:, 0, 0, 0] > 100)[:], expected[expected[:, 0, 0, 0] > 100])
    assert both.held == images.held and other.held
    both.expect(np.arange(14))


def test_what_is_given_out_is_a_copy(images):
    images[:][...] = 0
    images[1][...] = 0
    np.testing.assert_array_equal(images[:], NOISE)


def test_contents_are_told_apart_whatever_is_cropped(images):
    assert list(images.cropped(4).take([3, 1]).digests()) == [digest(NOISE[3]), digest(NOISE[1])]
    assert len(set(images.digests())) == 6


def test_a_file_that_is_deleted_meanwhile_can_still_be_read(tmp_path):
    streamed = in_a_file(faces_of(range(6), images=NOISE), tmp_path).images
    (tmp_path / "pixels.uint8").unlink()
    np.testing.assert_array_equal(streamed[:], NOISE)


def test_what_comes_in_pieces_is_put_together(tmp_path, monkeypatch):
    import os

    whole = os.preadv
    monkeypatch.setattr("os.preadv", lambda file, buffers, place: whole(file, [buffers[0][:50]], place))
    np.testing.assert_array_equal(in_a_file(faces_of(range(6), images=NOISE), tmp_path).images[:], NOISE)


def test_a_file_that_ends_too_early_is_named_with_the_image(tmp_path):
    streamed = in_a_file(faces_of(range(6), images=NOISE), tmp_path).images
    with (tmp_path / "pixels.uint8").open("r+b") as file:
        file.truncate(5 * NOISE[0].size + 1)
    np.testing.assert_array_equal(streamed[:5], NOISE[:5])
    with pytest.raises(UserError, match=r"pixels\.uint8: image 5 cannot be read \(it ends before that image\)"):
        streamed[5]
