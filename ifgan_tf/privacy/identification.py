"""Telling who it is: re-identification, verification and attributes, from pictures or from features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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

Attacker = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # gallery, who is in it, probes → who they are
Attacks = Mapping[str, tuple[Attacker, np.ndarray]]  # name → attacker, and what it looks at
Leakage = dict[str, Any]  # names → Estimate, int, or Leakage


@dataclass(frozen=True)
class Trials:
    """Which of the targets' images an attack is tried with.

    Attributes:
      splits: indices of gallery and probes, of each re-identification.
      enrolled: how many images at the beginning are learnt from; everything else is measured on the others.
    """

    splits: Sequence[tuple[np.ndarray, np.ndarray]]
    enrolled: int = 0

    @property
    def judged(self) -> slice:
        return slice(self.enrolled, None)


def closed_set_trials(targets: Group, enrolled: int) -> Trials:
    """The first `enrolled` of the targets' images are the gallery, the others of the same people are probes."""
    gallery = np.arange(enrolled)
    known = np.isin(targets.subjects[enrolled:], targets.subjects[:enrolled])
    return Trials([(gallery, enrolled + np.flatnonzero(known))], enrolled)


def expression_trials(targets: Group, seed: int) -> Trials:
    """Galleries of some expressions and probes of the others, of people that nobody has learnt from.

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
    return Trials(splits)


def attack_pictures(
    network: Convolutional,
    of_background: np.ndarray,
    of_targets: np.ndarray,
    background: Group,
    targets: Group,
    trials: Trials,
    seed: int,
    embedding: Embedding | None,
) -> Leakage:
    """Attacks one representation.

    Args:
      network: the convolutional attacker.
      of_background, of_targets: pictures, uint8 [N, S, S, 3].
      background, targets: who and what is in them.
      trials: which of the targets' images are enrolled, named and judged.
      seed: of the attackers.
      embedding: used for verification in place of one learnt from the background.
    """
    # Equal pictures must get equal answers, to the last bit: each different picture is looked at once.
    different, which = np.unique(of_targets.reshape(len(of_targets), -1), axis=0, return_inverse=True)
    different, which = different.reshape(-1, *of_targets.shape[1:]), which.reshape(-1)
    view, values = network_view(np.concatenate([of_background, different])), linear_view(different)
    background_view, view = view[: len(of_background)], view[len(of_background) :]
    network.learn_background(background_view, background.subjects, background.labels, seed)
    pixels = [part[..., :3].reshape(len(part), -1) for part in (background_view, view)]
    discriminants = attackers.discriminant(pixels[0], background.subjects, pixels[1])
    attacks: Attacks = {
        "convolutional": (partial(network.identify, seed=seed), view),
        "linear": (attackers.linear, values),
        "selecting": (attackers.selecting, values),
        "discriminant": (attackers.nearest, discriminants),
    }
    result = _identification(attacks, which, targets, trials, seed)
    which, targets = which[trials.judged], targets.part(trials.judged)
    vectors, expressions = network.embed(view)
    compared = [vectors, discriminants] if embedding is None else [attackers.unit(embedding(different))]
    vectors, expressions = vectors[which], expressions[which]
    verified = [_verification(one[which], targets, seed) for one in compared]
    result |= max(verified, key=lambda found: found["auc"].value)
    right = expressions == targets.labels
    result["expression_accuracy"] = bootstrap(lambda counts: float(np.average(right, weights=counts)), len(right), seed)
    return result | _attributes(network.embed(background_view)[0], vectors, background, targets, seed)


def attack_features(
    of_background: np.ndarray,
    of_targets: np.ndarray,
    background: Group,
    targets: Group,
    trials: Trials,
    seed: int,
) -> Leakage:
    """Attacks features, float [N, F]; see `attack_pictures`."""
    vectors = attackers.discriminant(of_background, background.subjects, of_targets)
    attacks: Attacks = {"linear": (attackers.linear, of_targets), "discriminant": (attackers.nearest, vectors)}
    result = _identification(attacks, np.arange(len(of_targets)), targets, trials, seed)
    vectors, of_targets, targets = vectors[trials.judged], of_targets[trials.judged], targets.part(trials.judged)
    result |= _verification(vectors, targets, seed)
    return result | _attributes(of_background, of_targets, background, targets, seed)


def _identification(attacks: Attacks, which: np.ndarray, targets: Group, trials: Trials, seed: int) -> Leakage:
    """Every attacker's rate, and the highest; `which`, int [N], is each image's row of what the attackers look at."""

    def rate(attacker: Attacker, values: np.ndarray) -> Estimate:
        hits, times = np.zeros(len(targets.subjects)), np.zeros(len(targets.subjects))
        for gallery, probe in trials.splits:
            rows, back = np.unique(which[probe], return_inverse=True)
            named = attacker(values[which[gallery]], targets.subjects[gallery], values[rows])[back]
            hits[probe] += named == targets.subjects[probe]
            times[probe] += 1
        tried = times > 0
        right, subjects = hits[tried] / times[tried], targets.subjects[tried]
        return bootstrap(lambda counts: balanced_rate(subjects, right, counts), len(right), seed)

    rates = {name: rate(*attack) for name, attack in attacks.items()}
    return {"top1": max(rates.values(), key=lambda rate: rate.value), "attackers": rates}


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
