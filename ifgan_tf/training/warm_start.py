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


def check_beginning(config: Config) -> None:
    """Sees that what a run is to begin with is there.

    Raises:
      UserError: see `baseline_of`; or when G's backbone is to stay as a baseline made it, and there is none.
    """
    model = config.model
    if model.warm_start:
        baseline_of(config)
    lent = model.warm_start and model.encoder == model.sees_photos
    if model.freeze_encoder and model.classifier_input != "input" and not lent:
        raise UserError(
            "--freeze_encoder: keeps what G's backbone has learnt, and here it begins with nothing of faces; pass "
            "--warm_start=RUN of a baseline of that backbone (train.py --model=baseline), or --nofreeze_encoder"
        )


def baseline_of(config: Config) -> RunFolder:
    """The baseline that a run begins with.

    Args:
      config: of the run; `warm_start` is the baseline's run folder, or that of its folds.

    Raises:
      UserError: when there is none, it is no baseline, of other networks, classes, size or data, or of no use to this
        run.
    """
    given = Path(config.model.warm_start)
    own = fold_folder(given, config.run.fold)
    baseline = RunFolder(own if own.is_dir() else given)
    where = f"--warm_start={baseline.path}"
    try:
        theirs = baseline.config()
    except UserError as error:
        raise UserError(
            f"{where}: no finished baseline of fold {config.run.fold} there ({error}); train one with --model=baseline"
        ) from None
    if theirs.model.classifier_input != "input":
        raise UserError(f"{where}: not a baseline; expected a run trained with --model=baseline")
    if not config.model.sees_photos:
        raise UserError(
            f"{where}: nothing here sees photos as a baseline does; pass --generator_encoder=backbone, or "
            f"--classifier_input=pair, or leave --warm_start out"
        )
    for flag, other, mine in (
        ("backbone", theirs.model.backbone, config.model.sees_photos),
        ("standardise_colours", theirs.model.standardise_colours, config.model.standardise_colours),
        ("image_size", theirs.data.image_size, config.data.image_size),
        ("classes", theirs.data.classes, config.data.classes),
        ("dataset", theirs.data.dataset, config.data.dataset),
        ("additional_data", theirs.data.additional_data, config.data.additional_data),
        ("fold_by", theirs.data.fold_by, config.data.fold_by),
    ):
        if other != mine:
            raise UserError(f"{where}: a run with --{flag}={other}, and this one has {mine}; expected the same")
    return baseline


def warm_start(networks: Networks, config: Config, fold: Fold) -> None:
    """Gives E, where it sees the photo, and G's encoder, where it is a backbone, the weights of a baseline's E.

    Of a pair E at first sees the photo alone: its first kernel is 0 at the face.

    Args:
      networks: new ones; changed in place.
      config: of their run.
      fold: of their run.

    Raises:
      UserError: see `baseline_of`; or when the baseline has learnt from somebody whom this run validates or tests on,
        or was chosen by somebody whom it tests on.
    """
    baseline = baseline_of(config)
    known = baseline.fold()
    if seen := {*known.train, *known.validation} & {*fold.test} | {*known.train} & {*fold.validation}:
        raise UserError(
            f"--warm_start={baseline.path}: knows {len(seen)} people whom this run validates or tests on "
            f"({', '.join(sorted(seen)[:3])} …); expected a baseline of fold {fold.fold}, with the same --validation"
        )
    source = baseline.networks("best").classifier
    if config.model.classifier_input != "generated":
        _copy(_backbone(source), _backbone(networks.classifier))
        networks.classifier.get_layer("logits").set_weights(source.get_layer("logits").get_weights())
    if networks.generator is not None and config.model.encoder == config.model.sees_photos:
        _copy(_backbone(source), networks.generator.get_layer(ENCODER))


def _backbone(classifier: keras.Model) -> keras.Model:
    return next(layer for layer in classifier.layers if isinstance(layer, keras.Model))


def _copy(source: keras.Model, target: keras.Model) -> None:
    """Weights by layer; a kernel over more channels than its source gets 0 for the others."""
    for layer in filter(lambda layer: layer.weights, target.layers):
        values = source.get_layer(layer.name).get_weights()
        for weight, value in zip(layer.weights, values, strict=True):
            missing = [(0, there - here) for there, here in zip(weight.shape, value.shape, strict=True)]
            weight.assign(np.pad(value, missing))
