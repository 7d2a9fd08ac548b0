"""Everything that evaluating a run folder leaves behind."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ifgan_tf.errors import UserError
from ifgan_tf.evaluation.runner import evaluate
from ifgan_tf.privacy import audit, convolutional, detail, estimates, identification, regression
from ifgan_tf.run_folder import RunFolder

MakeRun = Callable[..., RunFolder]
GENERATED = {"expression_transfer", "attention_maps"}
PICTURES = {"confusion_matrix", "reliability", "misclassified"} | GENERATED


@pytest.fixture(scope="module")
def workdir(make_run: MakeRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds of a run, and a third that has not begun to train."""
    folder = tmp_path_factory.mktemp("runs") / "all"
    for fold in (0, 3, 4):
        make_run(folder / f"fold_{fold:02d}", fold=fold)
    shutil.rmtree(folder / "fold_04" / "checkpoints")
    return folder


@pytest.fixture(scope="module")
def written(workdir: Path) -> Path:
    evaluate(workdir)
    return workdir / "evaluation"


def texts(figure: object) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text)]  # type: ignore[attr-defined]


def pictures(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.png")}


def test_the_report_has_what_readers_rely_on(written: Path):
    report = json.loads((written / "report.json").read_text())
    assert report["classes"] == ["anger", "disgust", "fear", "happiness", "sadness", "surprise"]
    assert report["config"]["model"]["classifier_input"] == "generated"
    assert [fold["fold"] for fold in report["folds"]] == [0, 3]
    for fold in report["folds"]:
        assert {"images", "accuracy", "mean_class_accuracy", "macro_f1", "ece", "confusion"} <= fold.keys()
        assert fold["images"] == 24 and fold["best_epoch"] == 7
    assert set(report["accuracy"]) == {"mean", "std", "pooled"}
    assert report["missing_folds"] == [1, 2, 4, 5, 6, 7, 8, 9]
    assert "no such checkpoint" in report["skipped_folds"]["4"]
    assert "# Model card: IF-GAN, classifier_input=generated" in (written.parent / "model_card.md").read_text()


def test_the_predictions_give_the_reports_figures(written: Path):
    report = json.loads((written / "report.json").read_text())
    rows = list(csv.DictReader((written / "predictions.csv").open()))
    assert len(rows) == 48 and len({row["source"] for row in rows}) == 48
    assert np.mean([row["label"] == row["predicted"] for row in rows]) == pytest.approx(report["accuracy"]["pooled"])


def test_evaluating_again_gives_the_same_and_doubles_nothing(written: Path, workdir: Path, undrawn: None):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    first = (written / "report.json").read_text()
    stale = workdir / "fold_04" / "tensorboard" / "evaluation"  # of a fold that cannot be evaluated any more
    stale.mkdir(parents=True)
    evaluate(workdir)
    assert not stale.exists()
    assert (written / "report.json").read_text() == first
    assert pictures(written) == PICTURES
    events = EventAccumulator(str(workdir / "tensorboard" / "evaluation"), size_guidance={"tensors": 0})
    events.Reload()
    tags = events.Tags()["tensors"]
    assert {f"evaluation/{name}" for name in PICTURES} <= set(tags)
    assert all(len(events.Tensors(tag)) == 1 for tag in tags)


def test_the_baseline_has_no_pictures_of_generated_faces(make_run: MakeRun, tmp_path: Path, caplog, undrawn: None):
    run = make_run(tmp_path / "run", classifier_input="input")
    with caplog.at_level("INFO"):
        evaluate(run.path)
    assert pictures(run.evaluation_dir) == PICTURES - GENERATED
    assert "no generator" in caplog.text


def test_what_e_reads_in_which_half_of_the_pair(make_run: MakeRun, written: Path, tmp_path: Path, undrawn: None):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = make_run(tmp_path / "run", classifier_input="pair", attention=False)
    evaluate(run.path)
    (fold,) = json.loads((run.evaluation_dir / "report.json").read_text())["folds"]
    assert set(fold["shares"]) == {"photo_shuffled", "face_shuffled"}
    text = (run.evaluation_dir / "report.md").read_text()
    assert f"beside another's photo it is right in {100 * fold['shares']['photo_shuffled']:.2f} %" in text
    events = EventAccumulator(str(run.tensorboard_dir / "evaluation"), size_guidance={"tensors": 0})
    events.Reload()
    assert {"accuracy_photo_shuffled", "accuracy_face_shuffled"} <= set(events.Tags()["tensors"])
    alone = json.loads((written / "report.json").read_text())  # E sees the generated face alone
    assert not [fold for fold in alone["folds"] if "shares" in fold]
    assert "another's photo" not in (written / "report.md").read_text()


def test_a_generator_without_attention_has_no_maps(make_run: MakeRun, tmp_path: Path, caplog, undrawn: None):
    run = make_run(tmp_path / "run", attention=False)
    with caplog.at_level("INFO"):
        evaluate(run.path)
    assert pictures(run.evaluation_dir) == PICTURES - {"attention_maps"}
    assert "--noattention" in caplog.text


def test_folds_of_different_configurations_are_not_mixed(make_run: MakeRun, tmp_path: Path):
    make_run(tmp_path / "fold_00", fold=0)
    make_run(tmp_path / "fold_01", fold=1, classifier_input="pair")
    with pytest.raises(UserError, match="--classifier_input: generated -> pair"):
        evaluate(tmp_path)


def test_a_run_without_a_checkpoint_is_an_error(make_run: MakeRun, tmp_path: Path):
    run = make_run(tmp_path / "run")
    shutil.rmtree(run.checkpoints_dir)
    with pytest.raises(UserError, match="no such checkpoint"):
        evaluate(run.path)
    assert not run.evaluation_dir.exists()


@pytest.mark.slow
def test_identity_is_measured_beside_accuracy(make_run: MakeRun, tmp_path: Path, monkeypatch, undrawn: None):
    for name in ("BACKGROUND_STEPS", "TARGETS_STEPS"):
        monkeypatch.setattr(convolutional, name, 5)
    monkeypatch.setattr(estimates, "REPLICATES", 20)
    monkeypatch.setattr(identification, "HALVINGS", 1)
    monkeypatch.setitem(audit.MAX_IMAGES, "train", 96)
    run = make_run(tmp_path / "run", attention=False)
    evaluate(run.path, identity=audit.audit)
    report = json.loads((run.evaluation_dir / "report.json").read_text())
    found = report["identity"]
    assert found["subjects"] == 2 and found["chance"] == 0.5
    names = {"photo", "generated", "feature", "blurred", "blurred_light", "blurred_strong", "pixelated", "average"}
    assert names <= found.keys()
    assert all({"top1", "top1_interval", "auc"} <= found[name].keys() for name in names)
    assert {"generated", "average"} <= found["reconstruction_psnr"].keys()
    assert found["average"]["top1"] == 0.5
    assert "accuracy_and_leakage" in pictures(run.evaluation_dir)
    text = (run.evaluation_dir / "report.md").read_text()
    assert "What identifies a person" in text
    assert "ethnicity" not in text  # both test subjects are of one: there is nothing to tell apart

    evaluate(run.path, identity=audit.audit)  # everything is seeded
    again = json.loads((run.evaluation_dir / "report.json").read_text())
    assert again == report


def test_detail_is_measured_where_expressions_are_graded(make_run: MakeRun, tmp_path: Path, monkeypatch, undrawn: None):
    monkeypatch.setattr(regression, "STEPS", 2)
    monkeypatch.setattr(estimates, "REPLICATES", 20)
    run = make_run(tmp_path / "run", classifier_input="input")
    evaluate(run.path, detail=detail.detail)
    report = json.loads((run.evaluation_dir / "report.json").read_text())
    assert report["detail"]["images"] == 24 and "identity" not in report
    assert {"intensity", "intensity_interval"} <= report["detail"]["photo"].keys()
    for text in ((run.evaluation_dir / "report.md").read_text(), (run.path / "model_card.md").read_text()):
        assert "intensity, R²" in text


def test_a_run_that_cannot_be_written_is_noticed_before_the_work(make_run: MakeRun, tmp_path: Path, monkeypatch):
    run = make_run(tmp_path / "run")
    run.evaluation_dir.touch()  # in the place of the folder

    def work(*_: object) -> None:
        raise AssertionError("nothing is computed first")

    monkeypatch.setattr("ifgan_tf.evaluation.runner._evaluate_folds", work)
    with pytest.raises(UserError, match=r"--workdir: .*evaluation cannot be written"):
        evaluate(run.path)


def test_every_picture_is_a_pdf_too_and_every_fold_has_its_figures(written: Path, workdir: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert {path.stem for path in written.glob("*.pdf")} == pictures(written)
    report = json.loads((written / "report.json").read_text())
    events = EventAccumulator(str(workdir / "fold_03" / "tensorboard" / "evaluation"), size_guidance={"tensors": 0})
    events.Reload()
    told = np.frombuffer(events.Tensors("accuracy")[-1].tensor_proto.tensor_content, np.float32)
    assert told == pytest.approx(report["folds"][1]["accuracy"])


def test_the_report_shows_every_picture(written: Path):
    text = (written / "report.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\((\w+)\.(?:png|pdf)\)", text))
    assert shown == pictures(written)


def test_pictures_say_the_numbers_of_the_report(workdir: Path, written: Path, monkeypatch):
    """All folds of it: what stands in a title is in report.json."""
    drawn: dict[str, list[str]] = {}

    def kept(figure: object, path: Path) -> Path:
        drawn[path.stem] = texts(figure)
        return path

    monkeypatch.setattr("ifgan_tf.evaluation.figures.save", kept)
    report = evaluate(workdir)
    assert json.loads((written / "report.json").read_text()) == report
    assert any(f"accuracy, pooled: {100 * report['accuracy']['pooled']:.2f} %" in t for t in drawn["confusion_matrix"])
    assert any(f"calibration error {100 * report['ece']['pooled']:.2f} %" in text for text in drawn["reliability"])
    images = sum(fold["images"] for fold in report["folds"])
    wrong = images - sum(int(np.trace(fold["confusion"])) for fold in report["folds"])
    assert any(f"of {wrong} errors in {images} images" in text for text in drawn["misclassified"])
