"""The whole run on tiny data: what it leaves behind, and that stopping and going on changes nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny import changed

from ifgan_tf import config as config_lib
from ifgan_tf import files, labels
from ifgan_tf.config import OptimizerConfig
from ifgan_tf.data import average_faces, templates
from ifgan_tf.data.built_sets import iterate
from ifgan_tf.errors import UserError
from ifgan_tf.evaluation.runner import evaluate
from ifgan_tf.faces import geometry
from ifgan_tf.labels import BASIC
from ifgan_tf.run_folder import RunFolder
from ifgan_tf.training import loop
from ifgan_tf.training.step import Trainer
from ifgan_tf.training.validation import Validation

ODD_NAME = "run [1] *? ü"


@pytest.fixture(scope="module")
def small(make_config, data_dir):
    return make_config(data_dir, batch_size=32, epochs=3, learning_rate=1e-3)


@pytest.fixture(scope="module")
def trained(small, tmp_path_factory):
    """What `small` leaves after its three epochs, in a folder whose name looks like a pattern; to be read only."""
    run = RunFolder(tmp_path_factory.mktemp("trained") / ODD_NAME)
    assert loop.train(small, run.path) == run.metrics()[-1]
    return run


@pytest.fixture
def copied(trained, tmp_path):
    """A copy of it, to be changed."""
    return RunFolder(shutil.copytree(trained.path, tmp_path / ODD_NAME))


@pytest.fixture
def longer(small, copied):
    """The configuration of `copied` that lets it go on for a fourth epoch."""
    config = changed(small, epochs=4)
    config_lib.save(config, copied.config_file)
    return config


def lines(path):
    """metrics.jsonl without what depends on the clock."""
    read = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    for line in read:
        line.pop("images_per_second")
    return read


def test_a_run_folder_holds_all_that_later_commands_need(small, trained):
    run = trained
    assert run.config() == small
    assert set(run.fold().train).isdisjoint(run.fold().test)
    assert run.average_faces().shape == (6, 256, 256, 3)
    assert len(lines(run.path)) == 3 and run.metrics()[-1]["epoch"] == 3
    assert {path.parent.name for path in run.tensorboard_dir.rglob("events.*")} >= {"train", "validation"}
    for which in ("best", "last"):
        assert run.networks(which).generator is not None
    assert not list(run.path.rglob("*.tmp"))


def test_an_epoch_tells_what_the_terms_weigh_and_how_far_the_weights_go(trained):
    events = EventAccumulator(str(trained.tensorboard_dir / "train"), size_guidance={"tensors": 0})
    events.Reload()
    for epoch, line in enumerate(trained.metrics()):
        groups = ("balance", "gradient_generator", "gradient_classifier")
        curves = {f"{group}/{name}": value for group in groups for name, value in line[group].items()}
        ends = {f"{group}/{name}": value for group in ("weights", "updates") for name, value in line[group].items()}
        assert {"balance/l1", "gradient_generator/softmax", "gradient_classifier/softmax"} <= curves.keys()
        assert len(ends) == 6 and all(0 < value < 1 for value in line["updates"].values())
        for step, told in ((line["step"] - trained.metrics()[0]["step"] + 1, curves), (line["step"], ends)):
            for tag, value in told.items():
                event = events.Tensors(tag)[epoch]
                assert (event.step, tf.make_ndarray(event.tensor_proto)) == (step, np.float32(value))
                assert events.SummaryMetadata(tag).summary_description


def test_average_faces_come_from_training_subjects_only(trained, data_dir):
    mine = [
        example["image"].astype(float)
        for example in iterate("bu_3dfe", str(data_dir), "train", BASIC)
        if example["label"] == 3 and example["subject"].decode() in trained.fold().train
    ]
    np.testing.assert_array_equal(trained.average_faces()[3], np.rint(np.mean(mine, axis=0)))


@pytest.mark.slow
@pytest.mark.parametrize("weight_average", [0.0, 0.9])
def test_going_on_equals_never_having_stopped(small, trained, tmp_path, monkeypatch, weight_average):
    whole = trained
    if weight_average:
        averaged = dataclasses.replace(small.optimizer, weight_average=weight_average)
        small, whole = dataclasses.replace(small, optimizer=averaged), RunFolder(tmp_path / "whole")
        loop.train(small, whole.path)

    step, calls = Trainer.train_step, []
    real_epoch = loop.train_epoch

    def stop_in_epoch_2(trainer, batches, steps, *rest):
        if steps.start > len(steps) and not calls:
            calls.append(1)
            trainer.step(*next(batches))  # half an epoch's work is lost
            raise KeyboardInterrupt
        return real_epoch(trainer, batches, steps, *rest)

    monkeypatch.setattr(loop, "train_epoch", stop_in_epoch_2)
    with pytest.raises(KeyboardInterrupt):
        loop.train(small, tmp_path / "stopped")
    assert [line["epoch"] for line in lines(tmp_path / "stopped")] == [1]
    loop.train(small, tmp_path / "stopped")

    assert Trainer.train_step is step
    assert lines(tmp_path / "stopped") == lines(whole.path)
    for which in ("best", "last"):
        stopped = RunFolder(tmp_path / "stopped").networks(which)
        for one, other in zip(whole.networks(which), stopped, strict=True):
            for a, b in zip(one.weights, other.weights, strict=True):
                np.testing.assert_array_equal(a, b)


def test_several_steps_a_call_and_those_left_over(small, trained, tmp_path, monkeypatch):
    calls = []
    several = Trainer.train_steps
    monkeypatch.setattr(Trainer, "train_steps", lambda *called: calls.append(len(called) - 1) or several(*called))
    run = RunFolder(tmp_path / "run")
    config = dataclasses.replace(small, run=dataclasses.replace(small.run, steps_per_execution=2))
    loop.train(config, run.path)
    assert calls == [2]  # traced once
    for one, other in zip(trained.metrics(), run.metrics(), strict=True):
        assert one["step"] == other["step"]
        assert other["train"] == pytest.approx(one["train"], rel=1e-3, abs=1e-5)
    assert not config_lib.differences(trained.config(), config)  # it is no part of the method


def test_a_finished_run_is_left_alone(small, copied):
    last = copied.metrics()[-1]
    assert loop.train(small, copied.path) == last


def test_lines_beyond_the_checkpoint_are_forgotten(small, tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"epoch": 1}\n{"epoch": 2}\n')
    RunFolder(tmp_path).forget_metrics_after(1)
    assert path.read_text() == '{"epoch": 1}\n'


@pytest.mark.parametrize("tail", ['{"epoch": 2, "st', "\0" * 50, "[]", "\n\n", "\udcff", '{"epoch": null}', "[" * 9999])
def test_a_line_that_a_full_disk_cut_is_left_out(small, tmp_path, tail):
    run = RunFolder(tmp_path)
    run.metrics_file.write_text(f'{{"epoch": 1}}\n{tail}', errors="surrogateescape")
    assert run.metrics() == [{"epoch": 1}]
    run.append_metrics({"epoch": 2})
    assert run.metrics() == [{"epoch": 1}, {"epoch": 2}]
    run.forget_metrics_after(1)
    assert run.metrics_file.read_text() == '{"epoch": 1}\n'


def test_going_on_after_the_last_line_was_cut(small, copied):
    run = copied
    text, before = run.metrics_file.read_text(), run.metrics()
    for left in (text[:-20], ""):
        run.metrics_file.write_text(left)
        again = loop.train(small, run.path)  # nothing is left to train: the last checkpoint is judged again
        assert (again["epoch"], again["validation"]) == (3, before[-1]["validation"])
        assert run.metrics()[:-1] == (before[:-1] if left else [])


def test_a_damaged_checkpoint_is_named_and_nothing_forgotten(copied, longer, tmp_path):
    """Where it is the only one; see test_resuming for the one before."""
    damage = {
        "index lost": lambda last: (last / "ckpt-18.index").unlink(),
        "index cut": lambda last: (last / "ckpt-18.index").write_bytes(b""),
        "values lost": lambda last: (last / "ckpt-18.data-00000-of-00001").unlink(),
        "values cut": lambda last: os.truncate(last / "ckpt-18.data-00000-of-00001", 1000),
    }
    for file in (copied.checkpoints_dir / "last").glob("ckpt-12.*"):
        file.unlink()
    for name, spoil in damage.items():
        run = RunFolder(shutil.copytree(copied.path, tmp_path / name))
        spoil(run.checkpoints_dir / "last")
        for use in (lambda run=run: loop.train(longer, run.path), lambda run=run: run.networks("last")):
            with pytest.raises(UserError, match=rf"{name}/checkpoints/last: .*damaged"):
                use()
        assert run.metrics() == copied.metrics()


def test_a_workdir_that_looks_like_a_pattern(copied, longer, tmp_path):
    assert loop.train(longer, copied.path)["epoch"] == 4
    moved = copied.path.rename(tmp_path / "moved")
    assert RunFolder(moved).networks("last").generator is not None
    assert RunFolder(moved).checkpoint_epoch("last") == 4
    assert len(list((moved / "checkpoints" / "last").glob("*.index"))) == 2


def test_a_second_training_in_one_folder_is_refused(small, tmp_path):
    with (
        files.only_one(tmp_path / "run", "a training"),
        pytest.raises(UserError, match="a training is going on there already"),
    ):
        loop.train(small, tmp_path / "run")


def test_spoilt_average_faces_are_made_anew(copied, longer):
    before, spoilt = copied.average_faces(), copied.average_faces_dir / "fear.png"
    spoilt.write_bytes(spoilt.read_bytes()[:100])
    loop.train(longer, copied.path)
    np.testing.assert_array_equal(copied.average_faces(), before)


def test_another_configuration_is_refused_and_nothing_touched(small, copied):
    before = copied.config_file.read_text()
    other = dataclasses.replace(small, model=dataclasses.replace(small.model, attention=False))
    with pytest.raises(UserError, match=r"a run of another configuration \(.*--attention: True -> False"):
        loop.train(other, copied.path)
    assert copied.config_file.read_text() == before


def test_a_beginning_that_failed_may_be_mended(small, tmp_path):
    run = RunFolder(tmp_path / "run")
    too_large = dataclasses.replace(small.optimizer, batch_size=5000)
    with pytest.raises(UserError, match="batch_size"):
        loop.train(dataclasses.replace(small, optimizer=too_large), run.path)
    loop.train(small, run.path)
    assert run.config() == small


@pytest.mark.parametrize("kept", [True, False])
def test_what_somebody_keeps_in_the_folder_stays(small, copied, kept):
    """Pictures in a folder that is no run yet, and a finished run of which the checkpoints were removed."""
    shutil.rmtree(copied.checkpoints_dir)
    if not kept:
        copied.config_file.unlink()
    (copied.average_faces_dir / "mine.png").write_bytes(b"mine")
    other = dataclasses.replace(small, optimizer=dataclasses.replace(small.optimizer, batch_size=5000))
    with pytest.raises(UserError, match="a run of another configuration" if kept else "batch_size"):
        loop.train(other, copied.path)
    assert (copied.average_faces_dir / "mine.png").read_bytes() == b"mine"


def test_going_on_needs_no_initial_weights(copied, longer):
    model = dataclasses.replace(copied.config().model, classifier_weights="gone.weights.h5")
    config_lib.save(dataclasses.replace(copied.config(), model=model), copied.config_file)
    model = dataclasses.replace(model, classifier_weights="elsewhere.weights.h5")
    assert loop.train(dataclasses.replace(longer, model=model), copied.path)["epoch"] == longer.optimizer.epochs


def test_data_that_are_not_built_are_named(small, tmp_path):
    config = dataclasses.replace(small, data=dataclasses.replace(small.data, data_dir=str(tmp_path / "nothing")))
    with pytest.raises(UserError, match=r"--dataset=bu_3dfe: not built in --data_dir=.*python -m datasets\.build"):
        loop.train(config, tmp_path / "run")


def test_a_loss_that_is_no_number_stops_at_its_step(small, tmp_path, monkeypatch):
    forward = Trainer.forward

    def poisoned(self, *batch):
        terms, logits, features = forward(self, *batch)
        return {**terms, "l1": terms["l1"] * float("nan")}, logits, features

    monkeypatch.setattr(Trainer, "forward", poisoned)
    with pytest.raises(UserError, match=r"step 1: .*l1=nan.* is not finite\. The last checkpoint is intact"):
        loop.train(small, tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoints" / "last" / "checkpoint").exists()


@pytest.mark.parametrize(
    "judged",
    [[(0.4, 1.0), (0.9, 1.2), (0.6, 0.1)], [(0.9, 1.0), (0.9, 0.8), (0.9, 0.9)]],
    ids=["the highest accuracy", "of equal accuracies the lowest cross-entropy"],
)
def test_best_is_chosen_on_validation_and_kept(small, tmp_path, monkeypatch, judged):
    figures = iter([{"accuracy": accuracy, "cross_entropy": entropy} for accuracy, entropy in judged])
    judge = Validation.judge
    monkeypatch.setattr(Validation, "judge", lambda *args: {**judge(*args), **next(figures)})
    loop.train(small, tmp_path / "run")
    folder = tmp_path / "run" / "checkpoints"
    assert tf.train.latest_checkpoint(str(folder / "best")).endswith("ckpt-2")
    assert tf.train.latest_checkpoint(str(folder / "last")).endswith("ckpt-18")


def test_without_validation_all_is_trained_on_and_the_last_epoch_counts(small, trained, tmp_path, undrawn):
    config = changed(small, validation="none", epochs=1)
    last = loop.train(config, tmp_path / "run")
    run, before = RunFolder(tmp_path / "run"), trained.fold()
    assert not run.fold().validation and run.fold().test == before.test
    assert set(run.fold().train) == {*before.train, *before.validation}
    longer = changed(config, epochs=2)
    config_lib.save(longer, run.config_file)
    assert "validation" not in last and "validation" not in loop.train(longer, run.path)
    assert last["step"] == (len(run.fold().train) * 6 * 2) // 32
    assert run.checkpoint_epoch("best") == run.checkpoint_epoch("last") == 2
    for best, of_last in zip(run.networks("best"), run.networks("last"), strict=True):
        for one, other in zip(best.weights, of_last.weights, strict=True):
            np.testing.assert_array_equal(one, other)
    report = evaluate(run.path)
    (fold,) = report["folds"]
    assert fold["accuracy"] == fold["last_epoch_accuracy"] and fold["best_epoch"] == 2
    for text in (run.path / "evaluation" / "report.md", run.path / "model_card.md"):
        assert "best on validation" not in text.read_text()
    assert "(--validation=none): the checkpoint is the last epoch's" in (run.evaluation_dir / "report.md").read_text()
    assert "none held out for validation" in (run.path / "model_card.md").read_text()


def test_a_full_disk_keeps_the_checkpoint_before(copied, longer, monkeypatch):
    before = sorted(path.name for path in copied.checkpoints_dir.rglob("ckpt*"))

    def full(*args, **kwargs):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.train.CheckpointManager, "save", full)
    with pytest.raises(UserError, match=r"checkpoint of \w+ \d+ could not be written .*Free some space and repeat"):
        loop.train(longer, copied.path)
    assert sorted(path.name for path in copied.checkpoints_dir.rglob("ckpt*")) == before


@pytest.mark.slow
def test_a_disk_that_is_really_full_and_going_on_with_room(small, tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "none", str(tmp_path)], capture_output=True).returncode:
        pytest.skip("a disk of five megabytes can be mounted by root alone")
    try:
        with pytest.raises(
            UserError, match=r"checkpoint of \w+ \d+ could not be written .*No space left on device\)\."
        ):
            loop.train(small, tmp_path / "run")
        subprocess.run(["mount", "-o", "remount,size=50m", str(tmp_path)], check=True)
        assert loop.train(small, tmp_path / "run")["epoch"] == 3
        assert not list(tmp_path.rglob("*_temp"))
        assert [line["epoch"] for line in lines(tmp_path / "run")] == [1, 2, 3]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("settings", [{"classifier_input": "input"}, {"classifier_input": "pair", "attention": False}])
def test_other_variants_train_too(make_config, data_dir, tmp_path, settings):
    config = make_config(data_dir, batch_size=32, epochs=1, **settings)
    last = loop.train(config, tmp_path / "run")
    assert last["epoch"] == 1
    shares = {name for name in last["validation"] if name.endswith("_shuffled")}
    pair = config.model.classifier_input == "pair"
    assert shares == ({"accuracy_photo_shuffled", "accuracy_face_shuffled"} if pair else set())


@pytest.mark.slow
def test_a_run_begins_with_a_baseline_once(make_config, data_dir, tmp_path):
    """Going on does not begin again, nor does it need the baseline any more."""
    settings = {"batch_size": 32, "learning_rate": 1e-4}
    baseline = make_config(data_dir, classifier_input="input", epochs=1, **settings)
    loop.train(baseline, tmp_path / "photos")
    begun = make_config(
        data_dir, generator_encoder="backbone", warm_start=str(tmp_path / "photos"), epochs=2, **settings
    )
    whole = loop.train(begun, tmp_path / "whole")
    half = tmp_path / "half"
    loop.train(changed(begun, epochs=1), half)
    config_lib.save(begun, RunFolder(half).config_file)
    shutil.rmtree(tmp_path / "photos")
    continued = loop.train(begun, half)
    assert continued["train"] == whole["train"] and continued["validation"] == whole["validation"]
    assert whole["updates"]["generator"] < 0.5  # nothing was thrown away between the epochs


def test_a_mistaken_baseline_leaves_no_run_behind(make_config, data_dir, tmp_path):
    config = make_config(data_dir, generator_encoder="backbone", warm_start=str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="--warm_start="):
        loop.train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_grades_that_are_too_rare_for_average_faces_are_refused(make_config, data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(average_faces, "MIN_GRADED", 1000)
    with pytest.raises(UserError, match="--targets=intensity: bu_3dfe has no expression of one grade often enough"):
        loop.train(make_config(data_dir, targets="intensity"), tmp_path)


def test_g_may_learn_how_strong_an_expression_is(make_config, data_dir, tmp_path):
    config = make_config(data_dir, batch_size=32, epochs=1, targets="intensity", generator_span=True)
    loop.train(config, tmp_path)
    run = RunFolder(tmp_path)
    graded = run.graded_average_faces()
    assert set(graded) == {(label, grade) for label in range(6) for grade in (3, 4)}
    mine = [
        example["image"].astype(float)
        for example in iterate("bu_3dfe", str(data_dir), "train", BASIC)
        if (example["label"], example["intensity"]) == (2, 4) and example["subject"].decode() in run.fold().train
    ]
    np.testing.assert_array_equal(graded[2, 4], np.rint(np.mean(mine, axis=0)))
    assert run.networks().generator.get_layer("average_face_span").directions.shape[0] == 6 * 5 - 1
    (run.average_faces_dir / "fear_4.png").write_bytes(b"spoilt")
    loop.train(config, tmp_path)  # there is nothing left to train
    config_lib.save(changed(config, epochs=2), run.config_file)
    loop.train(changed(config, epochs=2), tmp_path)
    np.testing.assert_array_equal(run.graded_average_faces()[2, 4], graded[2, 4])


def test_mixed_precision_trains(make_config, data_dir, tmp_path):
    config = make_config(data_dir, batch_size=32, epochs=1, mixed_precision=True)
    last = loop.train(config, tmp_path / "run")
    assert np.isfinite(last["train"]["loss"])
    assert RunFolder(tmp_path / "run").networks().classifier.get_layer("small_cnn").compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"  # what is built next in this process is not the run's


def test_raf_db_is_trained_beside_posed_sets_and_evaluated_on_its_own_split(small, several_sets, tmp_path, undrawn):
    data = dataclasses.replace(
        small.data,
        dataset="raf_db",
        additional_data="bu_3dfe,ck_plus",
        classes="7",
        data_dir=str(several_sets),
        balanced_sampling=True,
    )
    config = dataclasses.replace(small, data=data, loss=dataclasses.replace(small.loss, class_weights=True))
    loop.train(dataclasses.replace(config, optimizer=OptimizerConfig(batch_size=32, epochs=1)), tmp_path / "run")
    report = evaluate(tmp_path / "run")
    assert report["folds"][0]["images"] == 14 and "missing_folds" not in report
    text = (tmp_path / "run" / "evaluation" / "report.md").read_text()
    assert "official split" in text and "Additional training data: bu_3dfe,ck_plus" in text


@pytest.mark.parametrize(("dataset", "beside", "tested"), [("raf_db", "", 14), ("crema_d/intended", "raf_db", 24)])
def test_the_baseline_needs_no_average_faces(small, several_sets, tmp_path, undrawn, dataset, beside, tested):
    """RAF-DB without a posed set has none, nor has CREMA-D of surprise, which RAF-DB lends."""
    config = changed(
        small,
        dataset=dataset,
        additional_data=beside,
        classes="7",
        data_dir=str(several_sets),
        batch_size=32,
        epochs=1,
        fold=0,
    )
    with pytest.raises(UserError, match=r"posed set"):
        loop.train(config, tmp_path / "ifgan")
    assert loop.train(changed(config, classifier_input="input"), tmp_path / "run")["epoch"] == 1
    assert not RunFolder(tmp_path / "run").average_faces_dir.exists()
    assert evaluate(tmp_path / "run")["folds"][0]["images"] == tested


def test_the_template_of_the_own_data_set_travels_with_the_run(small, trained, several_sets, tmp_path):
    np.testing.assert_array_equal(templates.load(trained.path / "template.json"), geometry.TEMPLATE)
    theirs = geometry.TEMPLATE + np.array([[-9, -4], [9, -4], [0, 6]], np.float32)
    shutil.copytree(several_sets / "raf_db", tmp_path / "sets" / "raf_db")
    shutil.copytree(several_sets / "ck_plus", tmp_path / "sets" / "ck_plus")
    (version,) = (tmp_path / "sets" / "raf_db").iterdir()
    templates.save(theirs, version / "template.json")
    settings = {"classes": "7", "data_dir": str(tmp_path / "sets"), "classifier_input": "input", "epochs": 1}
    config = changed(small, dataset="raf_db", additional_data="ck_plus", **settings)
    loop.train(config, tmp_path / "run")
    np.testing.assert_array_equal(RunFolder(tmp_path / "run").template(), theirs)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_report(small, copied, tmp_path, undrawn):
    loop.train(small, tmp_path / "other")
    reports = []
    for workdir in (copied.path, tmp_path / "other"):
        evaluate(workdir)
        reports.append((workdir / "evaluation" / "report.json").read_text())
    assert reports[0] == reports[1]


FIVE, SIX = "disgust,fear,happiness,sadness,neutral", "anger,disgust,fear,happiness,sadness,neutral"


@pytest.mark.parametrize(("classes", "beside"), [(FIVE, ""), (SIX, ""), ("7", "ck_plus")])
def test_five_six_and_seven_classes_in_one_way(small, several_sets, tmp_path, undrawn, classes, beside):
    """CREMA-D has no surprise: with seven classes CK+ lends it, and nothing of the report counts it as a zero."""
    data = dataclasses.replace(
        small.data,
        dataset="crema_d/intended",
        classes=",".join(labels.classes(classes)),
        additional_data=beside,
        data_dir=str(several_sets),
        balanced_sampling=True,
    )
    config = dataclasses.replace(small, data=data, loss=dataclasses.replace(small.loss, class_weights=True))
    loop.train(dataclasses.replace(config, optimizer=OptimizerConfig(batch_size=32, epochs=1)), tmp_path / "run")
    run, report = RunFolder(tmp_path / "run"), evaluate(tmp_path / "run")
    names = labels.classes(classes)
    assert run.average_faces().shape[0] == len(names) == len(report["classes"]) and report["classes"] == list(names)
    (fold,) = report["folds"]
    tested = [name for name in names if name != "surprise"]
    assert fold["images"] == 2 * 2 * len(tested) and fold["recordings"] == fold["images"] // 2
    confusion = np.array(fold["confusion"])
    shown = confusion.sum(axis=1) > 0
    assert [name for name, some in zip(names, shown, strict=True) if some] == tested
    recalls = confusion.diagonal()[shown] / confusion.sum(axis=1)[shown]
    assert fold["mean_class_accuracy"] == pytest.approx(recalls.mean())
    text = (tmp_path / "run" / "evaluation" / "report.md").read_text()
    assert ("No test image shows surprise" in text) == ("surprise" in names)
