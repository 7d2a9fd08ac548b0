import pytest

from ifgan_tf import labels
from ifgan_tf.errors import UserError


def test_the_order_is_fixed():
    assert labels.EXPRESSIONS == ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    assert labels.classes(6) == labels.EXPRESSIONS[:6]
    assert labels.classes(7) == labels.EXPRESSIONS
    assert labels.index("neutral") == labels.NEUTRAL == 6


def test_a_label_outside_the_vocabulary_is_refused():
    with pytest.raises(UserError, match="label 'contempt': expected one of anger, disgust"):
        labels.index("contempt")


@pytest.mark.parametrize("count", [0, 5, 8])
def test_other_numbers_of_classes_are_refused(count):
    with pytest.raises(UserError, match=f"--num_classes={count}"):
        labels.classes(count)
