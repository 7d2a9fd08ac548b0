"""A training run, from a configuration to a run folder. The same call again resumes."""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import tensorflow as tf

from ifgan_tf import config as config_lib
from ifgan_tf import files
from ifgan_tf.config import Config, RunConfig, without_initial_weights
from ifgan_tf.data import folds, input_pipeline, splits, templates
from ifgan_tf.errors import UserError
from ifgan_tf.models.networks import build_networks
from ifgan_tf.run_folder import RunFolder
from ifgan_tf.training import stopping, strategy
from ifgan_tf.training.balance import BalanceMeter
from ifgan_tf.training.calibration import calibrate
from ifgan_tf.training.checkpoints import Checkpoints
from ifgan_tf.training.epoch import next_batch, train_epoch
from ifgan_tf.training.journal import Journal
from ifgan_tf.training.not_finite import NotFiniteError
from ifgan_tf.training.optimizers import learning_rate
from ifgan_tf.training.so_far import SoFar
from ifgan_tf.training.step import Trainer
from ifgan_tf.training.targets import average_face_targets
from ifgan_tf.training.validation import Validation
from ifgan_tf.training.warm_start import check_beginning, warm_start
from ifgan_tf.training.weight_norms import trainable_weights, weight_norms

_PICTURES = 25  # times in a run that pictures are written
_ASK_WORKERS_EVERY = 20  # steps between two questions to all of several processes, which have to wait for one another


def train(config: Config, workdir: Path) -> dict[str, Any]:
    """Trains one fold, or goes on with it; then calibrates its confidence, if it is validated.

    Args:
      config: of the run; the data set must be built.
      workdir: run folder, new or of the same configuration.

    Returns:
      The last line of `metrics.jsonl`.

    Raises:
      UserError: for a workdir of another configuration, data that are not built, a loss that is not finite, a full
        disk.
      SystemExit: after Ctrl-C (130) or SIGTERM (143), once the running step is over and kept; at the second of them at
        once.
    """
    prepare_devices(config.run)
    devices = strategy.strategy_of(config.run.strategy)
    with devices.scope(), strategy.told_of_lost_workers():
        strategy.refuse_what_cannot_be_shared(
            config.optimizer.batch_size, config.optimizer.gradient_accumulation, config.run.jit_compile
        )
        chief = strategy.is_chief(devices)
        run = RunFolder(workdir)
        last = _train_first(config, run) if chief else _train_beside(config, run)
    # Out of the scope, in which every worker would have to build the same networks; the others wait.
    if chief and config.data.validation != "none" and not run.calibration_file.exists():
        calibrate(run)
    if not strategy.is_alone(devices):
        _wait_for_the_chief(devices)
    return last


def _wait_for_the_chief(devices: tf.distribute.Strategy) -> None:
    """Waits, in every worker, until the chief is done; signals wait, too: TensorFlow would swallow what they raise.

    Raises:
      UserError: when another worker has ended.
      SystemExit: when this one was asked to end, whatever became of the others, who may have been asked first.
    """
    with stopping.signals() as stop:
        try:
            with devices.scope(), strategy.told_of_lost_workers():
                strategy.wait_for_all()
        except UserError:
            if not stop.signal:
                raise
    if stop.signal:
        sys.exit(stop.exit_code)


def _train_first(config: Config, run: RunFolder) -> dict[str, Any]:
    """Trains as the chief, or as the only one."""
    if not run.has_begun():
        check_beginning(config)  # before there is a folder
    with _claimed(run, config):
        strategy.wait_for_all()
        if finished := _finished(run, config.optimizer.epochs):
            return finished
        run.calibration_file.unlink(missing_ok=True)  # of networks that may soon be the best no longer
        return _train(config, run, run)


def _train_beside(config: Config, chiefs: RunFolder) -> dict[str, Any]:
    """Trains along with the chief, which alone writes: what this worker writes goes to a folder that is forgotten."""
    logging.getLogger().setLevel(logging.WARNING)
    strategy.wait_for_all()
    if not chiefs.config_file.exists():
        raise UserError(
            f"--workdir={chiefs.path}: the chief's run is not there; expected a folder that all workers see"
        )
    _refuse_another(chiefs, config, "the chief's run has another configuration")
    if finished := _finished(chiefs, config.optimizer.epochs):
        return finished
    with tempfile.TemporaryDirectory() as own:
        run = RunFolder(Path(own))
        config_lib.save(config, run.config_file)
        return _train(config, run, chiefs)


