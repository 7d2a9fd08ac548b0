"""Prediction on photographs, folders and videos, by every backend, and on everything that is not a photograph."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from tiny import tiny_config, write_run
from tiny_sets import SUBJECTS, face_of

import ifgan_tf
from ifgan_tf import files
from ifgan_tf import predict as predict_lib
from ifgan_tf.errors import UserError
from ifgan_tf.recognition import media, tables
from ifgan_tf.recognition.recognizer import Recognizer

COLUMNS = ["source", "frame", "time_s", "face", "x", "y", "width", "height", "detection", "label", "confidence"]
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of tiny untrained networks, seven classes."""
    config = tiny_config(classifier_input="pair", classes="7", attention=False)
    return write_run(tmp_path_factory.mktemp("run"), config, SUBJECTS, lambda _: face_of(99, 0, 0), {"best": 1}).path


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
    assert list(rows[0]) == [*COLUMNS, *recognizer.labels, "error", "quality"]
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
    saved = np.asarray(Image.open(output / "average_faces" / "a" / "photo_0.png"))
    np.testing.assert_array_equal(saved, face.average_face)
    assert [file.name for file in output.rglob(".*")] == [".lock"]


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
    assert [row["error"] for row in rows[:3]] == ["", "no face found", ""]
    copy = cv2.VideoCapture(str(output / "annotated" / "video.webm"))
    times = []
    while copy.read()[0]:
        times.append(copy.get(cv2.CAP_PROP_POS_MSEC))
    assert int(copy.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little") == b"VP80"
    assert times[-1] == pytest.approx(44 * 200, abs=100)


def test_faces_that_cannot_be_read_are_said_so(recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path) -> None:
    blurred = cv2.GaussianBlur(astronaut, (0, 0), 6)
    photos = [save(astronaut, tmp_path / "good.png"), save(blurred, tmp_path / "poor.png")]
    predict_lib.predict(recognizer, photos, tmp_path / "out", annotate=False)
    good, poor = table(tmp_path / "out")
    assert good["quality"] == "" and good["label"] in recognizer.labels
    assert poor["quality"] == "blurred" and poor["label"] == "uncertain"
    assert sum(float(poor[name]) for name in recognizer.labels) == pytest.approx(1, abs=1e-4)
    assert float(poor["confidence"]) == max(float(poor[name]) for name in recognizer.labels)
    assert [line["quality"] for line in lines(tmp_path / "out")] == ["", "blurred"]


def test_labels_below_the_least_confidence(run_dir: Path, recognizer: Recognizer, astronaut: np.ndarray) -> None:
    (sure,) = recognizer.predict(astronaut)
    for least, label in ((sure.confidence - 0.01, sure.label), (sure.confidence + 0.01, "uncertain")):
        (face,) = Recognizer(run_dir, min_confidence=least).predict(astronaut)
        assert (face.label, face.confidence, face.probabilities) == (label, sure.confidence, sure.probabilities)
    for wrong in (-0.1, 1.5, float("nan")):
        with pytest.raises(UserError, match="--min_confidence"):
            Recognizer(run_dir, min_confidence=wrong)


def test_tracks_smooth_and_number_the_faces_of_a_video(
    run_dir: Path, astronaut: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two faces, one of them alone, nobody for more than a second, both again; every third frame is misread."""
    left, right = astronaut[20:180, 50:210], astronaut[20:180, 210:50:-1]
    blank = np.zeros((160, 40, 3), np.uint8)
    pair, alone = np.concatenate([left, blank, right], axis=1), np.concatenate([blank] * 5 + [right], axis=1)
    video = write_video([pair] * 6 + [alone] * 6 + [np.zeros_like(pair)] * 12 + [pair] * 2, tmp_path / "v.avi", rate=10)
    recognizer = Recognizer(run_dir, faces="all")
    whole, asked = recognizer._runtime.run, iter(range(99))

    def flickering(faces: np.ndarray) -> Any:
        _, average_faces = whole(faces)
        seen = [next(asked) // 2 % 3 == 2 for _ in faces]
        return np.array([np.eye(7, dtype=np.float32)[5 if other else 0] for other in seen]), average_faces

    monkeypatch.setattr(recognizer, "_runtime", replace(recognizer._runtime, run=flickering))
    predict_lib.predict(recognizer, [video, video], tmp_path / "out", annotate=False, track=True)
    rows = [row for row in table(tmp_path / "out") if row["label"]]
    first, second = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    numbers = [int(row["face"]) for row in first]
    assert numbers == [0, 1] * 6 + [1] * 6 + [2, 3] * 2
    assert [int(row["face"]) for row in second] == numbers  # a new source begins anew
    assert {row["label"] for row in first[:18]} == {recognizer.labels[0]}
    assert min(float(row["confidence"]) for row in first[:18]) > 0.5


def test_without_tracks_labels_are_those_of_the_frames_and_photographs_are_never_smoothed(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(recognizer, "follow", never)
    photos = [save(astronaut, tmp_path / f"{number}.png") for number in range(2)]
    video = write_video([astronaut] * 3, tmp_path / "video.avi")
    predict_lib.predict(recognizer, [video], tmp_path / "out", annotate=False)
    predict_lib.predict(recognizer, photos, tmp_path / "out", annotate=False, track=True)
    assert [row["face"] for row in table(tmp_path / "out")] == ["0", "0"]


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


def test_a_full_disk_keeps_what_was_finished(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def full(path: Path, _: np.ndarray) -> None:
        written.append(path)
        if path.name == "c.png":
            raise OSError(28, "No space left on device", "c.png")

    for name in "abcd":
        save(astronaut, tmp_path / "in" / f"{name}.png")
    monkeypatch.setattr(tables, "write_image", full)
    with pytest.raises(UserError, match=r"No space left.*finished is kept"):
        predict_lib.predict(recognizer, [str(tmp_path / "in")], tmp_path / "out")
    assert [Path(row["source"]).name for row in table(tmp_path / "out")] == ["a.png", "b.png", "c.png"]
    assert len(lines(tmp_path / "out")) == 3


def test_a_model_that_fails_at_once_leaves_the_earlier_result(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = save(astronaut, tmp_path / "photo.png")
    predict_lib.predict(recognizer, [photo], tmp_path / "out")
    earlier = (tmp_path / "out" / "predictions.csv").read_bytes()

    def ends(_: object) -> None:
        raise SystemExit(143)

    monkeypatch.setattr(recognizer, "predict", ends)
    with pytest.raises(SystemExit):
        predict_lib.predict(recognizer, [photo], tmp_path / "out")
    assert (tmp_path / "out" / "predictions.csv").read_bytes() == earlier
    assert {file.name for file in (tmp_path / "out").glob("*.*")} == {"predictions.csv", "predictions.jsonl", ".lock"}


def test_ctrl_c_tells_what_was_not_read(
    recognizer: Recognizer,
    astronaut: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for number in range(5):
        save(astronaut, tmp_path / "in" / f"{number}.png")
    monkeypatch.setattr(predict_lib, "CHUNK_FRAMES", 2)
    whole, calls = recognizer.predict, iter(range(9))

    def interrupted(images: list[np.ndarray]) -> object:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return whole(images)

    monkeypatch.setattr(recognizer, "predict", interrupted)
    counts = predict_lib.predict(recognizer, [str(tmp_path / "in")], tmp_path / "out")
    assert [(count.faces, count.interrupted) for count in counts.values()] == [(1, False)] * 2 + [(0, True)] * 3
    assert len(table(tmp_path / "out")) == 2
    caplog.clear()
    assert predict_lib.report(counts, tmp_path / "out") == 130
    assert "3 inputs were not read" in caplog.text
    assert "no face" not in caplog.text


def test_one_picture_that_the_model_chokes_on(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [save(astronaut + np.uint8(number), tmp_path / f"{number}.png") for number in range(3)]
    whole = recognizer.predict

    def choosy(images: list[np.ndarray]) -> object:
        if any(image[0, 0, 0] == astronaut[0, 0, 0] + np.uint8(1) for image in images):
            raise MemoryError
        return whole(images)

    monkeypatch.setattr(recognizer, "predict", choosy)
    counts = predict_lib.predict(recognizer, names, tmp_path / "out")
    assert [bool(counts[name].error) for name in names] == [False, True, False]
    assert [bool(row["error"]) for row in table(tmp_path / "out")] == [False, True, False]


def test_two_predictions_into_one_folder(recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path) -> None:
    photo = save(astronaut, tmp_path / "photo.png")
    with (
        files.only_one(tmp_path / "out", "a prediction"),
        pytest.raises(UserError, match="a prediction is going on there already"),
    ):
        predict_lib.predict(recognizer, [photo], tmp_path / "out")
    assert not (tmp_path / "out" / "predictions.csv").exists()


def test_good_inputs_among_what_is_not_there(recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path) -> None:
    photo = save(astronaut, tmp_path / "photo.png")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    nothing = ["", "x" * 300, "camera:rear", *(str(tmp_path / name) for name in ("empty", "*.gif", "pipe.jpg"))]
    missing = [str(tmp_path / "missing.jpg"), str(tmp_path / "missing.mp4")]
    counts = predict_lib.predict(recognizer, [*nothing, photo, *missing], tmp_path / "out")
    good = counts.pop(photo)
    assert (good.frames, good.faces, good.error) == (1, 1, "")
    assert set(counts) == {*nothing, *missing}
    assert all(count.error for count in counts.values())
    assert {row["source"] for row in table(tmp_path / "out") if row["error"]} == {*nothing, *missing}
    for alone in nothing:
        with pytest.raises(UserError):
            predict_lib.predict(recognizer, [alone], tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_twins_and_results_among_the_inputs(recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path) -> None:
    for name in ("IMG_1.jpg", "IMG_1.png", "img_1.PNG"):
        save(astronaut, tmp_path / name)
    for _ in range(2):  # the second time the results of the first lie inside of what is read
        counts = predict_lib.predict(recognizer, [str(tmp_path)], tmp_path / "out")
        assert len(counts) == 3
        assert len(list((tmp_path / "out" / "average_faces").iterdir())) == 3
        assert len(list((tmp_path / "out" / "annotated").iterdir())) == 3


def test_names_that_are_long_or_no_text(recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path) -> None:
    long = save(astronaut, tmp_path / "in" / f"{'ü' * 122}.png")
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/in/caf\xe9.png")
    Image.fromarray(astronaut).save(odd)
    counts = predict_lib.predict(recognizer, [str(tmp_path / "in")], tmp_path / "out")
    assert {name: (count.faces, count.error) for name, count in counts.items()} == {long: (1, ""), odd: (1, "")}
    assert {row["source"] for row in table(tmp_path / "out")} == {long, str(tmp_path / "in" / r"caf\xe9.png")}
    assert len(list((tmp_path / "out" / "average_faces").iterdir())) == 2
    assert len(list((tmp_path / "out" / "annotated").iterdir())) == 2


def test_a_copy_that_cannot_be_written_costs_itself_alone(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path
) -> None:
    wide = tmp_path / "a_wide.jpg"  # a PNG by its content; JPEG takes no more than 65,500 pixels
    Image.fromarray(np.zeros((20, 66_000, 3), np.uint8)).save(wide, format="PNG")
    good = save(astronaut, tmp_path / "good.png")
    counts = predict_lib.predict(recognizer, [str(wide), good], tmp_path / "out")
    assert "its copy cannot be written" in counts[str(wide)].error
    assert counts[good].faces == 1 and not counts[good].error
    assert [bool(row["error"]) for row in table(tmp_path / "out")] == [True, False]
    assert [file.name for file in (tmp_path / "out" / "annotated").iterdir()] == ["good.png"]


def test_a_disk_that_fills_within_a_row_keeps_the_rows_before(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Filling(io.FileIO):
        room = 1500

        def write(self, data: Any) -> int:
            if not Filling.room:
                raise OSError(28, "No space left on device")
            part = data[: Filling.room]
            Filling.room -= len(part)
            return super().write(part)

    monkeypatch.setattr(Path, "open", lambda path, mode, buffering=-1: Filling(path, mode))
    photos = [save(astronaut, tmp_path / f"{number}.png") for number in range(6)]
    with (
        pytest.raises(UserError, match="No space left"),
        tables.Writer(tmp_path, recognizer.labels, False, False) as writer,
        predict_lib._writable(tmp_path),
    ):
        for source in media.sources(photos):
            (frame,) = media.frames(source)
            writer.write(frame, recognizer.predict([astronaut])[0])
    monkeypatch.undo()
    rows = table(tmp_path)
    assert 0 < len(rows) < 6
    assert len(rows) == len(lines(tmp_path))
    assert all(row["error"] == "" and row["label"] for row in rows)


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no UTF-8 are Linux's")
def test_videos_in_folders_whose_names_are_no_text(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path
) -> None:
    video = write_video([astronaut] * 3, tmp_path / "video.avi")
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.avi")
    Path(video).rename(odd)
    output = Path(os.fsdecode(os.fsencode(tmp_path) + b"/out\xe9"))
    counts = predict_lib.predict(recognizer, [odd], output)
    assert (counts[odd].frames, counts[odd].faces, counts[odd].error) == (3, 3, "")
    assert [file.name for file in (output / "annotated").iterdir()] == [r"caf\xe9.webm"]


def test_results_among_the_inputs_are_left_out_and_nothing_else(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path
) -> None:
    for name in ("a.png", "sub/b.png"):
        save(astronaut, tmp_path / name)
    for arguments in ([str(tmp_path)], [str(tmp_path / "**" / "*.png")]):
        counts = predict_lib.predict(recognizer, arguments, tmp_path)
        assert {Path(name).name for name in counts} == {"a.png", "b.png"}


def test_results_that_are_named_are_left_out_and_said_to_be(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As a shell names them for `p/*`."""
    caplog.set_level(logging.INFO)
    photo = save(astronaut, tmp_path / "me.png")
    for _ in range(3):
        caplog.clear()
        counts = predict_lib.predict(recognizer, [*map(str, sorted(tmp_path.glob("[!.]*")))], tmp_path)
        assert list(counts) == [photo]
        assert predict_lib.report(counts, tmp_path) == 0
    named = [str(tmp_path / name) for name in (*media.RESULTS, *media.TABLES)]
    assert f"{', '.join(named)}: not read, since results are written there; choose another --output" in caplog.messages
    inside = [str(file) for name in media.RESULTS for file in (tmp_path / name).iterdir()]
    assert len(inside) == 2
    for alone in (*named, *inside, str(tmp_path / "annotated" / "*")):
        with pytest.raises(UserError, match="not read, since results are written there; choose another --output"):
            predict_lib.predict(recognizer, [alone], tmp_path)
    assert list(predict_lib.predict(recognizer, inside, tmp_path / "elsewhere")) == inside


@pytest.mark.parametrize("argument", ["", "me.png", "annotated", "annotated/me.png", "*/*.png", "link"])
def test_what_no_prediction_wrote_is_never_written_over(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path, argument: str
) -> None:
    save(astronaut, tmp_path / "me.png")
    mine = Path(save(astronaut, tmp_path / "annotated" / "me.png"))
    (tmp_path / "link").symlink_to(mine.parent)
    before = mine.read_bytes()
    with pytest.raises(UserError, match=f"{mine.parent}: lies where .* choose another --output"):
        predict_lib.predict(recognizer, [str(tmp_path / argument)], tmp_path)
    assert mine.read_bytes() == before
    assert {file.name for file in tmp_path.iterdir()} == {"me.png", "annotated", "link"}


def test_average_faces_of_a_training_are_never_written_over(
    run_dir: Path, recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path
) -> None:
    with files.only_one(run_dir, "a training"), pytest.raises(UserError, match="choose another --output"):
        predict_lib.predict(recognizer, [save(astronaut, tmp_path / "happiness.png")], run_dir)


def test_what_a_killed_prediction_left_is_written_over(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path
) -> None:
    photo = save(astronaut, tmp_path / "me.png")
    code = (
        "import os, pathlib; from ifgan_tf.recognition.tables import Writer;"
        f"folder = pathlib.Path({str(tmp_path)!r});"
        "Writer(folder, (), True, True).__enter__();"
        "(folder / 'annotated').mkdir(); (folder / 'annotated' / 'me.png').touch(); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert (tmp_path / "annotated" / "me.png").stat().st_size == 0
    predict_lib.predict(recognizer, [photo], tmp_path)
    assert (tmp_path / "annotated" / "me.png").stat().st_size > 0


def test_results_that_lie_elsewhere_by_a_link(recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path) -> None:
    photo = save(astronaut, tmp_path / "photos" / "me.png")
    before = Path(photo).read_bytes()
    output = tmp_path / "out"
    predict_lib.predict(recognizer, [photo], output, annotate=False)
    (output / "annotated").symlink_to(tmp_path / "photos")
    for argument in (photo, str(tmp_path / "photos")):
        with pytest.raises(UserError, match="not read, since results are written there; choose another --output"):
            predict_lib.predict(recognizer, [argument], output)
    assert Path(photo).read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one encoding of names")
def test_names_of_copies_in_a_narrow_locale(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, numpy; from ifgan_tf.recognition.copies import write_image;"
        f"folder = pathlib.Path({str(tmp_path)!r});"
        "image = numpy.zeros((8, 8, 3), numpy.uint8);"
        "[write_image(folder / os.fsdecode(name), image) for name in (b'\\xc3\\xa9.png', b'caf\\xe9.png')]"
    )
    narrow = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **narrow}, check=True)
    assert {file.name for file in tmp_path.iterdir()} == {"é.png", r"caf\xe9.png"}
