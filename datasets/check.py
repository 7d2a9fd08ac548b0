"""Looks through your copy of a data set without building it: is it complete, and if not, what is wrong?

    python -m datasets.check --dataset=ck_plus --manual_dir=DIR

Prints what was found against what is expected, then every problem with its file and its remedy. Every image that a
build would use is opened once. Exit code: 0 complete, 1 incomplete (it can be built, with what is there), 2 unusable.
When it is interrupted it prints what it has found so far.
"""

from __future__ import annotations

import collections
import importlib
import shlex
from collections.abc import Mapping, Sequence

from absl import flags

from datasets.records import Count, FaceRecord, Problem, described, no_usable_image
from datasets.user_copy import AGAIN, folder_path
from ifgan_tf import cli, progress
from ifgan_tf.errors import UserError

# Data sets, or builder configurations of one, and what they are to the layout's `scan`.
_SCANS: Mapping[str, Mapping[str, bool]] = {
    "bu_3dfe": {},
    "ck_plus": {},
    "mmi": {},
    "raf_db": {},
    "crema_d": {},
    "crema_d/rated": {"rated": True},
}
NAMES = tuple(_SCANS)
COMPLETE, INCOMPLETE, INTERRUPTED = 0, 1, 130
_FILES_A_PROBLEM = 20


def check(dataset: str, manual_dir: str) -> int:
    """Prints the table and the problems of a copy.

    Returns:
      0 if everything expected is there and readable, 1 if not, 130 if it was interrupted before it knew.

    Raises:
      UserError: if the folder does not hold the data set at all, or a split has no image that can be read, or
        `dataset` is none of `NAMES`.
    """
    if dataset not in NAMES:
        raise UserError(f"--dataset={dataset}: expected one of {', '.join(NAMES)}")
    manual_dir = folder_path("manual_dir", manual_dir)
    layout = importlib.import_module(f"datasets.{dataset.partition('/')[0]}.layout")
    scan = layout.scan(manual_dir, **_SCANS[dataset])
    records = [record for split in scan.splits.values() for record in split]
    bad: dict[str, Problem] = {}
    opened = _open(records, bad, f"{dataset}: opening images")
    problems = scan.problems + list(bad.values())
    print(f"{dataset} in {manual_dir}\n")
    print(_table([*scan.counts, Count("unreadable images", len(bad), 0)]))
    print(_listing("Problems", [p for p in problems if not p.note]))
    print(_listing("Notes, nothing is missing because of them", [p for p in problems if p.note]))
    if opened < len(records):
        print(f"interrupted: {opened:,} of {len(records):,} images were opened")
        return INTERRUPTED
    for split, part in scan.splits.items():
        if all(record.key in bad for record in part):
            raise no_usable_image(dataset, split, ["see the problems above"])
    short = [count.name for count in scan.counts if count.expected is not None and count.found < count.expected]
    if not short and all(problem.note for problem in problems):
        copy = shlex.quote(manual_dir)
        print(f"complete: build it with  python -m datasets.build --dataset={dataset} --manual_dir={copy} …")
        return COMPLETE
    print(f"incomplete: {', '.join(short) or 'see the problems above'}")
    return INCOMPLETE


def _open(records: Sequence[FaceRecord], bad: dict[str, Problem], what: str) -> int:
    """Opens every image; fills `bad` with a problem for each that does not open, by its record's key.

    Returns:
      How many were opened before the end, or before Ctrl-C.
    """
    opened = 0
    try:
        for record in progress.bar(records, desc=what, unit="image"):
            try:
                record.load()
            except Exception as error:  # decoders raise anything; each is the image's fault, and no other's
                found = described(error, record).removeprefix(f"{record.source}: ").removesuffix(AGAIN)
                bad[record.key] = Problem(record.source, found, "a build leaves it out; copy or download it again")
            opened += 1
    except KeyboardInterrupt:
        pass
    return opened


def _table(counts: Sequence[Count]) -> str:
    """A line a count, with a mark where it is not what is expected."""
    width = max(len(count.name) for count in counts)
    lines = [f"  {'':<{width}}  {'found':>7}  {'expected':>8}"]
    for count in counts:
        expected = "any" if count.expected is None else f"{count.expected:,}"
        difference = 0 if count.expected is None else count.found - count.expected
        mark = f"  {difference:+,}" if difference else ""
        lines.append(f"  {count.name:<{width}}  {count.found:>7,}  {expected:>8}{mark}")
    return "\n".join(lines)


def _listing(title: str, problems: Sequence[Problem]) -> str:
    """Problems grouped by what was found: the remedy once, then the files."""
    groups: dict[tuple[str, str], dict[str, None]] = collections.defaultdict(dict)
    for problem in problems:
        groups[problem.found, problem.remedy][problem.file] = None  # a video once, however many of its frames
    lines = [f"\n{title}: {len(problems)}"]
    for (found, remedy), named in groups.items():
        files = list(named)
        lines.append(f"  {found}; {remedy}")
        lines += [f"    {file}" for file in files[:_FILES_A_PROBLEM]]
        if len(files) > _FILES_A_PROBLEM:
            lines.append(f"    ... and {len(files) - _FILES_A_PROBLEM:,} more")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Checks the copy that the flags name."""
    cli.only_flags(arguments)
    cli.required("dataset", "manual_dir")
    values = flags.FLAGS
    return check(values.dataset, values.manual_dir)


if __name__ == "__main__":
    flags.DEFINE_string("dataset", None, ", ".join(NAMES))
    flags.DEFINE_string("manual_dir", None, "the folder with your copy of the data set")
    cli.run(main, __doc__ or "")
