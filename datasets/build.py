"""Builds one data set: finds its images, aligns the faces, writes a TFDS data set.

    python -m datasets.build --dataset=bu_3dfe --manual_dir=DIR --data_dir=DIR

`--manual_dir` holds your copy of the data set (datasets/<name>/README.md says how to get and unpack it);
synthetic_faces needs none. A builder config may follow the name (bu_3dfe/all_intensities). The data set,
build_report.json and contact_sheet_train.png appear under `--data_dir`. A killed build goes on where it stopped when
the same command is given again; a data set that is built already is left alone.
"""

from __future__ import annotations

import importlib
import json
import pathlib
from collections.abc import Sequence

from absl import flags

from ifgan_tf import cli
from ifgan_tf.config import DATASETS
from ifgan_tf.errors import UserError

_DRAWN = "synthetic_faces"


def build(dataset: str, data_dir: str, manual_dir: str | None = None, config: str | None = None) -> pathlib.Path:
    """Builds `dataset` under `data_dir` unless it is there.

    Args:
      dataset: one of `ifgan_tf.config.DATASETS`, or `name/config`.
      data_dir: where TFDS keeps built data sets.
      manual_dir: the unpacked copy; not needed if the data set is built already or drawn.
      config: the builder config, instead of one in `dataset`.

    Returns:
      The folder of the built data set. `tfds.builder(dataset, data_dir=data_dir)` reads it from then on.

    Raises:
      UserError: for an unknown name, a folder without the data set, a full disk.
    """
    name, _, named_config = dataset.partition("/")
    if name not in DATASETS:
        raise UserError(f"--dataset={dataset}: expected one of {', '.join(DATASETS)}")
    import tensorflow as tf
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    module = importlib.import_module(f"datasets.{name}.{name}_dataset_builder")
    config = config or named_config or None
    configs = list(module.Builder.builder_configs)
    if config is not None and config not in configs:
        raise UserError(f"--dataset={dataset}: {name} has no config {config!r}; expected one of {', '.join(configs)}")
    builder = module.Builder(data_dir=data_dir, config=config)
    folder = pathlib.Path(builder.data_dir)
    if builder.is_prepared():
        return folder
    if name != _DRAWN:
        if not manual_dir:
            raise UserError(
                f"{dataset} is not built in {data_dir} yet: give --manual_dir, the folder with your unpacked copy "
                f"(see datasets/{name}/README.md)"
            )
        if not pathlib.Path(manual_dir).is_dir() or not any(pathlib.Path(manual_dir).iterdir()):
            raise UserError(
                f"--manual_dir={manual_dir}: no such folder, or an empty one; expected your copy of {name} "
                f"(see datasets/{name}/README.md)"
            )
    try:
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(manual_dir=manual_dir, register_checksums=False)
        )
    except (OSError, tf.errors.OpError) as error:  # TensorFlow writes the examples, and has errors of its own
        raise UserError(f"--data_dir={data_dir}: {error}; make room or choose another folder") from error
    return folder


def main(arguments: Sequence[str]) -> int:
    """Builds the data set that the flags name and prints its report."""
    from datasets.report import REPORT_FILE, summary

    values = flags.FLAGS
    cli.only_flags(arguments)
    cli.required("dataset", "data_dir")
    folder = build(values.dataset, values.data_dir, values.manual_dir)
    print(summary(json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))))
    print(
        f"{values.dataset} is in {folder}; look at {' and '.join(map(str, sorted(folder.glob('contact_sheet_*.png'))))}"
    )
    return 0


if __name__ == "__main__":
    flags.DEFINE_string("dataset", None, f"{', '.join(DATASETS)}; optionally followed by /config")
    flags.DEFINE_string("manual_dir", None, "the folder with your unpacked copy of the data set")
    flags.DEFINE_string("data_dir", None, "where built data sets are kept (shared by all of them)")
    cli.run(main, __doc__ or "")
