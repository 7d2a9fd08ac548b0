import cv2
import numpy as np
import pytest

from ifgan_tf.data.wrinkles import wrinkled


def drawn(size, seed):
    return wrinkled(np.full((size, size, 3), 150, np.float32), np.random.default_rng(seed))


@pytest.mark.parametrize("size", [64, 96, 224])
def test_lines_are_darker_than_skin_and_the_rest_is_as_it_was(size):
    faces = np.stack([drawn(size, seed) for seed in range(20)])
    assert faces.dtype == np.float32 and faces.shape[1:] == (size, size, 3)
    assert 20 < (150 - faces).max() < 110 and (faces - 150).max() < 40
    assert np.abs(faces[:, :, : size // 8] - 150).max() < 1 and np.abs(faces[:, : size // 10] - 150).max() < 1


def test_both_sides_of_a_face_have_the_same_lines_but_for_a_little():
    likeness = []
    for seed in range(20):
        lines = cv2.GaussianBlur(150 - drawn(96, seed)[..., 0], (0, 0), 3)
        likeness.append(np.corrcoef(lines.ravel(), lines[:, ::-1].ravel())[0, 1])
    assert np.median(likeness) > 0.8 and max(likeness) < 0.999


def test_lines_lie_where_they_do_at_any_size():
    small, large = drawn(64, 3), cv2.resize(drawn(224, 3), (64, 64), interpolation=cv2.INTER_AREA)
    assert np.corrcoef(small[..., 0].ravel(), large[..., 0].ravel())[0, 1] > 0.9
