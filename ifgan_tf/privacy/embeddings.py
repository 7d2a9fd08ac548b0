"""A face embedding of the user's, for verification."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ifgan_tf.errors import UserError
from ifgan_tf.faces.geometry import resize
from ifgan_tf.keras_files import refuse_odd_model

Embedding = Callable[[np.ndarray], np.ndarray]  # uint8 [N, S, S, 3] → float [N, F]
_BATCH = 32


def load_embedding(path: Path) -> Embedding:
    """A face embedding of the user's: a Keras model file, RGB float [B, H, W, 3] in 0..255 → [B, F].

    Raises:
      UserError: when it cannot be read or is not such a model.
    """
    import keras

    try:
        refuse_odd_model(path)
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"--embedding={path}: not a Keras model file ({str(error)[:200]}); expected a .keras file of Keras' own "
            f"layers whose input is an RGB face, 0..255"
        ) from None
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:3] or shape[3] != 3 or shape[1] != shape[2]:
        raise UserError(f"--embedding={path}: its input is {shape}; expected (batch, side, side, 3)")

    def embed(images: np.ndarray) -> np.ndarray:
        small = np.stack([resize(image, shape[1]) for image in images]).astype(np.float32)
        vectors = model.predict(small, batch_size=_BATCH, verbose=0)
        return np.asarray(vectors).reshape(len(images), -1)

    return embed
