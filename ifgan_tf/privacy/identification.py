"""Telling who it is: re-identification, verification and attributes, from pictures or from features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ifgan_tf.privacy import attackers
from ifgan_tf.privacy.attackers import linear_view, network_view
from ifgan_tf.privacy.convolutional import Convolutional
from ifgan_tf.privacy.embeddings import Embedding
from ifgan_tf.privacy.estimates import Estimate, balanced_rate, bootstrap, true_accept_rate, verification_auc
from ifgan_tf.privacy.groups import Group

HALVINGS = 2  # of the expressions; each gives two splits
FAR = 0.01

Splits = Sequence[tuple[np.ndarray, np.ndarray]]  # of the targets' images: indices of gallery and probes
Leakage = dict[str, Any]  # names → Estimate, int, or Leakage


def expression_splits(targets: Group, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Which of the targets' images are the gallery and which are probes: pairs of indices.

    The expressions are halved at random, each half is learnt from once; people without images on both sides are left
    out of that split.
    """
    random = np.random.default_rng(seed)
    names = np.unique(targets.labels)
    splits = []
    for _ in range(HALVINGS):
        order = random.permutation(names)
        half = np.isin(targets.labels, order[: len(order) // 2])
        for gallery in (half, ~half):
            seen = np.intersect1d(targets.subjects[gallery], targets.subjects[~gallery])
            there = np.isin(targets.subjects, seen)
            splits.append((np.flatnonzero(gallery & there), np.flatnonzero(~gallery & there)))
    return splits


def attack_pictures(
    network: Convolutional,
    of_background: np.ndarray,
    of_targets: np.ndarray,
    background: Group,
    targets: Group,
    splits: Splits,
    seed: int,
    embedding: Embedding | None,
) -> Leakage:
    """Attacks one representation.

    Args:
      network: the convolutional attacker.
      of_background, of_targets: pictures, uint8 [N, S, S, 3].
      background, targets: who and what is in them.
      splits: see `expression_splits`.
      seed: of the attackers.
      embedding: used for verification in place of one learnt from the background.
    """
    # Equal pictures must get equal answers, to the last bit: each different picture is looked at once.
    different, which = np.unique(of_targets.reshape(len(of_targets), -1), axis=0, return_inverse=True)
    different, which = different.reshape(-1, *of_targets.shape[1:]), which.reshape(-1)
    view, values = network_view(np.concatenate([of_background, different])), linear_view(different)
    background_view, view = view[: len(of_background)], view[len(of_background) :]
    network.learn_background(background_view, background.subjects, background.labels, seed)

    def rate(attacker: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> Estimate:
        def identify(gallery: np.ndarray, probe: np.ndarray) -> np.ndarray:
            rows, back = np.unique(which[probe], return_inverse=True)
            return attacker(which[gallery], targets.subjects[gallery], rows)[back]

        return _identification(identify, targets, splits, seed)

    rates = {
        "convolutional": rate(lambda gallery, who, probe: network.identify(view[gallery], who, view[probe], seed)),
        "linear": rate(lambda gallery, who, probe: attackers.linear(values[gallery], who, values[probe])),
        "selecting": rate(lambda gallery, who, probe: attackers.selecting(values[gallery], who, values[probe])),
    }
    pixels = [part[..., :3].reshape(len(part), -1) for part in (background_view, view)]
    discriminants = attackers.discriminant(pixels[0], background.subjects, pixels[1])
    rates["discriminant"] = rate(lambda k, who, probe: attackers.nearest(discriminants[k], who, discriminants[probe]))
    vectors, expressions = network.embed(view)
    compared = [vectors, discriminants] if embedding is None else [attackers.unit(embedding(different))]
    vectors, expressions = vectors[which], expressions[which]
    verified = [_verification(one[which], targets, seed) for one in compared]
    result: Leakage = {"top1": max(rates.values(), key=lambda rate: rate.value), "attackers": rates}
    result |= max(verified, key=lambda found: found["auc"].value)
    right = expressions == targets.labels
    result["expression_accuracy"] = bootstrap(lambda counts: float(np.average(right, weights=counts)), len(right), seed)
    return result | _attributes(network.embed(background_view)[0], vectors, background, targets, seed)


def attack_features(
    of_background: np.ndarray,
    of_targets: np.ndarray,
    background: Group,
    targets: Group,
    splits: Splits,
    seed: int,
) -> Leakage:
    """Attacks features, float [N, F]; see `attack_pictures`."""

    def rate(attacker: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray], values: np.ndarray) -> Estimate:
        def identify(gallery: np.ndarray, probe: np.ndarray) -> np.ndarray:
            return attacker(values[gallery], targets.subjects[gallery], values[probe])

        return _identification(identify, targets, splits, seed)

    vectors = attackers.discriminant(of_background, background.subjects, of_targets)
    rates = {"linear": rate(attackers.linear, of_targets), "discriminant": rate(attackers.nearest, vectors)}
    result: Leakage = {"top1": max(rates.values(), key=lambda rate: rate.value), "attackers": rates}
    result |= _verification(vectors, targets, seed)
    return result | _attributes(of_background, of_targets, background, targets, seed)


def _identification(
    identify: Callable[[np.ndarray, np.ndarray], np.ndarray],
    targets: Group,
    splits: Splits,
    seed: int,
) -> Estimate:
    hits, trials = np.zeros(len(targets.subjects)), np.zeros(len(targets.subjects))
    for gallery, probe in splits:
        hits[probe] += identify(gallery, probe) == targets.subjects[probe]
        trials[probe] += 1
    tried = trials > 0
    right, subjects = hits[tried] / trials[tried], targets.subjects[tried]
    return bootstrap(lambda counts: balanced_rate(subjects, right, counts), len(right), seed)


def _verification(vectors: np.ndarray, targets: Group, seed: int) -> Leakage:
    one, other = np.triu_indices(len(vectors), k=1)
    unlike = targets.labels[one] != targets.labels[other]
    one, other = one[unlike], other[unlike]
    scores = np.round(np.sum(vectors[one] * vectors[other], axis=1), 6)  # equal pictures: ties, not float noise
    same = targets.subjects[one] == targets.subjects[other]
    count = len(vectors)
    return {
        "auc": bootstrap(lambda n: verification_auc(scores, same, n[one] * n[other]), count, seed),
        "tar_at_far_1_percent": bootstrap(
            lambda n: true_accept_rate(scores, same, n[one] * n[other], FAR), count, seed
        ),
    }


def _attributes(
    of_background: np.ndarray, of_targets: np.ndarray, background: Group, targets: Group, seed: int
) -> Leakage:
    """Balanced accuracy of every attribute of which the targets show two values that the background shows too."""
    found: Leakage = {}
    for name, values in targets.attributes.items():
        learnt = background.attributes[name]
        shared = sorted((set(values.tolist()) & set(learnt.tolist())) - {""})
        if len(shared) < 2:
            continue
        taught, probe = np.isin(learnt, shared), np.isin(values, shared)
        truth = values[probe]
        right = attackers.linear(of_background[taught], learnt[taught], of_targets[probe]) == truth
        accuracy = bootstrap(partial(balanced_rate, truth, right), len(right), seed)
        found[name] = {"balanced_accuracy": accuracy, "chance": 1 / len(shared)}
    return {"attributes": found} if found else {}
