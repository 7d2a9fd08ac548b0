"""Builds full-size imitations of the data sets, and kills a build half way to see whether it goes on.

    python -m benchmarks.full_size_builds --workdir=DIR [--datasets=ck_plus,mmi] [--kill]

For each data set, or configuration of one: writes the imitation (kept for the next time), runs `datasets.check` and
`datasets.build`, and compares the images a class with the official numbers, for MMI also how each video was turned.
With `--kill` the build is killed (SIGKILL) when half of it is done and started again, and all of its examples are
compared with those of the uninterrupted build. Exit code 1 if anything differs.
"""

from __future__ import annotations

import collections
import json
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from absl import flags

from benchmarks.built_state import differences
from datasets.bu_3dfe import layout as bu_3dfe
from datasets.ck_plus import layout as ck_plus
from datasets.crema_d import layout as crema_d
from datasets.crema_d.frames import DEFAULT_FRAMES
from datasets.mmi import layout as mmi
from datasets.raf_db import layout as raf_db
from ifgan_tf import cli
from ifgan_tf.data.built_sets import open_builder
from ifgan_tf.errors import UserError
from ifgan_tf.labels import EXPRESSIONS
from tests.datasets.imitations import MMI_SEQUENCES, WRITERS, mmi_sequence, mmi_view

# Images a class; the neutral ones of posed sets are counted apart by `datasets.check`.
EXPECTED: Mapping[str, Mapping[str, Mapping[str, int]]] = {
    "bu_3dfe": {"train": dict.fromkeys(EXPRESSIONS[:6], 2 * bu_3dfe.SUBJECTS) | {"neutral": bu_3dfe.SUBJECTS}},
    "ck_plus": {
        "train": {k: 3 * n for k, n in ck_plus.SEQUENCES.items()} | {"neutral": sum(ck_plus.SEQUENCES.values())}
    },
    "mmi": {"train": {k: 3 * n for k, n in MMI_SEQUENCES.items()} | {"neutral": mmi.SEQUENCES}},
    "raf_db": raf_db.EXPECTED,
    "crema_d": {"train": {k: DEFAULT_FRAMES * n for k, n in crema_d.CLIPS.items()}},
    "crema_d/rated": {"train": {k: DEFAULT_FRAMES * n for k, n in crema_d.RATED.items()}},
}


def _name(dataset: str) -> str:
    return dataset.partition("/")[0]


def _command(module: str, dataset: str, copy: pathlib.Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, f"--dataset={dataset}", f"--manual_dir={copy}", *arguments]


def build(dataset: str, copy: pathlib.Path, data_dir: pathlib.Path) -> float:
    """Builds in a process of its own; returns the seconds it took, start of TensorFlow included."""
    start = time.perf_counter()
    subprocess.run(_command("datasets.build", dataset, copy, f"--data_dir={data_dir}"), check=True)
    return time.perf_counter() - start


def build_and_kill(dataset: str, copy: pathlib.Path, data_dir: pathlib.Path, seconds: float, images: int) -> None:
    """Starts a build and kills it (SIGKILL) when half of the detections are done, or half of the time is over."""
    cache = data_dir / ".detections" / f"{_name(dataset)}.jsonl"
    command = _command("datasets.build", dataset, copy, f"--data_dir={data_dir}")
    process = subprocess.Popen(command)
    start = time.perf_counter()
    while process.poll() is None:
        done = len(cache.read_bytes().splitlines()) if cache.exists() else 0
        if done >= images // 2 or (not done and time.perf_counter() - start > seconds / 2 and dataset == "raf_db"):
            process.kill()  # its workers notice
            process.wait()
            print(
                f"{dataset}: killed after {time.perf_counter() - start:.0f} s with {done} detections kept", flush=True
            )
            return
        time.sleep(0.2)
    raise UserError(f"{dataset}: the build ended before it could be killed")


def turned_wrong(data_dir: pathlib.Path) -> list[str]:
    """The MMI imitation's sequences that were not seen as they had to be turned, from the detections kept."""
    lines = (data_dir / ".detections" / "mmi.jsonl").read_text().splitlines()
    views = {entry["key"].partition("_")[0]: entry["view"] for entry in map(json.loads, lines)}
    sequences = range(sum(MMI_SEQUENCES.values()))
    return [name for name, view in ((mmi_sequence(i), mmi_view(i)) for i in sequences) if views.get(name) != view]


def counts(dataset: str, data_dir: pathlib.Path) -> dict[str, dict[str, int]]:
    """Images a class of each split of a built data set, read back example by example."""
    import tensorflow_datasets as tfds

    builder = open_builder(dataset, str(data_dir))
    return {
        split: dict(
            collections.Counter(EXPRESSIONS[e["label"]] for e in tfds.as_numpy(builder.as_dataset(split=split)))
        )
        for split in builder.info.splits
    }


def run(dataset: str, workdir: pathlib.Path, kill: bool) -> bool:
    """One data set; true if everything is as expected."""
    copy, data_dir = workdir / "copies" / _name(dataset), workdir / "data"
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        WRITERS[copy.name](draft)
        draft.rename(copy)
    checked = subprocess.run(_command("datasets.check", dataset, copy), check=False).returncode
    seconds = build(dataset, copy, data_dir)
    found = counts(dataset, data_dir)
    good = checked == 0 and found == EXPECTED[dataset]
    images = sum(sum(split.values()) for split in found.values())
    print(f"{dataset}: check {checked}; {images} images in {seconds:.0f} s, {images / seconds:.1f} images/s")
    print(f"{dataset}: {'as expected' if good else f'expected {EXPECTED[dataset]}'}: {json.dumps(found)}", flush=True)
    if dataset == "mmi":
        wrong = turned_wrong(data_dir)
        print(f"mmi: {len(wrong)} of {mmi.SEQUENCES} sequences turned the wrong way {' '.join(wrong)}", flush=True)
        good = good and not wrong
    if kill:
        again = workdir / "killed"
        shutil.rmtree(again, ignore_errors=True)
        build_and_kill(dataset, copy, again, seconds, images)
        build(dataset, copy, again)
        different = differences(dataset, data_dir, again)
        print(f"{dataset}: of {images} examples {different} differ from the uninterrupted build", flush=True)
        good = good and not different
    return good


def main(arguments: Sequence[str]) -> int:
    """Runs the data sets that the flags name."""
    cli.only_flags(arguments)
    cli.required("workdir")
    values = flags.FLAGS
    unknown = set(values.datasets) - EXPECTED.keys()
    if unknown:
        raise UserError(f"--datasets={','.join(sorted(unknown))}: expected some of {', '.join(EXPECTED)}")
    results = [run(name, pathlib.Path(values.workdir), values.kill) for name in values.datasets]
    return 0 if all(results) else 1


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "where imitations and built data are kept: 9 GB for all of them")
    flags.DEFINE_list("datasets", list(EXPECTED), "which ones")
    flags.DEFINE_bool("kill", False, "also kill a build half way and compare")
    cli.run(main, __doc__ or "")
