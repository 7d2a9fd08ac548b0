"""What is attacked: every form in which a face could be kept, from the photo to the average face."""

from __future__ import annotations

import numpy as np

from ifgan_tf.evaluation.predictions import Predictions
from ifgan_tf.privacy.anonymisation_baselines import BLURS, blur, pixelate


def representations(
    background: Predictions, targets: Predictions, averages: np.ndarray | None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The pictures that are attacked: name → those of the background and of the targets, uint8 [N, S, S, 3].

    Args:
      background, targets: photos and what the networks made of them.
      averages: true average faces, uint8 [C, S, S, 3]. `average` is that of the true label: it depends on nothing
        else, so every attack on it must end at chance. `average_of_prediction` is that of the class E named.
    """
    pictures = {"photo": (background.faces.images, targets.faces.images)}
    if background.generated is not None and targets.generated is not None:
        pictures["generated"] = (background.generated, targets.generated)
    of_background, of_targets = background.faces.images, targets.faces.images
    for name, share in BLURS.items():
        pictures[name] = (blur(of_background, share), blur(of_targets, share))
    pictures["pixelated"] = (pixelate(of_background), pixelate(of_targets))
    if averages is not None:
        pictures["average"] = (averages[background.faces.labels], averages[targets.faces.labels])
        named = [predictions.probabilities.argmax(axis=1) for predictions in (background, targets)]
        pictures["average_of_prediction"] = (averages[named[0]], averages[named[1]])
    return pictures
