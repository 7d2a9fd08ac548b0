"""A face embedding of the user's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ifgan_tf.errors import UserError
from ifgan_tf.privacy.embeddings import load_embedding


def test_an_embedding_of_the_users_is_read_and_checked(tmp_path: Path):
    import keras

    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(8)])
    model.save(tmp_path / "embedding.keras")
    embed = load_embedding(tmp_path / "embedding.keras")
    assert embed(np.zeros((3, 32, 32, 3), np.uint8)).shape == (3, 8)

    (tmp_path / "broken.keras").write_text("no model")
    with pytest.raises(UserError, match="not a Keras model file"):
        load_embedding(tmp_path / "broken.keras")
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(8)]).save(tmp_path / "other.keras")
    with pytest.raises(UserError, match="expected \\(batch, side, side, 3\\)"):
        load_embedding(tmp_path / "other.keras")
