"""Prediction on photographs, folders and videos, by every backend, and on everything that is not a photograph."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import ifgan_tf
from ifgan_tf import config as config_lib
from ifgan_tf import predict as predict_lib
from ifgan_tf.config import Config, DataConfig, ModelConfig
from ifgan_tf.errors import UserError
from ifgan_tf.recognition import media, tables
from ifgan_tf.recognition.recognizer import Recognizer

COLUMNS = ["source", "frame", "time_s", "face", "x", "y", "width", "height", "detection", "label", "confidence"]
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of tiny untrained networks, seven classes."""
    import tensorflow as tf

    from ifgan_tf.models.networks import build_networks, trackables

    folder = tmp_path_factory.mktemp("run")
    config = Config(
        data=DataConfig(num_classes=7, image_size=32),
        model=ModelConfig(backbone="SmallCNN", classifier_weights="none", generator_width=8, attention=False),
    )
    config_lib.save(config, folder / "config.json")
    networks = trackables(build_networks(config))
    tf.train.CheckpointManager(tf.train.Checkpoint(**networks), folder / "checkpoints" / "best", 1).save()
    return folder


@pytest.fixture(scope="module")
def recognizer(run_dir: Path) -> Recognizer:
    return Recognizer(run_dir)


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return pytest.importorskip("skimage.data").astronaut()[:300, 100:400]


def save(image: np.ndarray, file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file)
    return str(file)


def write_video(frames: list[np.ndarray], file: Path, rate: float = 5, code: str = "MJPG") -> str:
    size = (frames[0].shape[1], frames[0].shape[0])
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*code), rate, size)
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    return str(file)


