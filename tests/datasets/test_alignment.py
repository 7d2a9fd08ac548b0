"""Many records to aligned faces: in order, in processes, going on where a killed run stopped."""

import functools
import hashlib
import json

import cv2
import numpy as np
import pytest
from coloured_faces import CentredFaces

from datasets import alignment
from datasets.alignment import DetectionCache, aligned_faces
from datasets.orientation import TURNED
from datasets.records import FaceRecord
from ifgan_tf.errors import UserError


def picture(value):
    if value < 0:
        raise ValueError("a damaged file")
    return np.full((80, 100, 3), (value, value // 20, value // 10), np.uint8)


def _record(number, value=200, **fields):
    fields = {"source": f"{number}.png", **fields}
    load = functools.partial(picture, value)
    return FaceRecord(f"k{number}", load, "anger", "s", "q", **fields)


@pytest.fixture
def detections(monkeypatch):
    """Counts how often the detector is asked."""
    asked = []

    class Counting(CentredFaces):
        def detect(self, image, *, second_look=True):
            asked.append(image.shape)
            return super().detect(image)

    monkeypatch.setattr(alignment, "detector", Counting)
    return asked


def test_in_order_with_undetected_and_unreadable_ones(tmp_path, detections):
    records = [_record(0), _record(1, value=-1), _record(2, value=0), _record(3, value=150)]
    found = list(aligned_faces(records, tmp_path / "d.jsonl"))
    assert [face.record.key for face in found] == ["k0", "k1", "k2", "k3"]
    assert [face.image is None for face in found] == [False, True, False, False]
    assert [face.detection is None for face in found] == [False, True, True, False]
    assert found[1].error == "a damaged file"
    assert found[0].image.shape == (256, 256, 3)
    np.testing.assert_array_equal(found[0].image[128, 128], (200, 10, 20))


def test_a_second_run_detects_nothing_and_gives_the_same(tmp_path, detections):
    records = [_record(number, value) for number, value in enumerate((200, 0, 100))]
    first = list(aligned_faces(records, tmp_path / "d.jsonl"))
    asked = len(detections)
    second = list(aligned_faces(records, tmp_path / "d.jsonl"))
    assert len(detections) == asked == 3
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        if one.detection:
            np.testing.assert_array_equal(one.detection.landmarks, other.detection.landmarks)
            assert one.detection.confidence == other.detection.confidence


def test_a_stopped_run_goes_on_where_it_was(tmp_path, detections):
    records = [_record(number) for number in range(6)]
    run = aligned_faces(records, tmp_path / "d.jsonl")
    for _ in range(3):
        next(run)
    run.close()
    list(aligned_faces(records, tmp_path / "d.jsonl"))
    assert len(detections) == 6


def test_a_changed_image_is_detected_anew(tmp_path, detections):
    list(aligned_faces([_record(0, 200)], tmp_path / "d.jsonl"))
    list(aligned_faces([_record(0, 190)], tmp_path / "d.jsonl"))
    assert len(detections) == 2
    assert len((tmp_path / "d.jsonl").read_text().splitlines()) == 2


def test_a_line_cut_by_a_kill_is_forgotten(tmp_path, detections):
    path = tmp_path / "d.jsonl"
    list(aligned_faces([_record(0), _record(1)], path))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 20])
    list(aligned_faces([_record(0), _record(1)], path))
    assert len(detections) == 3
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == ["k0", "k1"]


def test_damaged_lines_cost_a_detection_and_nothing_else(tmp_path, detections):
    path = tmp_path / "d.jsonl"
    path.write_bytes(b'nonsense\n{"no": "key"}\n[]\n\xff\xfe\n')
    list(aligned_faces([_record(0)], path))
    with DetectionCache(path) as cache:
        assert list(cache.entries) == ["k0"]


def upright_only(view):
    """A black picture with a bright patch; only when turned to `view` is the patch at the top."""
    image = np.zeros((80, 80, 3), np.uint8)
    image[:20, 30:50] = 255
    return np.rot90(image, {"upright": 0, "clockwise": 1, "counterclockwise": -1}[view])


class PatchOnTop:
    """Is the surer the more light is at the top."""

    def detect(self, image, *, second_look=True):
        (detection,) = CentredFaces().detect(np.full_like(image, 255))
        return [type(detection)(detection.box, 0.8 + 0.1 * float(image[:20].mean() / 255), detection.landmarks)]


@pytest.mark.parametrize("view", TURNED)
def test_a_source_is_turned_upright_as_a_whole(tmp_path, monkeypatch, view):
    monkeypatch.setattr(alignment, "detector", PatchOnTop)
    records = [
        FaceRecord(f"k{i}", functools.partial(upright_only, view), "anger", "s", "q", "v.avi", views=TURNED)
        for i in range(3)
    ]
    for face in aligned_faces(records, tmp_path / "d.jsonl"):
        assert face.image[:40].mean() > face.image[-40:].mean() + 20
    entries = [json.loads(line) for line in (tmp_path / "d.jsonl").read_text().splitlines()]
    assert [entry["view"] for entry in entries] == [view] * 3


def test_what_is_kept_of_a_known_frame_has_not_changed(tmp_path, detections):
    """So that builds which were begun with an older version go on."""
    list(aligned_faces([_record(0)], tmp_path / "d.jsonl"))
    image = picture(200)
    digest = hashlib.blake2b(image.tobytes() + str(image.shape).encode(), digest_size=16).hexdigest()
    (entry,) = map(json.loads, (tmp_path / "d.jsonl").read_text().splitlines())
    assert list(entry) == ["key", "pixels", "version", "view", "box", "confidence", "landmarks"]
    assert (entry["pixels"], entry["version"], entry["view"]) == (digest, 4, "upright")


