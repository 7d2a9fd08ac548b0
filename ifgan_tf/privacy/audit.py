"""How much of a person's identity the generated face and E's feature still give away, measured by attackers.

All attacks are on people that the networks under test were not trained on (the fold's test subjects: *people*).
Attackers may learn from the run's training subjects (*others*), whose photos and generated faces a real attacker
could have too. The same attacks run on the photo, on blurred and pixelated photos and on average faces, so that a
reader sees the scale.

- **Re-identification** (`top1`): an attacker sees pictures of every person with some expressions and names the person
  in pictures with other expressions; four such splits. Four attackers try (a network that first learnt to tell the
  others apart; logistic regression on all values and their lowest bits; the nearest mean in the most telling values,
  and in linear discriminants learnt from the others); the strongest one counts.
- **Verification** (`auc`, `tar_at_far_1_percent`): likeness of two pictures of different expression in an embedding
  learnt from the others (the better of the network's and linear discriminants), or in one that the user passes.
- **Attributes**: balanced accuracy of telling a person's ethnicity, gender … from the embedding.
- **Reconstruction**: a decoder, learnt from the others, rebuilds the photo. `constant` is the best photo without any
  picture, `average` the best from the expression alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ifgan_tf.data import built_sets as faces_lib
from ifgan_tf.data.built_sets import Faces
from ifgan_tf.errors import UserError
from ifgan_tf.evaluation.predictions import Predictions, faces_of, features, predict_with
from ifgan_tf.faces import geometry
from ifgan_tf.faces.geometry import model_view
from ifgan_tf.privacy import anonymisation, attackers
from ifgan_tf.privacy.attackers import Convolutional, linear_view, network_view
from ifgan_tf.privacy.estimates import (
    Estimate,
    balanced_rate,
    bootstrap,
    mean,
    true_accept_rate,
    verification_auc,
)
from ifgan_tf.run_folder import RunFolder

MAX_PEOPLE_IMAGES = 300  # pairs for verification grow with the square
MAX_OTHERS_IMAGES = 1000
HALVINGS = 2  # of the expressions; each gives two splits
FAR = 0.01
ATTRIBUTES = ("ethnicity", "gender", "race", "age")

Embedding = Callable[[np.ndarray], np.ndarray]
Leakage = dict[str, Any]  # names → Estimate, int, or Leakage


@dataclass(frozen=True)
class Sample:
    """Who and what is in a set of pictures: [N] each.

    Attributes:
      subjects: int, from 0.
      labels: int, expressions.
      attributes: name → str [N]; an empty value is unknown.
    """

    subjects: np.ndarray
    labels: np.ndarray
    attributes: Mapping[str, np.ndarray]

    @staticmethod
    def of(faces: Faces, attributes: Mapping[str, Mapping[str, str]]) -> Sample:
        """The sample of some faces; `attributes` is name → source → value."""
        known = {
            name: np.array([values.get(source, "") for source in faces.sources.tolist()])
            for name, values in attributes.items()
        }
        return Sample(np.unique(faces.subjects, return_inverse=True)[1], faces.labels, known)

    @property
    def people(self) -> int:
        return int(self.subjects.max()) + 1


def measure(run: RunFolder, data_dir: str | None = None, embedding: Embedding | None = None) -> Leakage | None:
    """Attacks one fold's networks; None, with a logged reason, when its data cannot tell people apart.

    Args:
      run: a run folder with a checkpoint.
      data_dir: where the built data lie, if no longer where the run's configuration says.
      embedding: uint8 [N, S, S, 3] → float [N, F], used for verification in place of one learnt from the others.

    Raises:
      UserError: see `faces_of` and `RunFolder.networks`.
    """
    config = run.config()
    chosen = [
        balanced(faces_of(run, part, data_dir), most)
        for part, most in (("train", MAX_OTHERS_IMAGES), ("test", MAX_PEOPLE_IMAGES))
    ]
    if any(len(set(faces.subjects.tolist())) < 2 or "" in faces.subjects for faces in chosen):
        logging.info("identity leakage: not measured, because %s does not say who is in a photo", config.data.dataset)
        return None
    others, people = (predict_with(run, faces, "best", "attacked faces") for faces in chosen)
    averages = None
    if config.model.classifier_input != "input":
        averages = np.stack([model_view(face, config.data.image_size) for face in run.average_faces()])
    attributes = read_attributes(config.data.dataset, data_dir or config.data.data_dir, config.data.num_classes)
    networks = run.networks("best")
    return attack(
        representations(others, people, averages),
        (
            features(config.model.classifier_input, networks, others.faces),
            features(config.model.classifier_input, networks, people.faces),
        ),
        Sample.of(others.faces, attributes),
        Sample.of(people.faces, attributes),
        seed=config.run.seed,
        embedding=embedding,
        progress=run.path.name,
    )


def representations(
    others: Predictions, people: Predictions, averages: np.ndarray | None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The pictures that are attacked: name → those of the others and of the people, uint8 [N, S, S, 3].

    Args:
      others, people: photos and what the networks made of them.
      averages: true average faces, uint8 [C, S, S, 3]. `average` is that of the true label: it depends on nothing
        else, so every attack on it must end at chance. `average_of_prediction` is that of the class E named.
    """
    pictures = {"photo": (others.faces.images, people.faces.images)}
    if others.generated is not None and people.generated is not None:
        pictures["generated"] = (others.generated, people.generated)
    for name, share in anonymisation.BLURS.items():
        pictures[name] = (
            anonymisation.blur(others.faces.images, share),
            anonymisation.blur(people.faces.images, share),
        )
    pictures["pixelated"] = (anonymisation.pixelate(others.faces.images), anonymisation.pixelate(people.faces.images))
    if averages is not None:
        pictures["average"] = (averages[others.faces.labels], averages[people.faces.labels])
        named = [predictions.probabilities.argmax(axis=1) for predictions in (others, people)]
        pictures["average_of_prediction"] = (averages[named[0]], averages[named[1]])
    return pictures


