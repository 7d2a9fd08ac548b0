"""BU-3DFE's layout and its variations."""

import shutil

import pytest
from coloured_faces import coloured_face, expression_shown

from datasets.bu_3dfe import layout
from ifgan_tf.errors import UserError
from tests.datasets.imitations import write_bu_3dfe


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("bu_3dfe")
    write_bu_3dfe(root, subjects=3, extension="png", face=coloured_face)
    return root


@pytest.fixture
def copy(original, tmp_path):
    return shutil.copytree(original, tmp_path / "bu_3dfe")


def _counts(scan):
    return {count.name: count.found for count in scan.counts}


def test_the_papers_images(copy):
    scan = layout.scan(copy)
    assert _counts(scan) == {
        "subjects": 3,
        **dict.fromkeys(("anger", "disgust", "fear", "happiness", "sadness", "surprise"), 6),
        "images of the six expressions": 36,
        "neutral images": 3,
    }
    assert scan.problems == []
    assert {r.intensity for r in scan.splits["train"] if r.role == "expressive"} == {3, 4}
    assert {count.expected for count in scan.counts} == {100, 200, 1200}


def test_labels_are_those_of_the_official_codes(copy):
    for record in layout.scan(copy, layout.ALL_INTENSITIES).splits["train"]:
        assert expression_shown(record.load()) == record.label
        code = record.source.rpartition("_F2D")[0].rpartition("_")[2][:2]
        official = {"AN": "anger", "DI": "disgust", "FE": "fear", "HA": "happiness", "SA": "sadness", "SU": "surprise"}
        assert record.label == official.get(code, "neutral")
        assert record.role == ("neutral" if code == "NE" else "expressive")


def test_all_intensities(copy):
    records = layout.scan(copy, layout.ALL_INTENSITIES).splits["train"]
    assert len(records) == 75 and len({record.key for record in records}) == 75
    one = next(record for record in records if record.source.endswith("M0001_HA02AE_F2D.png"))
    assert (one.subject, one.label, one.intensity, one.extra) == ("M0001", "happiness", 2, {"ethnicity": "AE"})


@pytest.mark.parametrize("extension", ["bmp", "BMP", "jpg", "JPEG"])
def test_any_extension_and_depth(tmp_path, extension):
    root = tmp_path / "Daten ü" / "BU_3DFE - 1"
    write_bu_3dfe(root, subjects=1, intensities=(3, 4), extension=extension.lower(), face=coloured_face)
    for path in sorted(tmp_path.rglob(f"*.{extension.lower()}")):
        path.rename(path.with_suffix(f".{extension}"))
    records = layout.scan(tmp_path).splits["train"]
    assert len(records) == 13
    assert expression_shown(records[0].load()) == records[0].label


def test_a_subject_in_two_folders_is_used_once_and_noted(copy):
    shutil.copytree(copy / "BU_3DFE" / "F0001", copy / "again" / "F0001")
    scan = layout.scan(copy)
    assert len(scan.splits["train"]) == 39
    assert len(scan.problems) == 13 and all(problem.note for problem in scan.problems)


def test_missing_images_and_packed_subjects_are_named(copy):
    (copy / "BU_3DFE" / "F0002" / "F0002_AN03BL_F2D.png").unlink()
    (copy / "M0044.rar").write_bytes(b"Rar!")
    (copy / "F0001.rar").write_bytes(b"Rar!")  # unpacked: nothing to say
    problems = layout.scan(copy).problems
    assert [(p.file, p.found) for p in problems] == [
        ("M0044.rar", "an archive that is not unpacked"),
        ("F0002", "12 of 13 images"),
    ]
    assert problems[0].remedy == "unrar x M0044.rar"


def test_an_intensity_that_does_not_exist_is_named(copy):
    folder = copy / "BU_3DFE" / "F0001"
    (folder / "F0001_AN04WH_F2D.png").rename(folder / "F0001_AN07WH_F2D.png")
    assert any("intensity 07 of AN" in problem.found for problem in layout.scan(copy).problems)


@pytest.mark.parametrize(("file", "hint"), [("F0001.rar", "unrar x F0001.rar"), ("x.txt", "unpack BU-3DFE there")])
def test_a_folder_without_the_data_set_says_what_to_do(tmp_path, file, hint):
    (tmp_path / file).touch()
    with pytest.raises(UserError, match=r"no BU-3DFE image found; expected files such as F0001/F0001_AN03WH") as error:
        layout.scan(tmp_path)
    assert hint in str(error.value) and f"--manual_dir={tmp_path}" in str(error.value)
