"""Identity-free facial expression recognition with a conditional GAN, in TensorFlow."""

from typing import TYPE_CHECKING, Any

from ifgan_tf import environment, silence

if TYPE_CHECKING:
    from ifgan_tf.recognition.recognizer import Recognizer as Recognizer

__version__ = "0.1.0"

environment.settle()
silence.at_import_of_tensorflow()


def __getattr__(name: str) -> Any:
    """`ifgan_tf.Recognizer`, imported when asked for: it brings OpenCV and Pillow with it."""
    if name == "Recognizer":
        from ifgan_tf.recognition.recognizer import Recognizer

        return Recognizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