def attack(
    pictures: Mapping[str, tuple[np.ndarray, np.ndarray]],
    feature: tuple[np.ndarray, np.ndarray] | None,
    others: Sample,
    people: Sample,
    seed: int,
    embedding: Embedding | None = None,
    progress: str = "",
) -> Leakage:
    """Runs every attack.

    Args:
      pictures: see `representations`; `photo` must be among them.
      feature: E's features of the others and of the people, float [N, F].
      others, people: who and what is in the pictures.
      seed: of the attackers.
      embedding: see `measure`.
      progress: text of the progress bar.

    Returns:
      `subjects`, `images`, `chance`, one entry a representation, and `reconstruction_psnr` and `reconstruction_ssim`.
    """
    from ifgan_tf import progress as progress_lib

    splits = expression_splits(people, seed)
    side = min(pictures["photo"][0].shape[1], attackers.SIDE)
    network = Convolutional(side, others.people, people.people, int(max(others.labels.max(), people.labels.max())) + 1)
    leakage: Leakage = {
        "subjects": people.people,
        "images": len(people.subjects),
        "chance": float(np.mean([1 / len(set(people.subjects[asked].tolist())) for _, asked in splits])),
    }
    for name, (theirs, own) in progress_lib.bar(
        pictures.items(), desc=f"{progress}: attacks", unit="disguise", leave=False
    ):
        leakage[name] = _attack_pictures(network, theirs, own, others, people, splits, seed, embedding)
    if feature is not None:
        leakage["feature"] = _attack_features(*feature, others, people, splits, seed)
    leakage |= _reconstruct(pictures, others, people, seed)
    return leakage


