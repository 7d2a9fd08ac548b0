"""A training run, from a configuration to a run folder. The same call again resumes."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ifgan_tf import config as config_lib
from ifgan_tf import files, labels, progress
from ifgan_tf.config import Config
from ifgan_tf.data import average_faces, built_sets, folds, input_pipeline, splits
from ifgan_tf.errors import UserError
from ifgan_tf.evaluation import figures, metrics
from ifgan_tf.evaluation.attention_maps import attention_figure
from ifgan_tf.models.inference import build_inference
from ifgan_tf.models.networks import Networks, build_networks
from ifgan_tf.run_folder import RunFolder
from ifgan_tf.training.checkpoints import Checkpoints
from ifgan_tf.training.step import Metrics, Trainer, learning_rate
from ifgan_tf.training.summaries import Summaries, face_grid

_LOG_EVERY = 20  # steps between two looks of the host at the losses
_EVALUATION_BATCH = 64
_PICTURES = 25  # times in a run that pictures are written


def train(config: Config, workdir: Path) -> dict[str, Any]:
    """Trains one fold, or goes on with it.

    Args:
      config: of the run; the data set must be built.
      workdir: run folder, new or of the same configuration.

    Returns:
      The last line of `metrics.jsonl`.

    Raises:
      UserError: for a workdir of another configuration, data that are not built, a loss that is not finite, a full
        disk.
    """
    run = RunFolder(workdir)
    _claim(run, config)
    with files.only_one(workdir, "a training"):
        return _finished(run, config) or _train(config, run)


def _train(config: Config, run: RunFolder) -> dict[str, Any]:
    _prepare_devices()

    # Data: subjects first, then only what they allow.
    data = splits.load(config)
    folds.save(data.fold, run.folds_file)
    targets = _average_faces(run, config, data.fold)
    steps = input_pipeline.steps_per_epoch(data.train, config)
    class_weights = input_pipeline.class_weights(data.train.labels) if config.loss.class_weights else None

    # Networks and optimizers are built whole before anything is restored into them.
    average = tf.constant(targets, tf.float32) / 127.5 - 1.0
    trainer = Trainer(config, build_networks(config), average, steps, class_weights)
    checkpoints = Checkpoints(run.checkpoints_dir, trainer)
    if checkpoints.restore():
        logging.info("%s: going on after epoch %d of %d", run.path, checkpoints.epoch, config.optimizer.epochs)
    _forget_after(run, checkpoints.epoch)

    summaries = Summaries(run.tensorboard_dir)
    summaries.configuration(config, "/".join(run.path.absolute().parts[-2:]))
    networks = trainer.finished_networks
    inference = build_inference(config, networks.generator, networks.classifier)
    predict = tf.function(lambda batch: inference(batch, training=False), reduce_retracing=True)
    schedule = learning_rate(config.optimizer, steps)

    if checkpoints.epoch and checkpoints.epoch not in [line["epoch"] for line in run.metrics()]:
        # Lost with a cut file: the checkpoint is judged again.
        judged = _judge(_predict(predict, data.validation, config)[0], data.validation, config)
        _append(run, {"epoch": checkpoints.epoch, "step": checkpoints.epoch * steps, "validation": judged})

    begun, before = time.perf_counter(), checkpoints.epoch
    batches = iter(input_pipeline.training_batches(data.train, config, checkpoints.epoch))
    for epoch in range(checkpoints.epoch, config.optimizer.epochs):
        started = time.perf_counter()
        losses = _one_epoch(trainer, batches, epoch, steps, config, summaries)
        seconds = time.perf_counter() - started
        probabilities, generated = _predict(predict, data.validation, config)
        judged, step = _judge(probabilities, data.validation, config), (epoch + 1) * steps
        summaries.scalars("validation", judged, step)
        summaries.scalars("train", {"learning_rate": float(schedule(epoch * steps))}, step)
        if (epoch + 1) % max(1, config.optimizer.epochs // _PICTURES) == 0:
            _show(summaries, networks, data.validation, probabilities, generated, targets, config, step)
        summaries.flush()
        line = {
            "epoch": epoch + 1,
            "step": step,
            "learning_rate": float(schedule(epoch * steps)),
            "train": losses,
            "validation": judged,
            "images_per_second": steps * config.optimizer.batch_size / seconds,
        }
        _append(run, line)
        checkpoints.save(epoch + 1, judged)
        if not sys.stderr.isatty():  # no bar: a line an epoch, for who reads the log
            left = (time.perf_counter() - begun) / (epoch + 1 - before) * (config.optimizer.epochs - epoch - 1)
            logging.info("%s, %s left", _told(line, config.optimizer.epochs), timedelta(seconds=round(left)))
    return run.metrics()[-1]


def _claim(run: RunFolder, config: Config) -> None:
    """Makes the run folder, or sees that it is of this configuration."""
    if run.config_file.exists():
        changed = config_lib.differences(run.config(), config)
        if changed:
            raise UserError(
                f"--workdir={run.path}: a run of another configuration ({'; '.join(changed)}). Pass its own flags to "
                f"go on with it, or another --workdir to start anew"
            )
        return
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        config_lib.save(config, run.config_file)
    except OSError as error:
        raise UserError(f"--workdir={run.path}: cannot be written ({error.strerror}); choose another folder") from None


def _finished(run: RunFolder, config: Config) -> dict[str, Any] | None:
    """The last line of metrics of a run that has nothing left to do."""
    epochs, lines = config.optimizer.epochs, run.metrics()
    return lines[-1] if lines and lines[-1]["epoch"] == run.checkpoint_epoch("last") == epochs else None


def _prepare_devices() -> None:
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # already in use by this process: its setting stays
            logging.warning("%s is in use already: its memory setting stays as it is", gpu.name)


def _average_faces(run: RunFolder, config: Config, fold: folds.Fold) -> np.ndarray:
    """The average faces of the fold's training subjects, from the run folder once made: uint8 [classes, S, S, 3]."""
    size = config.data.image_size
    try:
        made = run.average_faces()
    except UserError:  # not made yet, or spoilt since
        examples = splits.average_face_examples(config, fold)
        average_faces.save(average_faces.average_faces(examples, config.data.num_classes), run.average_faces_dir)
        made = run.average_faces()
    return built_sets.centre_crop(average_faces.at_size(made, built_sets.working_size(size)), size)


