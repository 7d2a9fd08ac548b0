"""Random faults, one after the other, while small trainings, evaluations and builds go on: what became of them.

    python -m benchmarks.soak --minutes=60 [--seed=0] [--workdir=DIR]

A run is trained in one go; then others of the same configuration are killed, stopped, damaged and starved at random
moments, gone on with each time, and in the end compared with it bit for bit: weights, moments, averages, centres, best
score and lines of metrics. So are an evaluation that was killed, and the examples of a data set whose build was.
A line of a fault:

    times      it happened
    as told    it ended as it should: exit code, and at most one line of error
    went on    the same command went on from there
    identical  what it was part of ended like what was never disturbed
    seconds    that the command took which went on, on average

Exits with 1 at any other outcome. 30 faults take about a quarter of an hour on two cores.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks import built_state, damage, run_state
from benchmarks.processes import machine
from ifgan_tf import cli, saved_weights
from ifgan_tf.errors import UserError
from ifgan_tf.run_folder import RunFolder

_ROOT = Path(__file__).parents[1]
_DATASET = "synthetic_faces/tiny"
_EPOCHS = 3
_RUN = (
    f"--dataset={_DATASET}",
    "--classes=7",
    "--image_size=32",
    "--classifier_input=generated",
    "--backbone=SmallCNN",
    "--classifier_weights=none",
    "--generator_width=8",
    "--discriminator_width=8",
    "--batch_size=8",
    f"--epochs={_EPOCHS}",
    "--weight_average=0.9",
    "--checkpoint_minutes=0.005",
)
_TIMEOUT_S = 900
_CHAIN = 4  # faults a training
_BUILD_CHAIN = 2  # of a build
_KILL, _TERM, _INT = (str(int(number)) for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT))

# Name of a fault → place, what, longest delay after it, exit code; see `benchmarks.struck`.
_STRIKES = {
    "kill -9 in a step": ("step", _KILL, 0.1, -9),
    "kill -9 in a checkpoint": ("checkpoint", _KILL, 0.3, -9),
    "kill -9 in validation": ("validation", _KILL, 0.3, -9),
    "kill -9 before the first step": ("start", _KILL, 10.0, -9),
    "SIGTERM in a step": ("step", _TERM, 0.1, cli.TERMINATED),
    "SIGTERM in a checkpoint": ("checkpoint", _TERM, 0.3, cli.TERMINATED),
    "SIGTERM in validation": ("validation", _TERM, 0.3, cli.TERMINATED),
    "Ctrl-C in a step": ("step", _INT, 0.1, cli.INTERRUPTED),
    "disk full in a step": ("step", "full", 0.0, cli.USAGE_ERROR),
    "disk full in a checkpoint": ("checkpoint", "full", 0.0, cli.USAGE_ERROR),
}
_NEWEST = "newest checkpoint"  # begins the names of the damages that are to be told
_DATA_DAMAGED, _NAN = "data file damaged", "NaN weight, --nan=rewind"
_EVALUATION, _KILLED_BUILD, _STOPPED_BUILD = "kill -9 in an evaluation", "kill -9 in a build", "SIGTERM in a build"


@dataclass
class Tally:
    """What became of one kind of fault; `identical` is None where the outcome must be another one."""

    times: int = 0
    as_told: int = 0
    went_on: int = 0
    identical: int | None = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return self.times == self.as_told == self.went_on and self.identical in (None, self.times)


@dataclass(frozen=True)
class Ended:
    """A process that is over."""

    code: int
    said: str
    seconds: float

    def is_plain(self, code: int) -> bool:
        """Whether it ended with `code` and told of no fault of the program's own."""
        return self.code == code and "Traceback" not in self.said and self.said.count("error: ") == (code == 2)


