"""Equations 1 to 5 of the paper, one function an equation, each returning every term it computes.

Symbols: I_SE the photo of a subject, I_AE the true average face of its label, G(I_SE) the generated one,
D(·) a patch logit (positive: real), x the pooled feature of E, c the class centres.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from ifgan_tf.config import LossConfig

Terms = dict[str, tf.Tensor]


def total_loss(terms: Mapping[str, tf.Tensor], weights: LossConfig) -> tf.Tensor:
    """Eq. 1 as G and E minimise it: λ1·L_cGAN + λ2·L_L1 + λ3·L_softmax + λ4·L_IL.

    Args:
      terms: scalars `gan_generator`, `l1`, `softmax` and `island`; an absent one (the baseline has no G) counts 0.
      weights: λ1 to λ4.
    Returns:
      Scalar.
    """
    lambdas = {
        "gan_generator": weights.lambda_gan,
        "l1": weights.lambda_l1,
        "softmax": weights.lambda_softmax,
        "island": weights.lambda_island,
    }
    return tf.add_n([weight * terms[name] for name, weight in lambdas.items() if name in terms])


def gan_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> Terms:
    """Eq. 2, as each side minimises it.

    Args:
      real_logits: D of {I_SE, I_AE}, any shape.
      fake_logits: D of {I_SE, G(I_SE)}, any shape.
    Returns:
      Scalars: `gan_real` = -E log D(real), `gan_fake` = -E log(1 - D(fake)), `gan_discriminator` their sum (D
      minimises -L_cGAN), and `gan_generator` = -E log D(fake), the non-saturating form for G.
    """
    real, fake = tf.cast(real_logits, tf.float32), tf.cast(fake_logits, tf.float32)
    gan_real = tf.reduce_mean(tf.nn.softplus(-real))  # -log sigmoid(z) = softplus(-z)
    gan_fake = tf.reduce_mean(tf.nn.softplus(fake))  # -log(1 - sigmoid(z)) = softplus(z)
    return {
        "gan_real": gan_real,
        "gan_fake": gan_fake,
        "gan_discriminator": gan_real + gan_fake,
        "gan_generator": tf.reduce_mean(tf.nn.softplus(-fake)),
    }


def l1_loss(average_faces: tf.Tensor, generated_faces: tf.Tensor) -> Terms:
    """Eq. 3: E‖I_AE - G(I_SE)‖₁, the mean over images, pixels and channels.

    Args:
      average_faces: float [B, S, S, 3] in [-1, 1].
      generated_faces: the same.
    Returns:
      Scalar `l1`.
    """
    return {"l1": tf.reduce_mean(tf.abs(average_faces - generated_faces))}


def softmax_loss(
    labels: tf.Tensor,
    *logits: tf.Tensor,
    lambda_real: float = 1.0,
    weights: tf.Tensor | None = None,
    smoothing: float = 0.0,
) -> Terms:
    """Eq. 4: cross-entropy of E on the real tuples plus that on the generated ones.

    The paper prints the log-likelihood; what is minimised is its negative.

    Args:
      labels: int [B].
      *logits: float [B, classes] each: E's of the real tuples, and of the generated ones. The baseline has one.
      lambda_real: weight of the real tuples; 1 in the paper.
      weights: float [B], of every image; all 1 in the paper.
      smoothing: share of a label's certainty that is spread evenly over all classes; 0 in the paper.
    Returns:
      Scalars `softmax` (the sum) and, when there are two, `softmax_real` and `softmax_generated`.
    """
    entropies = [_cross_entropy(labels, one, smoothing) for one in logits]
    each = [tf.reduce_mean(one if weights is None else weights * one) for one in entropies]
    if len(each) == 1:
        return {"softmax": each[0]}
    return {"softmax": lambda_real * each[0] + each[1], "softmax_real": each[0], "softmax_generated": each[1]}


def _cross_entropy(labels: tf.Tensor, logits: tf.Tensor, smoothing: float) -> tf.Tensor:
    of_label = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    if not smoothing:
        return of_label
    of_all = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)
    return (1 - smoothing) * of_label + smoothing * of_all


def island_loss(
    features: tf.Tensor,
    labels: tf.Tensor,
    centres: tf.Tensor,
    alpha: float,
    reduction: str,
    weights: tf.Tensor | None = None,
) -> Terms:
    """Eq. 5: squared distance to the own centre, plus α times the pairwise cosine + 1 of the centres.

    Args:
      features: float [M, F], pooled features x of E.
      labels: int [M].
      centres: float [N, F]. Gradients flow into them; the centre-loss rule stops them outside.
      alpha: α.
      reduction: `sum` over the M images as printed, or their `mean`.
      weights: float [M], how much every image counts; all 1 in the paper.
    Returns:
      Scalars `island`, and its parts `island_centre` and `island_pairs` (before α; every pair j ≠ k once each way).
    """
    distances = tf.reduce_sum(tf.square(features - tf.gather(centres, labels)), axis=-1)  # [M]
    weights = tf.ones_like(distances) if weights is None else weights
    centre = tf.reduce_sum(weights * distances)
    if reduction == "mean":
        centre /= tf.reduce_sum(weights)
    unit = tf.math.l2_normalize(centres, axis=-1)  # a centre that is still 0 has cosine 0 with every other
    cosine = tf.matmul(unit, unit, transpose_b=True)  # [N, N]
    others = 1.0 - tf.eye(tf.shape(centres)[0], dtype=centres.dtype)
    pairs = tf.reduce_sum((cosine + 1.0) * others)
    return {"island": centre + alpha * pairs, "island_centre": centre, "island_pairs": pairs}


def class_sums(
    features: tf.Tensor, labels: tf.Tensor, classes: int, weights: tf.Tensor | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """What the centres of the classes are learnt from: how many features a class has, and their sum.

    Args:
      features: float [M, F].
      labels: int [M].
      classes: N.
      weights: float [M], how much every image counts; all 1 in the paper.
    Returns:
      Sums, float [N, F], and counts, float [N, 1].
    """
    members = tf.one_hot(labels, classes, dtype=features.dtype)  # [M, N]
    if weights is not None:
        members *= weights[:, tf.newaxis]
    return tf.matmul(members, features, transpose_a=True), tf.reduce_sum(members, axis=0)[:, tf.newaxis]


def centre_step(sums: tf.Tensor, counts: tf.Tensor, centres: tf.Tensor, rate: float, alpha: float) -> tf.Tensor:
    """The centre-loss rule of Wen et al. (paper [21]), with the island loss's pairwise gradient ([5]).

    Each centre moves by `rate` against Σ_{y_i=j}(c_j - x_i) / (1 + n_j), n_j its images in the batch, and against
    α/(N-1) times the gradient of its pairwise term.

    Args:
      sums, counts: of the batch, see `class_sums`.
      centres: float [N, F].
      rate: the rule's rate.
      alpha: α of Eq. 5.
    Returns:
      The new centres, float [N, F].
    """
    classes = tf.shape(centres)[0]
    pull = (counts * centres - sums) / (1.0 + counts)
    norms = tf.norm(centres, axis=-1, keepdims=True)  # [N, 1]
    unit = tf.math.divide_no_nan(centres, norms)
    cosine = tf.matmul(unit, unit, transpose_b=True)
    others = 1.0 - tf.eye(classes, dtype=centres.dtype)
    # d/dc_j Σ_{k≠j} cos(c_k, c_j) = Σ_{k≠j} (û_k - cos·û_j) / ‖c_j‖
    push = tf.matmul(others, unit) - tf.reduce_sum(others * cosine, axis=1, keepdims=True) * unit
    push = tf.math.divide_no_nan(push, norms)  # a centre that is still 0 has no direction to be pushed in
    return centres - rate * (pull + alpha / tf.cast(classes - 1, centres.dtype) * push)
