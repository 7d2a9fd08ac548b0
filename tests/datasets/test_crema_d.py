"""CREMA-D's names, tables and traps."""

import shutil
from collections import Counter

import numpy as np
import pytest
from coloured_faces import coloured_face, expression_shown

from datasets.crema_d import layout, owner_tables
from datasets.records import Problem
from datasets.user_copy import DataFile, list_files
from ifgan_tf.errors import UserError
from tests.datasets.imitations import CREMA_D_TABLES, crema_d_names, write_crema_d, write_video, zip_folder

NAMES = [name for name in crema_d_names() if name[:4] in ("1001", "1047") and name[5:8] in ("IEO", "DFA")]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:10dc3fd1f2bc8203657431598bd7dc93124\nsize 265922\n"
RATINGS = "processedResults/summaryTable.csv"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("crema_d")
    write_crema_d(root, NAMES, face=coloured_face)
    return root


@pytest.fixture
def copy(original, tmp_path):
    return shutil.copytree(original, tmp_path / "crema_d")


def _clip(copy, name, extension="flv"):
    return copy / "VideoFlash" / f"{name}.{extension}"


def _clips(scan):
    return {record.sequence: record for record in scan.splits["train"]}


@pytest.mark.parametrize(("rated", "clips"), [(False, 7442), (True, 4931)])
def test_the_official_counts_from_files_that_have_other_names_on_disk(tmp_path, rated, clips):
    tables = (owner_tables.CLIP_LIST, owner_tables.DEMOGRAPHICS, owner_tables.RATINGS)
    sources = [f"VideoFlash/{name}.flv" for name in crema_d_names()] + list(tables)
    (tmp_path / "blob").write_bytes(b"FLV")
    paths = {table: str(CREMA_D_TABLES / table.rpartition("/")[2]) for table in tables}
    files = [DataFile(source, paths.get(source, str(tmp_path / "blob"))) for source in sources]
    scan = layout.scan_files(files, [], "downloads", rated)
    assert scan.problems == []
    counts = {count.name: count.found for count in scan.counts}
    assert all(count.found == count.expected for count in scan.counts)
    assert counts["actors"] == 91 and counts["clips"] == 7442 and counts["neutral"] == 1087
    assert {counts[name] for name in ("anger", "disgust", "fear", "happiness", "sadness")} == {1271}
    assert [counts[f"level {level}"] for level in ("XX", "LO", "MD", "HI")] == [6077, 455, 455, 455]
    seen = {name: counts[f"face seen as intended: {name}"] for name in ("anger", "disgust", "fear", "happiness")}
    assert seen == {"anger": 831, "disgust": 806, "fear": 656, "happiness": 1216}
    assert counts["face seen as intended: sadness"] == 424 and counts["face seen as intended: neutral"] == 998
    assert len(_clips(scan)) == clips and len(scan.splits["train"]) == counts["images"] == 3 * clips


def test_names_tell_label_level_actor_and_sentence(original):
    clips = _clips(layout.scan(original))
    assert sorted(clips) == sorted(NAMES)
    official = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "SAD": "sadness", "NEU": "neutral"}
    for name, record in clips.items():
        actor, sentence, emotion, level = name.split("_")
        assert (record.subject, record.label) == (actor, official[emotion])
        assert record.intensity == {"XX": 0, "LO": 1, "MD": 2, "HI": 3}[level]
        assert record.extra["sentence"] == sentence and record.role == "expressive"
    assert Counter(record.sequence for record in layout.scan(original).splits["train"]) == dict.fromkeys(NAMES, 3)


def test_attributes_are_the_owners(original, copy):
    extra = _clips(layout.scan(original))["1047_DFA_ANG_XX"].extra
    owners = {"age": "20-29", "gender": "female", "race": "", "ethnicity": "Hispanic"}  # of unknown race
    assert {name: extra[name] for name in owner_tables.ATTRIBUTES} == owners
    table = copy / owner_tables.DEMOGRAPHICS
    table.write_text(
        "ActorID,Age,Sex,Race,Ethnicity\r\n1001,74,Female,Asian,Hispanic\r\n1047,Unknown,unknown,Unknown,\r\n"
    )
    scan = layout.scan(copy)
    clips = _clips(scan)
    assert scan.problems == []
    known = {name: clips["1001_DFA_ANG_XX"].extra[name] for name in owner_tables.ATTRIBUTES}
    assert known == {"age": "70-79", "gender": "female", "race": "Asian", "ethnicity": "Hispanic"}
    assert {clips["1047_DFA_ANG_XX"].extra[name] for name in owner_tables.ATTRIBUTES} == {""}


def test_every_frame_shows_the_expression_and_no_two_clips_look_the_same(original):
    clips = {}
    for record in layout.scan(original).splits["train"]:
        image = record.load()
        assert image.shape == (360, 480, 3) and expression_shown(image) == record.label
        assert clips.setdefault(image.tobytes(), record.sequence) == record.sequence


