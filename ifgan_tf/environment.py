"""What a user's surroundings say about Keras, settled before Keras is imported."""

from __future__ import annotations

import os


def settle() -> None:
    """Chooses TensorFlow under Keras 3, whatever the environment or keras.json prefer; imports neither.

    A process that has imported Keras with something else already is told so when networks are built
    (`ifgan_tf.models`).
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
