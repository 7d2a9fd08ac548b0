"""What a run learns from: its fold, other sets beside it, and never a test image."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tiny_sets import clip_examples, example_of, face_of, write_built_set

from ifgan_tf.data import folds, splits
from ifgan_tf.data.average_faces import average_faces
from ifgan_tf.errors import UserError
from ifgan_tf.labels import EXPRESSIONS


@pytest.fixture
def config_of(make_config, several_sets):
    def make(dataset="bu_3dfe", additional_data="", classes="6", folder=several_sets):
        config = make_config(folder)
        data = dataclasses.replace(config.data, dataset=dataset, additional_data=additional_data, classes=classes)
        return dataclasses.replace(config, data=data)

    return make


def load(config):
    return splits.load(config.data, config.run.fold)


def test_other_sets_join_the_training_images_only(config_of):
    alone, more = load(config_of()), load(config_of(additional_data="ck_plus,raf_db"))
    assert len(more.train) == len(alone.train) + 6 * 6 + 35  # 35 of RAF-DB's 40 training photos are not neutral
    assert more.fold == alone.fold
    assert more.validation.sources.tolist() == alone.validation.sources.tolist()
    own, other = more.train.sources[: len(alone.train)], more.train.sources[len(alone.train) :]
    assert own.tolist() == alone.train.sources.tolist()
    assert {source.partition(": ")[0] for source in other.tolist()} == {"ck_plus", "raf_db"}
    assert not any("test_" in source for source in other.tolist())


def test_pictures_without_a_face_are_neither_trained_on_nor_averaged(config_of, caplog):
    """One of the first subject's has none: in fold 2 in the training part, in fold 9 in validation."""
    lost, config = "F0001/F0001_anger0.png", config_of(additional_data="ck_plus")
    with caplog.at_level("INFO"):
        data = splits.load(config.data, 2)
    assert "F0001" in data.fold.train and data.fold.undetected == {"bu_3dfe": 1}
    assert "bu_3dfe: no face was found in 1 training images" in caplog.text
    assert data.train.detected.all() and lost not in data.train.sources.tolist()
    average = average_faces(splits.average_face_examples(config.data, data.fold), EXPRESSIONS[:6])
    subjects = [int(subject[1:]) - 1 for subject in data.fold.train]
    seen = [face_of(person, 0, number) for person in subjects for number in range(2) if (person, number) != (0, 0)]
    np.testing.assert_array_equal(average["anger"], np.rint(np.mean(seen, axis=0)))
    validated = splits.load(config.data, 9)
    assert lost in validated.validation.sources.tolist() and not validated.fold.undetected


def test_pictures_without_a_face_of_other_sets_are_left_out_too(config_of):
    config = config_of("raf_db", "bu_3dfe", classes="7")
    data = load(config)
    assert data.fold.undetected == {"bu_3dfe": 1}
    assert np.char.startswith(data.train.sources, "bu_3dfe: ").sum() == 20 * 7 * 2 - 1
    average = average_faces(splits.average_face_examples(config.data, data.fold), EXPRESSIONS)
    seen = [face_of(person, 0, number) for person in range(20) for number in range(2) if (person, number) != (0, 0)]
    np.testing.assert_array_equal(average["anger"], np.rint(np.mean(seen, axis=0)))


def test_traces_of_expressions_are_tested_but_neither_trained_on_nor_averaged(config_of):
    """Of every person and expression there is one picture of grade 3 and one of 4; resting faces have no grade."""
    config = config_of(classes="7", additional_data="ck_plus")
    strong = dataclasses.replace(config, data=dataclasses.replace(config.data, min_intensity=4))
    every, few = load(config), load(strong)
    assert set(every.train.intensities) == {0, 3, 4} and set(few.train.intensities) == {0, 4}
    kept = every.train.select(every.train.intensities != 3)
    assert few.train.sources.tolist() == kept.sources.tolist()
    assert few.fold == every.fold and few.validation.sources.tolist() == every.validation.sources.tolist()
    average = average_faces(splits.average_face_examples(strong.data, few.fold), EXPRESSIONS)
    seen = [face_of(int(subject[1:]) - 1, 0, 1) for subject in few.fold.train]
    np.testing.assert_array_equal(average["anger"], np.rint(np.mean(seen, axis=0)))


