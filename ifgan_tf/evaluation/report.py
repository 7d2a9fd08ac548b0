"""The figures of one or several folds: `report.json`, tables, and the predictions of every image."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ifgan_tf import config as config_lib
from ifgan_tf import files, spreadsheets
from ifgan_tf.config import Config
from ifgan_tf.data.folds import NUM_FOLDS, has_folds
from ifgan_tf.evaluation import metrics, published
from ifgan_tf.evaluation.metrics import NO_FACE
from ifgan_tf.evaluation.predictions import Predictions

Report = dict[str, Any]


def fold_report(
    fold: int,
    best: Predictions,
    last: Predictions,
    epochs: tuple[int, int],
    shares: Mapping[str, float] | None = None,
    undetected_in_training: Mapping[str, int] | None = None,
    temperature: float = 1.0,
) -> Report:
    """What one fold's test images gave.

    Pictures without a detected face count as errors in `accuracy`, `mean_class_accuracy` and `macro_f1`; they are
    missing from `confusion` and counted, by true class, in `undetected`. `ece` and `detected_accuracy` are of the
    detected faces alone, as are the bins in `reliability`; `uncalibrated_ece` is what `ece` would be without the
    temperature, and missing where there is none. Where a recording has several images (frames of a video),
    `recordings` counts them and `recording_accuracy` is theirs, see `by_recording`.

    Args:
      fold: number of the fold.
      best: predictions of the checkpoint that was best on validation.
      last: predictions of the last epoch's checkpoint on the same images.
      epochs: how many epochs those two checkpoints had been trained for.
      shares: accuracy of the best checkpoint with one half of E's pairs shuffled, see `PairShares`; where E sees one
        image alone there is none.
      undetected_in_training: see `ifgan_tf.data.folds.Fold`.
      temperature: that the probabilities of `best` are calibrated with, see `RunFolder.temperature`.
    """
    classes = best.probabilities.shape[1]
    truth, predicted, detected = best.faces.labels, best.predicted, best.faces.detected
    bins = metrics.reliability(best.confidences[detected], best.correct[detected])
    told: Report = {
        "fold": fold,
        "images": len(best),
        "subjects": len(set(best.faces.subjects.tolist())),
        "accuracy": metrics.accuracy(truth, predicted),
        "mean_class_accuracy": metrics.mean_class_accuracy(truth, predicted, classes),
        "macro_f1": metrics.macro_f1(truth, predicted),
        "ece": metrics.calibration_error(bins),
        "reliability": {name: values.tolist() for name, values in dataclasses.asdict(bins).items()},
        "confusion": metrics.confusion_matrix(truth, predicted, classes).tolist(),
        "last_epoch_accuracy": metrics.accuracy(truth, last.predicted),
        "best_epoch": epochs[0],
        "last_epoch": epochs[1],
        "coverage": float(np.mean(detected)),
        "detected_accuracy": metrics.accuracy(truth[detected], predicted[detected]),
        "undetected": np.bincount(truth[~detected], minlength=classes).tolist(),
        "undetected_in_training": dict(undetected_in_training or {}),
    }
    if temperature != 1.0:
        confidences = metrics.uncalibrated(best.probabilities, temperature).max(axis=1)
        error = metrics.expected_calibration_error(confidences[detected], best.correct[detected])
        told |= {"temperature": temperature, "uncalibrated_ece": error}
    recordings, right = by_recording(best)
    if recordings < len(best):
        told |= {"recordings": recordings, "recording_accuracy": right / recordings}
    if shares is not None:
        told["shares"] = dict(shares)
    return told


def by_recording(predictions: Predictions) -> tuple[int, int]:
    """How many recordings there are, and how many the mean probability over their detected faces names right.

    Images of one recording with different labels (a neutral beginning and its peak) count as two recordings.
    """
    faces = predictions.faces
    keys = np.char.add(np.char.add(faces.recordings, "\n"), faces.labels.astype(str))
    _, first, recording = np.unique(keys, return_index=True, return_inverse=True)
    sums = np.zeros((len(first), predictions.probabilities.shape[1]))
    np.add.at(sums, recording[faces.detected], predictions.probabilities[faces.detected])
    named = np.where(sums.any(axis=1), sums.argmax(axis=1), NO_FACE)
    return len(first), int(np.sum(named == faces.labels[first]))


def run_report(
    config: Config,
    folds: Sequence[Report],
    skipped: Mapping[int, str],
    identity: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Report:
    """The report of a run: its folds and their merger.

    Args:
      config: of the run (of its first fold).
      folds: one `fold_report` each.
      skipped: folds that could not be evaluated, and why.
      identity: leakage, if measured, see `ifgan_tf.privacy.audit.to_json`.
      detail: what can be read beside the expression, if measured, see `ifgan_tf.privacy.detail`.
    """
    accuracies = np.array([fold["accuracy"] for fold in folds])
    images = np.array([fold["images"] for fold in folds])
    right = sum(int(np.trace(np.array(fold["confusion"]))) for fold in folds)
    report: Report = {
        "config": config_lib.to_dict(config),
        "classes": list(config.data.class_names),
        "method": method_name(config),
        "classifier_input": config.model.classifier_input,
        "folds": list(folds),
        "accuracy": {
            "mean": float(accuracies.mean()),
            # Of the folds at hand, as a description of their spread (ddof 0): one fold has none.
            "std": float(accuracies.std()),
            "pooled": right / int(images.sum()),
        },
        "ece": {
            "mean": float(np.mean([fold["ece"] for fold in folds])),
            "std": float(np.std([fold["ece"] for fold in folds])),
            "pooled": metrics.calibration_error(_pooled_reliability(folds)),
        },
        "skipped_folds": {str(fold): reason for fold, reason in skipped.items()},
    }
    if identity is not None:
        report["identity"] = identity
    if detail is not None:
        report["detail"] = detail
    if has_folds(config.data.dataset):
        report["missing_folds"] = sorted(set(range(NUM_FOLDS)) - {fold["fold"] for fold in folds})
    return report


def method_name(config: Config) -> str:
    """What the paper calls the run's method; always with what the classifier saw."""
    if config.model.classifier_input == "input":
        name = f"{config.model.backbone} + island loss"
    else:
        name = "IF-GAN" if config.model.attention else "IF-GAN w/o attention"
    return f"{name}, classifier_input={config.model.classifier_input}"


