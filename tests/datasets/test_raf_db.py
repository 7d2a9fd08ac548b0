"""RAF-DB's layouts, labels and attributes."""

import csv
import re
import shutil

import numpy as np
import pytest
from coloured_faces import coloured_face, expression_shown
from PIL import Image

from datasets.raf_db import layout
from ifgan_tf.errors import UserError
from tests.datasets.imitations import write_raf_db

TRAIN = {"surprise": 2, "fear": 1, "disgust": 2, "happiness": 5, "sadness": 3, "anger": 2, "neutral": 3}
TEST = {"surprise": 1, "fear": 1, "disgust": 1, "happiness": 2, "sadness": 1, "anger": 1, "neutral": 1}
OFFICIAL = {1: "surprise", 2: "fear", 3: "disgust", 4: "happiness", 5: "sadness", 6: "anger", 7: "neutral"}


@pytest.fixture
def copy(tmp_path):
    root = tmp_path / "raf"
    write_raf_db(root, counts={"train": TRAIN, "test": TEST}, archive=False, face=coloured_face)
    return root


def _label_list(copy):
    return copy / "basic" / "EmoLabel" / "list_patition_label.txt"


def test_the_official_parts(copy):
    scan = layout.scan(copy)
    assert {split: len(records) for split, records in scan.splits.items()} == {"train": 18, "test": 8}
    assert scan.problems == []
    counts = {count.name: (count.found, count.expected) for count in scan.counts}
    assert counts["train: happiness"] == (5, 4772) and counts["test: fear"] == (1, 74)
    assert counts["train: images"] == (18, 12271) and counts["test: images"] == (8, 3068)


def test_labels_are_those_of_the_official_codes(copy):
    listed = dict(line.split() for line in _label_list(copy).read_text().splitlines())
    for split, records in layout.scan(copy).splits.items():
        for record in records:
            assert record.label == OFFICIAL[int(listed[f"{record.key}.jpg"])]
            assert expression_shown(record.load()) == record.label
            assert record.key.startswith(f"{split}_") and record.load().shape == (100, 100, 3)


def test_images_inside_their_archive(copy, tmp_path):
    write_raf_db(tmp_path / "packed", counts={"train": TRAIN, "test": TEST}, archive=True, face=coloured_face)
    packed, plain = layout.scan(tmp_path / "packed"), layout.scan(copy)
    assert packed.problems == []
    for one, other in zip(packed.splits["train"], plain.splits["train"], strict=True):
        assert (one.key, one.label) == (other.key, other.label)
        np.testing.assert_array_equal(one.load(), other.load())


def _re_layout(copy, root, tables=True):
    """`DATASET/train/<1..7>/…` as many people have it."""
    for split in ("train", "test"):
        rows = [line.split() for line in _label_list(copy).read_text().splitlines() if line.startswith(split)]
        rows = [(name.replace(".jpg", "_aligned.jpg"), code) for name, code in rows]
        for name, code in rows:
            target = root / "DATASET" / split / code / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(copy / "basic" / "Image" / "aligned" / name, target)
        if tables:
            with (root / f"{split}_labels.csv").open("w", newline="") as file:
                csv.writer(file, lineterminator="\r\n").writerows([("image", "label"), *rows])


@pytest.mark.parametrize("tables", [True, False])
def test_the_widespread_re_layout(copy, tmp_path, tables):
    _re_layout(copy, tmp_path / "other", tables)
    scan, official = layout.scan(tmp_path / "other"), layout.scan(copy)
    assert scan.problems == []
    assert [(r.key, r.label) for r in scan.splits["test"]] == [(r.key, r.label) for r in official.splits["test"]]
    assert all(record.extra["age"] == -1 for record in scan.splits["train"])


def test_attributes(copy):
    record = layout.scan(copy).splits["train"][4]
    text = (copy / "basic" / "Annotation" / "manual" / f"{record.key}_manu_attri.txt").read_text().split()
    np.testing.assert_array_equal(record.extra["landmarks"].ravel(), np.array(text[:10], np.float32))
    assert [record.extra[name] for name in ("gender", "race", "age")] == [int(value) for value in text[10:]]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", " \n", "\n\n"])
def test_attributes_with_any_blanks(line_end):
    text = "1.5\t2 \n3 4\n5 6\n7 8\n9 10\n2\n1\n4\n".replace("\n", line_end)
    parsed = layout.parse_attributes(text)
    assert (parsed["gender"], parsed["race"], parsed["age"]) == (2, 1, 4)
    assert parsed["landmarks"].tolist() == [[1.5, 2], [3, 4], [5, 6], [7, 8], [9, 10]]


@pytest.mark.parametrize("text", ["", "1 2\n3 4\n0\n0\n0\n", "1 2\n3 4\n5 6\n7 8\n9 10\n0\n0\n", "a b\n" * 8])
def test_nonsense_attributes_are_refused(text):
    with pytest.raises(ValueError, match="not five landmarks x y and one code each"):
        layout.parse_attributes(text)
    with pytest.raises(ValueError, match="gender 3; expected 0 to 2"):
        layout.parse_attributes("1 2\n3 4\n5 6\n7 8\n9 10\n3\n0\n0\n")


