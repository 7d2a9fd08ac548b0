import pytest

from ifgan_tf import labels
from ifgan_tf.errors import UserError


def test_the_order_is_fixed():
    assert labels.EXPRESSIONS == ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    assert labels.classes("6") == labels.BASIC == labels.EXPRESSIONS[:6]
    assert labels.classes("7") == labels.EXPRESSIONS
    assert labels.index("neutral") == labels.NEUTRAL == 6


def test_a_label_outside_the_vocabulary_is_refused():
    with pytest.raises(UserError, match="label 'contempt': expected one of anger, disgust"):
        labels.index("contempt")


def test_names_may_come_in_any_order_and_leave_any_out():
    assert labels.classes("neutral, happiness,anger") == ("anger", "happiness", "neutral")


@pytest.mark.parametrize(
    "text", ["0", "5", "8", "", "happiness", "happiness,contempt", "anger,anger,fear", "anger,,fear"]
)
def test_other_classes_are_refused(text):
    with pytest.raises(UserError, match=f"--classes={text}: expected 6 .* two or more different ones of anger,disgust"):
        labels.classes(text)