def test_sets_that_are_not_built_are_warned_of_and_left_out_of_the_configuration(config_of, caplog):
    data = splits.with_built_sets(config_of(additional_data="ck_plus,mmi").data)
    assert data.additional == ("ck_plus",)
    assert "mmi is not built" in caplog.text and "python -m datasets.build --dataset=mmi" in caplog.text


def test_raf_db_is_split_as_by_its_owners(config_of):
    data = load(config_of("raf_db", "bu_3dfe", classes="7"))
    assert len(data.fold.test) == 14 and len(data.fold.train) + len(data.fold.validation) == 40
    assert len(data.validation) == len(data.fold.validation) > 0
    assert set(data.validation.units("subject").tolist()) == set(data.fold.validation)
    assert data.train.images.shape[1:] == data.validation.images.shape[1:] == (37, 37, 3)


def test_without_validation_raf_dbs_whole_training_part_is_trained_on(config_of):
    config = config_of("raf_db", "bu_3dfe", classes="7")
    data = load(dataclasses.replace(config, data=dataclasses.replace(config.data, validation="none")))
    assert len(data.fold.train) == 40 and len(data.fold.test) == 14 and not data.fold.validation
    own = data.train.sources[~np.char.startswith(data.train.sources, "bu_3dfe: ")]
    assert len(own) == 40 and not len(data.validation)


def test_raf_dbs_average_faces_are_those_of_the_posed_sets(config_of):
    config = config_of("raf_db", "bu_3dfe,ck_plus", classes="7")
    fold = load(config).fold
    average = average_faces(splits.average_face_examples(config.data, fold), EXPRESSIONS)
    by_hand = [face_of(person, 6, number) for person in range(20) for number in range(2)]
    by_hand += [face_of(50 + person, 6, 0) for person in range(6)]
    np.testing.assert_array_equal(average["neutral"], np.rint(np.mean(by_hand, axis=0)))


def test_raf_db_without_a_posed_set_is_refused(config_of):
    config = config_of("raf_db", classes="7")
    with pytest.raises(UserError, match="--additional_data: raf_db takes its average faces from posed sets"):
        next(splits.average_face_examples(config.data, load(config).fold))


def test_a_test_image_planted_in_another_set_is_caught(config_of, tmp_path, make_config, several_sets):
    """The same picture under another name, person and set: only its content tells."""
    (tmp_path / "bu_3dfe").symlink_to(several_sets / "bu_3dfe")
    others = [example_of("S001", f"S001/{label}.png", label, face_of(70, label, 0)) for label in range(6)]
    planted = example_of("S002", "S002/planted.png", 3, face_of(0, 3, 1))  # F0001 is tested in fold 0
    write_built_set(tmp_path, "ck_plus", {"train": [*others, planted]})
    with pytest.raises(
        UserError, match=r"ck_plus: S002/planted.png would be trained .* test image bu_3dfe: F0001/F0001_happiness1.png"
    ):
        load(config_of(additional_data="ck_plus", folder=tmp_path))


def test_a_test_image_of_raf_db_is_caught_in_the_training_part_of_another_set(config_of, tmp_path, several_sets):
    for name in ("raf_db", "bu_3dfe"):
        (tmp_path / name).symlink_to(several_sets / name)
    small = [example_of("S001", f"S001/{label}.png", label, face_of(70, label, 0)) for label in range(6)]
    planted = example_of("S002", "S002/planted.png", 1, face_of(101, 1, 1)[::2, ::2])  # test_1
    write_built_set(tmp_path, "ck_plus", {"train": [*small, planted]})
    with pytest.raises(UserError, match=r"ck_plus: S002/planted.png .* raf_db: aligned/test_1_aligned.jpg"):
        load(config_of(additional_data="ck_plus,raf_db", folder=tmp_path))


def test_every_shared_image_is_named(config_of, tmp_path, several_sets):
    (tmp_path / "bu_3dfe").symlink_to(several_sets / "bu_3dfe")
    others = [example_of("S001", f"S001/{label}.png", label, face_of(70, label, 0)) for label in range(6)]
    planted = [example_of("S002", f"S002/planted{label}.png", label, face_of(0, label, 1)) for label in (1, 3)]
    write_built_set(tmp_path, "ck_plus", {"train": [*others, *planted]})
    with pytest.raises(UserError, match="shared images: 2") as error:
        load(config_of(additional_data="ck_plus", folder=tmp_path))
    assert "planted1.png" in str(error.value) and "planted3.png" in str(error.value)


