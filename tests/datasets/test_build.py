"""`datasets.build`: what is read afterwards, and what is said when the input is wrong."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
from coloured_faces import coloured_face

from datasets.build import build
from ifgan_tf import files
from ifgan_tf.data import built_sets
from ifgan_tf.errors import UserError
from ifgan_tf.labels import BASIC
from tests.datasets.imitations import write_bu_3dfe, write_crema_d

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("copy")
    write_bu_3dfe(root, subjects=2, intensities=(3, 4), extension="png", face=coloured_face)
    return root


@pytest.fixture
def built(copy, tmp_path, centred_faces):
    return build("bu_3dfe", str(tmp_path), str(copy))


def test_built_data_are_read_without_builder_code(built, tmp_path):
    code = f"""
import tensorflow_datasets as tfds
builder = tfds.builder("bu_3dfe", data_dir={str(tmp_path)!r})
print(type(builder).__name__, builder.info.splits["train"].num_examples, builder.info.features["ethnicity"].dtype)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout.split()[:2] == ["ReadOnlyBuilder", "26"]


def test_report_and_contact_sheet_lie_beside_the_data(built):
    report = json.loads((built / "build_report.json").read_text())
    assert report["train"]["images"] == 26 and report["train"]["undetected"] == []
    assert (built / "contact_sheet_train.png").exists()


