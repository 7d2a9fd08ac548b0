"""Validation during training: predict, judge, and show in TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ifgan_tf.data.built_sets import Faces
from ifgan_tf.data.pixels import Images
from ifgan_tf.evaluation import figures, metrics
from ifgan_tf.evaluation.attention_maps import attention_figure
from ifgan_tf.evaluation.shares import PairShares
from ifgan_tf.models.generator import LAST_ATTENTION
from ifgan_tf.models.inference import build_inference
from ifgan_tf.models.networks import Networks
from ifgan_tf.training.summaries import Summaries, face_grid

_BATCH = 64


class _Drawn:
    """The faces that G draws of photos, drawn when they are looked at.

    Args:
      photos: to draw from.
      call: the inference model.
    """

    def __init__(self, photos: Images, call: Callable[[np.ndarray], dict[str, tf.Tensor]]) -> None:
        self._photos, self._call = photos, call

    def __getitem__(self, index: Any) -> np.ndarray:
        return self._call(self._photos[index])["average_face"].numpy()


class Validation:
    """The validation faces of a run, and its networks as they are used after training."""

    def __init__(
        self,
        networks: Networks,
        classifier_input: str,
        part: Faces,
        average_faces: np.ndarray | None,
        classes: Sequence[str],
        image_size: int,
    ) -> None:
        """Args:
        networks: to validate; they may go on changing.
        classifier_input: what E is shown, as in `ModelConfig`.
        part: faces before cropping.
        average_faces: uint8 [classes, S, S, 3]; the baseline needs none.
        classes: their names.
        image_size: S.
        """
        self._generator = networks.generator
        self._labels = part.labels
        self._photos = part.images.cropped(image_size)
        self._average_faces = average_faces
        self._classes = classes
        inference = build_inference(classifier_input, networks.generator, networks.classifier)
        self._call = tf.function(lambda batch: inference(batch, training=False), reduce_retracing=True)
        self._shares = PairShares(networks.classifier) if classifier_input == "pair" and len(part) > 1 else None

    def predict(self) -> dict[str, Any]:
        """`probabilities` [N, classes] and, with a generator, `average_face`, uint8 [N, S, S, 3], of all faces.

        Where the photos do not fit into memory, neither do the faces: they are drawn anew when they are looked at, and
        so must be before the networks change.
        """
        starts, outputs = range(0, len(self._photos), _BATCH), []
        for start in starts:
            output = self._call(self._photos[start : start + _BATCH])
            kept = [key for key in output if self._photos.held or key != "average_face"]
            outputs.append({key: output[key].numpy() for key in kept})
        predicted: dict[str, Any] = {key: np.concatenate([output[key] for output in outputs]) for key in outputs[0]}
        if not self._photos.held and self._generator is not None:
            predicted["average_face"] = _Drawn(self._photos, self._call)
        return predicted

    def judge(self, predicted: dict[str, Any]) -> dict[str, float]:
        """`accuracy`, `mean_class_accuracy` and `cross_entropy` of what `predict` gave.

        Where E sees photo and face, also `accuracy_photo_shuffled` and `accuracy_face_shuffled`, see `PairShares`.
        """
        probabilities = predicted["probabilities"]
        named = probabilities.argmax(axis=1)
        right = np.clip(probabilities[np.arange(len(self._labels)), self._labels], 1e-7, 1.0)
        judged = {
            "accuracy": metrics.accuracy(self._labels, named),
            "mean_class_accuracy": metrics.mean_class_accuracy(self._labels, named, len(self._classes)),
            "cross_entropy": float(-np.mean(np.log(right))),
        }
        if self._shares is not None:
            shares = self._shares.measure(self._photos, predicted["average_face"], self._labels)
            judged |= {f"accuracy_{name}": value for name, value in shares.items()}
        return judged

    def show(self, predicted: dict[str, Any], summaries: Summaries, step: int) -> None:
        """Pictures: confusion matrix, photo | generated | average, and one attention map.

        Args:
          predicted: see `predict`.
          summaries: to write to.
          step: of training.
        """
        named = predicted["probabilities"].argmax(axis=1)
        confusion = metrics.confusion_matrix(self._labels, named, len(self._classes))
        title = f"validation, percent, step {step}"
        picture = figures.confusion(confusion, self._classes, title, on_screen=True)
        summaries.image("confusion", figures.pixels(picture), step)
        generated = predicted.get("average_face")
        if self._generator is None or generated is None or self._average_faces is None:
            return
        rows = [int(np.flatnonzero(self._labels == label)[-1]) for label in np.unique(self._labels)]
        names = [self._classes[self._labels[row]] for row in rows]
        averages = self._average_faces[self._labels[rows]]
        columns = {"photo": self._photos[rows], "generated": generated[rows], "average": averages}
        summaries.image("faces", face_grid(columns, names), step)
        if any(layer.name == LAST_ATTENTION for layer in self._generator.layers):
            one = rows[:1]
            picture = attention_figure(self._generator, self._photos[one], generated[one], names[:1], on_screen=True)
            summaries.image("attention", figures.pixels(picture), step)
