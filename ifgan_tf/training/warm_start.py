"""Networks that begin with what a baseline has learnt on photos: the paper's E is pre-trained too (§4.3)."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from ifgan_tf.config import Config
from ifgan_tf.data.folds import Fold
from ifgan_tf.errors import UserError
from ifgan_tf.models.encoder import ENCODER
from ifgan_tf.models.networks import Networks
from ifgan_tf.run_folder import RunFolder, fold_folder


def warm_start(networks: Networks, config: Config, fold: Fold) -> None:
    """Gives E, where it sees the photo, and G's encoder, where it is a backbone, the weights of a baseline's E.

    Of a pair E at first sees the photo alone: its first kernel is 0 at the face.

    Args:
      networks: new ones; changed in place.
      config: of their run; `warm_start` is the baseline's run folder, or that of its folds.
      fold: of their run.

    Raises:
      UserError: when the baseline is none, has not been trained, is of other networks, classes or size, or has learnt
        from somebody whom this run validates or tests on.
    """
    given = Path(config.model.warm_start).expanduser()
    own = fold_folder(given, config.run.fold)
    baseline = RunFolder(own if own.is_dir() else given)
    _refuse_others(baseline, config, fold)
    source = baseline.networks("best").classifier
    if config.model.classifier_input != "generated":
        _copy(_backbone(source), _backbone(networks.classifier))
        networks.classifier.get_layer("logits").set_weights(source.get_layer("logits").get_weights())
    if networks.generator is not None and config.model.generator_encoder == "backbone":
        _copy(_backbone(source), networks.generator.get_layer(ENCODER))


def _refuse_others(baseline: RunFolder, config: Config, fold: Fold) -> None:
    theirs, where = baseline.config(), f"--warm_start={baseline.path}"
    if theirs.model.classifier_input != "input":
        raise UserError(f"{where}: not a baseline; expected a run trained with --model=baseline")
    for flag, other, mine in (
        ("backbone", theirs.model.backbone, config.model.backbone),
        ("image_size", theirs.data.image_size, config.data.image_size),
        ("classes", theirs.data.classes, config.data.classes),
        ("dataset", theirs.data.dataset, config.data.dataset),
    ):
        if other != mine:
            raise UserError(f"{where}: a run with --{flag}={other}, and this one has {mine}; expected the same")
    learnt = set(baseline.fold().train) & {*fold.validation, *fold.test}
    if learnt:
        raise UserError(
            f"{where}: has learnt from {len(learnt)} people whom this run validates or tests on "
            f"({', '.join(sorted(learnt)[:3])} …); train the baseline on fold {fold.fold}"
        )


def _backbone(classifier: keras.Model) -> keras.Model:
    return next(layer for layer in classifier.layers if isinstance(layer, keras.Model))


def _copy(source: keras.Model, target: keras.Model) -> None:
    """Weights by layer; a kernel over more channels than its source gets 0 for the others."""
    for layer in filter(lambda layer: layer.weights, target.layers):
        values = source.get_layer(layer.name).get_weights()
        for weight, value in zip(layer.weights, values, strict=True):
            missing = [(0, there - here) for there, here in zip(weight.shape, value.shape, strict=True)]
            weight.assign(np.pad(value, missing))
