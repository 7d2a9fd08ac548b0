"""What E is shown in training: the real tuples {I_SE, I_AE} and the generated ones {I_SE, G(I_SE)} (Eq. 4)."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from ifgan_tf import replicas
from ifgan_tf.models.inference import classifier_images


def classify(
    E: Callable[[tf.Tensor], dict[str, tf.Tensor]],
    classifier_input: str,
    photo: tf.Tensor,
    generated: tf.Tensor,
    average_faces: tf.Tensor | None,
    targets: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """E's answers to the tuples of every image.

    One call over all, so that E's batch statistics are those that its moving averages follow.

    Args:
      E: the classifier in training.
      classifier_input: `pair` or `generated`. Without the photo there are only as many real inputs as average faces,
        which several replicas share out.
      photo: I_SE, float [B, S, S, 3] in [-1, 1].
      generated: G(I_SE), float [B, S, S, 3].
      average_faces: float [T, S, S, 3]; None leaves the real tuples out.
      targets: int [B], which of the average faces is each image's.
    Returns:
      `logits` [kB, classes] and `feature` [kB, F]: those of the real tuples, if any, then those of the generated ones.
    """
    fake = classifier_images(classifier_input, photo, generated)
    if average_faces is None:
        return E(fake)
    if classifier_input == "generated":
        answers = E(tf.concat([replicas.own_part(average_faces), fake], axis=0))
        shared = tf.shape(average_faces)[0]
        return {name: _of_every_image(values, targets, shared) for name, values in answers.items()}
    real = classifier_images(classifier_input, photo, tf.gather(average_faces, targets))
    return E(tf.concat([real, fake], axis=0))


def _of_every_image(values: tf.Tensor, owners: tf.Tensor, shared: tf.Tensor) -> tf.Tensor:
    """[this replica's part of `shared` real; B generated] → [real of every image; generated of every image].

    `owners`, int [B], tells which of the shared ones is whose. All replicas together show E every one of them once, as
    one replica would: its batch statistics are over them, too.
    """
    distinct = tf.shape(values)[0] - tf.shape(owners)[0]
    real = replicas.whole(values[:distinct], shared)
    return tf.concat([tf.gather(real, owners), values[distinct:]], axis=0)
