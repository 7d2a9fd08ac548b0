"""Fetches CREMA-D's videos and tables from their owners' repository or its mirror, through TFDS' download manager.

Every file is checked by size and SHA-256 against `video_checksums.tsv` and kept in `<data_dir>/downloads/crema_d`; what
is there already is never asked for again.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import functools
import logging
import pathlib
import queue
import shutil
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence
from typing import TypeAlias

import requests
import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core.download import checksums, download_manager, resource, util

from datasets.crema_d.transfers import transfers
from datasets.records import Problem
from datasets.user_copy import DataFile, listed
from ifgan_tf import files, progress
from ifgan_tf.errors import UserError, reason

# Videos are git-lfs files, which GitHub serves from an address of their own.
OWNERS_VIDEOS = "https://media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/master/"
OWNERS_TABLES = "https://raw.githubusercontent.com/CheyneyComputerScience/CREMA-D/master/"
MIRROR = "https://gitlab.com/cs-cooper-lab/crema-d-mirror/-/raw/master/"
CHECKSUMS = pathlib.Path(__file__).with_name("video_checksums.tsv")  # a line a file: path, bytes, SHA-256

AT_A_TIME = 8
ANSWER_SECONDS = 8.0  # for an address to accept a connection
STALL_SECONDS = 60.0  # from one byte to the next

_NAME = "crema_d"  # the builder's, which TFDS names the folder by
_VIDEOS = "VideoFlash/"
_LAST_IN_A_ROW = 16  # files that fail one after another: the network is gone
_UNRELIABLE = 4  # failures in a row of one address: the other one is asked first
_ABSENT = ("HTTP 404", "HTTP 410")
_LICENCE = (
    "CREMA-D is given out under the Open Database License 1.0 (https://opendatacommons.org/licenses/odbl/1-0/), its "
    "contents under the Database Contents License 1.0 (https://opendatacommons.org/licenses/dbcl/1-0/): whoever "
    "downloads it agrees to them.\n"
    "Cite: H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova, R. Verma: CREMA-D: Crowd-sourced Emotional "
    "Multimodal Actors Dataset. IEEE Transactions on Affective Computing 5(4), 377-390, 2014."
)
_GOES_ON = "what was fetched is kept, and the same command goes on from there"
_BY_HAND = (
    "or copy it by hand (git lfs clone https://github.com/CheyneyComputerScience/CREMA-D) and pass the folder as "
    "--manual_dir"
)


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """A line of the table; `path` is the file's path in the owners' repository."""

    path: str
    size: int
    sha256: str

    @property
    def addresses(self) -> tuple[str, str]:
        return (OWNERS_VIDEOS if self.path.startswith(_VIDEOS) else OWNERS_TABLES) + self.path, MIRROR + self.path


@dataclasses.dataclass(frozen=True)
class _Failure:
    """A file that could not be had; `absent` if both addresses answered that they have none."""

    problem: Problem
    absent: bool


_Download: TypeAlias = Callable[[str], str]
_Outcome: TypeAlias = "str | _Failure"  # the path on disk, or why there is none


def url_infos() -> dict[str, checksums.UrlInfo]:
    """Size and SHA-256 of every address: what the builder registers, for TFDS to check each file by."""
    return {
        address: checksums.UrlInfo(size=tfds.core.utils.Size(wanted.size), checksum=wanted.sha256, filename=None)
        for wanted in _table()
        for address in wanted.addresses
    }


def fetch(dl_manager: tfds.download.DownloadManager) -> tuple[list[DataFile], list[Problem]]:
    """Downloads what is not there yet: licence first, then several files at a time with one bar of bytes.

    Each file is asked for at its owners', then at the mirror; one with wrong bytes is fetched once more. A few files
    that cannot be had are problems, and the rest is returned.

    Args:
      dl_manager: the one of the builder `crema_d`, which registered `url_infos()`.

    Returns:
      The files, as if they lay in the owners' folders, in the table's order; and a problem for each that is missing.

    Raises:
      UserError: when neither address answers, the network goes in the middle, more than one file in twenty cannot be
        had, or there is no room for them. What was fetched is kept.
      OSError: when the disk cannot be written.
    """
    folder = dl_manager.download_dir / _NAME
    with files.only_one(pathlib.Path(folder), "a download of CREMA-D", wait=True):
        _remove_unfinished(folder)
        table = _table()
        found: dict[_Wanted, _Outcome] = {
            # Told to TFDS, which then asks nobody, but counts it into the data set's download size.
            wanted: str(dl_manager.download(tfds.download.Resource(url=address)))
            for wanted in table
            if (address := _kept(wanted, folder))
        }
        missing = [wanted for wanted in table if wanted not in found]
        if missing:
            _announce(table, missing, folder)
            unreliable = _ask(missing[0].addresses, len(found), len(table))
            try:
                _transfer(dl_manager, missing, found, unreliable)
            finally:
                _remove_unfinished(folder)
    problems = [outcome.problem for outcome in found.values() if isinstance(outcome, _Failure)]
    if len(problems) * 20 > len(table):
        raise UserError(
            f"CREMA-D: {len(problems):,} of {len(table):,} files cannot be had, more than one in "
            f"twenty{listed(problems)}; {_GOES_ON}; {_BY_HAND}"
        )
    there = [(wanted, found[wanted]) for wanted in table]
    return [DataFile(wanted.path, path) for wanted, path in there if isinstance(path, str)], problems


def _table() -> list[_Wanted]:
    lines = CHECKSUMS.read_text(encoding="utf-8").splitlines()
    return [_Wanted(path, int(size), sha256) for path, size, sha256 in (line.split("\t") for line in lines)]


def _kept(wanted: _Wanted, folder: epath.Path) -> str:
    """The address that an earlier run fetched the file from; empty if it has to be fetched."""
    for address in wanted.addresses:
        path = folder / resource.get_dl_fname(address, wanted.sha256)
        if resource.is_locally_cached(path):
            if pathlib.Path(path).stat().st_size == wanted.size:
                return address
            path.unlink()  # cut off by a crash of the machine; TFDS, which goes by the name alone, would take it
    return ""


def _remove_unfinished(folder: epath.Path) -> None:
    """Removes what TFDS leaves of transfers that were killed or failed; it never looks at them again."""
    for rest in folder.glob("*.tmp.*"):
        shutil.rmtree(rest, ignore_errors=True)


def _announce(table: Sequence[_Wanted], missing: Sequence[_Wanted], folder: epath.Path) -> None:
    """Says what comes, on what terms and to where, before any byte does.

    Raises:
      UserError: when there is no room for it.
    """
    logging.info(_LICENCE)
    here = f", of which {len(table) - len(missing):,} are here already" if len(missing) < len(table) else ""
    logging.info(
        f"downloading CREMA-D: {len(table):,} files, {_gigabytes(_bytes(table))}{here}, into {folder}; "
        "if this is interrupted, the same command goes on"
    )
    free, left = shutil.disk_usage(folder).free, _bytes(missing)
    if free < left:
        raise UserError(
            f"{folder}: {_gigabytes(free)} free, expected room for the {_gigabytes(left)} that are still to be "
            "downloaded; make room, or choose another --data_dir"
        )


def _bytes(table: Sequence[_Wanted]) -> int:
    return sum(wanted.size for wanted in table)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB"


def _ask(addresses: Sequence[str], here: int, of: int) -> set[int]:
    """Asks the addresses of one file, at once, whether they answer at all: TFDS would find out in minutes.

    Returns:
      Which of them, counted from 0, do not.

    Raises:
      UserError: when none does.
    """
    answers: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()

    def ask(index: int) -> None:
        try:
            # Any answer will do, an error or a way elsewhere too; proxies are those of the environment.
            requests.head(addresses[index], timeout=ANSWER_SECONDS, allow_redirects=False).close()
            answers.put((index, ""))
        except Exception as error:
            answers.put((index, _why(error)))

    for index in range(len(addresses)):
        # Not waited for at the program's end: each of a host's numbers may take its own time not to answer.
        threading.Thread(target=ask, args=(index,), daemon=True).start()
    silent = dict.fromkeys(range(len(addresses)), f"no answer within {ANSWER_SECONDS:g} s")
    until = time.monotonic() + ANSWER_SECONDS
    try:
        for _ in addresses:
            index, why = answers.get(timeout=max(0.0, until - time.monotonic()))
            if why:
                silent[index] = why
            else:
                del silent[index]
    except queue.Empty:
        pass
    if len(silent) == len(addresses):
        told = " nor ".join(f"{urllib.parse.urlsplit(addresses[index]).netloc} ({silent[index]})" for index in silent)
        raise UserError(
            f"CREMA-D cannot be downloaded: neither {told} answers; {here:,} of {of:,} files are here; see to the "
            f"network and to HTTPS_PROXY: {_GOES_ON}; {_BY_HAND}"
        )
    return set(silent)


def _transfer(
    dl_manager: tfds.download.DownloadManager,
    missing: Sequence[_Wanted],
    found: dict[_Wanted, _Outcome],
    unreliable: set[int],
) -> None:
    """Fetches the `missing` files and puts them, or why there is none, into `found` as they come.

    Raises:
      UserError: when many files in a row fail, for other reasons than that nobody has them.
      OSError: when the disk cannot be written.
    """
    failures = collections.Counter(dict.fromkeys(unreliable, _UNRELIABLE))
    total = len(found) + len(missing)
    pool = concurrent.futures.ThreadPoolExecutor(AT_A_TIME)
    here = _bytes(list(found))
    bar = progress.bar(total=here + _bytes(missing), initial=here, desc="CREMA-D", unit="B", unit_scale=True)
    with transfers(ANSWER_SECONDS, STALL_SECONDS) as under_way, bar:
        try:
            download = functools.partial(under_way.download, dl_manager)
            running = {pool.submit(_fetch_one, download, wanted, failures): wanted for wanted in missing}
            in_a_row = 0
            for done in concurrent.futures.as_completed(running):
                wanted, outcome = running[done], done.result()
                found[wanted] = outcome
                if isinstance(outcome, str):
                    in_a_row = 0
                    bar.update(wanted.size)
                    continue
                in_a_row += not outcome.absent  # else a gap of that many files would end every run at the same place
                if in_a_row >= _LAST_IN_A_ROW:
                    fetched = sum(isinstance(path, str) for path in found.values())
                    raise UserError(
                        f"CREMA-D's download has stopped: {in_a_row} files in a row failed, the last one "
                        f"{outcome.problem.file}: {outcome.problem.found}; {fetched:,} of {total:,} files are here; "
                        f"see to the network: {_GOES_ON}"
                    )
        finally:
            under_way.stop()  # those that still run, if this is the end before the end
            pool.shutdown(cancel_futures=True)


def _fetch_one(download: _Download, wanted: _Wanted, failures: collections.Counter[int]) -> _Outcome:
    """Fetches a file from its addresses in turn; of one with wrong bytes, a second time.

    Args:
      download: gives the path of a file by its address.
      wanted: the file.
      failures: how often in a row each address failed, shared by all files: one that fails again and again is asked
        last.

    Raises:
      OSError: when the disk cannot be written.
    """
    attempt = functools.partial(_attempt, download, wanted, failures)
    tried: dict[int, Exception] = {}
    for index in sorted(range(len(wanted.addresses)), key=lambda index: failures[index] >= _UNRELIABLE):
        outcome = attempt(index)
        if isinstance(outcome, str):
            return outcome
        tried[index] = outcome
    damaged = [index for index, error in tried.items() if _is_damaged(error)]
    if len(damaged) == 1:  # where the other address has none, the second time is at the same one
        outcome = attempt(damaged[0])
        if isinstance(outcome, str):
            return outcome
        tried[damaged[0]] = outcome
    why = "; ".join(f"{_why(error)} at {wanted.addresses[index]}" for index, error in tried.items())
    remedy = "to have it too, remove the built data set and give the same command again: nothing else is fetched anew"
    problem = Problem(wanted.path, f"not downloaded ({why})", remedy)
    return _Failure(problem, absent=all(_why(error) in _ABSENT for error in tried.values()))


def _attempt(download: _Download, wanted: _Wanted, failures: collections.Counter[int], index: int) -> str | Exception:
    """The path of the file once fetched from one of its addresses, or why it was not."""
    address = wanted.addresses[index]
    try:
        path = download(address)
    except Exception as error:
        if _is_of_the_disk(error):
            raise
        if _is_damaged(error):
            logging.warning("%s: %s; they are not kept", address, _why(error))
        failures[index] += 1
        return error
    failures[index] = 0
    return path


def _is_damaged(error: Exception) -> bool:
    return isinstance(error, download_manager.NonMatchingChecksumError)


def _is_of_the_disk(error: Exception) -> bool:
    of_the_network = (requests.RequestException, ConnectionError, TimeoutError, ssl.SSLError)
    return isinstance(error, OSError) and not isinstance(error, of_the_network)


def _why(error: BaseException) -> str:
    """The innermost reason of a failed transfer, without the addresses that libraries put before it."""
    if isinstance(error, download_manager.NonMatchingChecksumError):
        return "bytes with another SHA-256 than the owners'"
    if isinstance(error, util.DownloadError):
        return f"HTTP {str(error).rpartition('HTTP code: ')[2].rstrip('.')}"
    inner = getattr(error, "reason", None) or next(iter(error.args), None)
    if isinstance(inner, BaseException):
        return _why(inner)
    told = inner if isinstance(inner, str) else reason(error)
    return reason(Exception(told.rpartition("): ")[2]))
