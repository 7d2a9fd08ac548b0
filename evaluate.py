"""Evaluates a trained run on its test images: tables, pictures and evaluation/report.json."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from absl import flags

from ifgan_tf import cli
from ifgan_tf.errors import UserError

USAGE = """
usage: python evaluate.py --workdir=DIR
       python evaluate.py --compare REFERENCE_RUN RUN...

Evaluates the run in DIR (or its fold_00 … fold_09, after --fold=all) on its test images, of people it has never seen
(but for --fold_by=recording), and writes into DIR/evaluation: report.json, report.md, comparison.csv (published figures
and ours), predictions.csv (every test image) and pictures: confusion matrix, reliability, errors, expression transfer
(Fig. 5), attention maps (Fig. 6), accuracy against identity leakage: attackers try to tell who it is from the generated
face (--noidentity: do not). Where the data grade expressions, readers try to tell from it how strongly, and with which
action units, an expression is shown (--nodetail: do not). The pictures are also in TensorBoard: tensorboard
--logdir=DIR. DIR/model_card.md sums the run up.

--compare sets evaluated runs (say the baseline, one without attention, IF-GAN) side by side on the test images they
share, with intervals and a paired test, and writes compare.md and compare.csv into REFERENCE_RUN/evaluation.

Everything else is read from the run folder.
"""


def main(arguments: Sequence[str]) -> None:
    values = flags.FLAGS
    if values.compare is not None:
        from ifgan_tf.evaluation.compare import write_comparison

        write_comparison([Path(name) for name in [*values.compare, *arguments]])
        return
    cli.only_flags(arguments)
    cli.required("workdir")
    points = parse_points(values.attention_points)

    from ifgan_tf.evaluation.runner import evaluate
    from ifgan_tf.privacy.audit import audit
    from ifgan_tf.privacy.detail import detail
    from ifgan_tf.privacy.embeddings import load_embedding

    embedding = load_embedding(Path(values.embedding)) if values.embedding else None
    identity = partial(audit, data_dir=values.data_dir, embedding=embedding) if values.identity else None
    readers = partial(detail, data_dir=values.data_dir) if values.detail else None
    evaluate(Path(values.workdir), values.data_dir, points, values.people, identity, readers)


def parse_points(texts: Sequence[str]) -> list[tuple[float, float]]:
    """`x:y` three times → pairs of fractions.

    Raises:
      UserError: unless there are three, each from 0 to 1.
    """
    try:
        points = [(float(x), float(y)) for x, y in (text.split(":") for text in texts)]
    except ValueError:
        points = []
    if len(points) != 3 or not all(0 <= value <= 1 for point in points for value in point):
        raise UserError(
            f"--attention_points={','.join(texts)}: expected three points x:y as fractions from 0 to 1, "
            f"such as 0.33:0.34,0.72:0.62,0.37:0.77"
        )
    return points


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Run folder made by train.py.")
    flags.DEFINE_string("data_dir", None, "Folder of built data sets, if no longer where the run's config.json says.")
    flags.DEFINE_list(
        "attention_points",
        ["0.33:0.34", "0.72:0.62", "0.37:0.77"],
        "Three query points x:y of the attention maps, as fractions of the face's width and height; the default is an "
        "eye with its brow, a cheek, a corner of the lips.",
    )
    flags.DEFINE_bool(
        "identity",
        True,
        "Measure with attackers how much of a person's identity the generated face gives away (a minute or two a fold "
        "at 64 pixels; more at 224, and in a closed set).",
    )
    flags.DEFINE_bool(
        "detail",
        True,
        "Measure how well intensity and action units can be read from the photo, the generated face, the average face "
        "of the answer and the label alone (under a minute a fold at 64 pixels).",
    )
    flags.DEFINE_string(
        "embedding",
        None,
        "Keras model file of a face embedding (RGB, 0 to 255) for verification, instead of one learnt from the "
        "training subjects.",
    )
    flags.DEFINE_list(
        "compare", None, "Evaluated run folders, the reference first; more may follow as plain arguments."
    )
    flags.DEFINE_integer("people", 4, "People in the picture of expression transfer.", lower_bound=1)
    cli.run(main, USAGE)
