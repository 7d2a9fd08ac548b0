"""A model card: what a run is, what it was trained and tested on, how well it does, and what it is not for."""

from __future__ import annotations

from typing import Any

from ifgan_tf.evaluation import report as report_lib
from ifgan_tf.evaluation.report import Report

_INPUTS = {
    "generated": "the generated average face alone; only this kind of run may be called identity-free, to the degree "
    "measured below",
    "pair": "the photo together with the generated average face: the classifier sees the person's own face",
    "input": "the photo alone (the paper's baseline; there is no generator)",
}

# Consent of the people in the data, and the licence, as far as they concern who passes on a model.
_AGREEMENT = (
    "given out by its owners for research, to those who sign their agreement; read in yours whether, and to whom, a "
    "model that was trained on it may be passed on."
)
_TERMS = {
    "synthetic_faces": "rendered by this project; the people do not exist.",
    "crema_d": (
        "91 actors, filmed while they acted emotions that they were asked for; what they agreed to is told by the "
        "owners (Cao et al., IEEE Transactions on Affective Computing, 2014), not by the licence. The database is "
        "under the Open Database License 1.0 (opendatacommons.org/licenses/odbl/1-0), its contents under the "
        "Database Contents License 1.0: name the source, and share a database that is derived from it, such as its "
        "aligned faces, alike. Whether a model's weights are a derived database or a work produced from it is not "
        "settled, so pass the model on with this notice, and read the licence's sections 4.3 to 4.6 or ask a "
        "lawyer; this is no legal advice. Average faces that a run makes of this data set are made of the actors' "
        "faces."
    ),
}


def model_card(report: Report) -> str:
    """The card of a run as Markdown (after Mitchell et al., Model Cards for Model Reporting, 2019).

    Args:
      report: see `ifgan_tf.evaluation.report.run_report`.
    """
    config = report["config"]
    data, model, optimizer = config["data"], config["model"], config["optimizer"]
    figures = report_lib.fold_rows(report)
    chosen = "the checkpoint best on validation" if report_lib.is_validated(report) else "the last epoch"
    parts = [
        f"# Model card: {report['method']}",
        "## What it is",
        f"Names one of {len(report['classes'])} facial expressions ({', '.join(report['classes'])}) in an aligned face "
        f"of {data['image_size']}x{data['image_size']} pixels, RGB. The classifier, {model['backbone']}, sees "
        f"{_INPUTS[model['classifier_input']]}.",
        "## Trained on",
        _training(data, report),
        f"{optimizer['epochs']} epochs in batches of {optimizer['batch_size']}, Adam from a learning rate of "
        f"{optimizer['learning_rate']:g}, seed {config['run']['seed']}.",
        "## Consent and licence of the data",
        *_terms(data),
        "## Tested on",
        f"{data['dataset']}, {report_lib.folds_text(report)}. {report_lib.missing_text(report)}".rstrip(),
        report_lib.strangers_text(report),
        report_lib.markdown_table(figures, right=list(figures[0])[1:]),
        f"Percent; `accuracy` is of {chosen}. Pictures without a face found count as errors.",
        "## What it gives away of a person's identity",
        *_leakage(report),
        *_detail(report),
        "## Meant for",
        "Research on expressions, and products that show or count *displayed* expressions of people who know of it.",
        "## Not meant for",
        "Telling what somebody feels, is or intends: a displayed expression is none of these. Decisions about people "
        "(hiring, schooling, policing, insurance). Watching people who do not know of it; in many places emotion "
        "recognition at work and in schools is forbidden by law.",
        "## Limits",
        _limits(report),
        "## Configuration",
        _configuration(config),
    ]
    return "\n\n".join(parts) + "\n"


