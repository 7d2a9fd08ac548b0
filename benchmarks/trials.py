"""Several configurations trained on the same folds, and their table: what an idea is worth, and what it costs."""

from __future__ import annotations

import json
import resource
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from absl import flags

from ifgan_tf import cli, files, progress
from ifgan_tf.errors import UserError

USAGE = """
Trains every row of a file on the same folds, evaluates it, and prints the table: accuracy, the difference to the first
row on the same images with its interval and McNemar's test, and minutes of one core that its training took.

    python -m benchmarks.trials --rows=docs/trials/joint_training.txt --folds=0,5 --workdir=runs/trials \\
        -- --data_dir=DATA

A row is `name: flags of train.py`; {name} in its flags is the run folder of the row of that name above it. Flags after
`--` are for all rows. What is trained already is not trained again, so rows may be added, and a stop costs one fold.
"""

_SECONDS = "cpu_seconds.json"  # in a row's folder: fold → processor time of its training


@dataclass(frozen=True)
class Row:
    """One configuration: its name, and flags of train.py."""

    name: str
    flags: tuple[str, ...]


def read_rows(file: Path, workdir: Path) -> list[Row]:
    """The rows of a file; empty lines and those that begin with # are left out.

    Raises:
      UserError: when the file cannot be read, a line is no row, a name comes twice, or one is not above.
    """
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise UserError(f"--rows={file}: cannot be read ({error.strerror}); expected lines of `name: flags`") from None
    rows: dict[str, Row] = {}
    for line in lines:
        if not line or line.startswith("#"):
            continue
        name, colon, text = line.partition(":")
        if not colon or not name.isidentifier() or name in rows:
            raise UserError(f"--rows={file}: {line!r}: expected `name: flags`, every name once, of letters and digits")
        try:
            text = text.format(**{above: workdir / above for above in rows})
        except (KeyError, ValueError, IndexError):
            raise UserError(f"--rows={file}: {line!r}: expected only names of rows above it in braces") from None
        rows[name] = Row(name, tuple(shlex.split(text)))
    if not rows:
        raise UserError(f"--rows={file}: has no row; expected lines of `name: flags`")
    return list(rows.values())


def train(row: Row, common: Sequence[str], folds: Sequence[str], workdir: Path) -> None:
    """Trains a row on the folds that it is not yet trained on, and evaluates it.

    train.py itself knows what is finished, and refuses a folder that was trained with other flags.
    """
    folder = workdir / row.name
    for fold in folds:
        before, took = _children(), _seconds(folder)
        _run("train.py", *common, *row.flags, f"--workdir={folder}", f"--folds={fold}")
        if fold not in took:
            files.write_text(folder / _SECONDS, json.dumps({**took, fold: _children() - before}))
    evaluated = folder / "evaluation" / "predictions.csv"
    if not evaluated.is_file() or evaluated.stat().st_mtime < (folder / _SECONDS).stat().st_mtime:
        _run("evaluate.py", f"--workdir={folder}", "--noidentity", "--nodetail")


def table(rows: Sequence[Row], workdir: Path) -> str:
    """The table of trained rows, in Markdown."""
    from ifgan_tf.evaluation.compare import compare, read_run
    from ifgan_tf.evaluation.report import markdown_table

    compared = compare([read_run(workdir / row.name) for row in rows])
    shown = []
    for row, figures in zip(rows, compared, strict=True):
        seconds = list(_seconds(workdir / row.name).values())
        kept = {name: figures[name] for name in figures if name not in ("run", "method", "classes", "folds", "images")}
        shown.append(
            {"row": row.name, "flags": f"`{' '.join(row.flags)}`", **kept}
            | {"core minutes a fold": f"{sum(seconds) / len(seconds) / 60:.1f}"}
        )
    return f"{compared[0]['folds']} folds, {compared[0]['images']} test images\n\n{markdown_table(shown)}"


def _run(script: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, script, *arguments], check=False)
    if done.returncode:
        raise UserError(f"python {script} {shlex.join(arguments)}: failed; mend the row, and repeat this command")


def _seconds(folder: Path) -> dict[str, float]:
    file = folder / _SECONDS
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main(arguments: Sequence[str]) -> None:
    cli.required("rows")
    cli.required("workdir")
    values = flags.FLAGS
    workdir = Path(values.workdir)
    rows = read_rows(Path(values.rows), workdir)
    for row in progress.bar(rows, desc="rows", unit="row"):
        train(row, arguments, values.folds, workdir)
    print(table(rows, workdir))


if __name__ == "__main__":
    flags.DEFINE_string("rows", None, "File of rows, `name: flags of train.py`.")
    flags.DEFINE_list("folds", ["0"], "Folds to train, as in 0,3,6.")
    flags.DEFINE_string("workdir", None, "Folder of the runs, one a row.")
    cli.run(main, USAGE)
