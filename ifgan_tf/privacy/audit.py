"""How much of a person's identity the generated face and E's feature still give away, measured by attackers.

All attacks are on people that the networks under test were not trained on: the fold's test subjects, the *targets*.
Attackers may learn from the run's training subjects, the *background*, whose photos and generated faces a real attacker
could have too. The same attacks run on the photo, on anonymisation baselines (blurred and pixelated photos) and on
average faces, so that a reader sees the scale. In a closed set (`--fold_by=recording`) everybody is in training and
test: background and gallery are the training recordings, probes the test recordings of the same people.

- **Re-identification** (`top1`): an attacker has a *gallery* of every target with some expressions and names the person
  in *probes* with other expressions; four such splits (in a closed set one). Four attackers try (a network that first
  learnt to tell the background apart; logistic regression on all values and their lowest bits; the nearest mean in the
  most telling values, and in linear discriminants learnt from the background); the strongest one counts.
- **Verification** (`auc`, `tar_at_far_1_percent`): likeness of two pictures of different expression in an embedding
  learnt from the background (the better of the network's and linear discriminants), or in one that the user passes.
- **Attributes**: balanced accuracy of telling a person's ethnicity, gender … from the embedding.
- **Reconstruction**: a decoder, learnt from the background, rebuilds the photo. `constant` is the best photo without
  any picture, `average` the best from the expression alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ifgan_tf import progress
from ifgan_tf.data.built_sets import Faces
from ifgan_tf.evaluation.predictions import faces_of
from ifgan_tf.privacy import attackers
from ifgan_tf.privacy.convolutional import Convolutional
from ifgan_tf.privacy.embeddings import Embedding
from ifgan_tf.privacy.estimates import Estimate, mean
from ifgan_tf.privacy.groups import Group, balanced, read_attributes
from ifgan_tf.privacy.identification import (
    Leakage,
    attack_features,
    attack_pictures,
    closed_set_trials,
    expression_trials,
)
from ifgan_tf.privacy.reconstruction import reconstruct
from ifgan_tf.privacy.representations import made_of, representations
from ifgan_tf.run_folder import RunFolder

# Most images of the training part and of the test part. Pairs for verification grow with the square of the latter.
MAX_IMAGES = {"train": 1000, "test": 300}
# In a closed set people are enrolled with the first, and named in the second: of CREMA-D's 91 people two and one of
# every expression.
MAX_CLOSED_SET_IMAGES = {"train": 1200, "test": 600}


def audit(
    runs: Sequence[RunFolder], data_dir: str | None = None, embedding: Embedding | None = None
) -> dict[str, Any] | None:
    """The `identity` of a report: the mean over folds, with intervals; None when no fold can tell people apart.

    Args:
      runs: of the folds.
      data_dir, embedding: see `measure`.
    """
    measured = [measure(run, data_dir, embedding) for run in runs]
    found = [leakage for leakage in measured if leakage is not None]
    same_people = runs[0].config().data.fold_by == "recording"
    return to_json(merge(found, same_people)) if found else None


def measure(run: RunFolder, data_dir: str | None = None, embedding: Embedding | None = None) -> Leakage | None:
    """Attacks one fold's networks; None, with a logged reason, when its data cannot tell people apart.

    Args:
      run: a run folder with a checkpoint.
      data_dir: where the built data lie, if no longer where the run's configuration says.
      embedding: uint8 [N, S, S, 3] → float [N, F], used for verification in place of one learnt from the background.

    Raises:
      UserError: see `faces_of` and `RunFolder.networks`.
    """
    config = run.config()
    closed = config.data.fold_by == "recording"
    chosen = [
        balanced(faces_of(run, part, data_dir), most)
        for part, most in (MAX_CLOSED_SET_IMAGES if closed else MAX_IMAGES).items()
    ]
    if closed:
        chosen[1] = Faces.join(chosen)
    if any(len(set(faces.subjects.tolist())) < 2 or "" in faces.subjects for faces in chosen):
        logging.info("identity leakage: not measured, because %s does not say who is in a photo", config.data.dataset)
        return None
    (background, targets), (of_background, of_targets), averages = made_of(run, chosen, "attacked faces")
    attributes = read_attributes(config.data.dataset, data_dir or config.data.data_dir, config.data.class_names)
    return attack(
        representations(background, targets, averages),
        (of_background, of_targets),
        Group.of(background.faces, attributes),
        Group.of(targets.faces, attributes),
        seed=config.run.seed,
        embedding=embedding,
        name=run.path.name,
        enrolled=len(chosen[0]) if closed else 0,
    )


def attack(
    pictures: Mapping[str, tuple[np.ndarray, np.ndarray]],
    feature: tuple[np.ndarray, np.ndarray] | None,
    background: Group,
    targets: Group,
    seed: int,
    embedding: Embedding | None = None,
    name: str = "",
    enrolled: int = 0,
) -> Leakage:
    """Runs every attack.

    Args:
      pictures: see `representations`; `photo` must be among them.
      feature: E's features of the background and of the targets, float [N, F].
      background, targets: who and what is in the pictures.
      seed: of the attackers.
      embedding: see `measure`.
      name: of the run, on the progress bar.
      enrolled: in a closed set, how many of the targets' images are the gallery; the others are probes of the same
        people. 0 for targets whom nobody has learnt from.

    Returns:
      `subjects`, `images`, `chance`, one entry a representation, and `reconstruction_psnr` and `reconstruction_ssim`.
    """
    trials = closed_set_trials(targets, enrolled) if enrolled else expression_trials(targets, seed)
    side = min(pictures["photo"][0].shape[1], attackers.SIDE)
    classes = int(max(background.labels.max(), targets.labels.max())) + 1
    network = Convolutional(side, background.people, targets.people, classes, seed)
    leakage: Leakage = {
        "subjects": targets.people,
        "images": len(targets.subjects) - enrolled,
        "chance": float(np.mean([1 / len(set(targets.subjects[gallery].tolist())) for gallery, _ in trials.splits])),
    }
    bar = progress.bar(pictures.items(), desc=f"{name}: attacks", unit="representation", leave=False)
    for kind, (of_background, of_targets) in bar:
        leakage[kind] = attack_pictures(
            network, of_background, of_targets, background, targets, trials, seed, embedding
        )
    if feature is not None:
        leakage["feature"] = attack_features(*feature, background, targets, trials, seed)
    judged = {name: (known, of_targets[trials.judged]) for name, (known, of_targets) in pictures.items()}
    leakage |= reconstruct(judged, background, targets.part(trials.judged), seed)
    return leakage


def merge(folds: Sequence[Leakage], same_people: bool = False) -> Leakage:
    """The mean over folds of every figure that all have; images are added up, and people, unless they are the same."""
    merged: Leakage = {}
    for name in folds[0]:
        values = [fold[name] for fold in folds if name in fold]
        if len(values) < len(folds):
            continue
        if isinstance(values[0], dict):
            merged[name] = merge(values)
        elif name == "subjects" and same_people:
            merged[name] = max(values)
        elif isinstance(values[0], Estimate):
            merged[name] = mean(values)
        elif name in ("subjects", "images"):
            merged[name] = sum(values)
        else:
            merged[name] = float(np.mean(values))
    return merged


def to_json(leakage: Leakage) -> dict[str, Any]:
    """Plain values; beside every estimate its 95 % interval, as `<name>_interval`."""
    plain: dict[str, Any] = {}
    for name, value in leakage.items():
        if isinstance(value, dict):
            plain[name] = to_json(value)
        elif isinstance(value, Estimate):
            plain[name] = value.value
            plain[f"{name}_interval"] = list(value.interval)
        else:
            plain[name] = value
    return plain
