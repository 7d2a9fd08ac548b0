"""MMI's layout, its annotations and its traps."""

import json
import shutil

import numpy as np
import pytest
from coloured_faces import coloured_face, expression_shown

from datasets.alignment import aligned_faces
from datasets.mmi import layout, sessions
from datasets.mmi.sessions import Marker
from datasets.orientation import HALVES, TURNED, turn
from ifgan_tf.errors import UserError
from tests.datasets.imitations import mmi_sequence, mmi_view, write_mmi, zip_folder

SMALL = {"anger": 2, "disgust": 3, "fear": 2, "happiness": 4, "sadness": 2, "surprise": 3}
VIDEOS = sum(SMALL.values())


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("mmi")
    write_mmi(root, sequences=SMALL, subjects=5, face=coloured_face)
    return root


@pytest.fixture
def copy(original, tmp_path):
    return shutil.copytree(original, tmp_path / "mmi")


def _file(copy, name):
    return next(copy.rglob(name))


def test_three_peak_frames_and_the_first_of_each_video(original):
    scan = layout.scan(original)
    counts = {count.name: count.found for count in scan.counts}
    assert counts == {
        "sessions": VIDEOS + 4,
        "subjects with a usable sequence": 5,
        "frontal sequences of the six expressions": VIDEOS,
        **{name: 3 * number for name, number in SMALL.items()},
        "images of the six expressions": 3 * VIDEOS,
        "neutral images": VIDEOS,
    }
    assert {count.expected for count in scan.counts} == {None, 31, 208, 624}


def test_labels_are_those_of_the_official_codes_and_frames_show_them(original):
    official = {1: "anger", 2: "disgust", 3: "fear", 4: "happiness", 5: "sadness", 6: "surprise"}
    for record in layout.scan(original).splits["train"]:
        annotation = sessions.parse(_file(original, f"{record.sequence}.xml").read_bytes())
        code = sessions.emotion(annotation)
        assert record.label == (official[code] if record.role == "expressive" else "neutral")
        image = record.load()
        half = turn(image, "left upright" if record.views == HALVES else "upright")
        assert expression_shown(half) == record.label
        assert image.shape == (576, 720, 3)


def test_what_a_builder_has_to_skip_is_noted(original):
    problems = layout.scan(original).problems
    assert sorted(problem.found for problem in problems) == [
        "a profile view",
        "a session of still images",
        "an annotation without an Emotion",
        "emotion 7, no basic expression (1 to 6)",
    ]
    assert all(problem.note for problem in problems)


def test_two_cameras_are_tried_in_halves(original):
    views = {record.sequence: record.views for record in layout.scan(original).splits["train"]}
    assert sorted(views.values()).count(HALVES) == 1 and set(views.values()) == {HALVES, TURNED}


@pytest.mark.slow
def test_the_detector_turns_every_video_the_right_way(tmp_path):
    write_mmi(tmp_path, sequences={"anger": 15, "happiness": 15}, subjects=31)
    records = layout.scan(tmp_path).splits["train"]
    list(aligned_faces(records, tmp_path / "detections.jsonl", workers=0))
    entries = map(json.loads, (tmp_path / "detections.jsonl").read_text().splitlines())
    views = {entry["key"].partition("_")[0]: entry["view"] for entry in entries}
    assert views == {mmi_sequence(index): mmi_view(index) for index in range(30)}
    assert set(views.values()) == {"clockwise", "upright", "left upright", "right upright"}


def test_downloads_as_they_are(original, tmp_path):
    for download in original.iterdir():
        zip_folder(download, tmp_path / f"{download.name}.zip")
    packed, plain = layout.scan(tmp_path).splits["train"], layout.scan(original).splits["train"]
    assert [r.key for r in packed] == [r.key for r in plain]
    np.testing.assert_array_equal(packed[5].load(), plain[5].load())


def test_a_session_in_two_downloads_is_used_once_and_noted(copy):
    shutil.copytree(_file(copy, "S001-001.avi").parent, copy / "third" / "Sessions" / "100")
    scan = layout.scan(copy)
    assert len(scan.splits["train"]) == 4 * VIDEOS
    assert any(p.note and "the same video as" in p.found for p in scan.problems)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("S001-001.avi", b"RIFF", "not a readable video"),
        ("S001-001.xml", b"<Metadata><Metatag", "not well-formed XML"),
        ("S001-001.xml", b'<a><Metatag Name="Emotion" Value="joy"/></a>', "the emotion is 'joy'; expected a number"),
        ("session.xml", b"", "not well-formed XML"),
    ],
)
def test_a_damaged_file_costs_its_session_only(copy, name, content, found):
    path = _file(copy, "S001-001.avi").with_name(name)
    path.write_bytes(content)
    scan = layout.scan(copy)
    problem = next(problem for problem in scan.problems if not problem.note)
    assert problem.file == path.relative_to(copy).as_posix()
    assert found in problem.found and problem.remedy == "download the session again"
    assert len(scan.splits["train"]) == 4 * (VIDEOS - 1)


def test_a_damaged_annotation_of_action_units_is_noted_and_the_middle_used(copy):
    _file(copy, "S001-001-oao_aucs.xml").write_text("<Annotation><ActionUnit><Marker Frame='x' Type='2'/></ActionUnit>")
    scan = layout.scan(copy)
    assert any(p.note and "the middle frame is used" in p.remedy for p in scan.problems)
    assert [r.frame for r in scan.splits["train"] if r.sequence == "S001-001"] == [0, 5, 6, 7]


def test_an_annotation_without_its_video(copy):
    _file(copy, "S001-001.avi").unlink()
    problem = next(problem for problem in layout.scan(copy).problems if not problem.note)
    assert problem.found == "an annotation without its video"


def test_upper_case_and_windows_line_ends(copy):
    for path in sorted(copy.rglob("S*-*.avi")):
        path.rename(path.with_suffix(".AVI"))
    for path in copy.rglob("*.xml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(layout.scan(copy).splits["train"]) == 4 * VIDEOS


def test_a_folder_without_sessions_or_without_a_usable_one(tmp_path, copy):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no MMI session found; expected Sessions/"):
        layout.scan(tmp_path / "empty")
    for path in copy.rglob("S*-*.xml"):
        path.write_text("<Metadata/>")
    with pytest.raises(UserError, match=f"none of the {VIDEOS + 4} MMI sessions is a frontal video of a basic"):
        layout.scan(copy)


def _units(*units):
    return [[Marker(frame, kind) for frame, kind in unit] for unit in units]


@pytest.mark.parametrize(
    ("units", "frames", "expected"),
    [
        ([], 101, 50),
        (_units([(10, 1), (21, 2), (31, 3)]), 100, 25),  # frames 20..29
        (_units([(21, 2), (41, 3)], [(31, 2), (51, 3)]), 100, 35),  # together at frames 30..39
        (_units([(11, 2)]), 20, 15),  # no offset: to the end
        (_units([(1, 1)]), 30, 15),  # no apex at all
        (_units([(1, 2), (2, 3)]), 30, 2),  # room for a neutral frame and one on either side
        (_units([(500, 2), (600, 3)]), 30, 15),  # beyond the video
        ([], 4, 2),
    ],
)
def test_peak(units, frames, expected):
    assert sessions.peak(units, frames) == expected


def test_the_view_is_the_first_tracks():
    parse = sessions.parse
    assert sessions.view(parse(b'<session><track view="2"/><track view="0"/></session>')) == 2
    assert sessions.view(parse(b'<s xmlns="urn:x"><Track View="1"/></s>')) == 1
    assert sessions.view(parse(b"<session/>")) is None