def test_damaged_attributes_are_named_and_the_image_kept(copy):
    path = copy / "basic" / "Annotation" / "manual" / "train_00002_manu_attri.txt"
    path.write_text("1 2")
    scan = layout.scan(copy)
    (problem,) = scan.problems
    assert problem.file.endswith("train_00002_manu_attri.txt")
    assert len(scan.splits["train"]) == 18 and scan.splits["train"][1].extra["gender"] == -1


def test_windows_line_ends_blanks_and_nonsense_in_the_label_list(copy):
    path = _label_list(copy)
    lines = path.read_text().splitlines()
    lines[3], lines[5] = "train_00004.jpg", "nonsense"
    path.write_bytes("\r\n".join([*lines, "", " "]).encode())
    scan = layout.scan(copy)
    texts = [problem.found for problem in scan.problems]
    assert any("line 4 is 'train_00004.jpg'; expected an image and a label from 1 to 7" in text for text in texts)
    assert any("line 6 is 'nonsense'" in text for text in texts)
    assert sum("an image without a label" in text for text in texts) == 2
    assert len(scan.splits["train"]) == 16


def test_a_label_without_its_image(copy):
    (copy / "basic" / "Image" / "aligned" / "test_0003_aligned.jpg").unlink()
    (problem,) = layout.scan(copy).problems
    assert (problem.file, problem.found) == ("test_0003_aligned.jpg", "a label without its image")


def test_an_image_of_another_size_is_refused_when_loaded(copy):
    Image.new("RGB", (90, 100)).save(copy / "basic" / "Image" / "aligned" / "train_00001_aligned.jpg")
    with pytest.raises(UserError, match=r"train_00001_aligned.jpg: 90x100 pixels; expected .* of 100x100"):
        layout.scan(copy).splits["train"][0].load()


def test_without_images_or_labels_the_error_says_what_is_expected(copy):
    (_label_list(copy)).unlink()
    with pytest.raises(UserError, match=r"no RAF-DB labels found; expected basic/EmoLabel/list_patition_label.txt"):
        layout.scan(copy)
    shutil.rmtree(copy / "basic" / "Image")
    with pytest.raises(UserError, match=r"no RAF-DB image found; expected basic/Image/aligned/train_00001_aligned"):
        layout.scan(copy)


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_list_that_counts_otherwise_is_refused(copy, shift):
    path = _label_list(copy)
    rows = [line.split() for line in path.read_text().splitlines()]
    path.write_text("".join(f"{name} {int(code) + shift}\n" for name, code in rows))
    with pytest.raises(UserError, match=r"list_patition_label.txt: line \d+ is 'train_\d+.jpg [08]'; .* another list"):
        layout.scan(copy)


@pytest.mark.parametrize("code", ["0", "8", "-1", "1.0", "happy"])
def test_a_single_code_outside_the_list_is_refused(copy, code):
    path = _label_list(copy)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], f"{lines[-1].split()[0]} {code}"]))
    with pytest.raises(UserError, match=re.escape(f"{lines[-1].split()[0]} {code}")):
        layout.scan(copy)


def test_folders_that_count_from_0_are_refused(copy, tmp_path):
    _re_layout(copy, tmp_path / "other", tables=False)
    for split in ("train", "test"):
        for code in range(1, 8):
            (tmp_path / "other" / "DATASET" / split / str(code)).rename(
                tmp_path / "other" / "DATASET" / split / str(code - 1)
            )
    with pytest.raises(UserError, match="in a folder called 0"):
        layout.scan(tmp_path / "other")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0t", b"\0" * 900, None])
def test_a_label_list_that_cannot_be_read_says_so(copy, content):
    path = _label_list(copy)
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(
        UserError, match=r"list_patition_label.txt: (the file is empty|.*not|the first line is|cannot|it is)"
    ):
        layout.scan(copy)


def test_names_in_the_label_list_lead_nowhere(copy, tmp_path):
    """They are looked up among the files that were found, and never opened themselves."""
    Image.new("RGB", (100, 100)).save(tmp_path / "train_00001_aligned.jpg")
    names = ("../train_00001.jpg", f"{tmp_path}/train_00001.jpg", "..\\train_00001.jpg", "train_00099.jpg/../x.jpg")
    before = sorted(tmp_path.rglob("*"))
    _label_list(copy).write_text("".join(f"{name} 5\n" for name in names) + _label_list(copy).read_text())
    scan = layout.scan(copy)
    assert len([problem for problem in scan.problems if "expected an image and a label" in problem.found]) == len(names)
    assert {split: len(records) for split, records in scan.splits.items()} == {"train": 18, "test": 8}
    assert sorted(tmp_path.rglob("*")) == before
