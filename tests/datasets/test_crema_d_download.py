"""CREMA-D's download: what is asked for and how often, and what becomes of everything that goes wrong on the way."""

import errno
import hashlib
import json
import logging
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import promise
import pytest
import requests
import tensorflow_datasets as tfds
from coloured_faces import coloured_face
from tensorflow_datasets.core.download import downloader
from urllib3.connection import HTTPConnection

from datasets.build import build
from datasets.crema_d import download
from ifgan_tf.errors import UserError
from tests.datasets import download_server
from tests.datasets.download_server import Server, cut, damage, dribble, refuse, say_nothing, serving, stall
from tests.datasets.imitations import CREMA_D_TABLES, crema_d_names, write_crema_d

ROOT = pathlib.Path(__file__).parents[2]
FILES = 40
TABLE = "VideoDemographics.csv"


def video(number: int) -> str:
    return f"VideoFlash/{number:04}_DFA_ANG_XX.flv"


PATHS = [TABLE, *map(video, range(1, FILES))]


@pytest.fixture(scope="module")
def owners_files(tmp_path_factory):
    """A folder such as the owners', of files that are no videos."""
    folder = tmp_path_factory.mktemp("owners")
    contents = random.Random(0)
    for path in PATHS:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(contents.randbytes(contents.randint(2_000, 30_000)))
    return folder


@pytest.fixture(scope="module")
def checksums(owners_files, tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("table"), owners_files, PATHS)


def write_table(into, folder, paths):
    """A table of checksums of the files at some paths of a folder; returns where it is."""
    lines = []
    for path in paths:
        content = (folder / path).read_bytes()
        lines.append(f"{path}\t{len(content)}\t{hashlib.sha256(content).hexdigest()}\n")
    table = into / "checksums.tsv"
    table.write_text("".join(lines))
    return table


@pytest.fixture
def owners(owners_files, monkeypatch, checksums):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(owners_files) as server:
        monkeypatch.setattr(download, "OWNERS_VIDEOS", server.address)
        monkeypatch.setattr(download, "OWNERS_TABLES", server.address)
        monkeypatch.setattr(download, "CHECKSUMS", checksums)
        yield server


@pytest.fixture
def mirror(owners_files, monkeypatch):
    with serving(owners_files) as server:
        monkeypatch.setattr(download, "MIRROR", server.address)
        yield server


@pytest.fixture
def new_manager(tmp_path):
    tfds.disable_progress_bar()
    return lambda: tfds.download.DownloadManager(
        download_dir=tmp_path, dataset_name="crema_d", url_infos=download.url_infos(), max_simultaneous_downloads=8
    )


@pytest.fixture
def fetch(new_manager):
    """Fetches as a build does: with a download manager of its own each time."""
    return lambda: download.fetch(new_manager())


@pytest.fixture
def is_complete(owners_files, tmp_path):
    """Sees that every file but the missing ones is there with its right bytes, and nothing half-written beside them."""

    def check(files, missing=()):
        assert [file.source for file in files] == [path for path in PATHS if path not in missing]
        for file in files:
            assert file.read() == (owners_files / file.source).read_bytes()
            assert pathlib.Path(file.path).suffix == pathlib.Path(file.source).suffix
        assert not list(tmp_path.rglob("*.tmp*"))

    return check


def test_the_owners_table():
    table = download._table()
    videos = [wanted for wanted in table if wanted.path.startswith("VideoFlash/")]
    assert len(videos) == 7442 and len({wanted.path for wanted in videos}) == 7442
    assert round(sum(wanted.size for wanted in videos) / 1e9, 2) == 2.44
    assert [wanted.path for wanted in table if wanted not in videos] == [
        "SentenceFilenames.csv",
        "VideoDemographics.csv",
        "processedResults/summaryTable.csv",
    ]
    tables = {wanted.path.rpartition("/")[2]: wanted.sha256 for wanted in table if wanted not in videos}
    for name, sha256 in tables.items():
        assert hashlib.sha256((CREMA_D_TABLES / name).read_bytes()).hexdigest() == sha256
    assert {f"VideoFlash/{name}.flv" for name in crema_d_names()} == {wanted.path for wanted in videos}
    infos = download.url_infos()
    assert len(infos) == 2 * len(table)
    assert infos[download.OWNERS_VIDEOS + videos[0].path] == infos[download.MIRROR + videos[0].path]


def test_everything_comes_once_and_a_second_run_asks_for_nothing(owners, mirror, fetch, is_complete):
    owners.default = dribble(2, 0.02)
    files, problems = fetch()
    is_complete(files)
    assert not problems and not mirror.requested
    assert owners.requested == dict.fromkeys(PATHS, 1)
    assert 1 < owners.most_at_once <= download.AT_A_TIME
    owners.die()
    mirror.die()
    assert fetch() == (files, [])