def expression_splits(people: Sample, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Which images an attacker learns from and which it is asked about: pairs of indices.

    The expressions are halved at random, each half is learnt from once; people without images on both sides are left
    out of that split.
    """
    random = np.random.default_rng(seed)
    names = np.unique(people.labels)
    splits = []
    for _ in range(HALVINGS):
        order = random.permutation(names)
        half = np.isin(people.labels, order[: len(order) // 2])
        for known in (half, ~half):
            seen = np.intersect1d(people.subjects[known], people.subjects[~known])
            there = np.isin(people.subjects, seen)
            splits.append((np.flatnonzero(known & there), np.flatnonzero(~known & there)))
    return splits


def _attack_pictures(
    network: Convolutional,
    theirs: np.ndarray,
    own: np.ndarray,
    others: Sample,
    people: Sample,
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    seed: int,
    embedding: Embedding | None,
) -> Leakage:
    # Equal pictures must get equal answers, to the last bit: each different picture is looked at once.
    different, which = np.unique(own.reshape(len(own), -1), axis=0, return_inverse=True)
    different, which = different.reshape(-1, *own.shape[1:]), which.reshape(-1)
    view, values = network_view(np.concatenate([theirs, different])), linear_view(different)
    theirs_view, view = view[: len(theirs)], view[len(theirs) :]
    network.learn_others(theirs_view, others.subjects, others.labels, seed)

    def rate(attacker: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> Estimate:
        def identify(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
            rows, back = np.unique(which[asked], return_inverse=True)
            return attacker(which[known], people.subjects[known], rows)[back]

        return _identification(identify, people, splits, seed)

    rates = {
        "convolutional": rate(lambda known, who, asked: network.identify(view[known], who, view[asked], seed)),
        "linear": rate(lambda known, who, asked: attackers.linear(values[known], who, values[asked])),
        "selecting": rate(lambda known, who, asked: attackers.selecting(values[known], who, values[asked])),
    }
    pixels = [part[..., :3].reshape(len(part), -1) for part in (theirs_view, view)]
    discriminants = attackers.discriminant(pixels[0], others.subjects, pixels[1])
    rates["discriminant"] = rate(lambda k, who, asked: attackers.nearest(discriminants[k], who, discriminants[asked]))
    vectors, expressions = network.embed(view)
    compared = [vectors, discriminants] if embedding is None else [attackers.unit(embedding(different))]
    vectors, expressions = vectors[which], expressions[which]
    verified = [_verification(one[which], people, seed) for one in compared]
    result: Leakage = {"top1": max(rates.values(), key=lambda rate: rate.value), "attackers": rates}
    result |= max(verified, key=lambda found: found["auc"].value)
    right = expressions == people.labels
    result["expression_accuracy"] = bootstrap(lambda counts: float(np.average(right, weights=counts)), len(right), seed)
    return result | _attributes(network.embed(theirs_view)[0], vectors, others, people, seed)


def _attack_features(
    theirs: np.ndarray,
    own: np.ndarray,
    others: Sample,
    people: Sample,
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    seed: int,
) -> Leakage:
    def rate(attacker: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray], values: np.ndarray) -> Estimate:
        def identify(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
            return attacker(values[known], people.subjects[known], values[asked])

        return _identification(identify, people, splits, seed)

    vectors = attackers.discriminant(theirs, others.subjects, own)
    rates = {"linear": rate(attackers.linear, own), "discriminant": rate(attackers.nearest, vectors)}
    result: Leakage = {"top1": max(rates.values(), key=lambda rate: rate.value), "attackers": rates}
    result |= _verification(vectors, people, seed)
    return result | _attributes(theirs, own, others, people, seed)


def _identification(
    identify: Callable[[np.ndarray, np.ndarray], np.ndarray],
    people: Sample,
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    seed: int,
) -> Estimate:
    hits, trials = np.zeros(len(people.subjects)), np.zeros(len(people.subjects))
    for known, asked in splits:
        hits[asked] += identify(known, asked) == people.subjects[asked]
        trials[asked] += 1
    tried = trials > 0
    right, subjects = hits[tried] / trials[tried], people.subjects[tried]
    return bootstrap(lambda counts: balanced_rate(subjects, right, counts), len(right), seed)


def _verification(vectors: np.ndarray, people: Sample, seed: int) -> Leakage:
    one, other = np.triu_indices(len(vectors), k=1)
    unlike = people.labels[one] != people.labels[other]
    one, other = one[unlike], other[unlike]
    scores = np.round(np.sum(vectors[one] * vectors[other], axis=1), 6)  # equal pictures: ties, not float noise
    same = people.subjects[one] == people.subjects[other]
    count = len(vectors)
    return {
        "auc": bootstrap(lambda n: verification_auc(scores, same, n[one] * n[other]), count, seed),
        "tar_at_far_1_percent": bootstrap(
            lambda n: true_accept_rate(scores, same, n[one] * n[other], FAR), count, seed
        ),
    }


def _attributes(theirs: np.ndarray, own: np.ndarray, others: Sample, people: Sample, seed: int) -> Leakage:
    """Balanced accuracy of every attribute of which the people show two values that the others show too."""
    found: Leakage = {}
    for name, values in people.attributes.items():
        learnt = others.attributes[name]
        shared = sorted((set(values.tolist()) & set(learnt.tolist())) - {""})
        if len(shared) < 2:
            continue
        known, asked = np.isin(learnt, shared), np.isin(values, shared)
        right = attackers.linear(theirs[known], learnt[known], own[asked]) == values[asked]
        truth = values[asked]
        accuracy = bootstrap(partial(balanced_rate, truth, right), len(right), seed)
        found[name] = {"balanced_accuracy": accuracy, "chance": 1 / len(shared)}
    return {"attributes": found} if found else {}


def _reconstruct(
    pictures: Mapping[str, tuple[np.ndarray, np.ndarray]], others: Sample, people: Sample, seed: int
) -> Leakage:
    photos, truth = (network_view(images)[..., :3] / 2 + 0.5 for images in pictures["photo"])
    of_class = np.stack([photos[others.labels == label].mean(axis=0) for label in range(others.labels.max() + 1)])
    rebuilt = {
        # The best guesses in the mean squared error: without any picture, and from the expression alone.
        "constant": np.broadcast_to(photos.mean(axis=0), truth.shape),
        "average": of_class[people.labels],
    }
    for name, (theirs, own) in pictures.items():
        if name not in ("photo", "average"):
            known, asked = network_view(theirs)[..., :3], network_view(own)[..., :3]
            rebuilt[name] = attackers.rebuild(known, photos, others.subjects, asked)
    quality = {name: _quality(truth, guess) for name, guess in rebuilt.items()}

    def over_images(values: np.ndarray) -> Estimate:
        return bootstrap(lambda counts: float(np.average(values, weights=counts)), len(values), seed)

    return {
        "reconstruction_psnr": {name: over_images(psnr) for name, (psnr, _) in quality.items()},
        "reconstruction_ssim": {name: over_images(ssim) for name, (_, ssim) in quality.items()},
    }


def _quality(truth: np.ndarray, guess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import tensorflow as tf

    guess = guess.astype(np.float32)
    return tf.image.psnr(truth, guess, 1.0).numpy(), tf.image.ssim(tf.constant(truth), tf.constant(guess), 1.0).numpy()


def balanced(faces: Faces, most: int) -> Faces:
    """At most `most` faces, the same number of every person's every expression as far as they go, at least one."""
    keys = np.char.add(np.char.add(faces.subjects.astype(str), "\n"), faces.labels.astype(str))
    order = np.random.default_rng(0).permutation(len(faces))
    rank = np.zeros(len(faces), int)
    taken: dict[str, int] = {}
    for index in order:
        rank[index] = taken.get(keys[index], 0)
        taken[keys[index]] = rank[index] + 1
    sizes = np.cumsum(np.bincount(rank))
    limit = max(1, int(np.searchsorted(sizes, most, side="right")))
    return faces.select(rank < limit)


def read_attributes(dataset: str, data_dir: str, num_classes: int) -> dict[str, dict[str, str]]:
    """What a built data set says of people beside their expression: name → source → value."""
    names = [name for name in ATTRIBUTES if name in faces_lib.open_builder(dataset, data_dir).info.features]
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    if names:
        for example in faces_lib.iterate(dataset, data_dir, "train", num_classes):
            for name in names:
                value = example[name]
                found[name][example["source"].decode()] = value.decode() if isinstance(value, bytes) else str(value)
    return found


def load_embedding(path: Path) -> Embedding:
    """A face embedding of the user's: a Keras model file, RGB float [B, H, W, 3] in 0..255 → [B, F].

    Raises:
      UserError: when it cannot be read or is not such a model.
    """
    import keras

    try:
        model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"--embedding={path}: not a Keras model file ({str(error)[:200]}); expected a .keras file whose input "
            f"is an RGB face, 0..255"
        ) from None
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:3] or shape[3] != 3 or shape[1] != shape[2]:
        raise UserError(f"--embedding={path}: its input is {shape}; expected (batch, side, side, 3)")

    def embed(images: np.ndarray) -> np.ndarray:
        small = np.stack([geometry.resize(image, shape[1]) for image in images]).astype(np.float32)
        vectors = model.predict(small, batch_size=attackers.BATCH, verbose=0)
        return np.asarray(vectors).reshape(len(images), -1)

    return embed


def merge(folds: Sequence[Leakage]) -> Leakage:
    """The mean over folds of every figure that all have; people and images are added up."""
    merged: Leakage = {}
    for name in folds[0]:
        values = [fold[name] for fold in folds if name in fold]
        if len(values) < len(folds):
            continue
        if isinstance(values[0], dict):
            merged[name] = merge(values)
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
