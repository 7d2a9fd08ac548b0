"""What a run's networks say of the faces they are judged on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ifgan_tf.data import built_sets as faces_lib
from ifgan_tf.data.built_sets import Faces
from ifgan_tf.errors import UserError
from ifgan_tf.evaluation.metrics import NO_FACE
from ifgan_tf.run_folder import RunFolder

if TYPE_CHECKING:
    import keras

    from ifgan_tf.models.networks import Networks

BATCH = 32


@dataclass(frozen=True)
class Predictions:
    """Faces and what the networks made of them.

    Attributes:
      faces: N faces; images uint8 [N, S, S, 3], centre cropped as the networks saw them.
      probabilities: float32 [N, classes].
      generated: the generated average faces, uint8 [N, S, S, 3], or None for `classifier_input=input`.
    """

    faces: Faces
    probabilities: np.ndarray
    generated: np.ndarray | None

    def __len__(self) -> int:
        return len(self.faces)

    @staticmethod
    def join(parts: Sequence[Predictions]) -> Predictions:
        """All images of several predictions of one kind, in their order."""
        generated = [part.generated for part in parts if part.generated is not None]
        return Predictions(
            Faces.join([part.faces for part in parts]),
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate(generated) if generated else None,
        )

    @property
    def predicted(self) -> np.ndarray:
        """The most probable class, int [N]; `metrics.NO_FACE` where no face had been found in the picture."""
        return np.where(self.faces.detected, self.probabilities.argmax(axis=1), NO_FACE)

    @property
    def confidences(self) -> np.ndarray:
        """The probability of the most probable class, float32 [N]."""
        return self.probabilities.max(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """bool [N]."""
        return self.predicted == self.faces.labels


def faces_of(run: RunFolder, part: str, data_dir: str | None = None) -> Faces:
    """The faces of one part of a run's fold, centre cropped to what its networks see.

    Args:
      run: a run folder.
      part: `train` (without the images in which no face was found: no run trains on them), `validation` or `test`.
      data_dir: where the built data lie, if no longer where the run's configuration says.

    Raises:
      UserError: when the data set is not built there, or has no image of that part's subjects.
    """
    data = run.config().data
    where = data_dir or data.data_dir
    faces = _built_faces(data.dataset, where, data.class_names, data.image_size, run.config().run.cache_gb)
    mask = run.fold().masks(faces.units(data.fold_by))[part]
    chosen = faces.select(mask & faces.detected if part == "train" else mask)
    if not len(chosen):
        raise UserError(
            f"--data_dir={where}: {data.dataset} has no image of the {part} subjects in {run.folds_file}; "
            f"expected the built data that the run was trained on"
        )
    return chosen


def predict(model: keras.Model, faces: Faces, progress: str) -> Predictions:
    """Runs an inference model over faces.

    Args:
      model: see `ifgan_tf.models.inference.build_inference`.
      faces: images uint8 [N, S, S, 3].
      progress: text of the progress bar.
    """
    import tensorflow as tf

    from ifgan_tf import progress as progress_lib

    call = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    probabilities = np.zeros((len(faces), model.output["probabilities"].shape[-1]), np.float32)
    generated = np.zeros(faces.images.shape, np.uint8) if "average_face" in model.output else None
    for start in progress_lib.bar(range(0, len(faces), BATCH), desc=progress, unit="batch", leave=False):
        part = slice(start, start + BATCH)
        outputs = call(tf.constant(faces.images[part]))
        probabilities[part] = outputs["probabilities"]
        if generated is not None:
            generated[part] = outputs["average_face"]
    return Predictions(faces, probabilities, generated)


def predict_with(run: RunFolder, faces: Faces, which: str, progress: str) -> Predictions:
    """What a run's checkpoint, `best` (on validation) or `last`, says of faces that are cropped for its networks.

    The probabilities of `best` are calibrated; the temperature was fitted for no other networks.

    Raises:
      UserError: see `RunFolder.networks` and `RunFolder.temperature`.
    """
    from ifgan_tf.models.inference import build_inference

    networks, shown = run.networks(which), run.config().model.classifier_input
    temperature = run.temperature() if which == "best" else 1.0
    model = build_inference(shown, networks.generator, networks.classifier, temperature)
    return predict(model, faces, f"{run.path.name}: {progress}")


def features(classifier_input: str, networks: Networks, faces: Faces) -> np.ndarray:
    """E's pooled feature of what it sees of each face: float32 [N, F]; images uint8 [N, S, S, 3]."""
    return _of_classifier("feature", classifier_input, networks, faces)


def logits(classifier_input: str, networks: Networks, faces: Faces) -> np.ndarray:
    """E's logits of what it sees of each face, not calibrated: float32 [N, classes]; images uint8 [N, S, S, 3]."""
    return _of_classifier("logits", classifier_input, networks, faces)


def _of_classifier(output: str, classifier_input: str, networks: Networks, faces: Faces) -> np.ndarray:
    import tensorflow as tf

    from ifgan_tf.models.inference import ToUnit, classifier_images

    generator, to_unit = networks.generator, ToUnit()

    def said(images: tf.Tensor) -> tf.Tensor:
        photo = to_unit(images)
        face = None if generator is None else generator(photo, training=False)
        return networks.classifier(classifier_images(classifier_input, photo, face), training=False)[output]

    call = tf.function(said, reduce_retracing=True)
    parts = [call(tf.constant(faces.images[start : start + BATCH])) for start in range(0, len(faces), BATCH)]
    return np.concatenate([part.numpy() for part in parts])


def checkpoint_epoch(run: RunFolder, which: str) -> int:
    """How many epochs a checkpoint, `best` or `last`, had been trained for.

    Raises:
      UserError: when the run has none yet.
    """
    epoch = run.checkpoint_epoch(which)
    if epoch is None:
        raise UserError(f"{run.checkpoints_dir / which}: no such checkpoint; train the run first")
    return epoch


@lru_cache(maxsize=1)
def _built_faces(dataset: str, data_dir: str, classes: tuple[str, ...], image_size: int, cache_gb: float) -> Faces:
    held = faces_lib.fit([(dataset, "all")], data_dir, image_size, cache_gb)
    faces = faces_lib.load_faces(dataset, data_dir, "all", classes, image_size, held)
    return dataclasses.replace(faces, images=faces.images.cropped(image_size))
