"""What is attacked: every form in which a face could be kept, from the photo to the average face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ifgan_tf.data.built_sets import Faces
from ifgan_tf.evaluation.predictions import Predictions, features, predict
from ifgan_tf.faces.geometry import model_view
from ifgan_tf.privacy.anonymisation_baselines import BLURS, blur, pixelate
from ifgan_tf.run_folder import RunFolder

Pictures = dict[str, tuple[np.ndarray, np.ndarray]]
_ANSWER = "average_of_prediction"


def made_of(
    run: RunFolder, parts: Sequence[Faces], progress: str
) -> tuple[list[Predictions], tuple[np.ndarray, ...], np.ndarray | None]:
    """What a run's best networks make of faces, part by part.

    Args:
      run: a run folder with a checkpoint.
      parts: faces cropped for its networks.
      progress: text of the progress bars.
    Returns:
      Predictions and E's features, float [N, F], of every part; the run's average faces, uint8 [C, S, S, 3], None
      without a generator.

    Raises:
      UserError: see `RunFolder.networks` and `RunFolder.temperature`.
    """
    from ifgan_tf.models.inference import build_inference

    config, networks = run.config(), run.networks("best")
    shown = config.model.classifier_input
    model = build_inference(shown, networks.generator, networks.classifier, run.temperature())
    predictions = [predict(model, faces, f"{run.path.name}: {progress}") for faces in parts]
    averages = None
    if shown != "input":
        averages = np.stack([model_view(face, config.data.image_size) for face in run.average_faces()])
    return predictions, tuple(features(shown, networks, faces) for faces in parts), averages


def drawn(background: Predictions, targets: Predictions, averages: np.ndarray | None) -> Pictures:
    """The photo and what may be kept in its place; see `representations`."""
    pictures = {"photo": (background.faces.images[:], targets.faces.images[:])}
    if background.generated is not None and targets.generated is not None:
        pictures["generated"] = (background.generated, targets.generated)
    if averages is not None:
        named = [predictions.probabilities.argmax(axis=1) for predictions in (background, targets)]
        pictures[_ANSWER] = (averages[named[0]], averages[named[1]])
    return pictures


def representations(background: Predictions, targets: Predictions, averages: np.ndarray | None) -> Pictures:
    """The pictures that are attacked: name → those of the background and of the targets, uint8 [N, S, S, 3].

    Args:
      background, targets: photos and what the networks made of them.
      averages: true average faces, uint8 [C, S, S, 3]. `average` is that of the true label: it depends on nothing
        else, so every attack on it must end at chance. `average_of_prediction` is that of the class E named.
    """
    pictures = drawn(background, targets, averages)
    answer = pictures.pop(_ANSWER, None)  # stands last, beside the true average
    of_background, of_targets = pictures["photo"]
    for name, share in BLURS.items():
        pictures[name] = (blur(of_background, share), blur(of_targets, share))
    pictures["pixelated"] = (pixelate(of_background), pixelate(of_targets))
    if averages is not None and answer is not None:
        pictures["average"] = (averages[background.faces.labels], averages[targets.faces.labels])
        pictures[_ANSWER] = answer
    return pictures
