"""What a user's surroundings say about Keras, settled before Keras is imported."""

from __future__ import annotations

import contextlib
import importlib.util
import os


def settle() -> None:
    """Chooses TensorFlow under Keras 3, whatever the environment or keras.json prefer; imports neither.

    Without TensorFlow there is no network to build here, and Keras is somebody else's. A process that has imported
    Keras with something else already is told so when networks are built (`ifgan_tf.models`).
    """
    with contextlib.suppress(ImportError, ValueError):  # of those who hide TensorFlow, or put something in its place
        if importlib.util.find_spec("tensorflow"):
            os.environ["KERAS_BACKEND"] = "tensorflow"
            os.environ.pop("TF_USE_LEGACY_KERAS", None)