def test_nothing_is_written_beside_the_copy(copy, tmp_path, centred_faces):
    before = sorted(copy.rglob("*"))
    folders = [copy, *(path for path in before if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        build("bu_3dfe", str(tmp_path), str(copy))
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert sorted(copy.rglob("*")) == before


def test_a_second_build_leaves_it_alone_and_needs_no_copy(built, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in built.iterdir()}
    assert build("bu_3dfe", str(tmp_path)) == built
    assert {path: path.stat().st_mtime_ns for path in built.iterdir()} == before


def test_configs(copy, tmp_path, centred_faces):
    folder = build("bu_3dfe/all_intensities", str(tmp_path), str(copy))
    assert folder == tmp_path / "bu_3dfe" / "all_intensities" / "1.0.0"
    assert build("bu_3dfe", str(tmp_path), config="all_intensities") == folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    clips = ("IEO_ANG_HI", "IEO_DIS_MD", "IEO_FEA_HI", "IEO_HAP_LO", "IEO_NEU_XX", "TAI_SAD_XX", "DFA_SAD_XX")
    write_crema_d(root, [f"1001_{clip}" for clip in clips], frames=40, face=coloured_face)
    return root


def test_a_number_of_frames_is_part_of_the_configurations_name(clips, tmp_path, centred_faces):
    folders = {
        config: build(f"crema_d{config}", str(tmp_path), str(clips), frames_per_clip=frames)
        for config, frames in (("", None), ("/rated", None), ("/intended", 4), ("/rated", 1))
    }
    assert folders[""] == tmp_path / "crema_d" / "intended" / "1.0.0"
    assert folders["/intended"] == tmp_path / "crema_d" / "intended_4_frames" / "1.0.0"
    assert folders["/rated"] == tmp_path / "crema_d" / "rated_1_frames" / "1.0.0"
    assert build("crema_d", str(tmp_path), frames_per_clip=3) == folders[""]
    assert build("crema_d/intended_4_frames", str(tmp_path)) == folders["/intended"]
    assert build("crema_d/intended_4_frames", str(tmp_path), frames_per_clip=4) == folders["/intended"]
    counts = {
        path.parents[1].name: json.loads(path.read_text())["train"]["images"]
        for path in tmp_path.rglob("build_report.json")
    }
    assert counts == {"intended": 21, "rated": 18, "intended_4_frames": 28, "rated_1_frames": 6}
    for config, number in counts.items():
        builder = built_sets.open_builder(f"crema_d/{config}", str(tmp_path))
        assert builder.info.splits["train"].num_examples == number
        frames = [(e["sequence"], e["frame"]) for e in builder.as_dataset(split="train").as_numpy_iterator()]
        assert len(set(frames)) == number and all(8 <= frame < 32 for _, frame in frames)
    assert built_sets.open_builder("crema_d", str(tmp_path)).info.splits["train"].num_examples == 21


def test_configurations_share_what_was_detected(clips, tmp_path, centred_faces):
    build("crema_d", str(tmp_path), str(clips))
    kept = (tmp_path / ".detections" / "crema_d.jsonl").read_text()
    build("crema_d/rated", str(tmp_path), str(clips))
    assert len(kept.splitlines()) == 21 and (tmp_path / ".detections" / "crema_d.jsonl").read_text() == kept


@pytest.mark.parametrize(
    ("dataset", "frames", "message"),
    [
        ("ck_plus", 3, "--frames_per_clip=3: ck_plus has no clips to choose frames of; leave the flag out"),
        ("synthetic_faces", 3, "--frames_per_clip=3: synthetic_faces has no clips"),
        ("crema_d", 0, "--frames_per_clip=0: expected 1 to 20"),
        ("crema_d/rated", 21, "--frames_per_clip=21: expected 1 to 20"),
        ("crema_d/rated_4_frames", 5, "--frames_per_clip=5: --dataset=crema_d/rated_4_frames says another number"),
        ("crema_d/rated_4_frames", 3, "--frames_per_clip=3: --dataset=crema_d/rated_4_frames says another number"),
    ],
)
def test_numbers_of_frames_that_cannot_be(clips, tmp_path, dataset, frames, message):
    with pytest.raises(UserError, match=message):
        build(dataset, str(tmp_path), str(clips), frames_per_clip=frames)
    assert not list(tmp_path.iterdir())


def test_crema_d_is_read_without_builder_code_by_its_configuration(clips, tmp_path, centred_faces):
    """TFDS has another data set of that name, of the voices."""
    build("crema_d", str(tmp_path), str(clips))
    code = f"""
import tensorflow_datasets as tfds
builder = tfds.builder("crema_d/intended", data_dir={str(tmp_path)!r})
print(type(builder).__name__, builder.info.splits["train"].num_examples, builder.info.features["age"].dtype)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout.split()[:2] == ["ReadOnlyBuilder", "21"]


def test_a_clip_that_does_not_open_is_counted_and_listed(clips, tmp_path, centred_faces):
    root = shutil.copytree(clips, tmp_path / "copy")
    (root / "VideoFlash" / "1001_IEO_ANG_HI.flv").write_bytes(b"")
    folder = build("crema_d", str(tmp_path / "data"), str(root))
    part = json.loads((folder / "build_report.json").read_text())["train"]
    assert part["images"] == 18 and "anger" not in part["expressive"] and part["subjects"] == 1
    assert [entry["key"] for entry in part["unreadable"]] == [f"1001_IEO_ANG_HI_{pick}of3" for pick in (1, 2, 3)]
    assert all(entry["error"].startswith("VideoFlash/1001_IEO_ANG_HI.flv: not a") for entry in part["unreadable"])


def test_unreadable_images_are_counted_and_listed_and_the_build_goes_on(tmp_path, centred_faces):
    root = tmp_path / "copy"
    write_bu_3dfe(root, subjects=1, intensities=(3, 4), extension="png", face=coloured_face)
    broken = next(root.rglob("F0001_SU04WH_F2D.png"))
    broken.write_bytes(broken.read_bytes()[:100])
    black = next(root.rglob("F0001_SU03WH_F2D.png"))
    write_bu_3dfe(tmp_path / "black", 1, (3,), "png", face=lambda *_: np.zeros((8, 8, 3), np.uint8))
    black.write_bytes(next((tmp_path / "black").rglob("F0001_SU03WH_F2D.png")).read_bytes())
    part = json.loads((build("bu_3dfe", str(tmp_path / "data"), str(root)) / "build_report.json").read_text())["train"]
    assert part["images"] == 12 and part["expressive"]["surprise"] == 1
    assert part["undetected"] == ["BU_3DFE/F0001/F0001_SU03WH_F2D.png"]
    (unreadable,) = part["unreadable"]
    assert unreadable["file"] == "BU_3DFE/F0001/F0001_SU04WH_F2D.png" and "not a readable image" in unreadable["error"]


@pytest.mark.parametrize(
    ("dataset", "manual_dir", "message"),
    [
        ("bu3dfe", None, "--dataset=bu3dfe: expected one of bu_3dfe, ck_plus, mmi, raf_db, crema_d, synthetic_faces"),
        ("bu_3dfe/none", None, "bu_3dfe has no config 'none'; expected one of paper, all_intensities"),
        ("bu_3dfe", None, "bu_3dfe is not built in .*: give --manual_dir, .*README.md"),
        (
            "ck_plus",
            "missing",
            "--manual_dir=.*missing: no such folder, or an empty one; expected your copy of ck_plus",
        ),
        ("mmi", "empty", "--manual_dir=.*empty: no such folder, or an empty one; expected your copy of mmi"),
        ("bu_3dfe", "", "--manual_dir=.*: no BU-3DFE image found; expected files such as"),
        ("ck_plus", "", r"--manual_dir=.*: no CK\+ image found"),
        ("mmi", "", "--manual_dir=.*: no MMI session found"),
        ("raf_db", "", "--manual_dir=.*: no RAF-DB image found"),
        ("crema_d", "", "--manual_dir=.*: no CREMA-D video found"),
        ("crema_d/all", "", "no config 'all'; expected one of intended, rated, or one with _N_frames behind it"),
        ("crema_d/intended_21_frames", "", "no config 'intended_21_frames'; expected one of intended, rated, or one"),
        ("crema_d/intended_3_frames", "", "no config 'intended_3_frames'"),  # that is the default one
    ],
)
def test_wrong_input(tmp_path, dataset, manual_dir, message):
    (tmp_path / "manual" / "empty").mkdir(parents=True)
    folder = None if manual_dir is None else str(tmp_path / "manual" / manual_dir)
    with pytest.raises(UserError, match=message):
        build(dataset, str(tmp_path / "data"), folder)
    assert not list(tmp_path.glob("data/*/*/1.0.0"))  # nothing half written


def test_from_the_command_line(tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "datasets.build", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ}, check=False)

    usage = run("--help")
    assert usage.returncode == 0 and "--data_dir" in usage.stdout and "goes on where it stopped" in usage.stdout
    assert "tensorflow" not in usage.stderr.lower()
    missing = run("--dataset=mmi")
    assert (missing.returncode, missing.stderr.strip()) == (2, "error: --data_dir is missing; see --help")


def test_a_copy_without_a_usable_image_leaves_nothing_half_built(copy, tmp_path, centred_faces):
    broken = tmp_path / "broken"
    shutil.copytree(copy, broken)
    for image in broken.rglob("*_F2D.png"):
        image.write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"no usable image for the split 'train'.*F0001"):
        build("bu_3dfe", str(tmp_path / "data"), str(broken))
    assert build("bu_3dfe", str(tmp_path / "data"), str(copy)).is_dir()


def test_one_bad_image_is_counted_and_listed(copy, tmp_path, centred_faces):
    other = shutil.copytree(copy, tmp_path / "copy")
    next(other.rglob("F0001_DI03WH_F2D.png")).write_bytes(b"no picture")
    folder = build("bu_3dfe", str(tmp_path / "data"), str(other))
    report = json.loads((folder / "build_report.json").read_text())
    assert report["train"]["images"] == 25
    assert "F0001_DI03WH_F2D.png" in json.dumps(report["train"])


def test_a_second_build_waits_for_the_first_and_takes_its_result(copy, tmp_path, centred_faces, caplog):
    lock = tmp_path / ".building" / "bu_3dfe"
    holding, done = threading.Event(), threading.Event()

    def first():
        with files.only_one(lock, "a build of bu_3dfe"):
            holding.set()
            done.wait(30)

    thread = threading.Thread(target=first)
    thread.start()
    assert holding.wait(30)
    threading.Timer(1, done.set).start()
    assert build("bu_3dfe", str(tmp_path), str(copy)).is_dir()
    thread.join()
    assert "a build of bu_3dfe is going on there already; waiting" in caplog.text


def test_a_folder_that_looks_like_a_pattern(copy, tmp_path, centred_faces):
    data_dir = tmp_path / "data [1]*"
    built = build("bu_3dfe", str(data_dir), str(copy))
    assert (built / "dataset_info.json").is_file() and built.is_relative_to(data_dir)
    assert len(built_sets.load_faces("bu_3dfe", str(data_dir), "all", BASIC, 32)) == 24
    assert build("bu_3dfe", str(data_dir)) == built  # built already: no copy is asked for


def test_what_is_no_full_disk_is_not_called_one(copy, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as error:
        build("bu_3dfe", str(tmp_path / "file"), str(copy))
    assert "make room" not in str(error.value)
