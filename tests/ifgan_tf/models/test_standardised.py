import numpy as np
import pytest

from ifgan_tf.models.networks import build_networks
from ifgan_tf.models.standardised import StandardisedColours

PHOTO = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 16, 16, 3)).astype(np.float32)


def test_light_and_white_balance_tell_nothing():
    seen = StandardisedColours()(PHOTO).numpy()
    other = StandardisedColours()(1.7 * PHOTO - [0.1, 0.0, -0.1]).numpy()
    np.testing.assert_allclose(seen.mean(axis=(1, 2)), 0, atol=0.01)
    assert seen.dtype == np.float32 and np.abs(seen).max() <= 1
    np.testing.assert_allclose(seen, other, atol=0.12)  # the deviation that is added is the larger part of a small one
    assert np.abs(PHOTO - (1.7 * PHOTO - [0.1, 0.0, -0.1])).max() > 0.4


def test_one_colour_is_nothing_and_no_number_is_lost():
    grey = np.full((1, 16, 16, 3), 0.3, np.float32)
    np.testing.assert_allclose(StandardisedColours()(grey), 0, atol=1e-5)


def test_what_follows_the_photo_stays_as_it_is():
    pair = np.concatenate([PHOTO, PHOTO[::-1]], axis=-1)
    seen = StandardisedColours()(pair).numpy()
    np.testing.assert_array_equal(seen[..., 3:], pair[..., 3:])
    np.testing.assert_allclose(seen[..., :3], StandardisedColours()(PHOTO), atol=1e-6)


@pytest.mark.parametrize("classifier_input", ["input", "pair", "generated"])
def test_networks_see_it_where_they_see_the_photo(with_model, classifier_input):
    model = with_model(classifier_input=classifier_input, standardise_colours=True).model
    networks = build_networks(model, 32, 6, 0)
    found = [layer.name for layer in networks.classifier.layers if isinstance(layer, StandardisedColours)]
    assert found == ([] if classifier_input == "generated" else ["standardised"])
    if networks.generator is not None:
        assert isinstance(networks.generator.get_layer("standardised"), StandardisedColours)
