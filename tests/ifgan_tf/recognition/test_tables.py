"""The tables of a prediction: what a spreadsheet makes of names that look like formulas, and where pictures land."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ifgan_tf.faces.quality import Quality
from ifgan_tf.recognition import media
from ifgan_tf.recognition.media import Frame, Source
from ifgan_tf.recognition.recognizer import Face
from ifgan_tf.recognition.tables import Writer
from ifgan_tf.spreadsheets import text_of

NAMES = ("=1+1.png", "+cmd.png", "-x.png", "@SUM(1).png", "'=2.png", "plain.png")


def face(label: str) -> Face:
    box = np.array([-3.5, 0, 9, 9], np.float32)
    picture = np.zeros((32, 32, 3), np.uint8)
    return Face(box, 0.9, np.zeros((5, 2), np.float32), label, 0.5, {"fear": 0.5, label: 0.5}, picture)


def test_names_are_text_in_the_table_and_as_they_are_in_the_lines(tmp_path: Path) -> None:
    with Writer(tmp_path, ("fear", "=label"), annotate=False, average_faces=False) as writer:
        for name in NAMES:
            image = np.zeros((9, 9, 3), np.uint8)
            writer.write(Frame(Source(name, Path(name), False), 0, 0.0, image), [face("=label")])
            writer.write(Frame(Source(name, Path(name), False), 0, 0.0, None, f"{name}: not readable"), [])
    header, *rows = csv.reader((tmp_path / "predictions.csv").open(newline=""))
    assert header[-3:] == ["'=label", "error", "quality"]
    assert not [cell for row in rows for cell in row if cell[:1] in "=+@" and cell]
    assert [text_of(row[0]) for row in rows[::2]] == list(NAMES)
    assert {row[header.index("x")] for row in rows[::2]} == {"-3.5"}
    lines = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines()]
    assert [line["source"] for line in lines[::2]] == list(NAMES)


def test_quality_is_the_last_column_and_a_key_and_tracks_are_the_numbers_of_faces(tmp_path: Path) -> None:
    source = Source("v.mp4", Path("v.mp4"), True)
    with Writer(tmp_path, ("fear", "neutral"), annotate=False, average_faces=False) as writer:
        small = replace(face("neutral"), quality=Quality(size=9.0, yaw=40.0), track=7)
        writer.write(Frame(source, 0, 0.0, np.zeros((9, 9, 3), np.uint8)), [small, face("neutral")])
        writer.write(Frame(source, 1, 0.1, np.zeros((9, 9, 3), np.uint8)), [])
    rows = list(csv.DictReader((tmp_path / "predictions.csv").open(newline="")))
    assert list(rows[0])[-2:] == ["error", "quality"]
    assert [(row["face"], row["error"], row["quality"]) for row in rows] == [
        ("7", "", "small turned"),
        ("1", "", ""),
        ("", "no face found", ""),
    ]
    lines = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines()]
    assert [line.get("quality") for line in lines] == ["small turned", "", None]
    assert [line.get("face") for line in lines] == [7, 1, None]


def test_average_faces_of_an_earlier_prediction_are_replaced(tmp_path: Path) -> None:
    """Whatever the faces of the picture were called, and however many there were; those of others stay."""
    picture, other = (Source(name, Path("sub", name), False) for name in ("x.jpg", "x_1.jpg"))
    image = np.zeros((9, 9, 3), np.uint8)
    undrawn = replace(face("fear"), average_face=None)  # by a model that draws none
    for faces in ([face("fear")] * 3, [face("uncertain")], [face("neutral")] * 2, [undrawn] * 2, [face("fear")], []):
        with Writer(tmp_path, ("fear", "neutral"), annotate=False, average_faces=True) as writer:
            writer.write(Frame(other, 0, 0.0, image), [face("fear")])
            writer.write(Frame(picture, 0, 0.0, image), faces)
        names = {file.name for file in (tmp_path / "average_faces" / "sub").iterdir()}
        assert names == {"x_1_0.png", *(f"x_{number}.png" for number in range(len(faces)) if undrawn not in faces)}


@pytest.mark.parametrize("label", ["../../evil", "/evil", "a/b", ".."])
def test_pictures_stay_in_their_folder(label: str, tmp_path: Path) -> None:
    """Whatever inputs are called and however they are reached, and whatever a model calls what it sees."""
    outside = tmp_path / "in"
    (outside / "sub").mkdir(parents=True)
    for name in ("..png", "...png", "a\\..\\b.png", "sub/..x.png", "%2e%2e.png", "~.png"):
        (outside / name).write_bytes(b"\x89PNG")
    inputs = [
        str(outside),
        f"{outside}/sub/..",
        f"{outside}/*.png",
        "rtsp://../../x/../y",
        "http://%2e%2e/..",
    ]
    output = tmp_path / "deep" / "out"
    output.mkdir(parents=True)
    before = {path for path in tmp_path.rglob("*") if output not in path.parents}
    found = [source for source in media.sources(inputs, output) if not source.error]
    assert len(found) > 10
    with Writer(output, ("fear", label), annotate=True, average_faces=True) as writer:
        for source in found:
            still = Source(source.name, source.relative, False)
            writer.write(Frame(still, 0, 0.0, np.zeros((40, 40, 3), np.uint8)), [face(label)])
    assert {path for path in tmp_path.rglob("*") if output not in path.parents} == before
    assert len(list((output / "annotated").rglob("*.png"))) == len(found)
