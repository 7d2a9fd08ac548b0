"""Several runs on the same test images: how far apart they are, and whether that could be chance.

The first run is the reference. Every other one is compared with it image by image: McNemar's exact test on the images
that only one of the two named right, and a bootstrap over *subjects* of the difference of pooled accuracies, because
the images of one person are not independent.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ifgan_tf import files
from ifgan_tf.errors import UserError
from ifgan_tf.evaluation import report
from ifgan_tf.spreadsheets import text_of

RESAMPLES = 2000
Row = dict[str, str]
Image = tuple[int, str, int]  # fold, source, frame


@dataclass(frozen=True)
class Run:
    """What `evaluate.py` left of a run.

    Attributes:
      name: of the run, as the user gave it.
      method: what the paper calls it, with what the classifier saw.
      dataset: that it was tested on.
      fold_by: what its folds never split; the test images of one number differ between two of them.
      validation: `held_out`, or `none`: then it was trained on more images.
      warm: whether it began with what a baseline had learnt.
      classes: that it tells apart.
      right: (fold, source, frame) of every test image → whether it was named right.
      subjects: (fold, source, frame) → who it is, or the source where no one says.
    """

    name: str
    method: str
    dataset: str
    fold_by: str
    validation: str
    warm: bool
    classes: tuple[str, ...]
    right: dict[Image, bool]
    subjects: dict[Image, str]


@dataclass(frozen=True)
class Difference:
    """One run beside the reference, on the images that both were tested on.

    Attributes:
      difference: of pooled accuracies, this run minus the reference, in -1..1.
      low, high: its 95 % interval.
      only_reference, only_this: images that only one of the two named right.
      p_value: of McNemar's exact test, two-sided.
    """

    difference: float
    low: float
    high: float
    only_reference: int
    only_this: int
    p_value: float


def read_run(workdir: Path) -> Run:
    """Reads `evaluation/report.json` and `evaluation/predictions.csv`.

    Raises:
      UserError: when the run has not been evaluated, or its files are damaged.
    """
    folder = workdir / "evaluation"
    try:
        told = files.read_json(folder / "report.json")
        table = csv.DictReader(io.StringIO(files.read_text(folder / "predictions.csv"), newline=""))
        rows = [{name: text_of(text) for name, text in row.items()} for row in table]
        keys = [(int(row["fold"]), row["source"], int(row["frame"])) for row in rows]
        return Run(
            str(workdir),
            told["method"],
            told["config"]["data"]["dataset"],
            told["config"]["data"].get("fold_by", "subject"),
            told["config"]["data"].get("validation", "held_out"),
            bool(told["config"].get("model", {}).get("warm_start")),
            tuple(told["classes"]),
            {key: row["predicted"] == row["label"] for key, row in zip(keys, rows, strict=True)},
            {key: row["subject"] or row["source"] for key, row in zip(keys, rows, strict=True)},
        )
    except FileNotFoundError as error:
        raise UserError(
            f"--compare={workdir}: {error.filename} is missing; evaluate the run first: "
            f"python evaluate.py --workdir={workdir}"
        ) from None
    except (OSError, KeyError, ValueError, TypeError, AttributeError, csv.Error) as error:
        raise UserError(
            f"--compare={workdir}: its evaluation cannot be read ({error!r}); repeat python evaluate.py "
            f"--workdir={workdir}"
        ) from None


def common_images(runs: Sequence[Run]) -> list[Image]:
    """The test images that all runs have.

    Raises:
      UserError: when the runs are of several data sets or kinds of folds, or have none in common.
    """
    for run in runs[1:]:
        if run.dataset != runs[0].dataset:
            raise UserError(
                f"--compare: {runs[0].name} was tested on {runs[0].dataset} and {run.name} on {run.dataset}; expected "
                f"runs on one data set"
            )
        if run.fold_by != runs[0].fold_by:
            raise UserError(
                f"--compare: {runs[0].name} has --fold_by={runs[0].fold_by} and {run.name} --fold_by={run.fold_by}; "
                f"expected runs with the same folds"
            )
    keys = sorted(set.intersection(*(set(run.right) for run in runs)))
    if not keys:
        raise UserError("--compare: the runs have no test image of the same fold in common; train the same folds")
    return keys


def difference(reference: np.ndarray, other: np.ndarray, subjects: np.ndarray, seed: int = 0) -> Difference:
    """How much better `other` is than `reference`.

    Args:
      reference, other: bool [N], whether each image was named right.
      subjects: [N], whose image it is.
      seed: of the bootstrap.
    """
    from scipy.stats import binomtest

    only_reference, only_other = int(np.sum(reference & ~other)), int(np.sum(other & ~reference))
    disagreements = only_reference + only_other
    p_value = float(binomtest(only_other, disagreements).pvalue) if disagreements else 1.0
    gain = other.astype(int) - reference
    _, person = np.unique(subjects, return_inverse=True)
    gains, images = np.bincount(person, weights=gain), np.bincount(person)
    drawn = np.random.default_rng(seed).integers(0, len(images), (RESAMPLES, len(images)))
    low, high = np.percentile(gains[drawn].sum(axis=1) / images[drawn].sum(axis=1), [2.5, 97.5])
    return Difference(float(gain.mean()), float(low), float(high), only_reference, only_other, p_value)


def compare(runs: Sequence[Run]) -> list[Row]:
    """A row a run: accuracy over folds and pooled, and the difference to the first run.

    All figures are of the images that every run was tested on.

    Raises:
      UserError: see `common_images`.
    """
    keys = common_images(runs)
    folds = np.array([fold for fold, _, _ in keys])
    subjects = np.array([runs[0].subjects[key] for key in keys])
    right = [np.array([run.right[key] for key in keys]) for run in runs]
    rows = []
    for run, mine in zip(runs, right, strict=True):
        each = np.array([mine[folds == fold].mean() for fold in np.unique(folds)])
        row = {
            "run": run.name,
            "method": run.method,
            "classes": str(len(run.classes)),
            "folds": str(len(each)),
            "images": str(len(keys)),
            "accuracy %": f"{100 * each.mean():.2f} ± {100 * each.std():.2f}",
            "pooled %": f"{100 * mine.mean():.2f}",
        }
        if run is not runs[0]:
            found = difference(right[0], mine, subjects)
            row["difference [95 %]"] = (
                f"{100 * found.difference:+.2f} [{100 * found.low:+.2f}, {100 * found.high:+.2f}]"
            )
            row["only the first : only this right"] = f"{found.only_reference} : {found.only_this}"
            row["McNemar p"] = f"{found.p_value:.3g}"
        rows.append(row)
    return rows


def write_comparison(workdirs: Sequence[Path]) -> list[Row]:
    """Compares evaluated runs and writes `evaluation/compare.md` and `compare.csv` into the first.

    Raises:
      UserError: when there are fewer than two, or see `read_run` and `common_images`.
    """
    if len(workdirs) < 2:
        raise UserError("--compare: expected at least two run folders, the first of them the reference")
    runs = [read_run(workdir) for workdir in workdirs]
    rows = compare(runs)
    left_out = max(len(run.right) for run in runs) - int(rows[0]["images"])
    remark = f"\n\n{left_out} test images are not in every run and left out." if left_out else ""
    if len({run.classes for run in runs}) > 1:
        remark += (
            "\n\nThe runs tell different classes apart; on the same images, fewer of them are the easier task, so the "
            "differences are not of the methods alone."
        )
    if len({run.validation for run in runs}) > 1:
        whole = ", ".join(run.name for run in runs if run.validation == "none")
        remark += (
            f"\n\nNothing was held out of training to validate on in {whole} (--validation=none): trained on more "
            f"images than the others, of the last epoch."
        )
    if len({run.warm for run in runs}) > 1:
        begun = ", ".join(run.name for run in runs if run.warm)
        remark += f"\n\nBegun with what a baseline had learnt (--warm_start), so trained for longer: {begun}."
    text = (
        f"# {runs[0].dataset}: runs compared\n\n{report.markdown_table(rows)}{remark}\n\n"
        "The difference is to the first run: of pooled accuracies, with the 95 % interval of a bootstrap over "
        "subjects, and McNemar's exact test.\n"
    )
    out = workdirs[0] / "evaluation"
    written = [
        report.write_text(out / "compare.md", text),
        report.write_text(out / "compare.csv", report.csv_text(rows)),
    ]
    print(text)
    print("\n".join(f"wrote {path}" for path in written))
    return rows
