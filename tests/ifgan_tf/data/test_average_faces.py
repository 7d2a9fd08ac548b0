import numpy as np
import pytest

from ifgan_tf.data.average_faces import MIN_GRADED, at_size, average_faces, save
from ifgan_tf.data.images import read_image
from ifgan_tf.errors import UserError
from ifgan_tf.labels import BASIC


def test_mean_of_each_label_rounded_to_nearest():
    images = [(np.full((2, 2, 3), value, np.uint8), label, 0) for value, label in ((10, 0), (11, 0), (13, 0), (200, 1))]
    faces = average_faces(iter(images), BASIC[:2])
    assert list(faces) == ["anger", "disgust"] and faces["anger"].dtype == np.uint8
    assert (faces["anger"] == 11).all()  # 34 / 3 = 11.33
    assert (faces["disgust"] == 200).all()


def test_mean_of_each_grade_where_the_data_grade():
    graded = ((10, 0, 3), (12, 0, 3), (14, 0, 4), (50, 1, 0)) * (MIN_GRADED // 2) + ((14, 0, 4),) * (MIN_GRADED // 2)
    images = [(np.full((2, 2, 3), value, np.uint8), label, grade) for value, label, grade in graded]
    shades = {name: face.max() for name, face in average_faces(images, BASIC[:2]).items()}
    assert list(shades) == ["anger_3", "anger_4", "anger", "disgust"]  # whoever finds the last of them finds all
    assert shades == {"anger": 12, "anger_3": 11, "anger_4": 14, "disgust": 50}


def test_a_grade_of_few_images_has_no_average_face():
    """It would be somebody's."""
    images = [(np.zeros((2, 2, 3), np.uint8), 0, 3)] * (MIN_GRADED - 1)
    assert set(average_faces(images, BASIC[:1])) == {"anger"}


def test_many_images_lose_no_precision():
    images = ((np.full((1, 1, 3), 255 if i % 2 else 254, np.uint8), 0, 0) for i in range(20001))
    assert average_faces(images, BASIC[:1])["anger"][0, 0, 0] == 254


def test_a_label_without_images_is_named():
    with pytest.raises(UserError, match="no training image of disgust"):
        average_faces([(np.zeros((2, 2, 3), np.uint8), 0, 0)], BASIC[:2])


def test_saved_as_png_in_rgb(tmp_path):
    faces = np.zeros((6, 8, 8, 3), np.uint8)
    faces[0, ..., 0] = 250
    without_surprise = (*BASIC[:5], "neutral")
    save(dict(zip(without_surprise, faces, strict=True)), tmp_path / "average_faces")
    assert sorted(p.name for p in (tmp_path / "average_faces").iterdir()) == sorted(
        f"{name}.png" for name in without_surprise
    )
    np.testing.assert_array_equal(read_image(tmp_path / "average_faces" / "anger.png"), faces[0])


def test_resampled_as_photos_are():
    assert at_size(np.zeros((2, 256, 256, 3), np.uint8), 73).shape == (2, 73, 73, 3)
