import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny import tiny_config, write_run
from tiny_sets import SUBJECTS, example_of, face_of, faces_of, write_built_set

from benchmarks import synthetic_faces_transfer as transfer
from ifgan_tf.errors import UserError
from ifgan_tf.evaluation.metrics import NO_FACE

ROOT = Path(__file__).parents[2]
PEOPLE = [f"S{number:03d}" for number in range(10)]
OTHERS = ["F0001", "F0002"]


def _examples(first, people):
    """Two pictures of each expression and person; whose face it is begins with number `first`."""
    return [
        example_of(name, f"{name}/{label}_{take}", label, face_of(first + person, label, take))
        for person, name in enumerate(people)
        for label in range(7)
        for take in range(2)
    ]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two folders of built data: ten people each in `synthetic_faces`, and two in `bu_3dfe` of the second."""
    made = [tmp_path_factory.mktemp(name) for name in ("one", "other")]
    for first, folder in zip((0, 100), made, strict=True):
        write_built_set(folder, "synthetic_faces", {"train": _examples(first, PEOPLE)})
    write_built_set(made[1], "bu_3dfe", {"train": _examples(200, OTHERS)})
    return [str(folder) for folder in made]


def test_tests_are_whole_sets_and_every_tenth_person_of_each_folder(folders):
    tests = transfer.test_faces(folders, "synthetic_faces", ["bu_3dfe"], folders[1], 64)
    assert list(tests) == ["bu_3dfe", *(f"people held out, {folder}" for folder in folders)]
    whole, *held_out = tests.values()
    assert set(whole.subjects) == set(OTHERS) and len(whole) == 28
    assert whole.images.shape[1:] == (64, 64, 3)
    for faces in held_out:
        assert set(faces.subjects) == {"S000"} and len(faces) == 14
    assert np.any(held_out[0].images[:] != held_out[1].images[:])


def test_a_set_that_is_not_built_is_named(folders):
    with pytest.raises(UserError, match="--dataset=bu_3dfe: not built"):
        transfer.test_faces(folders, "synthetic_faces", ["bu_3dfe"], folders[0], 64)


def test_a_model_that_is_ready_is_asked_and_who_was_not_found_has_no_answer(tmp_path):
    config = tiny_config(classifier_input="input", dataset="bu_3dfe")
    run = write_run(tmp_path, config, SUBJECTS, lambda label: np.zeros((256, 256, 3), np.uint8), {"best": 1}, True)
    size, predict = transfer.ready(run.path)
    images = np.random.default_rng(0).integers(0, 256, (5, size, size, 3), np.uint8)
    faces = faces_of(np.zeros(5, int), images=images, detected=np.array([True, True, False, True, True]))
    said = predict(faces)
    expected = run.inference()(images.astype(np.float32))["probabilities"].numpy().argmax(axis=1)
    np.testing.assert_array_equal(said, np.where(faces.detected, expected, NO_FACE))


def _run(*arguments):
    command = [sys.executable, "-m", "benchmarks.synthetic_faces_transfer", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_a_row_a_folder_seed_and_test(folders, tmp_path):
    table = tmp_path / "tables" / "table.csv"
    done = _run(
        f"--train={','.join(folders)}",
        f"--test_data_dir={folders[1]}",
        "--seeds=1",
        "--epochs=1",
        "--image_size=32",
        f"--output={table}",
    )
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(table.open()))
    held_out = [f"people held out, {folder}" for folder in folders]
    assert [(row["trained on"], row["tested on"]) for row in rows] == [
        (folder, name) for folder in folders for name in ("bu_3dfe", *held_out)
    ]
    assert all(0 <= float(row["accuracy"]) <= 1 and row["seed"] == "0" for row in rows)
    assert done.stdout.count(f"| {folders[0]} | bu_3dfe |") == 2  # the run, and the mean of one
