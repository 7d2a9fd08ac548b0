"""Attackers: models that try to tell from a picture who it is, or to rebuild the photo. Seeded and bounded in steps.

As in biometrics: the *targets* are the people to be told apart, the *gallery* holds pictures of them with names, a
*probe* is a picture without; the *background* are other people, whom an attacker may learn from before.
"""

from __future__ import annotations

import warnings

import cv2
import numpy as np

from ifgan_tf.faces.geometry import resize

SIDE = 64  # of the pictures that networks look at: larger ones are resampled
EMBEDDING = 64
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)  # of the decoder
SELECTED = 64  # values that the selecting attacker looks at


def network_view(images: np.ndarray) -> np.ndarray:
    """What networks see: the picture, and its fine detail brought up to equal strength.

    Args:
      images: uint8 [N, S, S, 3].
    Returns:
      float32 [N, side, side, 6], side = min(S, 64): RGB in [-1, 1], and the same less its blurred self, in units of
      its standard deviation over all images, within [-4, 4].
    """
    small = np.stack([resize(image, SIDE) for image in images]) if images.shape[1] > SIDE else images
    rgb = small.astype(np.float32) / 127.5 - 1.0
    detail = rgb - np.stack([cv2.blur(image, (3, 3)) for image in rgb])
    detail = np.clip(detail / max(float(detail.std()), 1e-6), -4.0, 4.0)
    return np.concatenate([rgb, detail], axis=-1)


def linear_view(images: np.ndarray) -> np.ndarray:
    """What linear attackers see: every value of the picture at full size, and its lowest bit.

    Args:
      images: uint8 [N, S, S, 3].
    Returns:
      float32 [N, 2·S·S·3].
    """
    values = images.reshape(len(images), -1)
    return np.concatenate([values.astype(np.float32) / 127.5 - 1.0, (values & 1).astype(np.float32)], axis=1)


def rebuild(pictures: np.ndarray, photos: np.ndarray, subjects: np.ndarray, probe: np.ndarray) -> np.ndarray:
    """A linear decoder (ridge regression), whose penalty is chosen on a fifth of the people it learns from.

    On a few hundred aligned faces it rebuilds unseen people better than a convolutional decoder, in a second.

    Args:
      pictures: float32 [N, side, side, 3] of the background, with `subjects`, int [N], in them.
      photos: float32 [N, side, side, 3] in [0, 1], what the pictures were made from.
      probe: float32 [M, side, side, 3].
    Returns:
      float32 [M, side, side, 3] in [0, 1].
    """
    from sklearn.kernel_ridge import KernelRidge

    middle, spread = pictures.mean(axis=0), pictures.std(axis=0) + 1e-3
    learnt, probe = (((p - middle) / spread).reshape(len(p), -1) / np.sqrt(middle.size) for p in (pictures, probe))
    truth = photos.reshape(len(photos), -1)

    def decode(rows: np.ndarray, penalty: float, questions: np.ndarray) -> np.ndarray:
        mean = truth[rows].mean(axis=0)
        model = KernelRidge(alpha=penalty).fit(learnt[rows], truth[rows] - mean)
        return np.clip(model.predict(questions) + mean, 0.0, 1.0).astype(np.float32)

    kept = subjects % 5 == 0
    errors = [np.mean((decode(~kept, penalty, learnt[kept]) - truth[kept]) ** 2) for penalty in PENALTIES]
    everyone = np.ones(len(learnt), bool)
    return decode(everyone, PENALTIES[int(np.argmin(errors))], probe).reshape(-1, *photos.shape[1:])


def linear(gallery: np.ndarray, who: np.ndarray, probe: np.ndarray) -> np.ndarray:
    """Logistic regression on standardised values, on their first 200 principal components; of up to 201 pictures these
    span the same.

    Args:
      gallery: float32 [N, F], with `who`, int [N], in them.
      probe: float32 [M, F].
    Returns:
      int [M].
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    every = min(len(gallery) - 1, gallery.shape[1])
    count = min(every, 200)
    # All components cost the square of the pictures in time; the first of many are found at a fraction of it.
    components = PCA(count, svd_solver="full" if count == every else "randomized", random_state=0)
    model = make_pipeline(StandardScaler(), components, LogisticRegression(max_iter=300, class_weight="balanced"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit stopped by its bound is meant to be
        return model.fit(gallery, who).predict(probe)


def selecting(gallery: np.ndarray, who: np.ndarray, probe: np.ndarray) -> np.ndarray:
    """Nearest mean in the few values that differ most between people, each in units of its spread within a person.

    It finds what hides in single values: one that never changes within a person outweighs all others.

    Args:
      gallery, who, probe: see `linear`.
    Returns:
      int [M].
    """
    from sklearn.feature_selection import SelectKBest, f_classif

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # values that are the same in all pictures are no news
        best = SelectKBest(f_classif, k=min(SELECTED, gallery.shape[1])).fit(gallery, who)
    gallery, probe = best.transform(gallery), best.transform(probe)
    people, member = np.unique(who, return_inverse=True)
    means = np.stack([gallery[who == person].mean(axis=0) for person in people])
    spread = np.sqrt(np.mean((gallery - means[member]) ** 2, axis=0) + 0.01 * gallery.var(axis=0) + 1e-12)
    distances = np.linalg.norm(probe[:, np.newaxis] / spread - means / spread, axis=-1)  # [M, people]
    return people[distances.argmin(axis=1)]


def discriminant(features: np.ndarray, subjects: np.ndarray, probe: np.ndarray) -> np.ndarray:
    """An embedding of features that tells the background apart (linear discriminants).

    Args:
      features: float32 [N, F] of the background, `subjects`, int [N].
      probe: float32 [M, F].
    Returns:
      float [M, E], of unit length.
    """
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    count = min(len(features) - 1, features.shape[1], EMBEDDING)
    components = PCA(count, svd_solver="randomized" if features.shape[1] > 4 * count else "full", random_state=0)
    steps = [StandardScaler(), components]
    # Without variation within people (pictures that are all alike) there are no discriminants to find.
    if any(np.ptp(features[subjects == subject], axis=0).max() > 1e-6 for subject in np.unique(subjects)):
        steps.append(LinearDiscriminantAnalysis())
    model = make_pipeline(*steps)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return unit(model.fit(features, subjects).transform(probe))


def nearest(gallery: np.ndarray, who: np.ndarray, probe: np.ndarray) -> np.ndarray:
    """The person whose mean embedding in the gallery is most like the probe.

    Args:
      gallery: float [N, E], of unit length, with `who`, int [N], in them.
      probe: float [M, E], of unit length.
    Returns:
      int [M].
    """
    people = np.unique(who)
    means = unit(np.stack([gallery[who == person].mean(axis=0) for person in people]))
    return people[np.round(probe @ means.T, 6).argmax(axis=1)]


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [N, F] brought to length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