def _training(data: dict[str, Any], report: Report) -> str:
    beside = data.get("additional_data", "")
    kind = "recordings" if data["fold_by"] == "recording" else "subjects"
    if "missing_folds" in report:
        trained = f"the training {kind} of each fold"
        folds = trained if report_lib.is_validated(report) else f"{trained}, none held out for validation"
    else:
        share = "nine tenths" if report_lib.is_validated(report) else "all"
        folds = f"{share} of the official training part"
    return (
        f"{data['dataset']}: {folds}; {f'beside it: {beside}' if beside else 'no other data'}. {_views(data)} "
        f"{report_lib.begun_text(report)}{report_lib.untrained_text(report)}"
    ).rstrip()


def _views(data: dict[str, Any]) -> str:
    """What training images were chosen by and went through; older reports lack what is not the paper's."""
    names, weakest = data.get("distortions", ""), data.get("min_intensity", 1)
    moved = {"all", "affine"}.intersection(names.split(","))
    pose = "Mirror" if moved else f"Random crop, mirror, rotation up to {data['rotation']:g} degrees"
    told = [f"{pose}, colour jitter {data['colour_jitter']:g}{f', distortions ({names})' if names else ''}."]
    if weakest > 1:
        told.append(f"Expressions weaker than grade {weakest} were not learnt from.")
    return " ".join(told)


def _terms(data: dict[str, Any]) -> list[str]:
    names = [name.partition("/")[0] for name in (data["dataset"], *data["additional_data"].split(",")) if name]
    return [f"{name}: {_TERMS.get(name, _AGREEMENT)}" for name in names]


def _leakage(report: Report) -> list[str]:
    if "identity" not in report:
        return ["Not measured."]
    rows = report_lib.identity_rows(report["identity"])
    identity = report["identity"]
    return [
        f"Attackers who know {identity['subjects']} test people ({identity['images']} images) name the right one with "
        f"the rate below; chance is {100 * identity['chance']:.1f} %.",
        report_lib.markdown_table(rows, right=[name for row in rows for name in list(row)[1:]]),
    ]


def _detail(report: Report) -> list[str]:
    if "detail" not in report:
        return []
    rows = report_lib.detail_rows(report["detail"])
    return [
        "## What it tells beside the expression's name",
        f"How well small readers read intensity and action units of {report['detail']['subjects']} test people (R²: 1 "
        f"is all, 0 is nothing).",
        report_lib.markdown_table(rows, right=[name for row in rows for name in list(row)[1:]]),
    ]


def _limits(report: Report) -> str:
    rows = report_lib.confusion_rows(report)
    recalls = {
        row["true \\ predicted"]: float(row["right %"]) for row in rows if row["right %"]
    }  # of classes with images
    worst = min(recalls, key=lambda name: recalls[name])
    confidence = max(fold["ece"] for fold in report["folds"])
    return (
        f"Weakest expression: {worst}, {recalls[worst]:.1f} % right. Its confidence is off by {100 * confidence:.1f} "
        f"points (calibration error, worst fold){_calibration(report)}. On other cameras, ages, head poses and "
        f"cultures than those of {report['config']['data']['dataset']} it is untested. Faces must be found and aligned "
        f"first, as `ifgan_tf.Recognizer` does."
    )


def _calibration(report: Report) -> str:
    """What temperature scaling does to the confidence, of those folds that have it; empty without any."""
    folds = [fold for fold in report["folds"] if "temperature" in fold]
    if not folds:
        return ""
    temperatures = ", ".join(f"{fold['temperature']:.2f}" for fold in folds)
    before = max(fold["uncalibrated_ece"] for fold in folds)
    without = f"without it {100 * before:.1f} points"
    return f" after temperature scaling (T = {temperatures}, fitted on validation; {without})"


def _configuration(config: dict[str, Any]) -> str:
    lines = [f"--{name}={value}" for section in config.values() for name, value in section.items() if name != "fold"]
    kept = [line for line in lines if not line.startswith(("--data_dir=", "--manual_dir="))]
    return "```\n" + "\n".join(kept) + "\n```"
