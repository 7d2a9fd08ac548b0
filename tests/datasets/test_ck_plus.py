"""CK+'s layout and its variations."""

import shutil

import pytest
from coloured_faces import coloured_face, expression_shown

from datasets.ck_plus import layout
from datasets.ck_plus.layout import parse_code
from ifgan_tf.errors import UserError
from tests.datasets.imitations import write_ck_plus, zip_folder

SMALL = {"anger": 3, "disgust": 2, "fear": 1, "happiness": 4, "sadness": 1, "surprise": 2, "contempt": 2}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("ck_plus")
    write_ck_plus(root, sequences=SMALL, unlabelled=3, subjects=7, face=coloured_face)
    return root


@pytest.fixture
def copy(original, tmp_path):
    return shutil.copytree(original, tmp_path / "ck_plus")


def _label(copy, sequence="S005_001"):
    return next(copy.rglob(f"{sequence}_*_emotion.txt"))


def test_three_peak_frames_and_the_first_of_each_sequence(copy):
    scan = layout.scan(copy)
    counts = {count.name: count.found for count in scan.counts}
    assert counts == {
        "subjects with a label": 7,
        "labelled sequences": 15,
        "sequences of the six expressions": 13,
        **{name: 3 * number for name, number in SMALL.items() if name != "contempt"},
        "images of the six expressions": 39,
        "neutral images": 13,
    }
    assert scan.problems == []
    expected = {count.name: count.expected for count in scan.counts}
    assert (expected["labelled sequences"], expected["images of the six expressions"]) == (327, 927)


def test_labels_are_those_of_the_official_codes(copy):
    official = {1: "anger", 3: "disgust", 4: "fear", 5: "happiness", 6: "sadness", 7: "surprise"}
    for record in layout.scan(copy).splits["train"]:
        code = float(_label(copy, record.sequence).read_text())
        assert record.label == (official[code] if record.role == "expressive" else "neutral")
        assert expression_shown(record.load()) == record.label


def test_frames_with_gaps_are_taken_by_name(copy):
    records = [r for r in layout.scan(copy).splits["train"] if r.sequence == "S005_001"]
    assert [r.frame for r in records] == [1, 5, 6, 8]
    assert records[-1].source == "cohn-kanade-images/S005/001/S005_001_00000008.png"
    assert [r.role for r in records] == ["neutral", "expressive", "expressive", "expressive"]


@pytest.mark.parametrize("label_folder", ["Emotion", "Emotion_labels/Emotion", "emotion labels é"])
def test_label_folders_of_any_name(copy, label_folder):
    (copy / label_folder).parent.mkdir(exist_ok=True)
    (copy / "Emotion").rename(copy / label_folder)
    assert len(layout.scan(copy).splits["train"]) == 52


def test_the_downloaded_archives_as_they_are(original, tmp_path):
    plain = layout.scan(original).splits["train"]
    packed = tmp_path / "packed"
    packed.mkdir()
    zip_folder(original / "cohn-kanade-images", packed / "extended-cohn-kanade-images.zip")
    zip_folder(original / "Emotion", packed / "Emotion_labels.zip")
    packed.chmod(0o555)  # nothing is written there
    scan = layout.scan(packed)
    records = scan.splits["train"]
    assert [r.key for r in records] == [r.key for r in plain] and scan.problems == []
    assert (records[7].load() == plain[7].load()).all()


def test_upper_case_and_windows_line_ends(copy):
    for path in sorted(copy.rglob("*.png")):
        path.rename(path.with_suffix(".PNG"))
    for path in copy.rglob("*_emotion.txt"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(layout.scan(copy).splits["train"]) == 52


@pytest.mark.parametrize(("text", "code"), [("   3.0000000e+00\n", 3), ("7", 7), ("  0.0000000e+00\r\n", 0)])
def test_codes(text, code):
    assert parse_code(text) == code


@pytest.mark.parametrize("text", ["", "happy", "9.0", "2.5", "3 4", "nan"])
def test_nonsense_in_a_label_file_is_named_and_left_out(copy, text):
    path = _label(copy)
    path.write_text(text)
    scan = layout.scan(copy)
    (problem,) = scan.problems
    assert problem.file == path.relative_to(copy).as_posix()
    assert "expected one number from 0 to 7" in problem.found and "Emotion_labels.zip" in problem.remedy
    assert len(scan.splits["train"]) == 48


def test_a_label_without_images(copy):
    shutil.rmtree(copy / "cohn-kanade-images" / "S005" / "001")
    (problem,) = layout.scan(copy).problems
    assert problem.found == "a label without images" and "S005" in problem.remedy


def test_a_sequence_without_its_peak_is_named_and_used(copy):
    next(copy.rglob("S005_001_00000008.png")).unlink()
    scan = layout.scan(copy)
    (problem,) = scan.problems
    assert problem.file.endswith("S005_001_00000006.png") and "names 00000008 as the peak" in problem.found
    assert [r.frame for r in scan.splits["train"] if r.sequence == "S005_001"] == [1, 3, 5, 6]


def test_a_sequence_of_three_frames_never_shows_its_first_as_a_peak(copy):
    for frame in (2, 3, 5):
        next(copy.rglob(f"S005_001_0000000{frame}.png")).unlink()
    scan = layout.scan(copy)
    assert [(r.frame, r.role) for r in scan.splits["train"] if r.sequence == "S005_001"] == [
        (1, "neutral"),
        (6, "expressive"),
        (8, "expressive"),
    ]
    assert "the only 3 images" in scan.problems[0].found


def test_two_labels_of_one_sequence(copy):
    path = _label(copy)
    path.with_name("S005_001_00000006_emotion.txt").write_text("  5.0000000e+00")
    assert "a second label of the sequence" in layout.scan(copy).problems[0].found


def test_a_sequence_in_two_folders_is_used_once_and_noted(copy):
    shutil.copytree(copy / "cohn-kanade-images" / "S005" / "001", copy / "more" / "001")
    scan = layout.scan(copy)
    assert len(scan.splits["train"]) == 52 and all(problem.note for problem in scan.problems)


def test_without_labels_or_images_the_error_says_what_is_expected(copy):
    (copy / "Emotion").rename(copy.parent / f"{copy.name}_labels")
    with pytest.raises(UserError, match=r"no CK\+ emotion label found; expected Emotion/S005/001/S005_001_00000011"):
        layout.scan(copy)
    with pytest.raises(UserError, match=r"no CK\+ image found; expected cohn-kanade-images"):
        layout.scan(copy.parent / f"{copy.name}_labels")


def test_a_truncated_archive_is_named_in_the_error(copy):
    archive = copy / "extended-cohn-kanade-images.zip"
    zip_folder(copy / "cohn-kanade-images", archive)
    shutil.rmtree(copy / "cohn-kanade-images")
    archive.write_bytes(archive.read_bytes()[:-500])
    with pytest.raises(UserError, match=r"no CK\+ image found.*extended-cohn-kanade-images.zip: not a complete ZIP"):
        layout.scan(copy)
