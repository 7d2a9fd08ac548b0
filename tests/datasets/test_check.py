"""`datasets.check` on good, incomplete and wrong folders."""

import os
import pathlib
import struct
import subprocess
import sys

import pytest
from coloured_faces import coloured_face
from PIL import ImageFile

from datasets.bu_3dfe import layout as bu_3dfe
from datasets.check import check
from datasets.crema_d import layout as crema_d
from ifgan_tf.errors import UserError
from tests.datasets.imitations import write_bu_3dfe, write_ck_plus, write_crema_d

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path):
    write_bu_3dfe(tmp_path, subjects=2, intensities=(3, 4), extension="png", face=coloured_face)
    return tmp_path


def test_complete(copy, monkeypatch, capsys):
    monkeypatch.setattr(bu_3dfe, "SUBJECTS", 2)
    assert check("bu_3dfe", str(copy)) == 0
    text = capsys.readouterr().out
    assert "images of the six expressions       24        24\n" in text
    assert "Problems: 0" in text and "complete: build it with" in text


def test_incomplete_names_what_is_missing(copy, monkeypatch, capsys):
    monkeypatch.setattr(bu_3dfe, "SUBJECTS", 2)
    next(copy.rglob("F0001_AN03WH_F2D.png")).unlink()
    next(copy.rglob("F0001_DI03WH_F2D.png")).write_bytes(b"")
    assert check("bu_3dfe", str(copy)) == 1
    text = capsys.readouterr().out
    assert "anger                                3         4  -1\n" in text
    assert "the file is empty; expected an image; a build leaves it out" in text
    assert "    BU_3DFE/F0001/F0001_DI03WH_F2D.png\n" in text
    assert "unreadable images                    1         0  +1\n" in text
    assert "12 of 13 images; unpack the subject's archive again\n    F0001\n" in text
    assert "incomplete: anger" in text


def test_a_copy_that_is_readable_but_damaged_is_incomplete(copy, monkeypatch):
    monkeypatch.setattr(bu_3dfe, "SUBJECTS", 2)
    (copy / "M0044.rar").touch()
    assert check("bu_3dfe", str(copy)) == 1


def test_many_files_of_one_problem_are_grouped(tmp_path, capsys):
    write_ck_plus(tmp_path, sequences={"anger": 25}, unlabelled=0, subjects=25, face=coloured_face)
    for path in tmp_path.rglob("*_emotion.txt"):
        if "S005" not in path.name:
            path.write_text("?")
    assert check("ck_plus", str(tmp_path)) == 1
    text = capsys.readouterr().out
    assert text.count("expected one number from 0 to 7") == 1 and "... and 4 more" in text


@pytest.fixture
def clips(tmp_path, monkeypatch):
    """A set of two clips, in one of which raters saw what was intended."""
    write_crema_d(tmp_path, ["1001_IEO_ANG_LO", "1001_IEO_ANG_HI"], face=coloured_face)
    monkeypatch.setattr(crema_d, "ACTORS", range(1001, 1002))
    monkeypatch.setattr(crema_d, "CLIPS", {"anger": 2})
    monkeypatch.setattr(crema_d, "RATED", {"anger": 1})
    monkeypatch.setattr(crema_d, "CLIPS_A_LEVEL", {"LO": 1, "HI": 1})
    return tmp_path


@pytest.mark.parametrize(("dataset", "images"), [("crema_d", 6), ("crema_d/rated", 3)])
def test_complete_clips(clips, capsys, dataset, images):
    assert check(dataset, str(clips)) == 0
    text = capsys.readouterr().out
    table = {tuple(line.rsplit(maxsplit=2)) for line in text.splitlines()}
    assert table >= {("  images", str(images), str(images)), ("  level LO", "1", "1"), ("  clips", "2", "2")}
    assert ("  face seen as intended: anger", "1", "1") in table
    assert f"complete: build it with  python -m datasets.build --dataset={dataset} " in text


def test_a_clip_that_does_not_open_is_named_once(clips, capsys):
    (clips / "VideoFlash" / "1001_IEO_ANG_LO.flv").write_bytes(b"")
    assert check("crema_d", str(clips)) == 1
    text = capsys.readouterr().out
    assert text.count("VideoFlash/1001_IEO_ANG_LO.flv") == 1
    assert ["unreadable", "images", "3", "0", "+3"] in [line.split() for line in text.splitlines()]


def test_unknown_data_set(tmp_path):
    with pytest.raises(
        UserError, match="--dataset=ck: expected one of bu_3dfe, ck_plus, mmi, raf_db, crema_d, crema_d/rated"
    ):
        check("ck", str(tmp_path))


def _run(*arguments):
    command = [sys.executable, "-m", "datasets.check", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ}, check=False)


def test_from_the_command_line(tmp_path):
    wrong = _run("--dataset=mmi", f"--manual_dir={tmp_path}")
    assert wrong.returncode == 2
    assert wrong.stderr.strip().startswith(f"error: --manual_dir={tmp_path}: no MMI session found")
    assert _run("--dataset=mmi").stderr.strip() == "error: --manual_dir is missing; see --help"
    usage = _run("--help")
    assert usage.returncode == 0 and "--manual_dir" in usage.stdout and "0 complete" in usage.stdout


@pytest.mark.parametrize(
    "failure", [struct.error("odd"), TypeError(), RuntimeError(), NotImplementedError(), MemoryError()]
)
def test_whatever_a_decoder_raises_is_one_problem(copy, monkeypatch, capsys, failure):
    load, calls = ImageFile.ImageFile.load, iter(range(10**6))

    def odd(self):
        if next(calls) == 5:
            raise failure
        return load(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load", odd)
    assert check("bu_3dfe", str(copy)) == 1
    assert "unreadable images                    1         0  +1\n" in capsys.readouterr().out


def test_a_copy_without_a_usable_image(copy):
    for image in copy.rglob("*_F2D.png"):
        image.write_bytes(b"no picture")
    with pytest.raises(UserError, match="no usable image for the split 'train'"):
        check("bu_3dfe", str(copy))


def test_names_that_are_no_text(copy, monkeypatch, capsys):
    monkeypatch.setattr(bu_3dfe, "SUBJECTS", 2)
    odd = os.fsdecode(os.fsencode(copy) + b"/caf\xe9")
    (copy / "BU_3DFE").rename(odd)
    assert check("bu_3dfe", str(copy)) == 0