def folds_text(report: Report) -> str:
    """Which folds are in the figures."""
    if "missing_folds" not in report:
        return "official split"
    present = [fold["fold"] for fold in report["folds"]]
    return f"fold{'s' if len(present) > 1 else ''} {_ranges(present)} of {NUM_FOLDS}"


def strangers_text(report: Report) -> str:
    """Whether people in the test images were trained on."""
    if "missing_folds" not in report:
        return "Who is in a photo is not known: that nobody tested was trained on rests on the owners' split."
    if _closed(report):
        return "A closed set (--fold_by=recording): everybody in the test images was trained on, in other recordings."
    return "No test subject was trained on."


def is_validated(report: Report) -> bool:
    """Whether images were held out of training to choose the checkpoint by."""
    return bool(report["config"]["data"]["validation"] != "none")


def _checkpoint_text(report: Report) -> str:
    if is_validated(report):
        return "The checkpoint is the one best on validation; the last epoch is beside it."
    return "Nothing was held out of training to validate on (--validation=none): the checkpoint is the last epoch's."


def untrained_text(report: Report) -> str:
    """How many training images showed no face, by data set; empty when all did."""
    folds = [fold["undetected_in_training"] for fold in report["folds"]]
    names = dict.fromkeys(name for fold in folds for name in fold)
    if not names:
        return ""
    counts = {name: sorted({fold.get(name, 0) for fold in folds}) for name in names}
    told = [
        f"{some[0]} of {name}" if len(some) == 1 else f"{some[0]} to {some[-1]} a fold of {name}"
        for name, some in counts.items()
    ]
    return f"Training images in which no face was found, neither trained on nor averaged: {', '.join(told)}."


def _closed(report: Report) -> bool:
    return bool(report["config"]["data"]["fold_by"] == "recording")


def missing_text(report: Report) -> str:
    """Which folds are missing from the figures; empty when none is."""
    missing = report.get("missing_folds")
    return f"missing: {_ranges(missing)}" if missing else ""


