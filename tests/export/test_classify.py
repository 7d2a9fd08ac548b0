"""Classification on a device: LiteRT alone, from the raw photograph, as training saw faces."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, features

from export import classify
from export.classify import Classifier, UserError
from export.mtcnn_tflite import convert_detector
from export.tflite import export_tflite
from ifgan_tf.data import images
from ifgan_tf.faces import geometry
from ifgan_tf.faces.mtcnn_tensorflow import FaceDetector
from ifgan_tf.pretrained import MODEL
from ifgan_tf.recognition import litert
from ifgan_tf.run_folder import RunFolder

RENDERED = Path(__file__).parents[3] / "shared" / "faces" / "BU_3DFE"


@pytest.fixture(scope="module")
def classifier(model_file: Path) -> Classifier:
    return Classifier(str(model_file))


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return pytest.importorskip("skimage.data").astronaut()


@pytest.fixture(scope="module")
def astronaut_file(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("photo") / "astronaut.png"
    Image.fromarray(astronaut).save(file)
    return str(file)


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_script_and_one_model_on_a_device(
    run: RunFolder, model_file: Path, astronaut_file: str, tmp_path: Path
) -> None:
    shutil.copy(classify.__file__, tmp_path)
    for absent in ("tensorflow", "keras", "ifgan_tf", "mtcnn", "PIL"):
        (tmp_path / f"{absent}.py").write_text(f"raise ImportError('there is no {absent} on a device')")
    (tmp_path / "huge.png").write_bytes(png_header(20_000, 20_000))
    command = [sys.executable, "classify.py", f"--model={model_file}", astronaut_file, "huge.png"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    line, too_large = map(json.loads, done.stdout.splitlines())
    assert "134217728 pixels" in too_large["error"]
    assert set(line) == {"image", "label", "confidence", "box", "detection", "probabilities", "quality"}
    assert line["quality"] == ""
    assert line["image"] == astronaut_file
    assert tuple(line["probabilities"]) == run.classes()
    assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert line["label"] == max(line["probabilities"], key=line["probabilities"].get)


def test_the_model_that_ships_is_taken_when_none_is_named(
    astronaut_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert classify.main([astronaut_file]) == 0
    assert classify.main([f"--model={MODEL}", astronaut_file]) == 0
    unnamed, named = lines_of(capsys)
    assert unnamed == named


def on_a_device(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the one file, copied into a folder, without the project and what else a device lacks."""
    shutil.copy(classify.__file__, folder)
    for absent in ("tensorflow", "ifgan_tf", "PIL"):
        if not (folder / absent).is_dir():
            (folder / f"{absent}.py").write_text(f"raise ImportError('there is no {absent} on a device')")
    command = [sys.executable, "classify.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_on_a_device_the_model_lies_beside_the_file(astronaut_file: str, tmp_path: Path) -> None:
    without = on_a_device(tmp_path, astronaut_file)
    assert (without.returncode, without.stdout) == (2, "")
    assert without.stderr.startswith("error: no photos.tflite beside classify.py") and "--model=" in without.stderr
    shutil.copy(MODEL, tmp_path)
    done = on_a_device(tmp_path, astronaut_file)
    assert done.returncode == 0 and json.loads(done.stdout)["label"], done.stderr


def test_the_model_of_an_installed_package_is_found_and_the_package_not_imported(
    astronaut_file: str, tmp_path: Path
) -> None:
    (tmp_path / "ifgan_tf" / "pretrained").mkdir(parents=True)
    (tmp_path / "ifgan_tf" / "__init__.py").write_text("raise ImportError('needs what a device lacks')")
    shutil.copy(MODEL, tmp_path / "ifgan_tf" / "pretrained")
    done = on_a_device(tmp_path, astronaut_file)
    assert done.returncode == 0, done.stderr


def test_finds_the_face_that_training_finds(astronaut: np.ndarray) -> None:
    ours, training = litert._cascade(convert_detector()), FaceDetector()
    photos = [astronaut, cv2.resize(astronaut, (1500, 1400)), astronaut[30:200, 130:330]]
    for photo in photos:
        found, expected = ours.detect(photo), training.detect(photo)
        assert len(found) == len(expected) > 0
        best, reference = classify.best_face(found, photo.shape), classify.best_face(expected, photo.shape)
        assert best is not None
        assert reference is not None
        np.testing.assert_allclose(best.landmarks, reference.landmarks, atol=0.1)
        np.testing.assert_allclose(best.box, reference.box, atol=0.1)
        assert best.confidence == pytest.approx(reference.confidence, abs=1e-4)


@pytest.mark.skipif(not RENDERED.is_dir(), reason=f"rendered faces are not at {RENDERED}")
def test_landmarks_on_rendered_faces_within_a_pixel() -> None:
    ours, training = litert._cascade(convert_detector()), FaceDetector()
    files = sorted(RENDERED.glob("*/*_F2D.jpg"))[::50]
    distances = []
    points = np.array([[100, 400, 256], [100, 150, 400], [1, 1, 1]])
    for file in files:
        photo, as_trained = classify.read_image(str(file)), images.read_image(file)
        found = classify.best_face(ours.detect(photo), photo.shape)
        expected = classify.best_face(training.detect(as_trained), as_trained.shape)
        assert found is not None
        assert expected is not None
        ours_at = classify.similarity_transform(found.landmarks) @ points
        training_at = geometry.similarity_transform(expected.landmarks) @ points
        distances.append(np.abs(ours_at - training_at).max())
    assert len(distances) >= 20
    assert np.median(distances) < 1


def test_no_face_is_no_label(classifier: Classifier) -> None:
    with pytest.raises(UserError, match="no face"):
        classifier.find(np.full((200, 300, 3), 128, np.uint8))
    with pytest.raises(UserError, match="no face"):
        classifier.find(np.zeros((1, 1, 3), np.uint8))


def test_same_probabilities_as_keras_and_red_stays_red(run: RunFolder, classifier: Classifier) -> None:
    red = np.zeros((256, 256, 3), np.uint8)
    red[..., 0] = 255
    keras_says = run.inference()(geometry.model_view(red, 32)[None].astype(np.float32), training=False)
    ours = classifier.probabilities(red)
    np.testing.assert_allclose(list(ours.values()), keras_says["probabilities"][0], atol=1e-4)
    assert abs(np.subtract(list(classifier.probabilities(red[..., ::-1]).values()), list(ours.values()))).max() > 1e-3


def test_bad_pictures_do_not_stop_the_others(
    model_file: Path, astronaut_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "cut.png").write_bytes(Path(astronaut_file).read_bytes()[:40])
    Image.new("RGB", (90, 90), "grey").save(tmp_path / "nobody.png")
    names = [str(tmp_path / name) for name in ("empty.jpg", "text.png", "cut.png", "nobody.png", "none.jpg")]
    assert classify.main([f"--model={model_file}", *names, astronaut_file]) == 1
    lines = lines_of(capsys)
    assert [line["image"] for line in lines] == [*names, astronaut_file]
    assert [set(line) for line in lines[:-1]] == [{"image", "error"}] * 5
    for line, reason in zip(
        lines, ("empty", "not a readable", "not a readable", "no face", "No such file"), strict=False
    ):
        assert reason in line.get("error", "")
    assert "label" in lines[-1]


def test_folders_and_aligned_faces(
    model_file: Path, astronaut: np.ndarray, classifier: Classifier, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    face = classifier.find(astronaut)
    for name in ("b.png", "a.png"):
        Image.fromarray(face).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    assert classify.main([f"--model={model_file}", "--aligned", str(tmp_path)]) == 0
    lines = lines_of(capsys)
    assert [Path(line["image"]).name for line in lines] == ["a.png", "b.png"]
    assert lines[0]["probabilities"] == pytest.approx(classifier.probabilities(face))
    # The same door without the flag finds the face again.
    assert classify.main([f"--model={model_file}", str(tmp_path / "a.png")]) == 0


def test_faces_that_cannot_be_read_and_labels_that_are_not_sure(
    model_file: Path, astronaut: np.ndarray, astronaut_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(cv2.GaussianBlur(astronaut, (0, 0), 6)).save(tmp_path / "poor.png")
    asked = [f"--model={model_file}", astronaut_file, str(tmp_path / "poor.png")]
    assert classify.main(asked) == 0
    good, poor = lines_of(capsys)
    assert (good["label"] in good["probabilities"], good["quality"]) == (True, "")
    assert (poor["label"], poor["quality"]) == ("uncertain", "blurred")
    assert poor["confidence"] == max(poor["probabilities"].values())
    assert classify.main([*asked, f"--min_confidence={good['confidence'] + 0.01}"]) == 0
    assert lines_of(capsys) == [{**good, "label": "uncertain"}, poor]
    assert classify.main([*asked, f"--min_confidence={good['confidence'] - 0.01}"]) == 0
    assert lines_of(capsys) == [good, poor]
    for wrong in ("-0.1", "1.1", "nan"):
        assert classify.main([*asked, f"--min_confidence={wrong}"]) == 2
        assert "--min_confidence" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        classify.main([*asked, "--min_confidence=high"])


def test_camera_reads_until_the_end(
    model_file: Path, astronaut: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = str(tmp_path / "video.avi")
    writer = cv2.VideoWriter(video, cv2.VideoWriter.fourcc(*"MJPG"), 10, (512, 512))
    for frame in (astronaut, np.zeros_like(astronaut)):
        writer.write(np.ascontiguousarray(frame[:, :, ::-1]))
    writer.release()
    assert classify.main([f"--model={model_file}", f"--camera={video}"]) == 1
    with_face, without = lines_of(capsys)
    assert with_face["image"] == f"{video}#0"
    assert "label" in with_face
    assert "error" in without


def test_models_that_are_none_of_ours(
    model_file: Path, astronaut_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = model_file.read_bytes()
    (tmp_path / "text.tflite").write_text("not a model")
    (tmp_path / "detector.tflite").write_bytes(convert_detector())
    (tmp_path / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "head.tflite").write_bytes(b"\0" * 64 + whole[64:])
    flipped = bytearray(whole)
    flipped[len(whole) // 4] ^= 0xFF  # one byte of the weights: runs, and lies
    (tmp_path / "flipped.tflite").write_bytes(flipped)
    for name in ("text.tflite", "detector.tflite", "cut.tflite", "head.tflite", "flipped.tflite", "missing.tflite"):
        assert classify.main([f"--model={tmp_path / name}", astronaut_file]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith(f"error: --model={tmp_path / name}")
    assert classify.main([f"--model={model_file}"]) == 2
    assert classify.main([f"--model={model_file}", str(tmp_path)]) == 2  # a folder without pictures


@pytest.mark.parametrize("kind", ["grey", "alpha", "sixteen", "palette", "cmyk", "rotated"])
def test_reads_pictures_as_training_does(
    astronaut: np.ndarray, kind: str, tmp_path: Path, make_picture: Callable[[np.ndarray, str, Path], Path]
) -> None:
    file = make_picture(astronaut, kind, tmp_path)
    ours, training = classify.read_image(str(file)), images.read_image(file)
    assert ours.shape == training.shape
    assert ours.dtype == np.uint8
    assert np.abs(ours.astype(int) - training).mean() < 2


@pytest.fixture
def make_picture() -> Callable[[np.ndarray, str, Path], Path]:
    def make(photo: np.ndarray, kind: str, folder: Path) -> Path:
        image, file = Image.fromarray(photo), folder / f"{kind}.png"
        if kind == "grey":
            image.convert("L").save(file)
        elif kind == "alpha":
            opacity = np.linspace(0, 255, photo.shape[1]).astype(np.uint8)
            Image.fromarray(np.dstack([photo, np.tile(opacity, (photo.shape[0], 1))])).save(file)
        elif kind == "sixteen":
            cv2.imwrite(str(file), photo[:, :, 0].astype(np.uint16) * 257)
        elif kind == "palette":
            image.quantize(64).save(file)
        elif kind == "cmyk":
            file = file.with_suffix(".jpg")
            image.convert("CMYK").save(file, quality=95)
        else:
            exif = Image.Exif()
            exif[0x0112] = 6  # orientation: to be turned clockwise
            file = file.with_suffix(".jpg")
            image.save(file, exif=exif, quality=95)
        return file

    return make


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and ends there."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(os.urandom(64)))


def test_all_faces_with_boxes_and_average_faces(
    model_file: Path, astronaut: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    face = astronaut[20:180, 150:310]
    Image.fromarray(np.concatenate([face, face[:, ::-1]], axis=1)).save(tmp_path / "two.png")
    asked = [f"--model={model_file}", f"--average_face={tmp_path / 'out' / 'face.png'}", str(tmp_path / "two.png")]
    assert classify.main([*asked, "--faces=all"]) == 0
    (line,) = lines_of(capsys)
    left, right = line["faces"]
    assert left["box"][0] < 160 < right["box"][0]
    assert {"label", "confidence", "box", "detection", "probabilities", "quality", "average_face"} == set(left)
    assert {**line, "image": "", "faces": []} in [{**one, "image": "", "faces": []} for one in line["faces"]]
    assert left["confidence"] == max(left["probabilities"].values())
    names = [Path(one["average_face"]).name for one in line["faces"]]
    assert names == ["face.png", "face_2.png"] == sorted(file.name for file in (tmp_path / "out").iterdir())
    assert np.asarray(Image.open(tmp_path / "out" / "face_2.png")).shape == (32, 32, 3)
    assert classify.main(asked) == 0
    (line,) = lines_of(capsys)
    assert "faces" not in line


def test_average_faces_of_a_model_that_draws_none(
    make_run: Callable[..., RunFolder], astronaut_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_tflite(make_run(classifier_input="input"), tmp_path, parity_images=0)
    asked = [f"--model={tmp_path / 'ifgan_float32.tflite'}", astronaut_file]
    assert classify.main([*asked, f"--average_face={tmp_path / 'face.png'}"]) == 2
    assert "draws no average faces" in capsys.readouterr().err
    assert classify.main(asked) == 0


def test_good_pictures_among_what_is_not_there(
    model_file: Path, astronaut_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "photos").mkdir()
    shutil.copy(astronaut_file, tmp_path / "photos" / "no_suffix")
    for junk in ("._photo.png", "Thumbs.db", ".hidden.jpg", "notes.txt"):
        shutil.copy(astronaut_file if junk != "notes.txt" else classify.__file__, tmp_path / "photos" / junk)
    os.mkfifo(tmp_path / "pipe.png")
    names = ["", str(tmp_path / "empty"), str(tmp_path / "none.jpg"), str(tmp_path / "pipe.png")]
    assert classify.main([f"--model={model_file}", *names, str(tmp_path / "photos")]) == 1
    *bad, good = lines_of(capsys)
    assert [line["image"] for line in bad] == names
    assert all("error" in line for line in bad)
    assert Path(good["image"]).name == "no_suffix"
    assert "label" in good


@pytest.mark.parametrize(
    "failure", [cv2.error("odd"), MemoryError(), RuntimeError("odd"), TypeError(), OverflowError()]
)
def test_whatever_a_decoder_raises(
    model_file: Path,
    astronaut_file: str,
    failure: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def decode(*_: object) -> None:
        raise failure

    monkeypatch.setattr(cv2, "imdecode", decode)
    assert classify.main([f"--model={model_file}", astronaut_file]) == 1
    (line,) = lines_of(capsys)
    assert "damaged" in line["error"]


@pytest.mark.parametrize("missing", ["cv2", "numpy", "ai_edge_litert"])
def test_a_missing_package_is_named(model_file: Path, astronaut_file: str, tmp_path: Path, missing: str) -> None:
    shutil.copy(classify.__file__, tmp_path / "classify.py")
    (tmp_path / f"{missing}.py").write_text(f"raise ImportError('No module named {missing}')")
    command = [sys.executable, "classify.py", f"--model={model_file}", astronaut_file]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert missing in line
    assert "pip install ai-edge-litert numpy opencv-python-headless" in line


def test_odd_names_and_a_reader_who_leaves(model_file: Path, astronaut_file: str, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/caf\xe9.png"
    shutil.copy(os.fsencode(astronaut_file), odd)
    command = [sys.executable, classify.__file__, f"--model={model_file}"]
    latin = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*command, odd, odd + b"no"], capture_output=True, check=False, env=latin)
    good, bad = map(json.loads, done.stdout.decode("utf-8").splitlines())
    assert good["image"].endswith(r"caf\xe9.png")
    assert "label" in good
    assert "error" in bad
    with subprocess.Popen([*command, *[odd] * 30], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize("camera", ["rear", "99999999999999999999", "rtsp:/nowhere", "none.avi"])
def test_a_camera_that_is_not_there(model_file: Path, camera: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert classify.main([f"--model={model_file}", f"--camera={camera}"]) == 2
    assert f"--camera={camera}" in capsys.readouterr().err


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_with_holes_are_turned_upright(astronaut: np.ndarray, orientation: int, tmp_path: Path) -> None:
    opacity = np.tile(np.linspace(0, 255, 120).astype(np.uint8), (80, 1))
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.dstack([astronaut[:80, 150:270], opacity])).save(tmp_path / "holes.png", exif=exif)
    ours, training = (read(tmp_path / "holes.png").astype(int) for read in (read_by_device, images.read_image))
    assert ours.shape == training.shape
    assert np.abs(ours - training).max() <= 1


def read_by_device(file: Path) -> np.ndarray:
    return classify.read_image(str(file))


def test_opacity_of_a_tiff_counts_once(astronaut: np.ndarray, tmp_path: Path) -> None:
    opacity = np.tile(np.linspace(0, 255, 120).astype(np.uint8), (80, 1))
    Image.fromarray(np.dstack([astronaut[:80, 150:270], opacity])).save(tmp_path / "holes.tif")
    ours, training = (read(tmp_path / "holes.tif").astype(int) for read in (read_by_device, images.read_image))
    assert np.abs(ours - training).max() <= 1


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow cannot write AVIF")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_is_turned_upright(astronaut: np.ndarray, orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(astronaut[:80, 150:270]).save(tmp_path / "turned.avif", exif=exif)
    try:
        ours = read_by_device(tmp_path / "turned.avif").astype(int)
    except UserError:
        pytest.skip("this OpenCV cannot read AVIF")
    training = images.read_image(tmp_path / "turned.avif")
    assert ours.shape == training.shape
    assert np.abs(ours - training).max() <= 3


@pytest.mark.parametrize("suffix", sorted({*classify._SUFFIXES, ".PGM"} - {".heic", ".heif"}))  # told of
def test_what_is_called_a_picture_is_found_and_read(suffix: str, tmp_path: Path) -> None:
    if suffix == ".avif" and not (features.check("avif") and re.search(r"AVIF: +avif", cv2.getBuildInformation())):
        pytest.skip("this OpenCV cannot read AVIF, or this Pillow cannot write it")
    if suffix == ".jp2" and not features.check("jpg_2000"):
        pytest.skip("this Pillow cannot write JPEG 2000")
    picture = tmp_path / f"a{suffix}"
    Image.new("L" if suffix.lower() == ".pgm" else "RGB", (64, 48), "white").save(picture)
    assert classify.images_of([str(tmp_path)]) == [(str(picture), "")]
    image = classify.read_image(str(picture))
    assert image.shape == (48, 64, 3) and image.min() > 250


def test_what_is_called_a_picture_is_not_passed_over(
    model_file: Path, astronaut_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(astronaut_file, tmp_path / "good.png")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "page.png").write_text("<html>")
    assert classify.main([f"--model={model_file}", str(tmp_path), "x" * 300]) == 1
    empty, good, page, too_long = lines_of(capsys)
    assert "label" in good
    assert ["empty" in empty["error"], "not a readable" in page["error"], "too long" in too_long["error"]] == [True] * 3


@pytest.mark.parametrize("name", ["mine.png", "folder/mine_2.png"])
def test_a_picture_is_never_written_over(
    model_file: Path, astronaut_file: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    shutil.copy(astronaut_file, mine)
    asked = [f"--model={model_file}", f"--average_face={mine.with_name('mine.png')}"]
    assert classify.main([*asked, astronaut_file, str(mine)]) == 1
    assert any("one of the pictures read" in line.get("error", "") for line in lines_of(capsys))
    assert mine.read_bytes() == Path(astronaut_file).read_bytes()


@pytest.mark.parametrize("failure", [cv2.error("odd"), MemoryError(), ValueError("odd")])
def test_whatever_happens_after_reading(
    model_file: Path,
    astronaut_file: str,
    failure: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(classify, "align", fail)
    assert classify.main([f"--model={model_file}", astronaut_file]) == 1
    (line,) = lines_of(capsys)
    assert type(failure).__name__ in line["error"]


def test_a_camera_that_gives_nothing(model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = str(tmp_path / "nothing.avi")
    cv2.VideoWriter(video, cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 64)).release()
    assert classify.main([f"--model={model_file}", f"--camera={video}"]) == 2
    assert f"--camera={video}" in capsys.readouterr().err


def test_a_video_of_which_nothing_can_be_decoded(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = str(tmp_path / "other.avi")
    writer = cv2.VideoWriter(video, cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 64))
    writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.release()
    Path(video).write_bytes(Path(video).read_bytes().replace(b"MJPG", b"H264"))
    assert classify.main([f"--model={model_file}", f"--camera={video}"]) == 2
    told = capsys.readouterr().err
    assert f"--camera={video}: opens, but none of its frames can be decoded" in told
    assert "AV1" in told and "ffmpeg -i FILE -c:v libx264 OUT.mp4" in told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_no_room_for_the_lines(model_file: Path, astronaut_file: str) -> None:
    command = [sys.executable, classify.__file__, f"--model={model_file}", astronaut_file]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: the lines cannot be written")
    assert "Traceback" not in done.stderr


def test_interrupted(model_file: Path, astronaut_file: str) -> None:
    command = [sys.executable, classify.__file__, f"--model={model_file}", *[astronaut_file] * 5000]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in errors


@pytest.mark.parametrize(
    "change",
    [
        lambda labels, metadata, detector: (labels.rsplit("\n", 2)[0], metadata, detector),
        lambda labels, metadata, detector: ("", metadata, detector),
        lambda labels, metadata, detector: (labels, {**metadata, "image_size": 33}, detector),
        lambda labels, metadata, detector: (labels, {**metadata, "working_size": -3}, detector),
        lambda labels, metadata, detector: (labels, {**metadata, "model": "lost"}, detector),
        lambda labels, metadata, detector: (labels, [], detector),
        lambda labels, metadata, detector: (labels, metadata, b"nothing"),
        lambda labels, metadata, detector: (labels, metadata, None),
    ],
    ids=["label lost", "no labels", "size", "working size", "no checksum", "no metadata", "detector", "other detector"],
)
def test_models_whose_parts_do_not_belong_together(
    model_file: Path,
    astronaut_file: str,
    change: Callable[[str, dict, bytes], tuple[str, object, bytes | None]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with zipfile.ZipFile(model_file) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    metadata = json.loads(parts[classify.METADATA])
    model = model_file.read_bytes()[: metadata["model"]["bytes"]]
    labels, metadata, detector = change(parts[classify.LABELS].decode(), metadata, parts[classify.DETECTOR])
    (tmp_path / "odd.tflite").write_bytes(model)
    with zipfile.ZipFile(tmp_path / "odd.tflite", "a") as package:
        package.writestr(classify.LABELS, labels)
        package.writestr(classify.METADATA, json.dumps(metadata))
        package.writestr(classify.DETECTOR, model if detector is None else detector)
    assert classify.main([f"--model={tmp_path / 'odd.tflite'}", astronaut_file]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: --model={tmp_path / 'odd.tflite'}: not a model of this project")