FACES = {"frontal": 200, "frontal too": 190, "turned": 150, "far turned": 100, "none": 0}


class SeesHowTheyTurn:
    """Finds a face whose nose is the further aside the darker the picture, none in a black one."""

    asked = 0

    def detect(self, image, *, second_look=True):
        SeesHowTheyTurn.asked += 1
        found = CentredFaces().detect(image)
        aside = {200: 0, 190: 0, 150: 0.32, 100: 0.36, 0: 0}[int(image[0, 0, 0])]
        for detection in found:
            detection.landmarks[2, 0] += aside * (detection.landmarks[1, 0] - detection.landmarks[0, 0])
        return found


def shots(names, first=7):
    if not names:
        raise UserError("v.flv: too short")
    return [(first + 5 * position, picture(FACES[name])) for position, name in enumerate(names)]


def first_shot(names):
    return shots(names)[0][1]


def _clip(number, *names, first=7):
    load, candidates = functools.partial(first_shot, names), functools.partial(shots, names, first)
    return FaceRecord(f"k{number}", load, "anger", "s", "q", "v.flv", video=True, candidates=candidates)


@pytest.fixture
def turning(monkeypatch):
    monkeypatch.setattr(alignment, "detector", SeesHowTheyTurn)
    monkeypatch.setattr(SeesHowTheyTurn, "asked", 0)


@pytest.mark.parametrize(
    ("names", "taken", "asked"),
    [
        (["frontal", "frontal too", "turned"], 0, 1),
        (["turned", "frontal", "frontal too"], 1, 2),
        (["none", "far turned", "frontal"], 2, 3),
        (["far turned", "turned", "none"], 1, 3),
        (["none", "far turned", "none"], 1, 3),
        (["none", "none"], 0, 2),
        (["none"], 0, 1),
        (["turned"], 0, 1),
    ],
)
def test_the_first_frontal_face_of_the_candidates_is_taken(tmp_path, turning, names, taken, asked):
    (face,) = aligned_faces([_clip(0, *names)], tmp_path / "d.jsonl")
    assert SeesHowTheyTurn.asked == asked
    assert face.record.frame == 7 + 5 * taken and face.record.place == f"v.flv, frame {7 + 5 * taken}"
    assert (face.detection is None) == (names[taken] == "none")
    assert face.image[128, 128, 0] == FACES[names[taken]]
    # The second time nothing is asked, and nothing changes.
    (again,) = aligned_faces([_clip(0, *names)], tmp_path / "d.jsonl")
    assert SeesHowTheyTurn.asked == asked and again.record.frame == face.record.frame
    np.testing.assert_array_equal(again.image, face.image)
    assert len((tmp_path / "d.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize("changed", [_clip(0, "frontal", "turned"), _clip(0, "frontal", "none", first=8)])
def test_the_choice_is_made_anew_if_any_candidate_changed(tmp_path, turning, changed):
    list(aligned_faces([_clip(0, "frontal", "none")], tmp_path / "d.jsonl"))
    (face,) = aligned_faces([changed], tmp_path / "d.jsonl")
    assert SeesHowTheyTurn.asked == 2 and face.record.frame == changed.candidates()[0][0]
    (back,) = aligned_faces([_clip(0, "frontal", "none")], tmp_path / "d.jsonl")
    assert back.record.frame == 7


def test_a_clip_that_lacks_frames_gives_the_others(tmp_path, turning):
    first, second, third = aligned_faces([_clip(0, "frontal"), _clip(1), _clip(2, "turned")], tmp_path / "d.jsonl")
    assert (first.record.frame, third.record.frame) == (7, 7)
    assert second.image is None and second.error == "v.flv: too short" and second.record.place == "v.flv"


def test_small_faces_are_looked_for_in_a_second_look_alone():
    """With the true detector, on a photograph of a face."""
    face = pytest.importorskip("skimage.data").astronaut()[:300, 70:370]
    image = np.full((900, 900, 3), 127, np.uint8)
    image[700:800, 100:200] = cv2.resize(face, (100, 100), interpolation=cv2.INTER_AREA)
    assert alignment._find(image, second_look=False) is None
    assert alignment._find(image) is not None


def test_processes_give_what_one_process_gives_and_print_nothing(tmp_path, capfd):
    """With the true detector, on photographs of a face."""
    data = pytest.importorskip("skimage.data")
    face = data.astronaut()[:300, 70:370]
    shifts = [functools.partial(np.roll, face, 2 * i, 1) for i in range(4)]
    records = [FaceRecord(f"k{i}", load, "anger", "s", "q", str(i)) for i, load in enumerate(shifts)]
    one = list(aligned_faces(records, tmp_path / "one.jsonl", workers=0))
    capfd.readouterr()
    two = list(aligned_faces(records, tmp_path / "two.jsonl", workers=2))
    assert capfd.readouterr() == ("", "")
    assert [face.record.key for face in two] == [record.key for record in records]
    for a, b in zip(one, two, strict=True):
        assert a.detection is not None and b.detection is not None
        np.testing.assert_allclose(a.detection.landmarks, b.detection.landmarks, atol=1e-2)
