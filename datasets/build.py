"""Builds one data set: finds its images, aligns the faces, writes a TFDS data set.

    python -m datasets.build --dataset=bu_3dfe --manual_dir=DIR --data_dir=DIR

`--manual_dir` holds your copy of the data set (datasets/<name>/README.md says how to get and unpack it);
synthetic_faces needs none, and crema_d is downloaded where it is left out (2.44 GB, kept in downloads/crema_d under
`--data_dir`). A builder config may follow the name (bu_3dfe/all_intensities). The data set,
build_report.json and contact_sheet_train.png appear under `--data_dir`. A killed build goes on where it stopped when
the same command is given again; a data set that is built already is left alone, and one that another process builds
just now is waited for.

Of crema_d's clips `--frames_per_clip` frames are used, 3 by default; with another number N the config is called
intended_N_frames or rated_N_frames, and `--dataset=crema_d/intended_N_frames` says the same.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import logging
import pathlib
from collections.abc import Iterator, Sequence
from types import ModuleType

from absl import flags

from datasets.user_copy import folder_path
from ifgan_tf import cli, files
from ifgan_tf.config import DATASETS
from ifgan_tf.errors import UserError

_RENDERED = "synthetic_faces"
_DOWNLOADED = "crema_d"
_NOTHING = "no such folder, or an empty one"
_FULL = "make room, or choose another folder"
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: "make it writable, or choose another folder",
    errno.EPERM: "make it writable, or choose another folder",
    errno.EROFS: "make it writable, or choose another folder",
    errno.ENOTDIR: "a file is in the way; choose another folder",
    errno.EEXIST: "a file is in the way; choose another folder",
    errno.ENAMETOOLONG: "choose a shorter path",
}
_FRAMES = "_frames"  # ends the builder configs that differ in their number of frames alone


def build(
    dataset: str,
    data_dir: str,
    manual_dir: str | None = None,
    config: str | None = None,
    frames_per_clip: int | None = None,
) -> pathlib.Path:
    """Builds `dataset` under `data_dir` unless it is there.

    Args:
      dataset: one of `ifgan_tf.config.DATASETS`, or `name/config`.
      data_dir: where TFDS keeps built data sets.
      manual_dir: the unpacked copy; not needed if the data set is built already or rendered. Without one, crema_d is
        downloaded.
      config: the builder config, instead of one in `dataset`.
      frames_per_clip: of crema_d alone, where it is part of the config's name.

    Returns:
      The folder of the built data set. `tfds.builder(dataset, data_dir=data_dir)` reads it from then on; with crema_d
      only if `dataset` names the config too (crema_d/intended), for TFDS has a data set of that name itself.

    Raises:
      UserError: for an unknown name, a folder without the data set or without a usable image of it, a disk that is
        full or cannot be written, a download that does not come about.
    """
    name, _, named_config = dataset.partition("/")
    if name not in DATASETS:
        raise UserError(f"--dataset={dataset}: expected one of {', '.join(DATASETS)}")
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    module = importlib.import_module(f"datasets.{name}.{name}_dataset_builder")
    config = config or named_config or None
    configs = list(module.Builder.builder_configs)
    if config is not None and config not in configs:
        raise UserError(f"--dataset={dataset}: {name} has no config {config!r}; expected {_expected(configs)}")
    if frames_per_clip is not None:
        config = _with_frames(dataset, module, config, frames_per_clip)
    data_dir = folder_path("data_dir", data_dir)
    with _said_plainly(data_dir):
        plain = files.plain(pathlib.Path(data_dir))
        builder = module.Builder(data_dir=str(plain), config=config)
        folder = pathlib.Path(data_dir, pathlib.Path(builder.data_dir).relative_to(plain))
        if folder.exists() and builder.is_prepared():
            return folder
    if name != _RENDERED and (manual_dir or name != _DOWNLOADED):
        manual_dir = _copy(dataset, data_dir, manual_dir)
    with (
        _said_plainly(data_dir),
        files.only_one(pathlib.Path(data_dir, ".building", name), f"a build of {name}", wait=True),
    ):
        if not (folder.exists() and builder.is_prepared()):  # by whoever was waited for
            logging.info("building %s in %s", dataset, folder)
            with contextlib.redirect_stdout(io.StringIO()):  # where TFDS tells of sizes that it does not know
                builder.download_and_prepare(
                    download_config=tfds.download.DownloadConfig(manual_dir=manual_dir, register_checksums=False)
                )
    return folder


def _expected(configs: Sequence[str]) -> str:
    """The builder configs to choose from; those that differ by a number are told of once."""
    plain = [name for name in configs if not name.endswith(_FRAMES)]
    return f"one of {', '.join(plain)}" + (f", or one with _N{_FRAMES} behind it" if plain != list(configs) else "")


def _with_frames(dataset: str, module: ModuleType, config: str | None, frames_per_clip: int) -> str:
    """The builder config that takes so many frames of a clip.

    Raises:
      UserError: if the data set has no clips, or another number of frames is in the config's name, or it is too large.
    """
    flag = f"--frames_per_clip={frames_per_clip}"
    if not hasattr(module, "config_name"):
        raise UserError(f"{flag}: {dataset} has no clips to choose frames of; leave the flag out")
    configs = module.Builder.builder_configs
    config = config or next(iter(configs))
    wanted = module.config_name("rated" if configs[config].rated else "intended", frames_per_clip)
    if config.endswith(_FRAMES) and wanted != config:
        raise UserError(f"{flag}: --dataset={dataset} says another number; leave one of them out")
    if wanted not in configs:
        raise UserError(f"{flag}: expected 1 to {max(c.frames_per_clip for c in configs.values())}")
    return str(wanted)


def _copy(dataset: str, data_dir: str, manual_dir: str | None) -> str:
    """The folder of the user's copy.

    Raises:
      UserError: when there is none, or nothing in it.
    """
    readme = f"datasets/{dataset.partition('/')[0]}/README.md"
    if not manual_dir:
        raise UserError(
            f"{dataset} is not built in {data_dir} yet: give --manual_dir, the folder with your unpacked copy "
            f"(see {readme})"
        )
    path = folder_path("manual_dir", manual_dir)
    try:
        why = "" if any(pathlib.Path(path).iterdir()) else _NOTHING
    except FileNotFoundError:
        why = _NOTHING
    except OSError as error:
        why = f"cannot be listed ({error.strerror})"
    if why:
        raise UserError(f"--manual_dir={path}: {why}; expected your copy of {dataset.partition('/')[0]} (see {readme})")
    return path


@contextlib.contextmanager
def _said_plainly(data_dir: str) -> Iterator[None]:
    """What the file system refuses, as a UserError that says what that is and what to do."""
    import tensorflow as tf

    try:
        yield
    except (OSError, tf.errors.OpError) as error:  # TensorFlow writes the examples, and has errors of its own
        if isinstance(error, OSError) and error.strerror:
            remedy = _REMEDIES.get(error.errno or 0, "mend that, or choose another folder")
            place = f"{error.filename}: " if error.filename not in (None, data_dir) else ""
            raise UserError(f"--data_dir={data_dir}: {place}{error.strerror}; {remedy}") from error
        full = isinstance(error, tf.errors.ResourceExhaustedError) or "disk space" in str(error)
        remedy = _FULL if full else "mend that, or choose another folder"
        raise UserError(f"--data_dir={data_dir}: {error}; {remedy}") from error


def main(arguments: Sequence[str]) -> int:
    """Builds the data set that the flags name and prints its report."""
    from datasets.outcome import REPORT_FILE, summary

    cli.only_flags(arguments)
    cli.required("dataset", "data_dir")
    values = flags.FLAGS
    folder = build(values.dataset, values.data_dir, values.manual_dir, frames_per_clip=values.frames_per_clip)
    print(summary(files.read_json(folder / REPORT_FILE)))
    print(
        f"{values.dataset} is in {folder}; look at {' and '.join(map(str, sorted(folder.glob('contact_sheet_*.png'))))}"
    )
    return 0


if __name__ == "__main__":
    flags.DEFINE_string("dataset", None, f"{', '.join(DATASETS)}; optionally followed by /config")
    flags.DEFINE_string("manual_dir", None, "the folder with your unpacked copy; crema_d needs none: it is downloaded")
    flags.DEFINE_string("data_dir", None, "where built data sets are kept (shared by all of them)")
    flags.DEFINE_integer("frames_per_clip", None, "frames of each clip, 1 to 20 (crema_d alone; by default 3)")
    cli.run(main, __doc__ or "")
