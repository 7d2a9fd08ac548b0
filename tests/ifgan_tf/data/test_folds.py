import dataclasses

import numpy as np
import pytest
from tiny_sets import faces_of

from ifgan_tf.data import folds
from ifgan_tf.data.folds import Fold, fold_of, official_fold, recording_fold, subject_fold
from ifgan_tf.errors import UserError

SUBJECTS = [f"S{i:03d}" for i in (5, 10, 11, 14, 22, 26, 28, 29, 32, 34, 35, 37)]


def test_every_tenth_subject_is_in_the_same_subset():
    fold = subject_fold(SUBJECTS[::-1], 0)
    assert fold.test == ("S005", "S035")
    assert fold.validation == ("S010", "S037")
    assert len(fold.train) == 8


def test_validation_follows_the_test_subset_and_wraps():
    assert subject_fold(SUBJECTS, 9).validation == ("S005", "S035")


def test_every_subject_is_tested_once():
    tested = [subject for k in range(10) for subject in subject_fold(SUBJECTS, k).test]
    assert sorted(tested) == SUBJECTS


def test_parts_are_disjoint_and_complete():
    for k in range(10):
        fold = subject_fold(SUBJECTS, k)
        assert sorted(fold.train + fold.validation + fold.test) == SUBJECTS


def test_shared_subjects_are_an_error():
    with pytest.raises(UserError, match=r"\['b'\] are both in train and in test"):
        Fold(0, ("a", "b"), ("c",), ("b",))


def test_masks_split_images_by_subject():
    fold = subject_fold(SUBJECTS, 0)
    images = np.array([*SUBJECTS, "S005"])
    masks = fold.masks(images)
    assert images[masks["test"]].tolist() == ["S005", "S035", "S005"]
    assert (masks["train"].astype(int) + masks["validation"] + masks["test"] == 1).all()


@pytest.mark.parametrize("fold", [-1, 10])
def test_a_fold_outside_the_ten_is_refused(fold):
    with pytest.raises(UserError, match=f"--fold={fold}: expected 0 to 9"):
        subject_fold(SUBJECTS, fold)


def test_too_few_subjects_are_refused():
    with pytest.raises(UserError, match="3 subjects: 10 folds need at least 10"):
        subject_fold(SUBJECTS[:3], 0)


def test_saved_and_loaded(tmp_path):
    fold = dataclasses.replace(subject_fold(SUBJECTS, 3), undetected={"ck_plus": 2})
    folds.save(fold, tmp_path / "folds.json")
    assert folds.load(tmp_path / "folds.json") == fold


def test_a_list_of_before_undetected_faces_were_left_out(tmp_path):
    path = tmp_path / "folds.json"
    path.write_text('{"fold": 0, "train": ["a"], "validation": ["b"], "test": ["c"]}')
    assert folds.load(path) == Fold(0, ("a",), ("b",), ("c",))


@pytest.mark.parametrize("text", ["", "{", '{"fold": 0}'])
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "folds.json"
    path.write_text(text)
    with pytest.raises(UserError, match="not a list of subjects"):
        folds.load(path)


def test_an_edited_file_with_a_shared_subject_is_refused(tmp_path):
    path = tmp_path / "folds.json"
    path.write_text('{"fold": 0, "train": ["a"], "validation": ["b"], "test": ["a"]}')
    with pytest.raises(UserError, match="both in train and in test"):
        folds.load(path)


RAF = [f"train_{i:05d}_aligned.jpg" for i in range(1, 2001)] + [f"test_{i:04d}_aligned.jpg" for i in range(1, 51)]


def test_the_official_split_keeps_its_test_part_and_validates_on_a_tenth_of_the_rest():
    fold = official_fold(RAF)
    assert set(fold.test) == set(RAF[2000:])
    assert set(fold.train) | set(fold.validation) == set(RAF[:2000])
    assert 160 < len(fold.validation) < 240


def test_which_images_validate_does_not_depend_on_the_others():
    few = official_fold(RAF[:300])
    assert set(few.validation) == set(official_fold(RAF).validation) & set(RAF[:300])


def test_a_data_set_is_split_by_subject_or_as_its_owners_did():
    posed = faces_of([0] * len(SUBJECTS), subjects=SUBJECTS)
    raf_db = faces_of([0] * len(RAF), subjects=[""] * len(RAF), sources=RAF)
    assert fold_of("raf_db", raf_db, 0, "subject") == official_fold(RAF)
    expected = subject_fold(SUBJECTS, 3)
    assert fold_of("ck_plus", posed, 3, "subject") == fold_of("bu_3dfe/paper", posed, 3, "subject") == expected
    with pytest.raises(UserError, match="--fold_by=recording: raf_db is split as by its owners"):
        fold_of("raf_db", raf_db, 0, "recording")


def test_in_a_closed_set_everybody_shows_everything_in_every_part_and_no_recording_is_in_two():
    names = [
        (f"10{person:02d}", emotion, f"10{person:02d}/{sentence:02d}_{emotion}")
        for person in range(4)
        for sentence in range(12)
        for emotion in range(6)
        for frame in range(2)
    ]
    subjects, labels, recordings = zip(*names, strict=True)
    faces = faces_of(labels, subjects=subjects, recordings=recordings)
    tested = []
    for k in range(10):
        fold = fold_of("crema_d", faces, k, "recording")
        masks = fold.masks(faces.units("recording"))
        for mask in (masks["train"], masks["test"]):
            assert len(set(zip(faces.subjects[mask].tolist(), faces.labels[mask].tolist(), strict=True))) == 4 * 6
        assert (masks["train"].astype(int) + masks["validation"] + masks["test"] == 1).all()
        tested += fold.test
    assert sorted(tested) == sorted(set(recordings))


def test_somebody_with_a_single_recording_makes_no_closed_set():
    recordings = np.array([f"S001/{number:03d}" for number in range(19)] + ["S002/001"])
    subjects = np.array(["S001"] * 19 + ["S002"])
    with pytest.raises(UserError, match="1 people, such as 'S002', have no recording in the training part of fold 9"):
        recording_fold(recordings, subjects, np.zeros(20, int), 9)
    assert "S002/001" in recording_fold(recordings, subjects, np.zeros(20, int), 0).train


def test_a_recording_with_a_neutral_beginning_stays_whole():
    recordings = np.repeat([f"S001/{number:03d}" for number in range(12)], 2)
    fold = recording_fold(recordings, np.full(24, "S001"), np.tile([6, 0], 12), 0)
    assert sorted(fold.train + fold.validation + fold.test) == sorted(set(recordings.tolist()))