def test_rated_clips_are_those_whose_face_was_seen_as_intended_without_a_tie(original):
    votes = dict(line.split('"')[3:10:6] for line in (CREMA_D_TABLES / "summaryTable.csv").read_text().splitlines()[1:])
    rated = _clips(layout.scan(original, rated=True))
    assert sorted(rated) == sorted(name for name in NAMES if votes[name] == name[9])
    ties = [name for name in NAMES if ":" in votes[name] and name[9] in votes[name]]
    assert ties and not rated.keys() & set(ties)


@pytest.mark.parametrize("frames", [1, 2])
def test_frames_per_clip(original, frames):
    records = layout.scan(original, frames_per_clip=frames).splits["train"]
    assert len(records) == frames * len(NAMES)
    assert len({record.key for record in records} & {r.key for r in layout.scan(original).splits["train"]}) == 0


def test_copies_in_mp4_in_any_case_at_any_depth(tmp_path):
    write_crema_d(tmp_path / "a" / "b", NAMES[:4], extension="mp4", face=coloured_face)
    for video in (tmp_path / "a" / "b" / "VideoFlash").iterdir():
        video.rename(video.with_name(f"{video.stem.lower()}.MP4"))
    scan = layout.scan(tmp_path)
    assert sorted(_clips(scan)) == sorted(NAMES[:4]) and scan.problems == []
    assert expression_shown(scan.splits["train"][0].load()) == scan.splits["train"][0].label


def test_inside_a_zip(original, tmp_path):
    zip_folder(original, tmp_path / "CREMA-D-master.zip")
    packed, plain = layout.scan(tmp_path).splits["train"], layout.scan(original).splits["train"]
    assert [r.key for r in packed] == [r.key for r in plain]
    np.testing.assert_array_equal(packed[0].load(), plain[0].load())


def test_the_owners_video_is_used_where_a_converted_one_lies_too(copy):
    write_video(copy / "AAA" / f"{NAMES[0]}.mp4", [np.zeros((8, 8, 3), np.uint8)] * 12)
    scan = layout.scan(copy)
    assert _clips(scan)[NAMES[0]].source == f"VideoFlash/{NAMES[0]}.flv"
    (problem,) = scan.problems
    assert problem.note and problem.file == f"AAA/{NAMES[0]}.mp4"


def test_a_clone_without_git_lfs_is_told_what_to_do(copy):
    for video in (copy / "VideoFlash").iterdir():
        video.write_bytes(POINTER)
    with pytest.raises(UserError) as error:
        layout.scan(copy)
    for told in (f"{len(NAMES)} of {len(NAMES)} videos", "git lfs install && git lfs pull", "leave --manual_dir out"):
        assert told in str(error.value)
    _clip(copy, NAMES[0]).write_bytes(b"a single one")
    with pytest.raises(UserError, match=f"{len(NAMES) - 1} of {len(NAMES)} videos, such as VideoFlash/.*ZIP"):
        layout.scan(copy)


def test_a_few_pointers_are_listed_and_the_others_used(copy):
    for name in NAMES[:2]:
        _clip(copy, name).write_bytes(POINTER)
    scan = layout.scan(copy)
    assert sorted(_clips(scan)) == sorted(NAMES[2:])
    assert [(p.file, "git-lfs pointer" in p.found, "git lfs pull" in p.remedy) for p in scan.problems] == [
        (f"VideoFlash/{name}.flv", True, True) for name in sorted(NAMES[:2])
    ]


def test_a_pointer_beside_a_converted_video_does_no_harm(copy):
    write_video(copy / "mp4" / f"{NAMES[0]}.mp4", [np.zeros((8, 8, 3), np.uint8)] * 12)
    _clip(copy, NAMES[0]).write_bytes(POINTER)
    scan = layout.scan(copy)
    assert _clips(scan)[NAMES[0]].source == f"mp4/{NAMES[0]}.mp4" and scan.problems == []


@pytest.mark.parametrize("table", [owner_tables.CLIP_LIST, owner_tables.DEMOGRAPHICS, RATINGS])
@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "missing"),
        (POINTER, "git-lfs pointer"),
        (b"", "no column"),
        (b"\0\1", "NUL bytes"),
        (b"a,b\n1,2\n", "no column"),
        (b"\xff\xfe\0t", "no column|cannot be read"),
    ],
)
def test_a_table_that_is_missing_or_damaged_is_named_and_the_clips_used(copy, table, content, found):
    (copy / table).unlink()
    if content is not None:
        (copy / table).write_bytes(content)
    scan = layout.scan(copy)
    (problem,) = [problem for problem in scan.problems if not problem.note]
    assert problem.file == table and any(part in problem.found for part in found.split("|"))
    assert len(_clips(scan)) == len(NAMES)
    if table == owner_tables.DEMOGRAPHICS:
        assert {record.extra["gender"] for record in scan.splits["train"]} == {""}
    if table == RATINGS:
        with pytest.raises(UserError, match=r"configuration rated needs .* processedResults/summaryTable.csv"):
            layout.scan(copy, rated=True)