def _one_epoch(
    trainer: Trainer,
    batches: Iterator[tuple[tf.Tensor, tf.Tensor]],
    epoch: int,
    steps: int,
    config: Config,
    summaries: Summaries,
) -> dict[str, float]:
    """Trains for one epoch; returns the mean of every metric."""
    history: list[dict[str, float]] = []
    pending: list[Metrics] = []
    name, started = f"epoch {epoch + 1}/{config.optimizer.epochs}", time.perf_counter()
    with progress.bar(total=steps * config.optimizer.batch_size, desc=name, unit="img", leave=False) as bar:
        for step in range(1, steps + 1):
            pending.append(trainer.step(*next(batches)))
            bar.update(config.optimizer.batch_size)
            if step % _LOG_EVERY == 0 or step == steps:
                history += _fetch(pending, epoch * steps + step - len(pending) + 1)
                pending.clear()
                told = ("loss", "l1", "gan_generator", "softmax", "accuracy")
                bar.set_postfix({k: f"{history[-1][k]:.3g}" for k in told if k in history[-1]})
                rate = step * config.optimizer.batch_size / (time.perf_counter() - started)
                entropy = history[-1].get("softmax_generated", history[-1]["softmax"])  # comparable with validation's
                shown = {**history[-1], "cross_entropy": entropy, "images_per_second": rate}
                summaries.scalars("train", shown, epoch * steps + step)
    return {key: float(np.mean([line[key] for line in history])) for key in history[0]}


