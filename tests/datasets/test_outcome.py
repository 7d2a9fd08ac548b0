"""What a build tells about itself."""

import functools
import json

import numpy as np
from PIL import Image

from datasets.outcome import BuildReport, summary
from datasets.records import NEUTRAL, FaceRecord, Problem


def _record(number, label="anger", role="expressive"):
    return FaceRecord(f"k{number}", functools.partial(int), label, f"s{number % 2}", "q", f"{number}.png", role=role)


def _report():
    report = BuildReport("train", [Problem("a.zip", "cut", "again"), Problem("b", "twice", "fine", note=True)])
    for number in range(30):
        report.add(_record(number), np.full((256, 256, 3), (200, 10, 20), np.uint8), detected=number != 3)
    report.add(_record(40, "neutral", NEUTRAL), np.zeros((256, 256, 3), np.uint8), detected=True)
    report.unreadable(_record(50), "50.png: the file is empty")
    return report


def test_counts_and_lists(tmp_path):
    _report().write(tmp_path)
    report = json.loads((tmp_path / "build_report.json").read_text())
    part = report["train"]
    assert (part["images"], part["expressive"], part["neutral"], part["subjects"]) == (31, {"anger": 30}, 1, 2)
    assert part["undetected"] == ["3.png"] and part["problems"] == ["a.zip: cut; again"]
    assert part["unreadable"] == [{"file": "50.png", "key": "k50", "error": "50.png: the file is empty"}]
    text = summary(report)
    for line in ("31 images of 2 subjects", "anger", "3.png", "50.png: the file is empty", "a.zip: cut; again"):
        assert line in text


def test_an_undetected_frame_of_a_video_is_told_by_its_number():
    report = BuildReport("train")
    for frame in (0, 12):
        record = FaceRecord(f"k{frame}", functools.partial(int), "fear", "s", "q", "S001-001.avi", frame, video=True)
        report.add(record, np.zeros((256, 256, 3), np.uint8), detected=False)
    assert report.as_dict()["undetected"] == ["S001-001.avi, frame 0", "S001-001.avi, frame 12"]


def test_intensities_and_what_is_known_of_people_are_counted():
    report = BuildReport("train")
    for number, (level, gender) in enumerate([(3, "female"), (0, "male"), (3, ""), (1, "female")]):
        extra = {"gender": gender, "landmarks": np.zeros((5, 2))}
        record = FaceRecord(f"k{number}", functools.partial(int), "fear", "s", "q", "v", intensity=level, extra=extra)
        report.add(record, np.zeros((256, 256, 3), np.uint8), detected=True)
    part = report.as_dict()
    assert part["intensities"] == {0: 1, 1: 1, 3: 2} and part["gender"] == {"": 1, "female": 2, "male": 1}
    assert "landmarks" not in part
    summary({"train": part})


def test_no_subjects_are_told_of_where_the_data_set_has_none():
    report = BuildReport("train")
    record = FaceRecord("k", functools.partial(int), "fear", "", "q", "train_00001_aligned.jpg")
    report.add(record, np.zeros((100, 100, 3), np.uint8), detected=True)
    assert report.as_dict()["subjects"] == 0
    assert summary({"train": report.as_dict()}).startswith("train: 1 images in ")


def test_a_second_split_is_added(tmp_path):
    _report().write(tmp_path)
    test = BuildReport("test")
    test.write(tmp_path)
    assert list(json.loads((tmp_path / "build_report.json").read_text())) == ["train", "test"]
    assert (tmp_path / "contact_sheet_test.png").exists()


def test_the_contact_sheet_has_a_row_a_class_and_red_faces(tmp_path):
    _report().write(tmp_path)
    sheet = np.asarray(Image.open(tmp_path / "contact_sheet_train.png"))
    assert sheet.shape == (3 * 96, 110 + 12 * 96, 3)  # anger, neutral, undetected
    np.testing.assert_array_equal(sheet[48, 110 + 11 * 96 + 48], (200, 10, 20))
    np.testing.assert_array_equal(sheet[96 + 48, 110 + 96 + 48], (32, 32, 32))
    np.testing.assert_array_equal(sheet[2 * 96 + 48, 110 + 48], (200, 10, 20))


def test_the_sheet_does_not_depend_on_the_order():
    sheets = []
    for order in (1, -1):
        report = BuildReport("train")
        for number in range(40)[::order]:
            report.add(_record(number), np.full((96, 96, 3), number, np.uint8), detected=True)
        sheets.append(report.contact_sheet())
    np.testing.assert_array_equal(*sheets)
