"""The drawn imitations that builders are tested and measured on."""

from tests.datasets.imitations import drawn_face


def test_a_small_cast_is_drawn_once():
    face = drawn_face(1, "neutral")
    assert drawn_face(5, "neutral") is face and drawn_face(9, "neutral") is face
    assert (drawn_face(2, "neutral") != face).any()