def table(output: Path) -> Rows:
    with (output / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def lines(output: Path) -> list[dict]:
    return [json.loads(line) for line in (output / "predictions.jsonl").read_text().splitlines()]


def test_recognizer_is_offered_by_the_package() -> None:
    assert ifgan_tf.Recognizer is Recognizer
    with pytest.raises(AttributeError, match="Nothing"):
        _ = ifgan_tf.Nothing


def test_arrays_and_files_give_the_same(recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path) -> None:
    file = save(astronaut, tmp_path / "photo.png")
    ((of_array,), (of_file,), nobody) = recognizer.predict([astronaut, file, np.zeros((80, 80, 3), np.uint8)])
    assert of_array.probabilities == pytest.approx(of_file.probabilities, abs=1e-5)
    assert sum(of_array.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert of_array.label == max(of_array.probabilities, key=of_array.probabilities.__getitem__)
    assert of_array.average_face is not None
    assert of_array.average_face.shape == (32, 32, 3)
    assert of_array.average_face.dtype == np.uint8
    assert nobody == []
    assert recognizer.predict([]) == []


def test_all_faces_from_left_to_right(run_dir: Path, recognizer: Recognizer, astronaut: np.ndarray) -> None:
    face = astronaut[20:180, 50:210]
    two = np.concatenate([face, face[:, ::-1]], axis=1)
    (largest,) = recognizer.predict([two])
    assert len(largest) == 1
    (faces,) = Recognizer(run_dir, faces="all").predict([two])
    assert len(faces) == 2
    assert faces[0].box[0] < 160 < faces[1].box[0]


def test_fifty_faces(run_dir: Path, astronaut: np.ndarray) -> None:
    crowd = np.tile(astronaut[20:180, 50:210], (5, 10, 1))
    (faces,) = Recognizer(run_dir, faces="all").predict([crowd])
    assert len(faces) == 50
    assert len({tuple(face.box.round()) for face in faces}) == 50


def test_wrong_arrays_and_options(run_dir: Path, recognizer: Recognizer, tmp_path: Path) -> None:
    for wrong in (np.zeros((9, 9, 2), np.uint8), np.zeros((9, 9, 3), np.float32)):
        with pytest.raises(UserError, match="expected uint8"):
            recognizer.predict([wrong])
    with pytest.raises(UserError, match="--faces"):
        Recognizer(run_dir, faces="some")
    (tmp_path / "text.tflite").write_text("not a model")
    for nothing in (tmp_path, tmp_path / "missing", tmp_path / "text.tflite"):
        with pytest.raises(UserError, match=str(nothing)):
            Recognizer(nothing)


def test_table_lines_copies_and_average_faces(recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path) -> None:
    photo = save(astronaut, tmp_path / "in" / "a" / "photo.png")
    save(astronaut[:, ::-1], tmp_path / "in" / "b" / "photo.png")
    output = tmp_path / "out"
    counts = predict_lib.predict(recognizer, [str(tmp_path / "in")], output)
    assert [count.faces for count in counts.values()] == [1, 1]
    rows = table(output)
    assert list(rows[0]) == [*COLUMNS, *recognizer.labels]
    assert [row["source"] for row in rows] == [photo, photo.replace("/a/", "/b/")]
    (face,) = recognizer.predict([astronaut])[0]
    assert rows[0]["label"] == face.label
    assert float(rows[0]["x"]) == pytest.approx(face.box[0], abs=0.06)
    assert sum(float(rows[0][name]) for name in recognizer.labels) == pytest.approx(1, abs=1e-4)
    assert lines(output)[0]["probabilities"] == pytest.approx(face.probabilities, abs=1e-5)
    copy = np.asarray(Image.open(output / "annotated" / "a" / "photo.png"))
    assert copy.shape == astronaut.shape
    x, y = int(face.box[0]), int(face.box[1] + face.box[3] / 2)
    assert tuple(copy[y, x]) == (255, 214, 0)  # the box
    saved = np.asarray(Image.open(output / "average_faces" / "a" / f"photo_0_{face.label}.png"))
    np.testing.assert_array_equal(saved, face.average_face)
    assert not list(output.rglob(".*"))


def test_video_row_by_row_and_copy(recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path) -> None:
    frames = [astronaut, np.zeros_like(astronaut), astronaut[:, ::-1]] * 15  # more than one chunk
    video = write_video(frames, tmp_path / "video.avi")
    output = tmp_path / "out"
    counts = predict_lib.predict(recognizer, [video], output)[video]
    assert (counts.frames, counts.faces, counts.error) == (45, 30, "")
    rows = table(output)
    assert [int(row["frame"]) for row in rows] == list(range(45))
    assert [float(row["time_s"]) for row in rows[:3]] == [0.0, 0.2, 0.4]
    assert [bool(row["label"]) for row in rows[:3]] == [True, False, True]
    assert lines(output)[1] == {"source": video, "frame": 1, "time_s": 0.2, "error": "no face found"}
    copy = cv2.VideoCapture(str(output / "annotated" / "video.avi.mp4"))
    assert copy.get(cv2.CAP_PROP_FRAME_COUNT) == 45
    assert copy.get(cv2.CAP_PROP_FPS) == 5


def test_frames_are_released_as_they_are_read(
    recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import weakref

    black = np.zeros((64, 64, 3), np.uint8)
    alive: list[weakref.ref] = []
    most = 0

    def endless(source: media.Source) -> object:
        nonlocal most
        for number in range(200):
            image = black.copy()
            alive.append(weakref.ref(image))
            most = max(most, sum(ref() is not None for ref in alive))
            yield media.Frame(source, number, 0.0, image, rate=5.0)

    monkeypatch.setattr(media, "frames", endless)
    video = write_video([black], tmp_path / "v.avi")
    predict_lib.predict(recognizer, [video], tmp_path / "out", annotate=False)
    assert len(alive) == 200
    assert most <= 2 * predict_lib.CHUNK_FRAMES


def test_bad_inputs_are_listed_and_the_rest_goes_on(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path, bad_corpus: Callable[[Path], dict[str, str]]
) -> None:
    expected = bad_corpus(tmp_path / "in")
    good = save(astronaut, tmp_path / "in" / "zz_good.png")
    counts = predict_lib.predict(recognizer, [str(tmp_path / "in")], tmp_path / "out")
    outcomes = {
        Path(name).name: ("error" if c.error else "face" if c.faces else "no face") for name, c in counts.items()
    }
    assert outcomes == {**expected, "zz_good.png": "face"}
    assert counts[good].faces == 1
    errors = {Path(line["source"]).name for line in lines(tmp_path / "out") if "error" in line}
    assert errors >= {name for name, outcome in expected.items() if outcome != "face"}


@pytest.fixture
def bad_corpus(astronaut: np.ndarray) -> Callable[[Path], dict[str, str]]:
    """Writes pictures that are hard to read; returns what is to become of each."""
    import struct
    import zlib

    def make(folder: Path) -> dict[str, str]:
        folder.mkdir()
        image = Image.fromarray(astronaut)
        (folder / "empty.jpg").touch()
        (folder / "text.jpg").write_text("not a picture")
        image.save(folder / "whole.jpg", quality=95)
        data = (folder / "whole.jpg").read_bytes()
        (folder / "truncated.jpg").write_bytes(data[: len(data) // 2])
        Image.new("RGB", (1, 1)).save(folder / "one_pixel.png")
        header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
        huge = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
        (folder / "huge.png").write_bytes(huge + b"\0\0\0\0IEND\xaeB`\x82")
        image.convert("L").save(folder / "grey.png")
        image.convert("RGBA").save(folder / "alpha.png")
        cv2.imwrite(str(folder / "sixteen_bit.png"), astronaut[:, :, 0].astype(np.uint16) * 257)
        image.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
        exif = Image.Exif()
        exif[0x0112] = 6
        image.rotate(90, expand=True).save(folder / "rotated.jpg", exif=exif, quality=95)
        image.save(folder / "animated.gif", save_all=True, append_images=[image.convert("L")])
        Image.new("RGB", (300, 300), "grey").save(folder / "nobody.png")
        video = write_video([astronaut] * 20, folder / "whole.avi")
        (folder / "cut.avi").write_bytes(Path(video).read_bytes()[:-200_000])
        (folder / "text.mp4").write_text("not a video")
        readable = dict.fromkeys(
            ("whole.jpg", "grey.png", "alpha.png", "sixteen_bit.png", "cmyk.jpg", "rotated.jpg", "animated.gif"), "face"
        )
        broken = dict.fromkeys(("empty.jpg", "text.jpg", "truncated.jpg", "huge.png", "cut.avi", "text.mp4"), "error")
        return {**readable, **broken, "one_pixel.png": "no face", "nobody.png": "no face", "whole.avi": "face"}

    return make


def test_what_follows_damaged_frames_is_read(astronaut: np.ndarray, tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    frames = [np.roll(astronaut, 3 * number, axis=1) for number in range(20)]
    write_video(frames, video, code="mp4v")
    (source,) = media.sources([str(video)])
    whole = {frame.number: frame.image for frame in media.frames(source)}
    data = bytearray(video.read_bytes())
    middle = slice(int(len(data) * 0.3), int(len(data) * 0.55))
    data[middle] = np.random.default_rng(0).bytes(middle.stop - middle.start)
    video.write_bytes(data)
    *damaged, report = media.frames(source)
    assert list(whole) == list(range(20))
    assert {0, 19} <= {frame.number for frame in damaged} < set(whole)
    assert damaged[-1].time_s == pytest.approx(19 / 5)
    np.testing.assert_array_equal(damaged[0].image, whole[0])
    assert report.image is None
    assert f"{20 - len(damaged)} of 20 frames" in report.error
    assert report.number not in {frame.number for frame in damaged}


def test_same_names_get_copies_of_their_own(tmp_path: Path, astronaut: np.ndarray) -> None:
    for folder in ("a", "b"):
        save(astronaut, tmp_path / folder / "photo.png")
    found = media.sources([str(tmp_path / "a" / "photo.png"), str(tmp_path / "b" / "photo.png")])
    assert [str(source.relative) for source in found] == ["photo.png", "photo_2.png"]
    by_glob = media.sources([str(tmp_path / "*" / "*.png")])
    assert [source.name for source in by_glob] == [source.name for source in found]


def test_inputs_that_are_not_there(recognizer: Recognizer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for nothing in (tmp_path / "empty", tmp_path / "*.png"):
        with pytest.raises(UserError, match="no image"):
            predict_lib.predict(recognizer, [str(nothing)], tmp_path / "out")
    missing = str(tmp_path / "missing.jpg")
    assert predict_lib.predict(recognizer, [missing], tmp_path / "out")[missing].error.startswith(missing)


def test_output_that_cannot_be_written(recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path) -> None:
    photo = save(astronaut, tmp_path / "photo.png")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--output"):
        predict_lib.predict(recognizer, [photo], tmp_path / "file")


def test_full_disk_leaves_no_half_table(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "photo.png")

    photo = save(astronaut, tmp_path / "photo.png")
    monkeypatch.setattr(tables, "write_image", full)
    with pytest.raises(UserError, match="No space left"):
        predict_lib.predict(recognizer, [photo], tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