class Soak:
    """The faults, their outcomes so far, and what is compared with."""

    def __init__(self, folder: Path, random: np.random.Generator) -> None:
        self._folder, self._random = folder, random
        self._data, self._whole = folder / "data", folder / "whole"
        self._seconds_of_build = self._seconds_of_evaluation = 0.0
        self.tallies: dict[str, Tally] = {}
        self.wrong: list[str] = []

    def prepare(self) -> None:
        """Builds the data set, trains in one go, twice, and evaluates."""
        self._seconds_of_build = _undisturbed("datasets.build", f"--dataset={_DATASET}", f"--data_dir={self._data}")
        again = self._folder / "again"
        for run in (self._whole, again):
            print(f"a training undisturbed: {_undisturbed('train', *self._flags(run)):.0f} s", flush=True)
        if found := run_state.differences(self._whole, again):
            self._say(f"two trainings undisturbed differ: {found[0]} and {len(found) - 1} more")
        self._seconds_of_evaluation = _undisturbed("evaluate", *_evaluation_flags(self._whole))

    def training(self) -> None:
        """Some faults in one training, and how it ended."""
        run = self._folder / "run"
        shutil.rmtree(run, ignore_errors=True)
        happened: list[str] = []
        waiting: list[str] = []  # faults of which no process has told yet whether the run goes on
        said = ""
        while len(happened) < _CHAIN and self._step(run) < self._step(self._whole):
            name = str(self._random.choice([*_STRIKES, *damage.DAMAGES, _DATA_DAMAGED]))
            if name in damage.DAMAGES:
                if len(self._checkpoints(run)) < 2 or damage.DAMAGES.keys() & waiting:
                    continue  # what is whole must suffice to go on
                damage.DAMAGES[name](RunFolder(run).checkpoints_dir / "last")
                self._count(name, True)
            elif name == _DATA_DAMAGED:
                with self._damaged_data():
                    refused = self._train(run)
                self._count(name, refused.is_plain(cli.USAGE_ERROR), refused, run)
            else:
                place, what, longest, code = _STRIKES[name]
                begun = bool(self._checkpoints(run))
                last = self._struck(run, place, what, longest, 1 / (_CHAIN + 1 - len(happened)))
                said += last.said
                if last.is_plain(0):
                    break  # it came to its end before
                if place != "start":
                    self._judge(waiting, last, said, "going on after" in last.said or not begun)
                    waiting, said = [], ""
                self._count(name, last.is_plain(code), last, run)
            happened.append(name)
            waiting.append(name)
        else:
            last = self._train(run)
            said += last.said
        self._judge(waiting, last, said, last.is_plain(0))
        found = run_state.differences(self._whole, run) if last.is_plain(0) else ["no end"]
        if found:
            self._say(f"{' + '.join(happened)}: not identical, {found[0]} and {len(found) - 1} more", last)
        for name in happened:
            tally = self.tallies[name]
            tally.identical = (tally.identical or 0) + (not found)

    def rewinding(self) -> None:
        """A weight that is no number, in a run that may go back."""
        run = self._folder / "rewound"
        shutil.rmtree(run, ignore_errors=True)
        place = str(self._random.integers(1, self._step(self._whole)))
        ended = _run("benchmarks.struck", "step", place, "nan", "0", *self._flags(run), "--nan=rewind")
        self._count(_NAN, ended.is_plain(0) and "0.5 of the learning rate" in ended.said, ended, run)
        self._judge([_NAN], ended, ended.said, self._step(run) == self._step(self._whole))
        self.tallies[_NAN].identical = None

    def evaluation(self) -> None:
        """An evaluation killed, and repeated."""
        run = self._folder / "evaluated"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(self._whole, run, ignore=shutil.ignore_patterns("evaluation", "model_card.md"))
        killed = self._cut_short(signal.SIGKILL, self._seconds_of_evaluation, "evaluate", *_evaluation_flags(run))
        if killed.code != -9:
            return
        self._count(_EVALUATION, True)
        again = _run("evaluate", *_evaluation_flags(run))
        self._judge([_EVALUATION], again, again.said, again.is_plain(0))
        self._same(_EVALUATION, *((path / "evaluation" / "report.json").read_text() for path in (run, self._whole)))

    def build(self) -> None:
        """A build cut short some times, and repeated."""
        data, happened = self._folder / "built", []
        shutil.rmtree(data, ignore_errors=True)
        arguments = ("datasets.build", f"--dataset={_DATASET}", f"--data_dir={data}")
        for number in self._random.choice([signal.SIGKILL, signal.SIGTERM], _BUILD_CHAIN):
            name, code = (_KILLED_BUILD, -9) if number == signal.SIGKILL else (_STOPPED_BUILD, cli.TERMINATED)
            ended = self._cut_short(int(number), self._seconds_of_build, *arguments)
            if ended.is_plain(0):
                break
            self._count(name, ended.is_plain(code), ended)
            happened.append(name)
        last = _run(*arguments)
        self._judge(happened, last, last.said, last.is_plain(0))
        for name in happened:
            self._same(name, built_state.differences(_DATASET, data, self._data), 0)

    def table(self) -> str:
        """The outcomes, a line a fault."""
        rows = ["| fault | times | as told | went on | identical | seconds |", "|---|---|---|---|---|---|"]
        for name, tally in sorted(self.tallies.items()):
            mean = f"{np.mean(tally.seconds):.0f}" if tally.seconds else ""
            same = "-" if tally.identical is None else tally.identical
            rows.append(f"| {name} | {tally.times} | {tally.as_told} | {tally.went_on} | {same} | {mean} |")
        return "\n".join(rows)

    def _struck(self, run: Path, place: str, what: str, longest: float, share: float) -> Ended:
        """Trains on and lets a fault happen within this share of the steps that are left."""
        steps = max(1, int(share * (self._step(self._whole) - self._step(run))))
        highest = {"step": steps, "checkpoint": 3, "validation": 1}.get(place, 1)
        number, delay = self._random.integers(1, highest + 1), self._random.uniform(0, longest)
        return _run("benchmarks.struck", place, str(number), what, f"{delay:.3f}", *self._flags(run))

    def _cut_short(self, number: int, seconds: float, *command: str) -> Ended:
        """Runs a command, and sends it a signal after a random time."""
        return _run(*command, signal_after=(number, float(self._random.uniform(0, seconds))))

    def _train(self, run: Path) -> Ended:
        return _run("train", *self._flags(run))

    def _flags(self, run: Path) -> list[str]:
        return [*_RUN, f"--data_dir={self._data}", f"--workdir={run}"]

    @contextlib.contextmanager
    def _damaged_data(self) -> Iterator[None]:
        (file,) = self._data.rglob("*.tfrecord*")
        content = file.read_bytes()
        cut = int(self._random.integers(0, len(content)))
        file.write_bytes(content[:cut])
        try:
            yield
        finally:
            file.write_bytes(content)

    def _checkpoints(self, run: Path) -> list[Path]:
        return saved_weights.newest_first(RunFolder(run).checkpoints_dir / "last")

    def _step(self, run: Path) -> int:
        found = self._checkpoints(run)
        return saved_weights.number(found[0]) if found else 0

    def _count(self, name: str, as_told: bool, ended: Ended | None = None, run: Path | None = None) -> None:
        tally = self.tallies.setdefault(name, Tally())
        tally.times += 1
        tally.as_told += as_told
        where = f" at step {self._step(run)}" if run is not None else ""
        print(f"{name}{where}: {'as told' if as_told else 'WRONG'}", flush=True)
        if not as_told:
            self._say(f"{name}: not as told", ended)

    def _judge(self, names: Sequence[str], ended: Ended, said: str, well: bool) -> None:
        """Whether a run went on after some faults, by the process that did and what was said since."""
        for name in names:
            good = well and (not name.startswith(_NEWEST) or "the one before" in said)
            self.tallies[name].went_on += good
            self.tallies[name].seconds.append(ended.seconds)
            if not good:
                self._say(f"{name}: did not go on as it should", ended)

    def _same(self, name: str, one: object, other: object) -> None:
        tally = self.tallies[name]
        tally.identical = (tally.identical or 0) + (one == other)
        if one != other:
            self._say(f"{name}: not identical")

    def _say(self, what: str, ended: Ended | None = None) -> None:
        told = f"{what}; exit code {ended.code}: {ended.said[-2000:]}" if ended else what
        print(f"WRONG: {told}", flush=True)
        self.wrong.append(what)