def test_what_was_there_already_counts_into_the_download_size(owners, mirror, fetch, new_manager, owners_files):
    fetch()
    manager = new_manager()
    download.fetch(manager)
    assert manager.downloaded_size == sum((owners_files / path).stat().st_size for path in PATHS)


def test_licence_citation_size_and_place_are_told_before_a_byte_comes(owners, mirror, fetch, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    told = []

    def listen(handler, content):
        told.append(caplog.text)
        download_server.send(handler, content)

    owners.default = listen
    fetch()
    for text in ("opendatacommons.org/licenses/odbl/1-0/", "Cite: H. Cao", "40 files, 0.00 GB", str(tmp_path)):
        assert text in told[0]


def test_what_the_first_address_lacks_comes_from_the_second(owners, mirror, fetch, is_complete):
    lacking = {video(3): refuse(404), video(7): cut, video(11): refuse(500), TABLE: refuse(429)}
    owners.behaviours.update(lacking)
    files, problems = fetch()
    is_complete(files)
    assert not problems and mirror.requested == dict.fromkeys(lacking, 1)


def test_an_address_that_lacks_everything_is_soon_asked_no_more(owners, mirror, fetch, is_complete):
    owners.default = refuse(404)
    files, problems = fetch()
    is_complete(files)
    assert not problems and owners.requested.total() < FILES // 2


def test_a_dead_first_address(owners, mirror, fetch, is_complete):
    owners.die()
    files, problems = fetch()
    is_complete(files)
    assert not problems and mirror.requested == dict.fromkeys(PATHS, 1)


def test_wrong_bytes_are_named_and_fetched_once_more(owners, mirror, fetch, is_complete, caplog):
    owners.behaviours[video(5)] = damage()  # right at the mirror
    owners.behaviours[video(6)] = damage(times=1)
    mirror.behaviours[video(6)] = refuse(404)
    owners.behaviours[video(8)] = refuse(404)
    mirror.behaviours[video(8)] = damage(times=1)
    files, problems = fetch()
    is_complete(files)
    assert not problems
    assert [owners.requested[video(number)] for number in (5, 6, 8)] == [1, 2, 1]
    assert [mirror.requested[video(number)] for number in (5, 6, 8)] == [1, 1, 2]
    assert f"{owners.address}{video(5)}: bytes with another SHA-256 than the owners'; they are not kept" in caplog.text


def test_bytes_that_stay_wrong_are_listed(owners, mirror, fetch, is_complete):
    for server in (owners, mirror):
        server.behaviours[video(5)] = damage()
    owners.behaviours[video(9)] = damage()
    mirror.behaviours[video(9)] = refuse(404)
    files, problems = fetch()
    is_complete(files, missing=(video(5), video(9)))
    assert sorted(problem.file for problem in problems) == [video(5), video(9)]
    for problem in problems:
        assert f"another SHA-256 than the owners' at {owners.address}{problem.file}" in problem.found
        assert "same command" in problem.remedy and not problem.note
    assert owners.requested[video(5)] + mirror.requested[video(5)] == 2
    assert "HTTP 404 at" in {problem.file: problem.found for problem in problems}[video(9)]


def test_a_server_that_falls_silent_is_not_waited_for(owners, mirror, fetch, is_complete, monkeypatch):
    monkeypatch.setattr(download, "STALL_SECONDS", 1.0)
    owners.behaviours.update({video(2): stall, video(4): say_nothing})
    begun = time.monotonic()
    files, problems = fetch()
    is_complete(files)
    assert not problems and mirror.requested == {video(2): 1, video(4): 1}
    assert time.monotonic() - begun < 15


def test_slow_is_fine(owners, mirror, fetch, is_complete, monkeypatch):
    monkeypatch.setattr(download, "STALL_SECONDS", 1.0)
    owners.behaviours[video(2)] = dribble(8, 0.3)
    files, problems = fetch()
    is_complete(files)
    assert not problems and not mirror.requested


def test_more_than_one_in_twenty_missing(owners, mirror, fetch, is_complete):
    lost = [video(number) for number in (1, 15, 30)]
    for server in (owners, mirror):
        server.behaviours.update(dict.fromkeys(lost, refuse(404)))
    with pytest.raises(UserError, match=r"3 of 40 files cannot be had.*VideoFlash/00.*HTTP 404.*same command goes on"):
        fetch()
    owners.requested.clear()
    del owners.behaviours[lost[0]]
    files, problems = fetch()
    is_complete(files, missing=lost[1:])
    assert sorted(problem.file for problem in problems) == lost[1:]
    assert set(owners.requested) == set(lost)


def test_a_gap_at_both_addresses_does_not_keep_what_comes_after_it_away(owners, mirror, fetch, tmp_path):
    lost = [video(number) for number in range(1, 21)]
    for server in (owners, mirror):
        server.behaviours.update(dict.fromkeys(lost, refuse(404)))
    with pytest.raises(UserError, match="20 of 40 files cannot be had"):
        fetch()
    assert finished_files(tmp_path) == set(PATHS) - set(lost)


def test_no_network(owners, mirror, fetch):
    owners.die()
    mirror.die()
    begun = time.monotonic()
    message = r"neither 127.0.0.1:\d+ \(.*refused\) nor 127.0.0.1:\d+ \(.*refused\) answers; 0 of 40 .*--manual_dir"
    with pytest.raises(UserError, match=message):
        fetch()
    assert time.monotonic() - begun < 10


def test_addresses_that_swallow_every_question(owners, fetch, monkeypatch):
    monkeypatch.setattr(download, "ANSWER_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setattr(download, "MIRROR", f"http://127.0.0.1:{deaf.getsockname()[1]}/")
        monkeypatch.setattr(download, "OWNERS_TABLES", download.MIRROR)
        with pytest.raises(UserError, match=r"neither .*(no answer within 1 s|timed out)"):
            fetch()


def test_the_proxy_of_the_environment_is_used(owners, fetch, is_complete, monkeypatch):
    for name in ("OWNERS_VIDEOS", "OWNERS_TABLES", "MIRROR"):
        monkeypatch.setattr(download, name, "http://nowhere.invalid/")
    monkeypatch.setenv("http_proxy", owners.address)
    files, problems = fetch()
    is_complete(files)
    assert not problems and owners.requested == dict.fromkeys(PATHS, 1)


def test_a_network_that_goes_in_the_middle(owners, mirror, owners_files, fetch, is_complete, tmp_path):
    owners.default = dribble(2, 0.1)
    watch = threading.Thread(target=die_after, args=(20, owners, mirror))
    watch.start()
    with pytest.raises(
        UserError, match=r"16 files in a row failed.*; (\d+) of 40 files are here.*same command"
    ) as told:
        fetch()
    watch.join()
    finished = finished_files(tmp_path)
    assert 8 < len(finished) < FILES and f"; {len(finished)} of 40" in str(told.value)
    assert not list(tmp_path.rglob("*.tmp*"))
    with serving(owners_files, owners.port) as back:
        files, problems = fetch()
        is_complete(files)
        assert not problems and back.requested == dict.fromkeys(set(PATHS) - finished, 1)


def die_after(count: int, *servers: Server) -> None:
    wait_for(lambda: servers[0].requested.total() >= count)
    for server in servers:
        server.die()


def finished_files(folder: pathlib.Path) -> set[str]:
    """Which files TFDS has finished: those with an INFO file beside them."""
    infos = [info for info in (folder / "crema_d").glob("*.INFO") if info.with_suffix("").exists()]
    names = {json.loads(info.read_text())["original_fname"] for info in infos}
    return {path for path in PATHS if path.rpartition("/")[2] in names}


def wait_for(condition, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture
def in_another_process(owners, mirror, checksums, tmp_path):
    """Starts the same fetch in a process of its own, as a command would; what is left of it is killed."""
    code = f"""
import logging, pathlib
import tensorflow_datasets as tfds
from datasets.crema_d import download
from ifgan_tf import cli

download.OWNERS_VIDEOS = download.OWNERS_TABLES = {owners.address!r}
download.MIRROR = {mirror.address!r}
download.CHECKSUMS = pathlib.Path({str(checksums)!r})
tfds.disable_progress_bar()
manager = tfds.download.DownloadManager(
    download_dir={str(tmp_path)!r}, dataset_name="crema_d", url_infos=download.url_infos(), max_simultaneous_downloads=8
)
cli.run(lambda _: print(len(download.fetch(manager)[0])), "")
"""
    started = []

    def start():
        command = [sys.executable, "-c", code]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_killed_and_gone_on(owners, mirror, fetch, is_complete, in_another_process, tmp_path):
    owners.default = dribble(4, 0.05)
    process = in_another_process()
    wait_for(lambda: owners.requested.total() >= 25)
    process.kill()
    process.wait()
    finished = finished_files(tmp_path)
    assert 8 < len(finished) < FILES and list(tmp_path.rglob("*.tmp.*"))
    owners.requested.clear()
    files, problems = fetch()
    is_complete(files)
    assert not problems and not mirror.requested
    assert owners.requested == dict.fromkeys(set(PATHS) - finished, 1)


@pytest.mark.parametrize(
    ("silence", "sent", "code"),
    [(stall, signal.SIGINT, 130), (say_nothing, signal.SIGINT, 130), (stall, signal.SIGTERM, 143)],
)
def test_its_end_is_not_held_up_by_a_server_that_says_nothing(
    owners, in_another_process, tmp_path, silence, sent, code
):
    owners.behaviours.update(dict.fromkeys(PATHS[10:18], silence))
    process = in_another_process()
    wait_for(lambda: owners.requested.total() == 18)
    wait_for(lambda: len(finished_files(tmp_path)) == 10)
    process.send_signal(sent)
    _, told = process.communicate(timeout=5)
    assert process.returncode == code and "Traceback" not in told
    assert finished_files(tmp_path) == set(PATHS[:10]) and not list(tmp_path.rglob("*.tmp.*"))


def test_a_file_that_a_crash_cut_off_is_fetched_anew(owners, mirror, fetch, is_complete):
    files, _ = fetch()
    pathlib.Path(files[3].path).write_bytes(b"")
    owners.requested.clear()
    files, _ = fetch()
    is_complete(files)
    assert owners.requested == {PATHS[3]: 1}


def test_a_full_disk_ends_it_and_is_no_fault_of_the_network(owners, mirror, fetch, monkeypatch, tmp_path):
    def write(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(downloader._Downloader, "_sync_download", write)
        with pytest.raises(OSError) as raised:
            fetch()
    assert raised.value.errno == errno.ENOSPC and not list(tmp_path.rglob("*.tmp.*"))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000))
    with pytest.raises(UserError, match=r"0\.00 GB free, expected room for the 0\.00 GB .*make room"):
        fetch()
    assert not owners.requested


def test_what_was_replaced_for_the_download_is_restored(owners, mirror, fetch):
    def methods():
        return requests.adapters.HTTPAdapter.send, HTTPConnection.getresponse, promise.get_default_scheduler()

    before = methods()
    fetch()
    assert methods() == before


def test_many_threads_lose_nothing(fetch, monkeypatch, tmp_path):
    """TFDS' promises, as they are, are not made for threads: one in many thousands would be waited for without end."""
    folder = tmp_path / "owners"
    (folder / "VideoFlash").mkdir(parents=True)
    for number in range(500):
        (folder / video(number)).write_bytes(b"%d" % number * 50)
    table = write_table(tmp_path, folder, [video(number) for number in range(500)])
    monkeypatch.setattr(download, "CHECKSUMS", table)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with serving(folder) as server:
            monkeypatch.setattr(download, "OWNERS_VIDEOS", server.address)
            monkeypatch.setattr(download, "MIRROR", server.address + "nothing/")
            files, problems = fetch()
            assert len(files) == 500 and not problems and server.requested.total() == 500
    finally:
        sys.setswitchinterval(interval)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """An imitation of the owners' folder, 17 clips of one actor, and its table of checksums."""
    folder = tmp_path_factory.mktemp("clips")
    names = [name for name in crema_d_names() if name.startswith("1001")][:17]
    write_crema_d(folder, names, face=coloured_face)
    files = [*sorted(folder.rglob("*.csv")), *sorted(folder.rglob("*.flv"))]
    paths = [file.relative_to(folder).as_posix() for file in files]
    return folder, write_table(tmp_path_factory.mktemp("table"), folder, paths)


def test_a_build_without_a_copy_is_the_one_from_the_copy(owners, mirror, clips, centred_faces, monkeypatch, tmp_path):
    folder, table = clips
    owners.folder = mirror.folder = folder
    monkeypatch.setattr(download, "CHECKSUMS", table)
    for other_sets in ("downloads/manual/CK+", "downloads/extracted"):
        (tmp_path / "downloaded" / other_sets).mkdir(parents=True)
    lost = next(folder.rglob("*HAP*.flv"))
    for server in (owners, mirror):
        server.behaviours[f"VideoFlash/{lost.name}"] = refuse(404)
    folders = [build("crema_d", str(tmp_path / "downloaded"), frames_per_clip=1)]
    report = json.loads((folders[0] / "build_report.json").read_text())["train"]
    assert report["images"] == 16 and lost.name in json.dumps(report)
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "VideoFlash" / lost.name).unlink()
    asked = owners.requested.copy()
    folders.append(build("crema_d", str(tmp_path / "copied"), str(copy), frames_per_clip=1))
    assert owners.requested == asked and asked.total() == len(table.read_text().splitlines())
    built = [tfds.builder_from_directory(folder).as_dataset(split="train") for folder in folders]
    for one, other in zip(*map(tfds.as_numpy, built), strict=True):
        assert one["source"] == other["source"] and np.array_equal(one["image"], other["image"])


def test_a_full_disk_is_said_plainly(owners, mirror, clips, monkeypatch, tmp_path):
    def write(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(downloader._Downloader, "_sync_download", write)
    with pytest.raises(UserError, match=r"--data_dir=.*: No space left on device; make room, or choose another folder"):
        build("crema_d", str(tmp_path))
