"""Everything that `evaluate.py` does to a run folder."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ifgan_tf import config as config_lib
from ifgan_tf import files
from ifgan_tf.config import Config
from ifgan_tf.errors import UserError
from ifgan_tf.evaluation import figures, report
from ifgan_tf.evaluation.model_card import model_card
from ifgan_tf.evaluation.predictions import Predictions, checkpoint_epoch, faces_of, predict_with
from ifgan_tf.evaluation.report import Report
from ifgan_tf.evaluation.shares import PairShares
from ifgan_tf.faces.geometry import model_view
from ifgan_tf.run_folder import RunFolder, fold_folders

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Point = tuple[float, float]
Measure = Callable[[Sequence[RunFolder]], dict[str, Any] | None]


@dataclass(frozen=True)
class Evaluated:
    """One fold that could be evaluated."""

    run: RunFolder
    predictions: Predictions
    figures: Report


def evaluate(
    workdir: Path,
    data_dir: str | None = None,
    points: Sequence[Point] = figures.QUERY_POINTS,
    people: int = 4,
    identity: Measure | None = None,
    detail: Measure | None = None,
) -> Report:
    """Evaluates a run, or all its folds, on test images; writes `workdir/model_card.md` and into `workdir/evaluation`:

    `report.json`, `report.md`, `comparison.csv` (the paper's rows and ours), `predictions.csv` and pictures, as PNG and
    as PDF; the pictures and the report also go to `workdir/tensorboard/evaluation`.

    Args:
      workdir: a run folder, or the folder of `fold_00` … `fold_09`.
      data_dir: where the built data lie, if no longer where the run's configuration says.
      points: query points of the attention maps, as fractions of width and height.
      people: rows of people in the picture of expression transfer.
      identity: measures how much of a person's identity is left (see `ifgan_tf.privacy.audit.audit`).
      detail: measures what can be read beside the expression's name (see `ifgan_tf.privacy.detail.detail`).

    Returns:
      The report that was written.

    Raises:
      UserError: when there is no run, no checkpoint or no data, or the folds are not of one configuration.
    """
    runs = fold_folders(workdir)
    config = _one_config(runs)
    out, events = workdir / "evaluation", workdir / "tensorboard"
    if any(run.checkpoint_epoch("best") is not None for run in runs):
        for folder in (workdir, out, events, *(run.tensorboard_dir for run in runs)):
            _see_that_it_can_be_written(folder)
    evaluated, skipped = _evaluate_folds(runs, data_dir)
    measured = [measure([fold.run for fold in evaluated]) if measure else None for measure in (identity, detail)]
    result = report.run_report(config, [fold.figures for fold in evaluated], skipped, *measured)

    drawn = _pictures(evaluated, result, points, people)
    rows = [
        row
        for fold in evaluated
        for row in report.prediction_rows(fold.figures["fold"], fold.predictions, result["classes"])
    ]
    for name in ("expression_transfer", "attention_maps", "accuracy_and_leakage"):
        if name not in drawn:  # one from an earlier evaluation may be of other networks
            for suffix in figures.SUFFIXES:
                (out / f"{name}{suffix}").unlink(missing_ok=True)
    written = [
        *(figures.save(figure, out / f"{name}.png") for name, figure in drawn.items()),
        report.write_text(out / "report.json", report.json_text(result)),
        report.write_text(out / "report.md", report.markdown(result, list(drawn))),
        report.write_text(out / "comparison.csv", report.csv_text(report.comparison(result))),
        report.write_text(out / "predictions.csv", report.csv_text(rows)),
        report.write_text(workdir / "model_card.md", model_card(result)),
    ]
    for folder in (events, *(run.tensorboard_dir for run in runs)):
        shutil.rmtree(folder / "evaluation", ignore_errors=True)  # an earlier one's events would stand beside the new
    _to_tensorboard(events / "evaluation", result, drawn)
    for fold in evaluated:
        _fold_to_tensorboard(fold)
    print(report.markdown(result))
    print("\n".join(f"wrote {path}" for path in [*written, events / "evaluation"]))
    return result


def _see_that_it_can_be_written(folder: Path) -> None:
    try:
        files.writable(folder)
    except OSError as error:
        raise UserError(
            f"--workdir: {folder} cannot be written ({error.strerror}); make it writable, or copy the run folder and "
            f"evaluate the copy"
        ) from None


def _one_config(runs: Sequence[RunFolder]) -> Config:
    first = runs[0].config()
    for run in runs[1:]:
        other = [line for line in config_lib.differences(first, run.config()) if not line.startswith("--fold:")]
        if other:
            raise UserError(
                f"{run.config_file}: differs from {runs[0].config_file} ({'; '.join(other)}); the folds of one run "
                f"must have one configuration: train this fold again"
            )
    return first


def _evaluate_folds(runs: Sequence[RunFolder], data_dir: str | None) -> tuple[list[Evaluated], dict[int, str]]:
    evaluated, skipped, errors = [], {}, []
    for run in runs:
        try:
            evaluated.append(_evaluate_fold(run, data_dir))
        except UserError as error:
            skipped[run.config().run.fold] = str(error)
            errors.append(error)
    if not evaluated:
        raise errors[0]
    return evaluated, skipped


def _evaluate_fold(run: RunFolder, data_dir: str | None) -> Evaluated:
    faces = faces_of(run, "test", data_dir)
    best = predict_with(run, faces, "best", "test, best epoch")
    last = predict_with(run, faces, "last", "test, last epoch")
    epochs = (checkpoint_epoch(run, "best"), checkpoint_epoch(run, "last"))
    shares = None
    if run.config().model.classifier_input == "pair":
        shares = PairShares(run.networks("best").classifier).of_predictions(best)
    fold = run.fold()
    told = report.fold_report(fold.fold, best, last, epochs, shares, fold.undetected, run.temperature())
    return Evaluated(run, best, told)


def _pictures(
    evaluated: Sequence[Evaluated], result: Report, points: Sequence[Point], people: int
) -> dict[str, Figure]:
    classes, title = result["classes"], result["method"]
    subtitle = f"{title}\n{result['config']['data']['dataset']}, {report.folds_text(result)}"
    accuracy = f"accuracy, pooled: {100 * result['accuracy']['pooled']:.2f} %"
    # Other pictures of faces come from the first fold: each fold has its own networks and average faces.
    first = evaluated[0]
    drawn = {
        "confusion_matrix": figures.confusion(
            report.pooled_confusion(result), classes, f"{subtitle}\n{accuracy}", report.pooled_undetected(result)
        ),
        "reliability": figures.reliability_diagram(report.pooled_reliability(result), subtitle),
        "misclassified": figures.misclassified(Predictions.join([fold.predictions for fold in evaluated]), classes),
    }
    if "identity" in result:
        drawn["accuracy_and_leakage"] = figures.leakage(
            result["identity"], result["accuracy"]["mean"], result.get("detail")
        )
    config = first.run.config()
    if first.predictions.generated is None:
        logging.info("classifier_input=input has no generator: no expression transfer and no attention maps")
    else:
        size = config.data.image_size
        averages = np.stack([model_view(face, size) for face in first.run.average_faces()])
        drawn["expression_transfer"] = figures.expression_transfer(first.predictions, averages, classes, people)
        if config.model.attention:
            drawn["attention_maps"] = _attention_maps(first, classes, points)
        else:
            logging.info("--noattention: the generator has no attention maps to show")
    return drawn


def _attention_maps(fold: Evaluated, classes: Sequence[str], points: Sequence[Point]) -> Figure:
    from ifgan_tf.evaluation.attention_maps import attention_figure

    generator, generated = fold.run.networks("best").generator, fold.predictions.generated
    assert generator is not None
    assert generated is not None
    chosen = figures.representative(fold.predictions)
    faces = fold.predictions.faces
    names = [f"{classes[faces.labels[i]]} ({faces.subjects[i]})" for i in chosen]
    return attention_figure(generator, faces.images[chosen], generated[chosen], names, points)


def _to_tensorboard(folder: Path, result: Report, drawn: Mapping[str, Figure]) -> None:
    import tensorflow as tf

    with tf.summary.create_file_writer(str(folder)).as_default(step=0):
        tf.summary.text("evaluation/report", report.markdown(result))
        for name, value in result["accuracy"].items():
            tf.summary.scalar(f"evaluation/accuracy_{name}", value)
        for name, found in result.get("identity", {}).items():
            if isinstance(found, dict) and "top1" in found:
                tf.summary.scalar(f"identity/top1_{name}", found["top1"])
        for name, found in result.get("detail", {}).items():
            if isinstance(found, dict):
                for kind in ("intensity", "action_units"):
                    if kind in found:
                        tf.summary.scalar(f"detail/{kind}_{name}", found[kind])
        for name, figure in drawn.items():
            tf.summary.image(f"evaluation/{name}", figures.pixels(figure)[np.newaxis])


def _fold_to_tensorboard(fold: Evaluated) -> None:
    """The fold's own figures beside its curves, where the table of hyper-parameters looks for them."""
    import tensorflow as tf

    with tf.summary.create_file_writer(str(fold.run.tensorboard_dir / "evaluation")).as_default(step=0):
        for name in ("accuracy", "mean_class_accuracy", "macro_f1", "ece"):
            tf.summary.scalar(name, fold.figures[name], description="On the fold's test images.")
        for name, value in fold.figures.get("shares", {}).items():
            tf.summary.scalar(f"accuracy_{name}", value, description="On the fold's test images.")