def _ranges(numbers: Sequence[int]) -> str:
    """Sorted numbers as text: [0, 1, 2, 5] → `0-2, 5`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def comparison(report: Report) -> list[dict[str, str]]:
    """The published rows for the data set and ours, as table rows.

    Returns:
      Rows with `method`, `accuracy_percent`, `std_percent` and `source`; where others published how often a person is
      named right, `person_named_percent` too.
    """
    dataset = report["config"]["data"]["dataset"]
    rows = [
        {"method": name, "accuracy_percent": f"{value:.2f}", "std_percent": "", "source": published.source(dataset)}
        for name, value in published.accuracies(dataset)
    ]
    source = ", ".join(filter(None, ["this run", folds_text(report), missing_text(report)]))
    rows.append(_our_row(report["method"], [fold["accuracy"] for fold in report["folds"]], source))
    of_recordings = [fold["recording_accuracy"] for fold in report["folds"] if "recording_accuracy" in fold]
    if of_recordings:
        rows.append(_our_row(f"{report['method']}, by recording", of_recordings, source))
    if (peer := published.leakage(dataset)) is not None:
        named = {rows[0]["method"]: peer}
        ours = report.get("identity", {}).get("generated", {}).get("top1")
        if _closed(report) and ours is not None:  # else other people, and fewer, are told apart
            named[report["method"]] = ours
        for row in rows:
            row["person_named_percent"] = f"{100 * named[row['method']]:.2f}" if row["method"] in named else ""
    return rows


def _our_row(method: str, accuracies: Sequence[float], source: str) -> dict[str, str]:
    several = len(accuracies) > 1
    return {
        "method": method,
        "accuracy_percent": f"{100 * np.mean(accuracies):.2f}",
        "std_percent": f"{100 * np.std(accuracies):.2f}" if several else "",
        "source": source,
    }


def fold_rows(report: Report) -> list[dict[str, str]]:
    """Our figures as table rows: one a fold, and of several folds their mean ± deviation and pooled accuracy."""
    columns = ("accuracy", "mean_class_accuracy", "macro_f1", "ece", "coverage", "last_epoch_accuracy")
    rows = []
    for fold in report["folds"]:
        row = {name: str(fold[name]) for name in ("fold", "images", "subjects")}
        row |= {name: f"{100 * fold[name]:.2f}" for name in columns}
        rows.append({**row, "best_epoch": str(fold["best_epoch"]), "last_epoch": str(fold["last_epoch"])})
    if len(rows) > 1:
        total = {"fold": "mean ± std"}
        people = max if _closed(report) else sum  # in a closed set they are the same in every fold
        total["images"] = str(sum(fold["images"] for fold in report["folds"]))
        total["subjects"] = str(people(fold["subjects"] for fold in report["folds"]))
        for name in columns:
            values = 100 * np.array([fold[name] for fold in report["folds"]])
            total[name] = f"{values.mean():.2f} ± {values.std():.2f}"
        rows.append(total)
        pooled = {name: f"{100 * report[name]['pooled']:.2f}" for name in ("accuracy", "ece")}
        rows.append({"fold": "pooled", "images": total["images"]} | pooled)
    return rows


def markdown_table(rows: Sequence[Mapping[str, str]], right: Sequence[str] = ()) -> str:
    """Rows of equal keys as a Markdown table, padded so that it also reads well on a console.

    Args:
      rows: at least one; their keys, in the order of appearance, are the columns.
      right: columns that are aligned to the right.
    """
    columns = _columns(rows)
    lines = [columns, *[[row.get(name, "") for name in columns] for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]

    def text(cells: Sequence[str]) -> str:
        padded = [c.rjust(w) if n in right else c.ljust(w) for c, w, n in zip(cells, widths, columns, strict=True)]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * (w - 1) + ":" if n in right else "-" * w for w, n in zip(widths, columns, strict=True)]
    return "\n".join([text(columns), "|" + "|".join(f" {cell} " for cell in rule) + "|", *map(text, lines[1:])])


def _columns(rows: Sequence[Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def confusion_rows(report: Report) -> list[dict[str, str]]:
    """The pooled confusion matrix as table rows: counts, and the recall of every class."""
    names = report["classes"]
    matrix = pooled_confusion(report)
    undetected = pooled_undetected(report)
    rows = []
    for index, name in enumerate(names):
        row = {"true \\ predicted": name} | {other: str(matrix[index, i]) for i, other in enumerate(names)}
        if undetected.any():
            row["no face"] = str(undetected[index])
        images = matrix[index].sum() + undetected[index]
        rows.append({**row, "right %": f"{100 * matrix[index, index] / images:.1f}" if images else ""})
    return rows


def pooled_confusion(report: Report) -> np.ndarray:
    """Confusion matrix over all folds: int [classes, classes], rows are the truth."""
    return np.sum([fold["confusion"] for fold in report["folds"]], axis=0)


def pooled_reliability(report: Report) -> metrics.Reliability:
    """Confidence against accuracy of the detected faces of all folds."""
    return _pooled_reliability(report["folds"])


def _pooled_reliability(folds: Sequence[Report]) -> metrics.Reliability:
    tables = [{name: np.array(values) for name, values in fold["reliability"].items()} for fold in folds]
    return metrics.pooled_reliability([metrics.Reliability(**table) for table in tables])


def pooled_undetected(report: Report) -> np.ndarray:
    """Images without a detected face over all folds, by true class: int [classes]."""
    return np.sum([fold["undetected"] for fold in report["folds"]], axis=0)


def markdown(report: Report, pictures: Sequence[str] = ()) -> str:
    """The whole report as Markdown: our figures, the paper's table with our row, the confusion matrix.

    Args:
      report: see `run_report`.
      pictures: files beside the report, without their suffixes, that it is to show.
    """
    config = report["config"]
    figures = fold_rows(report)
    parts = [
        f"# {report['method']}: {config['data']['dataset']}",
        f"{len(report['classes'])} classes, {config['data']['image_size']}x{config['data']['image_size']} pixels, "
        f"backbone {config['model']['backbone']}; {folds_text(report)}. {strangers_text(report)} Additional "
        f"training data: {config['data']['additional_data'] or 'none'}. {begun_text(report)}{_checkpoint_text(report)}",
        "## Figures (percent)",
        markdown_table(figures, right=list(figures[0])[1:]),
    ]
    parts += _remarks(report)
    compared = comparison(report)
    to_the_right = [name for name in compared[0] if name.endswith("percent")]
    parts += ["## Beside what was published", markdown_table(compared, right=to_the_right)]
    parts.append(published.remark(config["data"]["dataset"]))
    confusion = confusion_rows(report)
    parts += ["## Confusion matrix (all folds)", markdown_table(confusion, right=list(confusion[0])[1:])]
    if "identity" in report:
        parts += _identity_parts(report)
    if "detail" in report:
        parts += _detail_parts(report["detail"])
    if pictures:
        parts += ["## Pictures", *(_picture(name) for name in pictures)]
    return "\n\n".join(parts) + "\n"


def begun_text(report: Report) -> str:
    """What the networks had learnt before, if a baseline lent them its weights."""
    warm = report["config"]["model"].get("warm_start")
    return "Begun with what a baseline of the same fold had learnt on photos (--warm_start). " if warm else ""


def _picture(name: str) -> str:
    title = name.replace("_", " ")
    return f"![{title}]({name}.png)\n\n[{title}, for print]({name}.pdf)"


def identity_rows(identity: Mapping[str, Any]) -> list[dict[str, str]]:
    """What every representation gives away, as table rows, in percent and decibels; 95 % intervals in brackets."""
    rows = []
    for name, found in identity.items():
        if not isinstance(found, dict) or "top1" not in found:
            continue
        row = {"seen by the attacker": name, "top-1 %": _with_interval(found, "top1")}
        row["verification AUC %"] = _with_interval(found, "auc")
        row["TAR at 1 % FAR, %"] = f"{100 * found['tar_at_far_1_percent']:.1f}"
        for attribute, values in found.get("attributes", {}).items():
            row[f"{attribute} (chance {100 * values['chance']:.0f}) %"] = f"{100 * values['balanced_accuracy']:.1f}"
        psnr = identity["reconstruction_psnr"].get(name)
        row["rebuilt photo, dB"] = "" if psnr is None else f"{psnr:.1f}"
        row["expression %"] = f"{100 * found['expression_accuracy']:.1f}" if "expression_accuracy" in found else ""
        rows.append(row)
    return rows


def _with_interval(found: Mapping[str, Any], name: str) -> str:
    low, high = found[f"{name}_interval"]
    return f"{100 * found[name]:.1f} [{100 * low:.0f}, {100 * high:.0f}]"


def _identity_parts(report: Report) -> list[str]:
    identity = report["identity"]
    rows = identity_rows(identity)
    return [
        "## What identifies a person (closed set: enrolled with the training recordings, named in the test recordings)"
        if _closed(report)
        else "## What identifies a person (test subjects)",
        f"{identity['subjects']} people, {identity['images']} images; chance of naming the right one "
        f"{100 * identity['chance']:.1f} %, of verification 50 %. The best photo without any picture: "
        f"{identity['reconstruction_psnr']['constant']:.1f} dB. Expression: what a small network, trained for a "
        f"moment, reads in that picture alone; a floor, no baseline.",
        markdown_table(rows, right=[name for row in rows for name in list(row)[1:]]),
    ]


def detail_rows(detail: Mapping[str, Any]) -> list[dict[str, str]]:
    """What can be read from every representation, as table rows: R² with 95 % intervals in brackets."""
    columns = {"intensity": "intensity, R²", "action_units": "action units, R²"}
    rows = []
    for name, found in detail.items():
        if not isinstance(found, dict):
            continue
        row = {"seen by the reader": name}
        for figure, column in columns.items():
            if figure in found:
                low, high = found[f"{figure}_interval"]
                row[column] = f"{found[figure]:.2f} [{low:.2f}, {high:.2f}]"
        rows.append(row)
    return rows


def _detail_parts(detail: Mapping[str, Any]) -> list[str]:
    rows = detail_rows(detail)
    units = [name for name in detail["photo"].get("units", {}) if not name.endswith("_interval")]
    read = f" Action units: the mean over {', '.join(units)}, which vary enough." if units else ""
    drawn = " A generated face is worth drawing if it tells more than average_of_prediction, a table of one a class."
    return [
        "## What shows beside the expression's name (test subjects)",
        f"How well the grade of intensity, and action units where the data have them, are read by ridge regression or "
        f"a small network, the better of which counts: {detail['subjects']} people, {detail['images']} graded images, "
        f"no neutral ones. 1 is all, 0 is what the mean tells, below 0 is worse.{read}"
        f"{drawn if 'generated' in detail else ''}",
        markdown_table(rows, right=[name for row in rows for name in list(row)[1:]]),
    ]


def _remarks(report: Report) -> list[str]:
    """What a reader of the figures must know beside them."""
    epochs = report["config"]["optimizer"]["epochs"]
    remarks = [f"Folds {missing_text(report)}."] if missing_text(report) else []
    remarks += [f"Fold {fold} was not evaluated: {reason}." for fold, reason in report["skipped_folds"].items()]
    remarks += [
        f"Fold {fold['fold']} is not finished: epoch {fold['last_epoch']} of {epochs}."
        for fold in report["folds"]
        if fold["last_epoch"] < epochs
    ]
    recordings = sum(fold.get("recordings", 0) for fold in report["folds"])
    if recordings:
        right = sum(fold.get("recordings", 0) * fold.get("recording_accuracy", 0) for fold in report["folds"])
        remarks.append(
            f"By recording (mean probability over its frames): {100 * right / recordings:.2f} % of {recordings} right."
        )
    remarks += _shares_remark([fold for fold in report["folds"] if "shares" in fold])
    images = pooled_confusion(report).sum(axis=1) + pooled_undetected(report)
    if not images.all():
        names = ", ".join(name for name, count in zip(report["classes"], images, strict=True) if not count)
        remarks.append(f"No test image shows {names}: not tested, and in no mean over classes.")
    undetected = sum(sum(fold["undetected"]) for fold in report["folds"])
    if undetected:
        remarks.append(f"Test images without a detected face: {undetected}; they count as errors.")
    if untrained_text(report):
        remarks.append(untrained_text(report))
    return remarks


def _shares_remark(folds: Sequence[Report]) -> list[str]:
    """What E's accuracy rests on, where it sees the photo and the generated face."""
    if not folds:
        return []
    whole = 100 * np.mean([fold["accuracy"] for fold in folds])
    photo, face = (100 * np.mean([fold["shares"][f"{half}_shuffled"] for fold in folds]) for half in ("photo", "face"))
    return [
        f"What E reads in which of its two images: with each generated face beside another's photo it is right in "
        f"{photo:.2f} %, with each photo beside another's generated face in {face:.2f} %, with both its own in "
        f"{whole:.2f} %. What is lost is what the half that was exchanged had told."
    ]


