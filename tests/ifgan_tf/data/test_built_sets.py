import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_sets import PER_CLASS, SUBJECTS, faces_of

from ifgan_tf.data import built_sets
from ifgan_tf.data.built_sets import Faces
from ifgan_tf.data.pixels import Images
from ifgan_tf.errors import UserError
from ifgan_tf.labels import BASIC, EXPRESSIONS


def test_select_keeps_columns_together():
    names = np.array(["a", "b", "c"])
    some = Faces(
        Images.of(np.zeros((3, 4, 4, 3), np.uint8)),
        np.array([0, 1, 2]),
        *[names] * 3,
        np.zeros(3, int),
        np.array([True, False, True]),
        np.array([1, 2, 3]),
    )
    chosen = some.select(np.array([True, False, True]))
    assert len(chosen) == 2
    assert chosen.labels.tolist() == [0, 2] and chosen.subjects.tolist() == ["a", "c"]
    assert chosen.intensities.tolist() == [1, 3]


def test_a_data_set_that_is_not_built_is_named(tmp_path):
    with pytest.raises(UserError, match=r"--dataset=ck_plus: not built in --data_dir=.*python -m datasets\.build"):
        built_sets.load_faces("ck_plus", str(tmp_path), "train", BASIC, 64)


def test_built_data_are_read_from_their_files_though_their_builder_is_imported(data_dir):
    import datasets.bu_3dfe.bu_3dfe_dataset_builder  # noqa: F401  registers a builder of that name

    assert len(built_sets.load_faces("bu_3dfe", str(data_dir), "train", BASIC, 64)) > 0


def test_a_photo_of_an_unknown_person_is_a_unit_of_its_own():
    some = faces_of(
        [0, 1],
        subjects=["S005", ""],
        recordings=["S005/001", "/train_00001"],
        sources=["a/S005_1.png", "basic/train_00001_aligned.jpg"],
    )
    assert some.units("subject").tolist() == ["S005", "train_00001_aligned.jpg"]
    assert some.units("recording").tolist() == ["S005/001", "/train_00001"]


def test_labels_count_the_classes_of_the_run_whatever_it_leaves_out(data_dir):
    chosen = ("disgust", "happiness", "neutral")
    faces = built_sets.load_faces("bu_3dfe", str(data_dir), "train", chosen, 32)
    shown = {chosen[label] for label in faces.labels.tolist()}
    assert shown == set(chosen) and len(faces) == 3 * len(SUBJECTS) * PER_CLASS
    for source, label in zip(faces.sources.tolist(), faces.labels.tolist(), strict=True):
        assert chosen[label] in source
    assert faces.recordings[0].startswith(f"{faces.subjects[0]}/")


def test_sets_are_joined_in_order(several_sets):
    sets = [built_sets.load_faces(name, str(several_sets), "train", BASIC, 32) for name in ("ck_plus", "raf_db")]
    joined = Faces.join(sets)
    assert len(joined) == len(sets[0]) + len(sets[1])
    np.testing.assert_array_equal(joined.images[len(sets[0])], sets[1].images[0])
    assert joined.sources.tolist() == [*sets[0].sources.tolist(), *sets[1].sources.tolist()]


def test_all_parts_of_an_official_split_are_read_together(several_sets):
    counts = {
        split: len(built_sets.load_faces("raf_db", str(several_sets), split, EXPRESSIONS, 32))
        for split in ("train", "test", "all")
    }
    assert counts == {"train": 40, "test": 14, "all": 54}


def streamable(folder, several_sets):
    """A folder of built sets that may be written into."""
    for name in ("raf_db", "ck_plus"):
        shutil.copytree(several_sets / name, folder / name)
    return str(folder)


@pytest.mark.parametrize(("dataset", "split"), [("raf_db", "all"), ("raf_db", "test"), ("ck_plus", "train")])
@pytest.mark.parametrize("classes", [EXPRESSIONS, ("disgust", "happiness", "neutral")])
def test_a_set_in_a_file_is_the_set_in_memory(several_sets, tmp_path, dataset, split, classes):
    data_dir = streamable(tmp_path, several_sets)
    held, streamed = (built_sets.load_faces(dataset, data_dir, split, classes, 32, held) for held in (True, False))
    assert held.images.held and not streamed.images.held and len(held) == len(streamed) > 0
    for name in Faces.__dataclass_fields__:
        column, other = getattr(held, name), getattr(streamed, name)
        np.testing.assert_array_equal(column[:], other[:])
        if name != "images":
            assert column.dtype.kind == other.dtype.kind


def test_a_set_is_decoded_once_for_all_classes_and_splits_but_for_each_size(several_sets, tmp_path, monkeypatch):
    data_dir, read = streamable(tmp_path, several_sets), []
    real = built_sets._decoded
    monkeypatch.setattr(built_sets, "_decoded", lambda *arguments: read.append(1) or real(*arguments))
    for split, classes in (("all", EXPRESSIONS), ("test", BASIC), ("train", EXPRESSIONS[2:4])):
        built_sets.load_faces("raf_db", data_dir, split, classes, 32, held=False)
    assert len(read) == 1
    built_sets.load_faces("raf_db", data_dir, "all", BASIC, 64, held=False)
    assert len(read) == 2
    folder = Path(data_dir) / "raf_db" / "1.0.0"
    assert {path.name for path in folder.glob("decoded_*")} == {"decoded_37", "decoded_73"}
    os.utime(next(folder.glob("*.tfrecord*")), (0, 0))  # as of a set that was built anew
    built_sets.load_faces("raf_db", data_dir, "all", BASIC, 64, held=False)
    assert len(read) == 3


def test_what_fits_is_told_by_the_images_of_all_sets(several_sets):
    sets = [("raf_db", "all"), ("ck_plus", "train")]
    gigabytes = (54 + 42) * 37 * 37 * 3 / 1e9
    assert built_sets.fit(sets, str(several_sets), 32, gigabytes * 1.001)
    assert not built_sets.fit(sets, str(several_sets), 32, gigabytes * 0.999)
    assert built_sets.fit(sets, str(several_sets), 32, 0.0)


def test_half_of_the_memory_is_that_of_the_machine_or_its_container(several_sets, monkeypatch):
    needed = 54 * 37 * 37 * 3
    for memory, fits in ((2 * needed, True), (2 * needed - 2, False)):
        monkeypatch.setattr(built_sets, "_memory", lambda memory=memory: memory)
        assert built_sets.fit([("raf_db", "all")], str(several_sets), 32, 0.0) == fits


def test_a_limit_of_the_container_counts(monkeypatch):
    whole = built_sets._memory()
    assert whole > 1e8
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "1000000")
    assert built_sets._memory() == 1000000
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "max")
    assert built_sets._memory() >= whole