def _train(config: Config, run: RunFolder, chiefs: RunFolder) -> dict[str, Any]:
    """Args:
    config: of the run.
    run: where this process writes.
    chiefs: whose checkpoints are gone on from; the same, but for a worker that is not the chief.
    """
    # Data: subjects first, then only what they allow.
    size, classes, settings = config.data.image_size, config.data.class_names, config.optimizer
    data = splits.load(config.data, config.run.fold, config.run.cache_gb)
    folds.save(data.fold, run.folds_file)
    if not run.template_file.exists():
        templates.save(templates.of_built_set(config.data.dataset, config.data.data_dir), run.template_file)
    faces, targets = average_face_targets(run, config, data)
    steps = input_pipeline.steps_per_epoch(data.train, settings.batch_size)

    goes_on = chiefs.has_begun()
    model = without_initial_weights(config.model) if goes_on else config.model
    networks = build_networks(model, size, len(classes), config.run.seed, config.run.precision)
    if config.model.warm_start and not goes_on:
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
        config.run.recompute,
    )
    # Going on equals never having stopped, after whichever step, because all of this comes back as it was:
    #   1. the weights of G, D and E, with their moving statistics; with --weight_average, those in training and their
    #      averages;
    #   2. both Adams: their moments, and how many steps they took, which the learning rate follows;
    #   3. the centres of Eq. 5;
    #   4. the states of random generators in dropout layers;
    #   5. how far the run has come, what its metrics of the epoch add up to so far and the weights it began with
    #      (`SoFar`), and how good the best epoch was on validation.
    # Networks and optimizers are built whole before, or there would be nothing to restore into. These need no keeping:
    #   6. the order of images and their augmentation follow from the seed and the step (`training_batches`);
    #   7. the fold and the average faces are files of the run;
    #   8. lines of metrics and curves are cut back to that step, and a line that was lost is in the checkpoint.
    so_far = SoFar()
    minutes, writes = config.run.checkpoint_minutes, run is chiefs
    checkpoints = Checkpoints(chiefs.checkpoints_dir, trainer, so_far, steps, minutes, writes)
    restored = checkpoints.restore()
    strategy.agree_on(checkpoints.step, "a checkpoint of step")
    if restored:
        begun = f" and {so_far.taken} of {steps} steps of the next" if so_far.taken else ""
        logging.info("%s: going on after epoch %d of %d%s", run.path, so_far.epoch, settings.epochs, begun)
    elif config.run.nan == "rewind":
        checkpoints.save()  # something to go back to from the first step on

    validation = None
    if config.data.validation != "none":
        validation = Validation(
            trainer.finished_networks, config.model.classifier_input, data.validation, faces, classes, size
        )

    def batches_from(step: int) -> Iterator[tuple[tf.Tensor, ...]]:
        left, seed = range(step, settings.epochs * steps), config.run.seed
        batches_of = functools.partial(
            input_pipeline.training_batches, data.train, targets, config.data, settings.batch_size, left, seed
        )
        return input_pipeline.plainly(strategy.batches(batches_of))

    schedule, meter = learning_rate(settings, steps), BalanceMeter(trainer)
    journal = Journal(run, config, checkpoints, so_far)
    batches, pace = batches_from(checkpoints.step), _Pace(checkpoints.step, settings.epochs * steps)
    alone = strategy.is_alone(tf.distribute.get_strategy())
    with stopping.signals() as stop:

        def stop_if_asked() -> None:
            if strategy.anyone(bool(stop.signal)):
                raise stopping.Stopped

        def pause() -> None:
            stop_if_asked()
            journal.keep()

        while so_far.epoch < settings.epochs:
            epoch = so_far.epoch
            numbers, name = range(epoch * steps + 1, (epoch + 1) * steps + 1), f"epoch {epoch + 1}/{settings.epochs}"
            try:
                stop_if_asked()
                if not so_far.balance:
                    first = next_batch(batches, numbers.start)
                    so_far.begin(meter.measure(*first), trainable_weights(trainer.networks))
                    journal.begin_epoch(numbers.start)
                    batches = itertools.chain([first], batches)
                train_epoch(
                    trainer,
                    batches,
                    numbers,
                    settings.batch_size,
                    so_far,
                    journal.summaries,
                    lambda: strategy.anyone(bool(stop.signal) or checkpoints.due()),
                    pause,
                    1 if alone else _ASK_WORKERS_EVERY,
                    config.run.steps_per_execution,
                    name,
                )
                line: dict[str, Any] = {
                    "epoch": epoch + 1,
                    "step": numbers[-1],
                    "learning_rate": float(schedule(epoch * steps)) * float(trainer.rate_factor.numpy()),
                    "train": so_far.means(),
                    **so_far.balance,
                    **weight_norms(so_far.weights, trainable_weights(trainer.networks)),
                }
                if validation:
                    with stop.at_once() if alone else contextlib.nullcontext():
                        predicted = validation.predict()
                        line["validation"] = validation.judge(predicted)
                    if (epoch + 1) % max(1, settings.epochs // _PICTURES) == 0:
                        validation.show(predicted, journal.summaries, numbers[-1])
                line["images_per_second"] = steps * settings.batch_size / so_far.seconds
                journal.finish_epoch(line)
            except NotFiniteError as fault:
                journal.rewind(fault)
                strategy.agree_on(checkpoints.step, "a checkpoint of step")
                batches = batches_from(checkpoints.step)
            except stopping.Stopped:
                try:
                    journal.keep()
                    told = "%s: stopped after step %d of %d; the same command goes on from there"
                    logging.info(told, run.path, checkpoints.step, settings.epochs * steps)
                except NotFiniteError as fault:
                    logging.warning("%s; the same command goes on from the last checkpoint", fault.what)
                strategy.wait_for_all()
                sys.exit(stop.exit_code)
            else:
                if not sys.stderr.isatty():  # no bar: a line an epoch, for who reads the log
                    logging.info("%s, %s left", _told(line, settings.epochs), pace.left(checkpoints.step))
    strategy.wait_for_all()  # whoever leaves first takes TensorFlow from those who still write
    if strategy.anyone(bool(stop.signal)):  # too late to stop this one, but there may be other folds
        sys.exit(stop.exit_code)
    return run.metrics()[-1]


class _Pace:
    """How long the rest of a run takes, told by the steps taken so far."""

    def __init__(self, first: int, last: int) -> None:
        self._first, self._last, self._begun = first, last, time.perf_counter()

    def left(self, step: int) -> timedelta:
        """After `step`."""
        seconds = (time.perf_counter() - self._begun) / max(1, step - self._first)
        return timedelta(seconds=round(seconds * (self._last - step)))


@contextlib.contextmanager
def _claimed(run: RunFolder, config: Config) -> Iterator[None]:
    """Holds the run folder, made one of this configuration, unless something of another was learnt there already."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(files.only_one(run.path, "a training"))
            if not run.config_file.exists():
                config_lib.save(config, run.config_file)
            elif run.has_begun() or run.metrics():
                _refuse_another(run, config, "a run of another configuration")
            elif config_lib.differences(run.config(), config):
                run.forget_beginning()  # of a command that failed and was mended
                config_lib.save(config, run.config_file)
        except OSError as error:
            raise UserError(
                f"--workdir={run.path}: cannot be written ({error.strerror}); choose another folder"
            ) from None
        yield


def _refuse_another(run: RunFolder, config: Config, what: str) -> None:
    if changed := config_lib.differences(run.config(), config):
        raise UserError(
            f"--workdir={run.path}: {what} ({'; '.join(changed)}). Pass its own flags to go on with it, or another "
            f"--workdir to start anew"
        )


def _finished(run: RunFolder, epochs: int) -> dict[str, Any] | None:
    """The last line of metrics of a run that has nothing left to do."""
    lines = run.metrics()
    if not lines or lines[-1]["epoch"] != epochs:
        return None
    try:
        return lines[-1] if run.checkpoint_epoch("last") == epochs else None
    except UserError:  # damaged: there may be one before it
        return None


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