def _fetch(pending: list[Metrics], first_step: int) -> list[dict[str, float]]:
    """Brings metrics to the host, and stops at a loss that is no number.

    Raises:
      UserError: naming the step and the terms.
    """
    lines = [{key: float(value) for key, value in line.items()} for line in pending]
    for offset, line in enumerate(lines):
        bad = [f"{key}={value}" for key, value in line.items() if not np.isfinite(value)]
        if bad:
            raise UserError(
                f"step {first_step + offset}: {', '.join(bad)} is not finite. The last checkpoint is intact; train "
                f"into a new --workdir with a smaller --learning_rate, or without --mixed_precision"
            )
    return lines


def _predict(predict: Any, part: built_sets.Faces, config: Config) -> tuple[np.ndarray, np.ndarray | None]:
    """Probabilities [N, classes] and generated faces, uint8 [N, S, S, 3], of faces before cropping."""
    images = built_sets.centre_crop(part.images, config.data.image_size)
    outputs = [predict(tf.constant(images[i : i + _EVALUATION_BATCH])) for i in range(0, len(part), _EVALUATION_BATCH)]
    joined = {key: np.concatenate([output[key].numpy() for output in outputs]) for key in outputs[0]}
    return joined["probabilities"], joined.get("average_face")


def _judge(probabilities: np.ndarray, part: built_sets.Faces, config: Config) -> dict[str, float]:
    predicted, classes = probabilities.argmax(axis=1), config.data.num_classes
    right = np.clip(probabilities[np.arange(len(part)), part.labels], 1e-7, 1.0)
    return {
        "accuracy": metrics.accuracy(part.labels, predicted),
        "mean_class_accuracy": metrics.mean_class_accuracy(part.labels, predicted, classes),
        "cross_entropy": float(-np.mean(np.log(right))),
    }


def _show(
    summaries: Summaries,
    networks: Networks,
    validation: built_sets.Faces,
    probabilities: np.ndarray,
    generated: np.ndarray | None,
    targets: np.ndarray,
    config: Config,
    step: int,
) -> None:
    """Pictures of an epoch: confusion matrix, photo | generated | average, and one attention map."""
    classes = labels.classes(config.data.num_classes)
    predicted = probabilities.argmax(axis=1)
    confusion = metrics.confusion_matrix(validation.labels, predicted, len(classes))
    picture = figures.confusion(confusion, classes, f"validation, percent, step {step}", on_screen=True)
    summaries.image("confusion", figures.pixels(picture), step)
    if networks.generator is None or generated is None:
        return
    photos = built_sets.centre_crop(validation.images, config.data.image_size)
    rows = [int(np.flatnonzero(validation.labels == label)[-1]) for label in np.unique(validation.labels)]
    columns = {"photo": photos[rows], "generated": generated[rows], "average": targets[validation.labels[rows]]}
    summaries.image("faces", face_grid(columns, [classes[validation.labels[row]] for row in rows]), step)
    if config.model.attention:
        shown, name = rows[:1], classes[validation.labels[rows[0]]]
        picture = attention_figure(networks.generator, photos[shown], generated[shown], [name], on_screen=True)
        summaries.image("attention", figures.pixels(picture), step)


def _told(line: dict[str, Any], epochs: int) -> str:
    """An epoch in one line."""
    train, validation = line["train"], line["validation"]
    return (
        f"epoch {line['epoch']}/{epochs}: loss {train['loss']:.4g}, training accuracy {100 * train['accuracy']:.1f} %, "
        f"validation accuracy {100 * validation['accuracy']:.1f} %, {line['images_per_second']:.0f} images/s"
    )


def _append(run: RunFolder, line: dict[str, Any]) -> None:
    _write_metrics(run, [*run.metrics(), line])


def _forget_after(run: RunFolder, epoch: int) -> None:
    """Drops the lines of epochs that no checkpoint kept: they are about to be trained again."""
    _write_metrics(run, [line for line in run.metrics() if line["epoch"] <= epoch])


def _write_metrics(run: RunFolder, lines: list[dict[str, Any]]) -> None:
    """All lines anew: none can be cut short."""
    files.write_text(run.metrics_file, "".join(json.dumps(line) + "\n" for line in lines))
