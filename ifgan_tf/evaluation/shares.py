"""What E reads in the photo and what in the generated face, where it is shown both (`classifier_input=pair`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ifgan_tf.evaluation import metrics
from ifgan_tf.evaluation.predictions import Predictions

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from ifgan_tf.data.pixels import Images

_BATCH = 64
Pictures: TypeAlias = "np.ndarray | Images"
_SEED = 0  # of the shuffling: the same every time, so that epochs and runs can be compared


class PairShares:
    """E's accuracy on pairs of which one half is another face's: what is lost is what that half had told.

    Args:
      classifier: E of `classifier_input=pair`; its weights may go on changing.
    """

    def __init__(self, classifier: keras.Model) -> None:
        import tensorflow as tf

        from ifgan_tf.models.inference import ToUnit, classifier_images

        to_unit = ToUnit()

        def named(photos: tf.Tensor, faces: tf.Tensor) -> tf.Tensor:
            images = classifier_images("pair", to_unit(photos), to_unit(faces))
            return tf.argmax(classifier(images, training=False)["logits"], axis=-1)

        self._named: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = tf.function(named, reduce_retracing=True)

    def of_predictions(self, predictions: Predictions) -> dict[str, float] | None:
        """`measure` over the detected faces; a picture without one stays the error that it is. None of fewer than 2."""
        detected, faces, generated = predictions.faces.detected, predictions.faces, predictions.generated
        if generated is None or detected.sum() < 2:
            return None
        shares = self.measure(faces.images.take(detected), generated[detected], faces.labels[detected])
        return {name: value * float(np.mean(detected)) for name, value in shares.items()}

    def measure(self, photos: Pictures, faces: Pictures, labels: np.ndarray) -> dict[str, float]:
        """Accuracy with one half of the pairs shuffled among the images, of any class; no image keeps its own.

        Args:
          photos: uint8 [N, S, S, 3], N at least 2; looked at batch by batch.
          faces: the generated face of each, the same.
          labels: int [N], the expression of each.
        Returns:
          `photo_shuffled`: each generated face with another's photo, judged by the face's label; `face_shuffled`:
          each photo with another's generated face, judged by the photo's label.
        """
        order = np.random.default_rng(_SEED).permutation(len(labels))
        own, others = np.arange(len(labels)), np.empty_like(order)
        others[order] = np.roll(order, 1)  # one round through all images
        return {
            "photo_shuffled": self._accuracy(photos, others, faces, own, labels),
            "face_shuffled": self._accuracy(photos, own, faces, others, labels),
        }

    def _accuracy(
        self, photos: Pictures, of_photos: np.ndarray, faces: Pictures, of_faces: np.ndarray, labels: np.ndarray
    ) -> float:
        """Of the pairs of the photos and the faces of those numbers, int [N] each."""
        parts = [slice(start, start + _BATCH) for start in range(0, len(labels), _BATCH)]
        named = [self._named(photos[of_photos[part]], faces[of_faces[part]]) for part in parts]
        return metrics.accuracy(labels, np.concatenate(named))