@pytest.mark.parametrize("part", ["train", "validation"])
def test_an_empty_part_is_noticed_before_training(config_of, monkeypatch, part):
    whole = folds.fold_of

    def without(*arguments):
        return dataclasses.replace(whole(*arguments), **{part: ()})

    monkeypatch.setattr(folds, "fold_of", without)
    with pytest.raises(UserError, match=f"fold 0 .* has no image in its {part} part"):
        load(config_of())


def test_a_class_that_nobody_shows_in_training_is_named(config_of, monkeypatch):
    def nobody_is_afraid(*arguments):
        faces = real(*arguments)
        tested = folds.fold_of("bu_3dfe", faces, 0, "subject").test
        return faces.select((faces.labels != 2) | np.isin(faces.subjects, tested))

    real = splits.load_faces
    monkeypatch.setattr(splits, "load_faces", nobody_is_afraid)
    with pytest.raises(UserError, match="has no image of fear to train on"):
        load(config_of())


SIX = "anger,disgust,fear,happiness,sadness,neutral"


def test_a_set_without_a_class_trains_beside_one_that_has_it(config_of):
    """CREMA-D has no surprise, CK+ has: seven classes, surprise from CK+ alone, in training and as an average face."""
    config = config_of("crema_d/intended", "ck_plus", classes="7")
    data, surprise = load(config), EXPRESSIONS.index("surprise")
    assert set(data.train.labels.tolist()) == set(range(7))
    of_surprise = data.train.sources[data.train.labels == surprise]
    assert len(of_surprise) == 6 and all(source.startswith("ck_plus: ") for source in of_surprise.tolist())
    assert surprise not in data.validation.labels
    average = average_faces(splits.average_face_examples(config.data, data.fold), EXPRESSIONS)
    by_hand = {
        "surprise": [face_of(50 + person, surprise, 0) for person in range(6)],
        "anger": [face_of(200 + int(actor) - 1001, 0, n) for actor in data.fold.train for n in range(4)],
    }
    for name, faces in by_hand.items():
        np.testing.assert_array_equal(average[name], np.rint(np.mean(faces, axis=0)))


def test_a_set_with_more_classes_lends_only_those_of_the_run(config_of):
    data = load(config_of("crema_d/intended", "ck_plus", classes=SIX))
    beside = [source.startswith("ck_plus: ") for source in data.train.sources.tolist()]
    assert sum(beside) == 6 * 6 and set(data.train.labels.tolist()) == set(range(6))


@pytest.mark.parametrize("beside", ["", "crema_d/intended"])
def test_a_class_that_no_set_has_is_named_with_what_can_be_done(config_of, tmp_path, several_sets, beside):
    (tmp_path / "crema_d").symlink_to(several_sets / "crema_d")
    calm = [example for example in clip_examples() if example["label"] != EXPRESSIONS.index("surprise")]
    write_built_set(tmp_path, "mmi", {"train": [{**e, "source": f"mmi/{e['source']}"} for e in calm]})
    with pytest.raises(UserError, match=rf"has no image of surprise to train on.*pass --classes={SIX}, or a posed set"):
        load(config_of("mmi", beside, classes="7", folder=tmp_path))


def test_a_closed_set_is_split_by_recording_and_so_are_its_average_faces(config_of):
    config = config_of("crema_d/intended", classes="anger,happiness")
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, fold_by="recording"))
    data = load(config)
    assert len(data.fold.train) == 10 * 2 * 2 * 8 // 10
    assert set(data.train.recordings.tolist()) == set(data.fold.train)
    assert not set(data.train.recordings.tolist()) & set(data.validation.recordings.tolist())
    assert set(data.validation.subjects.tolist()) <= set(data.train.subjects.tolist())
    average = average_faces(splits.average_face_examples(config.data, data.fold), ("anger", "happiness"))
    clips = [recording.partition("/")[2] for recording in data.fold.train if recording.endswith("anger")]
    by_hand = [
        face_of(200 + int(clip[:4]) - 1001, 0, 2 * ("DFA", "IEO").index(clip[5:8]) + frame)
        for clip in clips
        for frame in range(2)
    ]
    np.testing.assert_array_equal(average["anger"], np.rint(np.mean(by_hand, axis=0)))
