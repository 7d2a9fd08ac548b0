"""`Recognizer` on every export: one picture or many, many threads, no TensorFlow where none is due."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ifgan_tf.errors import UserError
from ifgan_tf.recognition.litert import Classifier
from ifgan_tf.recognition.recognizer import Recognizer
from ifgan_tf.run_folder import RunFolder

THREADS, CALLS = 8, 12


@pytest.fixture(scope="module")
def exports(run: RunFolder, version: Path, model_file: Path) -> dict[str, Path]:
    return {"keras": run.path, "saved_model": version.parent, "tflite": model_file}


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return pytest.importorskip("skimage.data").astronaut()[:240, 120:340]


@pytest.fixture(scope="module")
def photos(photo: np.ndarray) -> list[np.ndarray]:
    """Different faces, or the same in different light, sizes and places."""
    return [photo, photo[:, ::-1], (photo * 0.6).astype(np.uint8), photo[10:, 20:], photo[:, :, ::-1]]


def together(ask: Callable[[np.ndarray], object], photos: list[np.ndarray]) -> None:
    """Many threads ask at once; each must get what it gets alone."""
    alone = [ask(photo) for photo in photos]
    assert len({str(answer) for answer in alone}) == len(photos)
    order = [(number * 7) % len(photos) for number in range(THREADS * CALLS)]
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda place: ask(photos[place]), order))
    assert answers == [alone[place] for place in order]


@pytest.mark.parametrize("kind", ["keras", "saved_model", "tflite"])
def test_threads_get_their_own_answers(exports: dict[str, Path], photos: list[np.ndarray], kind: str) -> None:
    recognizer = Recognizer(exports[kind])
    assert recognizer.kind == kind

    def ask(image: np.ndarray) -> list[object]:
        return [
            [face.label, round(face.confidence, 5), face.box.round(2).tolist(), face.average_face.sum()]
            for face in recognizer.predict(image)
        ]

    together(ask, [photo.copy() for photo in photos])


def test_threads_share_the_classifier_of_a_device(exports: dict[str, Path], photos: list[np.ndarray]) -> None:
    classifier = Classifier(str(exports["tflite"]))
    together(lambda image: classifier.probabilities(classifier.find(image)), photos)


def test_a_tflite_file_needs_no_tensorflow(exports: dict[str, Path], photo: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(photo).save(tmp_path / "photo.png")
    code = (
        "import sys, ifgan_tf\n"
        "recognizer = ifgan_tf.Recognizer(sys.argv[1], faces='all')\n"
        "print(recognizer.predict(sys.argv[2]))\n"
        "print([name for name in ('tensorflow', 'keras', 'mtcnn', 'tensorflow_datasets') if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", code, str(exports["tflite"]), str(tmp_path / "photo.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    faces, loaded = done.stdout.splitlines()
    assert faces.startswith("[Face(")
    assert loaded == "[]"


def test_one_picture_in_whatever_form(exports: dict[str, Path], photo: np.ndarray, tmp_path: Path) -> None:
    recognizer = Recognizer(exports["tflite"])
    file = tmp_path / "photo.png"
    Image.fromarray(photo).save(file)
    clear = np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)])
    (expected,) = recognizer.predict([photo])[0]
    opened = io.BytesIO(file.read_bytes())
    turned = photo[:, ::-1].copy()[:, ::-1]  # strides below zero
    for picture in (
        str(file),
        file,
        opened,
        file.read_bytes(),
        photo,
        turned,
        Image.open(file),
        clear,
        Image.fromarray(clear),
    ):
        (face,) = recognizer.predict(picture)
        assert face.probabilities == expected.probabilities
    for several in ([photo], (photo,), iter([photo]), photo[None]):
        assert [[face.label for face in faces] for faces in recognizer.predict(several)] == [[expected.label]]
    grey = np.asarray(Image.fromarray(photo).convert("L"))
    (of_grey,), (of_wide,) = recognizer.predict([grey, np.dstack([grey] * 3)])
    assert of_grey.probabilities == of_wide.probabilities


def test_pictures_of_pillow_follow_the_rule_of_files(exports: dict[str, Path], photo: np.ndarray) -> None:
    recognizer = Recognizer(exports["tflite"])
    content, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(photo[::-1, ::-1]).save(content, format="PNG", exif=exif)
    (face,), (upright,) = recognizer.predict([Image.open(content), photo])
    assert face.probabilities == upright.probabilities


def test_a_face_is_one_line(exports: dict[str, Path], photo: np.ndarray) -> None:
    (face,) = Recognizer(exports["tflite"]).predict(photo)
    assert str(face) == repr(face)
    assert "\n" not in str(face)
    assert face.label in str(face)
    assert (face == face, face in [face], len({face})) == (True, True, 1)


@pytest.mark.parametrize(
    "wrong", [None, 7, 1.5, np.zeros((9, 9, 3)), np.zeros((9, 9, 2), np.uint8), np.zeros(9, np.uint8)]
)
def test_what_is_no_picture(exports: dict[str, Path], wrong: object) -> None:
    with pytest.raises(UserError, match="expected"):
        Recognizer(exports["tflite"]).predict([wrong])  # type: ignore[list-item]
    with pytest.raises(UserError, match="expected"):
        Recognizer(exports["tflite"]).predict(wrong)  # type: ignore[call-overload]


def test_broken_pictures_of_pillow_and_bytes(exports: dict[str, Path], photo: np.ndarray) -> None:
    content = io.BytesIO()
    Image.fromarray(photo).save(content, format="PNG")
    half = content.getvalue()[: len(content.getvalue()) // 2]
    for broken in (Image.open(io.BytesIO(half)), half, io.BytesIO(half), b""):
        with pytest.raises(UserError, match="expected"):
            Recognizer(exports["tflite"]).predict(broken)


def test_a_generator_holds_one_picture_at_a_time(exports: dict[str, Path], photo: np.ndarray) -> None:
    alive: list[weakref.ref] = []

    def pictures() -> Iterator[np.ndarray]:
        for _ in range(5):
            picture = np.array(photo)
            alive.append(weakref.ref(picture))
            yield picture
            del picture
            assert sum(reference() is not None for reference in alive) <= 1

    assert len(Recognizer(exports["tflite"]).predict(pictures())) == 5


@pytest.mark.parametrize("kind", ["keras", "saved_model", "tflite"])
def test_boxes_are_float32_and_the_same_for_all(exports: dict[str, Path], photo: np.ndarray, kind: str) -> None:
    two = np.concatenate([photo, np.zeros_like(photo), photo[:, ::-1]], axis=1)
    reference = Recognizer(exports["keras"], faces="all").predict(two)
    faces = Recognizer(exports[kind], faces="all").predict(two)
    assert len(faces) == len(reference) == 2
    for face, expected in zip(faces, reference, strict=True):
        assert face.box.dtype == face.landmarks.dtype == np.float32
        np.testing.assert_allclose(face.box, expected.box, atol=0.1)
        np.testing.assert_allclose(face.landmarks, expected.landmarks, atol=0.1)


def test_a_path_with_a_tilde(exports: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(exports["tflite"].parent))
    assert Recognizer("~/ifgan_float32.tflite").kind == "tflite"


@pytest.mark.parametrize("kind", ["keras", "saved_model", "tflite"])
def test_paths_that_need_care(exports: dict[str, Path], photo: np.ndarray, kind: str, tmp_path: Path) -> None:
    odd = tmp_path / "my [best] run"
    odd.mkdir()
    source, target = exports[kind], odd / exports[kind].name
    shutil.copy(source, target) if source.is_file() else shutil.copytree(source, target)
    assert Recognizer(target).predict(photo)[0].label == Recognizer(source).predict(photo)[0].label


@pytest.mark.parametrize(
    "part", ["saved_model.pb", "variables/variables.data-00000-of-00001", "assets/labels.txt", "assets/template.json"]
)
def test_damaged_saved_models(exports: dict[str, Path], part: str, tmp_path: Path) -> None:
    shutil.copytree(exports["saved_model"], tmp_path / "export")
    (file,) = (tmp_path / "export").glob(f"*/{part}")
    content = file.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"\xff" * 100):
        file.write_bytes(damaged)
        with pytest.raises(UserError, match="not a SavedModel of this project, or damaged"):
            Recognizer(tmp_path / "export")
