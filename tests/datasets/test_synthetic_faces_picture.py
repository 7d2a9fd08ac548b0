"""Pictures of the data set: the same from the same seed, landmarks where they are, found by the detector."""

import numpy as np
import pytest

from datasets.synthetic_faces.expressions import GRADES
from datasets.synthetic_faces.picture import take_picture
from ifgan_tf.labels import EXPRESSIONS


def test_the_same_picture_whatever_was_made_before():
    first = take_picture(5, "fear", 3)
    for subject, expression in ((6, "anger"), (7, "neutral"), (5, "happiness")):
        take_picture(subject, expression, 2)
    again = take_picture(5, "fear", 3)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.landmarks, again.landmarks)


def test_image_is_rgb_bytes_and_landmarks_lie_in_it():
    image, landmarks, person, performance = take_picture(0, "happiness", 4)
    side = image.shape[0]
    assert image.shape == (side, side, 3) and image.dtype == np.uint8
    assert landmarks.shape == (5, 2) and landmarks.dtype == np.float32
    assert (landmarks > 0).all() and (landmarks < side).all()
    left_eye, right_eye, nose, left_mouth, right_mouth = landmarks
    assert left_eye[0] < nose[0] < right_eye[0] and left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert 0.17 < (right_eye[0] - left_eye[0]) / side < 0.3
    assert person.index == 0 and performance.strength > 0.6


def test_another_seed_is_another_data_set():
    one, other = (take_picture(0, "neutral", 1, seed=seed).image.astype(int) for seed in (1, 2))
    assert np.abs(one - other).max() > 50


@pytest.mark.parametrize("expression", ["anger", "happiness"])
def test_grades_are_grades_of_strength(expression):
    strengths = [
        np.mean([take_picture(subject, expression, grade).performance.strength for subject in range(4)])
        for grade in GRADES
    ]
    assert strengths == sorted(strengths) and strengths[0] < 0.45 < 0.8 < strengths[-1]


def test_detector_finds_exactly_one_face_where_it_is():
    from datasets.alignment import detector

    found, errors = [], []
    for number, expression in enumerate(EXPRESSIONS * 3):
        picture = take_picture(number * 4, expression, 2 + number % 3)
        detections = detector().detect(picture.image)
        found.append(len(detections))
        if detections:
            eye_distance = np.linalg.norm(picture.landmarks[1] - picture.landmarks[0])
            errors.append(np.linalg.norm(detections[0].landmarks - picture.landmarks, axis=1) / eye_distance)
    assert found.count(1) >= len(found) - 1
    assert np.mean(errors) < 0.08