def test_damaged_lines_of_a_table_cost_these_alone(copy):
    path = copy / RATINGS
    lines = path.read_text().splitlines()
    lines[2] = '"2","1001_IEO_HAP_LO","N"'
    lines[3] = lines[3].replace('"H"', '"happy"', 1)
    path.write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    problems = layout.scan(copy).problems
    assert any(p.file == RATINGS and p.found == "line 3: it ends too early" for p in problems)
    path.write_text("\n".join([lines[0], *(line.replace('"', "").replace(",N,", ",neutral,") for line in lines[1:])]))
    with pytest.raises(UserError, match=r"summaryTable.csv: line .*the FaceVote is 'NEUTRAL'.* another list"):
        layout.scan(copy)


def test_odd_people_are_told_of(copy):
    table = copy / owner_tables.DEMOGRAPHICS
    table.write_text("ActorID,Age,Sex,Race,Ethnicity\n1001,old,woman,Asian,Hispanic\n")
    scan = layout.scan(copy)
    assert [problem.found for problem in scan.problems] == [
        "line 2: the sex is 'woman'; expected Male or Female",
        "line 2: the age is 'old'; expected a number of years",
        "nothing about actor 1047",
    ]
    extra = _clips(scan)["1001_DFA_ANG_XX"].extra
    assert (extra["age"], extra["gender"], extra["race"]) == ("", "", "Asian")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("1092_DFA_ANG_XX", "actor 1092; expected 1001 to 1091"),
        ("1001_DFA_SUR_XX", "emotion SUR; expected one of ANG, DIS"),
        ("1001_DFA_ANG_ZZ", "level ZZ; expected one of XX, LO"),
    ],
)
def test_codes_outside_of_the_owners_list(copy, name, found):
    _clip(copy, NAMES[0]).rename(_clip(copy, name))
    scan = layout.scan(copy)
    assert len(_clips(scan)) == len(NAMES) - 1
    assert any(p.file == f"VideoFlash/{name}.flv" and found in p.found and not p.note for p in scan.problems)
    for other in NAMES[1:9]:
        _clip(copy, other).rename(_clip(copy, other.replace(other[:4], "2001").replace("DFA", "TIE")))
    with pytest.raises(UserError, match="another list"):
        layout.scan(copy)


def test_other_videos_are_noted(copy):
    shutil.copy(_clip(copy, NAMES[0]), copy / "introduction.flv")
    (problem,) = layout.scan(copy).problems
    assert problem.note and problem.file == "introduction.flv" and problem.remedy == "it is skipped"


def test_missing_clips_are_named_once(copy):
    for name in NAMES[:3]:
        _clip(copy, name).unlink()
    found = {(p.file, p.found) for p in layout.scan(copy).problems}
    assert found == {(f"{name}.flv", "a clip that is listed, but is not there") for name in NAMES[:3]}
    files, _ = list_files(copy)
    failed = Problem(f"VideoFlash/{NAMES[0]}.flv", "404 at both addresses", "try again later")
    scan = layout.scan_files(files, [failed], "downloads")
    assert sorted(p.file for p in scan.problems) == sorted([failed.file, f"{NAMES[1]}.flv", f"{NAMES[2]}.flv"])


@pytest.mark.parametrize("content", [b"", b"FLV", b"no video"])
def test_a_video_that_does_not_open_is_told_of_when_it_is_read(copy, content):
    _clip(copy, NAMES[0]).write_bytes(content)
    record = _clips(layout.scan(copy))[NAMES[0]]
    for load in (record.load, record.candidates):
        with pytest.raises(UserError, match=rf"VideoFlash/{NAMES[0]}.flv: not a readable video; expected .*Flash"):
            load()


def test_a_downloaded_clip_is_read_whatever_its_name_on_disk(original, tmp_path):
    stored = shutil.copy(_clip(original, NAMES[0]), tmp_path / "media.com_1001_IEO_x2f8")
    (record, *_) = layout.scan_files([DataFile(f"VideoFlash/{NAMES[0]}.flv", str(stored))], [], "x").splits["train"]
    assert expression_shown(record.load()) == record.label


def test_a_folder_without_videos(tmp_path):
    with pytest.raises(UserError, match=r"no CREMA-D video found; expected VideoFlash/1001_DFA_ANG_XX.flv .* git-lfs"):
        layout.scan(tmp_path)


def test_names_in_the_tables_lead_nowhere(copy):
    """They are looked up among the files that were found, and never opened themselves."""
    table = copy / owner_tables.CLIP_LIST
    header, *rows = table.read_text().splitlines()
    place = header.split(",").index('"Filename"' if '"Filename"' in header else "Filename")
    for name in ("../1001_DFA_ANG_XX", "/etc/passwd", "..\\1001_DFA_ANG_XX"):
        cells = rows[0].split(",")
        cells[place] = name
        rows.append(",".join(cells))
    table.write_text("\n".join([header, *rows]) + "\n")
    plain = _clips(layout.scan(copy))
    assert plain and set(plain) <= set(NAMES)
