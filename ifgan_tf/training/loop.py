"""A training run, from a configuration to a run folder. The same call again resumes."""

from __future__ import annotations

import itertools
import logging
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import tensorflow as tf

from ifgan_tf import config as config_lib
from ifgan_tf import files
from ifgan_tf.config import Config, RunConfig
from ifgan_tf.data import folds, input_pipeline, splits, templates
from ifgan_tf.errors import UserError
from ifgan_tf.models.networks import build_networks
from ifgan_tf.run_folder import RunFolder
from ifgan_tf.training.balance import BalanceMeter
from ifgan_tf.training.checkpoints import Checkpoints
from ifgan_tf.training.epoch import train_epoch
from ifgan_tf.training.optimizers import learning_rate
from ifgan_tf.training.step import Trainer
from ifgan_tf.training.summaries import Summaries
from ifgan_tf.training.targets import average_face_targets
from ifgan_tf.training.validation import Validation
from ifgan_tf.training.warm_start import baseline_of, warm_start
from ifgan_tf.training.weight_norms import trainable_weights, weight_norms

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
    if config.model.warm_start and not run.config_file.exists():
        baseline_of(config)  # before the folder is of this configuration
    _claim(run, config)
    with files.only_one(workdir, "a training"):
        return _finished(run, config.optimizer.epochs) or _train(config, run)


def _train(config: Config, run: RunFolder) -> dict[str, Any]:
    prepare_devices(config.run)

    # Data: subjects first, then only what they allow.
    size, classes, settings = config.data.image_size, config.data.class_names, config.optimizer
    data = splits.load(config.data, config.run.fold)
    folds.save(data.fold, run.folds_file)
    if not run.template_file.exists():
        templates.save(templates.of_built_set(config.data.dataset, config.data.data_dir), run.template_file)
    faces, targets = average_face_targets(run, config, data)
    steps = input_pipeline.steps_per_epoch(data.train, settings.batch_size)

    networks = build_networks(config.model, size, len(classes), config.run.seed, config.run.precision)
    if config.model.warm_start and run.checkpoint_epoch("last") is None:
        warm_start(networks, config, data.fold)
    trainer = Trainer(
        networks,
        None if faces is None else tf.constant(faces, tf.float32) / 127.5 - 1.0,
        config.model.classifier_input,
        config.loss,
        settings,
        steps,
        input_pipeline.class_weights(data.train.labels) if config.loss.class_weights else None,
        config.run.jit_compile,
    )
    # Going on equals never having stopped, because all of this comes back as it was at the end of an epoch:
    #   1. the weights of G, D and E, with their moving statistics; with --weight_average, those in training and their
    #      averages;
    #   2. both Adams: their moments, and how many steps they took, which the learning rate follows;
    #   3. the centres of Eq. 5;
    #   4. the states of random generators in dropout layers;
    #   5. the number of the epoch, and how good the best one was on validation.
    # Networks and optimizers are built whole before, or there would be nothing to restore into. These need no keeping:
    #   6. the order of images and their augmentation follow from the seed and the epoch (`training_batches`);
    #   7. the fold and the average faces are files of the run;
    #   8. lines of metrics are cut back to that epoch, and one that was lost is measured again.
    checkpoints = Checkpoints(run.checkpoints_dir, trainer)
    if checkpoints.restore():
        logging.info("%s: going on after epoch %d of %d", run.path, checkpoints.epoch, settings.epochs)
    validation = None
    if config.data.validation != "none":
        validation = Validation(
            trainer.finished_networks, config.model.classifier_input, data.validation, faces, classes, size
        )
    run.forget_metrics_after(checkpoints.epoch)
    if checkpoints.epoch and checkpoints.epoch not in [line["epoch"] for line in run.metrics()]:
        judged = {"validation": validation.judge(validation.predict())} if validation else {}
        run.append_metrics({"epoch": checkpoints.epoch, "step": checkpoints.epoch * steps, **judged})

    summaries = Summaries(run.tensorboard_dir)
    summaries.configuration(config, "/".join(run.path.absolute().parts[-2:]))
    schedule = learning_rate(settings, steps)
    begun, epochs = time.perf_counter(), range(checkpoints.epoch, settings.epochs)
    batches = iter(
        input_pipeline.training_batches(data.train, targets, config.data, settings.batch_size, epochs, config.run.seed)
    )
    meter = BalanceMeter(trainer)
    for epoch in epochs:
        step = (epoch + 1) * steps
        numbers, name = range(epoch * steps + 1, step + 1), f"epoch {epoch + 1}/{settings.epochs}"
        first, weights = next(batches), trainable_weights(trainer.networks)
        balance = meter.measure(*first)
        summaries.groups("train", balance, numbers.start)
        started = time.perf_counter()
        losses = train_epoch(trainer, itertools.chain([first], batches), numbers, settings.batch_size, summaries, name)
        seconds = time.perf_counter() - started
        norms = weight_norms(weights, trainable_weights(trainer.networks))
        summaries.groups("train", norms, step)
        line: dict[str, Any] = {
            "epoch": epoch + 1,
            "step": step,
            "learning_rate": float(schedule(epoch * steps)),
            "train": losses,
            **balance,
            **norms,
        }
        summaries.scalars("train", {"learning_rate": line["learning_rate"]}, step)
        if validation:
            predicted = validation.predict()
            line["validation"] = validation.judge(predicted)
            summaries.scalars("validation", line["validation"], step)
            if (epoch + 1) % max(1, settings.epochs // _PICTURES) == 0:
                validation.show(predicted, summaries, step)
        summaries.flush()
        line["images_per_second"] = steps * settings.batch_size / seconds
        run.append_metrics(line)
        checkpoints.save(epoch + 1, line.get("validation"))
        if not sys.stderr.isatty():  # no bar: a line an epoch, for who reads the log
            left = (time.perf_counter() - begun) / (epoch + 1 - epochs.start) * (epochs.stop - epoch - 1)
            logging.info("%s, %s left", _told(line, settings.epochs), timedelta(seconds=round(left)))
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


def _finished(run: RunFolder, epochs: int) -> dict[str, Any] | None:
    """The last line of metrics of a run that has nothing left to do."""
    lines = run.metrics()
    return lines[-1] if lines and lines[-1]["epoch"] == run.checkpoint_epoch("last") == epochs else None


def prepare_devices(run: RunConfig) -> None:
    """Before anything is built: memory as it is needed, and operations that repeat themselves where `run` asks it."""
    if run.deterministic:
        tf.config.experimental.enable_op_determinism()
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # already in use by this process: its setting stays
            logging.warning("%s is in use already: its memory setting stays as it is", gpu.name)


def _told(line: dict[str, Any], epochs: int) -> str:
    """An epoch in one line."""
    train = line["train"]
    validated = f"validation accuracy {100 * line['validation']['accuracy']:.1f} %, " if "validation" in line else ""
    return (
        f"epoch {line['epoch']}/{epochs}: loss {train['loss']:.4g}, training accuracy {100 * train['accuracy']:.1f} %, "
        f"{validated}{line['images_per_second']:.0f} images/s"
    )
