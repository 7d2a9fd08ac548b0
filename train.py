"""Trains IF-GAN: generator, discriminator and classifier together.

    python train.py --flagfile=flags/demo.flags --workdir=runs/demo
    python train.py --flagfile=flags/ck_plus.flags --workdir=runs/ck_plus --manual_dir=YOUR_COPY --fold=all
    python train.py --flagfile=flags/ck_plus.flags --workdir=runs/ck_plus_baseline --model=baseline --folds=0,3,5

The run folder --workdir holds the configuration, the folds' subjects, average faces, checkpoints, metrics and
TensorBoard events (tensorboard --logdir=RUN). The same command again resumes a run that was stopped. A data set that
is not built yet in --data_dir is built first, from your copy in --manual_dir. Several folds (--fold=all, --folds=…) are
run folders fold_00 … fold_09 in --workdir, with summary.md beside them; machines may share out the folds, and so may
the GPUs of one (--folds_at_once). With --strategy several devices train a fold together.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from ifgan_tf import cli, config
from ifgan_tf.errors import UserError
from ifgan_tf.run_folder import refuse_a_mixture

_ALL = "all"
_BASELINE = "baseline"


def main(arguments: Sequence[str]) -> None:
    """Turns flags into one training run a fold."""
    cli.only_flags(arguments)
    cli.required("workdir")
    values = flags.FLAGS
    if values.model == _BASELINE:
        values.classifier_input = "input"
    workdir, folds = Path(values.workdir), _folds(values.fold, values.folds, values.dataset)
    in_folders = values.fold == _ALL or bool(values.folds)
    run = config.from_flags(values, folds[0])
    at_once = min(values.folds_at_once, len(folds))
    if at_once > 1 and run.run.strategy != "one":
        raise UserError(f"--folds_at_once={at_once}: every fold has one device then; leave out --strategy")
    refuse_a_mixture(workdir, in_folders)

    from datasets.build import build
    from ifgan_tf.training.loop import prepare_devices
    from ifgan_tf.training.strategy import is_chief, strategy_of

    prepare_devices(run.run)
    devices = strategy_of(run.run.strategy)  # several processes have to find one another before anything else
    build(run.data.dataset, run.data.data_dir, run.data.manual_dir or None)

    from ifgan_tf.data.splits import with_built_sets
    from ifgan_tf.run_folder import fold_folder
    from ifgan_tf.training.loop import train
    from ifgan_tf.training.standings import write_summary

    if at_once > 1:
        from ifgan_tf.data.built_sets import cache_room
        from ifgan_tf.training.folds_at_once import train_folds

        room = cache_room(run.run.cache_gb) / at_once
        train_folds([*sys.argv, "--folds_at_once=1", f"--cache_gb={room:.3f}"], folds, at_once)
        logging.info("%s\n%s", *write_summary(workdir))
        return

    run = dataclasses.replace(run, data=with_built_sets(run.data))
    for fold in folds:
        folder = fold_folder(workdir, fold) if in_folders else workdir
        result = train(dataclasses.replace(run, run=dataclasses.replace(run.run, fold=fold)), folder)
        validated = "no validation"
        if "validation" in result:
            validated = f"validation accuracy {100 * result['validation']['accuracy']:.1f} %"
        logging.info(
            "%s: %s after epoch %d; next: python evaluate.py --workdir=%s", folder, validated, result["epoch"], workdir
        )
        if in_folders and is_chief(devices):
            logging.info("%s\n%s", *write_summary(workdir))


def _folds(fold: str, several: Sequence[str], dataset: str) -> list[int]:
    """The folds that --fold or --folds name.

    Raises:
      UserError: for a number outside 0 to 9, or a fold of a data set that has none.
    """
    from ifgan_tf.data.folds import NUM_FOLDS, has_folds

    flag = f"--folds={','.join(several)}" if several else f"--fold={fold}"
    named = list(several) or ([str(k) for k in range(NUM_FOLDS)] if fold == _ALL else [fold])
    if not all(name.isdecimal() and int(name) < NUM_FOLDS for name in named):
        raise UserError(f"{flag}: expected 0 to {NUM_FOLDS - 1}, or --fold={_ALL}, or several as in --folds=0,3,5")
    if not has_folds(dataset) and flag != "--fold=0":
        raise UserError(f"{flag}: {dataset} is evaluated on its owners' split and has no folds; leave the flag out")
    return sorted({int(name) for name in named})


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Run folder; made when missing, resumed when it is there.")
    flags.DEFINE_string("fold", "0", "Fold to train, 0 to 9, or all: ten runs in fold_00 to fold_09. (paper §4.1)")
    flags.DEFINE_list("folds", [], "Several folds, as in 0,3,5; each in its folder fold_00 … fold_09 of --workdir.")
    flags.DEFINE_integer(
        "folds_at_once",
        1,
        "Folds that are trained at a time, each in a process of its own with a GPU to itself, or without one with its "
        "share of the processors, and all with their share of --cache_gb.",
        1,
    )
    flags.DEFINE_enum(
        "model",
        "ifgan",
        ["ifgan", _BASELINE],
        "ifgan, or baseline: the backbone with island loss on the photo alone, that is --classifier_input=input. "
        "(paper §4.3)",
    )
    config.define_flags()
    cli.run(main, __doc__ or "")