def prediction_rows(fold: int, predictions: Predictions, classes: Sequence[str]) -> list[dict[str, str]]:
    """One row a test image; `predicted` is empty where no face had been found."""
    rows = []
    faces = predictions.faces
    for i in np.lexsort((faces.frames, faces.sources)):
        named = predictions.predicted[i]
        row = {
            "source": str(faces.sources[i]),
            "frame": str(faces.frames[i]),
            "subject": str(faces.subjects[i]),
            "fold": str(fold),
            "label": classes[faces.labels[i]],
            "predicted": "" if named == NO_FACE else classes[named],
            "confidence": f"{predictions.confidences[i]:.4f}",
        }
        rows.append(row | {name: f"{p:.4f}" for name, p in zip(classes, predictions.probabilities[i], strict=True)})
    return rows


def csv_text(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows as CSV with a header; their keys, in the order of appearance, are the columns."""
    buffer = io.StringIO()
    columns = _columns(rows)
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    for row in ({name: name for name in columns}, *rows):
        writer.writerow({name: spreadsheets.cell(text) for name, text in row.items()})
    return buffer.getvalue()


def json_text(report: Report) -> str:
    """The report as JSON."""
    return json.dumps(report, indent=2) + "\n"


def write_text(path: Path, text: str) -> Path:
    """`files.write_text` into a folder that may not be there yet; returns `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return files.write_text(path, text)
