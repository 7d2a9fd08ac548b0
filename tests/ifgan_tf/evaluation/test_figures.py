"""Pictures of results: what is in them, that they are PNGs, and how they choose what to show."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_sets import faces_of

from ifgan_tf.evaluation import figures, report
from ifgan_tf.evaluation.metrics import reliability
from ifgan_tf.evaluation.predictions import Predictions

CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    """Three people, six classes, two photos each; the third person shows only fear. Everything is taken for fear."""
    keys = [(s, label, n) for s in ("A", "B", "C") for label in range(6) for n in (2, 1) if s != "C" or label == 2]
    random = np.random.default_rng(0)
    faces = faces_of(
        [label for _, label, _ in keys],
        images=random.integers(0, 255, (len(keys), 32, 32, 3), dtype=np.uint8),
        subjects=[subject for subject, _, _ in keys],
        sources=[f"{subject}/{label}_{number}" for subject, label, number in keys],
    )
    probabilities = np.full((len(keys), 6), 0.02, np.float32)
    probabilities[:, 2] = np.linspace(0.5, 0.9, len(keys))
    return Predictions(faces, probabilities, faces.images[::-1])


def texts(figure: object) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text)]  # type: ignore[attr-defined]


def test_confusion_matrix_shows_shares_and_counts():
    matrix = np.zeros((6, 6), int)
    matrix[0, 0], matrix[0, 2] = 3, 1
    shown = texts(figures.confusion(matrix, CLASSES, "title"))
    assert "75.0 %\n3" in shown and "25.0 %\n1" in shown and "surprise" in shown and "no face" not in shown


def test_confusion_matrix_and_report_say_the_same_of_undetected_faces():
    matrix, undetected = np.diag([13, 15, 15, 15, 15, 15]), np.array([2, 0, 0, 0, 0, 0])
    fold = {"fold": 0, "confusion": matrix.tolist(), "undetected": undetected.tolist()}
    rows = report.confusion_rows({"classes": CLASSES, "folds": [fold]})
    shown = texts(figures.confusion(matrix, CLASSES, "title", undetected))
    assert rows[0]["right %"] == "86.7" and rows[0]["no face"] == "2"
    assert "86.7 %\n13" in shown and "13.3 %\n2" in shown and "no face" in shown


def test_expression_transfer_has_two_rows_a_person_below_the_averages(predictions: Predictions):
    averages = np.zeros((6, 32, 32, 3), np.uint8)
    figure = figures.expression_transfer(predictions, averages, CLASSES, people=2)
    assert len(figure.axes) == (1 + 2 * 2) * 6
    shown = texts(figure)
    assert "A\nphoto" in shown and "B\nphoto" in shown and "C\nphoto" not in shown  # C does not show every class
    picture = figure.axes[6].get_images()[0].get_array()  # A, anger: the last photo by name
    np.testing.assert_array_equal(picture, predictions.faces.images[predictions.faces.sources == "A/0_2"][0])


def test_expression_transfer_needs_a_generator(predictions: Predictions):
    baseline = Predictions(predictions.faces, predictions.probabilities, None)
    with pytest.raises(ValueError, match="generates no faces"):
        figures.expression_transfer(baseline, np.zeros((6, 32, 32, 3), np.uint8), CLASSES)


def test_misclassified_are_the_most_confident_errors(predictions: Predictions):
    figure = figures.misclassified(predictions, CLASSES, most=3)
    shown = [text for text in texts(figure) if "→" in text]
    confident = predictions.confidences[~predictions.correct].max()
    assert any(f"→ fear {100 * confident:.0f} %" in text for text in shown)
    assert any(text.startswith("3 of 20 errors in 26 images") for text in shown)


def test_errors_without_a_face_come_after_those_with_one(predictions: Predictions):
    faces = dataclasses.replace(predictions.faces, detected=np.arange(len(predictions)) < len(predictions) - 1)
    figure = figures.misclassified(Predictions(faces, predictions.probabilities, None), CLASSES, most=99)
    shown = [text for text in texts(figure) if "\n→ " in text]
    assert [text.endswith("no face found") for text in shown] == [False] * (len(shown) - 1) + [True]


@pytest.mark.parametrize("name", ["a$b$", "$x^{$", "50 $"])
def test_a_name_with_dollars_is_no_mathematics(predictions: Predictions, tmp_path: Path, name: str):
    maps = np.full((1, 3, 8, 8), 1 / 64)
    photo = predictions.faces.images[:1]
    figure = figures.attention_maps(photo, photo, maps, [name], figures.QUERY_POINTS, gamma=0.25)
    assert figures.save(figure, tmp_path / "a.png").is_file()


def test_a_run_without_errors_still_has_its_picture(predictions: Predictions):
    right = predictions.faces.labels == 2
    perfect = Predictions(predictions.faces.select(right), predictions.probabilities[right], None)
    assert any("0 of 0 errors" in text for text in texts(figures.misclassified(perfect, CLASSES)))


def test_one_image_of_every_class_of_different_people(predictions: Predictions):
    chosen = figures.representative(predictions)
    assert predictions.faces.labels[chosen].tolist() == [0, 1, 2, 3, 4, 5]
    assert predictions.faces.subjects[chosen].tolist() == ["A", "B", "C", "A", "B", "A"]


def test_attention_maps_mark_the_three_points(predictions: Predictions):
    chosen = figures.representative(predictions)
    photos = predictions.faces.images[chosen]
    maps = np.random.default_rng(0).dirichlet(np.ones(64), (6, 3)).reshape(6, 3, 8, 8)
    figure = figures.attention_maps(photos, photos, maps, CLASSES, figures.QUERY_POINTS, gamma=0.25)
    assert any("γ = 0.25" in text for text in texts(figure))
    bars = [axis for axis in figure.axes if axis.get_xlabel() == "attention, as a multiple of an even share"]
    heats = [image for axis in figure.axes for image in axis.get_images() if image.get_cmap().name == "inferno"]
    assert len(bars) == 1 and len(heats) == 18
    assert len({heat.get_clim() for heat in heats}) == 1
    marks = [(line.get_color(), *np.ravel(line.get_xydata())) for line in figure.axes[0].lines]
    expected = [(c, x * 32, y * 32) for c, (x, y) in zip(figures.QUERY_COLOURS, figures.QUERY_POINTS, strict=True)]
    assert marks == expected


def test_reliability_diagram_prints_the_calibration_error():
    shown = texts(figures.reliability_diagram(reliability(np.ones(4), np.array([True, True, True, False])), "title"))
    assert any("expected calibration error 25.00 %" in text for text in shown)
    assert "4" in shown  # images in the one bin
    assert "accuracy, of fewer than 10 images" in shown


def test_leakage_has_one_point_a_representation_but_the_average_of_the_truth():
    point = {"top1": 0.5, "top1_interval": [0.4, 0.6], "expression_accuracy": 0.7}
    point["expression_accuracy_interval"] = [0.6, 0.8]
    named = {"photo": point, "generated": point, "average": point, "average_of_prediction": point}
    identity = {"subjects": 4, "chance": 0.25, **named, "feature": {"top1": 0.5}}
    figure = figures.leakage(identity, accuracy=0.8)
    assert [container.get_label() for container in figure.axes[0].containers] == [
        "photo",
        "generated",
        "average of prediction",
    ]
    assert {"chance (25.0 %)", "the run's own classifier (80.0 %)"} <= set(texts(figure))


def test_detail_is_a_panel_below_leakage_with_a_line_a_representation():
    point = {"top1": 0.5, "top1_interval": [0.4, 0.6], "expression_accuracy": 0.7}
    identity = {"subjects": 4, "chance": 0.25, "photo": {**point, "expression_accuracy_interval": [0.6, 0.8]}}
    read = {
        "intensity": 0.5,
        "intensity_interval": [0.4, 0.6],
        "action_units": 0.3,
        "action_units_interval": [0.2, 0.4],
    }
    figure = figures.leakage(identity, 0.8, {"subjects": 4, "images": 60, "photo": read, "average_of_prediction": read})
    assert len(figure.axes) == 2
    below = figure.axes[1]
    assert [label.get_text() for label in below.get_yticklabels()] == ["photo", "average of prediction"]
    assert [container.get_label() for container in below.containers] == ["intensity", "action units"]
    assert below.containers[1].lines[0].get_xdata().tolist() == [0.3, 0.3]


def test_pictures_are_written_at_print_resolution(tmp_path: Path):
    path = figures.save(figures.confusion(np.eye(6, dtype=int), CLASSES, "title"), tmp_path / "new" / "a.png")
    with Image.open(path) as image:
        assert image.format == "PNG" and round(image.info["dpi"][0]) == figures.DPI
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.pdf", "a.png"]
    content = path.with_suffix(".pdf").read_bytes()
    assert content.startswith(b"%PDF-") and b"/Type3" not in content


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not installed")
def test_the_letters_of_a_pdf_are_letters(tmp_path: Path):
    path = figures.save(figures.confusion(np.eye(6, dtype=int), CLASSES, "title"), tmp_path / "a.png")
    done = subprocess.run(["pdftotext", path.with_suffix(".pdf"), "-"], capture_output=True, text=True, check=True)
    assert {"title", "surprise", "100.0 %"} <= set(done.stdout.splitlines())


def test_a_class_without_test_images_has_no_percentages():
    picture = figures.confusion(np.array([[3, 1, 0], [0, 0, 0], [0, 2, 2]]), ("anger", "surprise", "neutral"), "t")
    cells = [text for text in texts(picture) if "%" in text]
    assert len(cells) == 6 and "surprise (no image)" in texts(picture)