def _run(module: str, *arguments: str, signal_after: tuple[int, float] | None = None) -> Ended:
    start = time.monotonic()
    command = [sys.executable, *(("-m", module) if "." in module else (f"{module}.py",)), *arguments]
    with subprocess.Popen(
        command, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        number, seconds = signal_after or (signal.SIGKILL, _TIMEOUT_S)
        try:
            said = process.communicate(timeout=seconds)[1]
        except subprocess.TimeoutExpired:
            process.send_signal(number)
            try:
                said = process.communicate(timeout=_TIMEOUT_S)[1]  # its end is seen once its workers have ended too
            except subprocess.TimeoutExpired:
                process.kill()
                said = f"Traceback: none, it hung for {_TIMEOUT_S} s"
    return Ended(process.returncode, said, time.monotonic() - start)


def _undisturbed(module: str, *arguments: str) -> float:
    """Runs a command that must succeed; the seconds it took."""
    ended = _run(module, *arguments)
    if not ended.is_plain(0):
        raise UserError(f"{module} {' '.join(arguments)}: failed though nothing happened to it: {ended.said[-1000:]}")
    return ended.seconds


def _evaluation_flags(run: Path) -> list[str]:
    return [f"--workdir={run}", "--noidentity", "--nodetail"]


def main(arguments: Sequence[str]) -> int:
    """Lets faults happen for as long as the flags say."""
    cli.only_flags(arguments)
    values = flags.FLAGS
    end = time.monotonic() + 60 * values.minutes
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(values.workdir or temporary).absolute()
        soak = Soak(folder, np.random.default_rng(values.seed))
        soak.prepare()
        trials: list[Callable[[], None]] = [
            soak.training,
            soak.build,
            soak.evaluation,
            soak.training,
            soak.rewinding,
            soak.training,
        ]
        done = 0
        while time.monotonic() < end or not done:
            trials[done % len(trials)]()
            done += 1
    print(f"\n{machine()}; seed {values.seed}, {values.minutes:g} minutes\n\n{soak.table()}")
    for what in soak.wrong:
        print(f"WRONG: {what}")
    good = not soak.wrong and all(tally.good for tally in soak.tallies.values())
    faults = sum(tally.times for tally in soak.tallies.values())
    print(json.dumps({"faults": faults, "wrong": len(soak.wrong)}))
    return 0 if good else 1


if __name__ == "__main__":
    flags.DEFINE_float("minutes", 60.0, "How long; a trial that has begun is brought to its end.", lower_bound=0.0)
    flags.DEFINE_integer("seed", 0, "Of the faults and their moments.")
    flags.DEFINE_string("workdir", None, "Where runs and data go; a temporary folder by default.")
    cli.run(main, __doc__ or "")
