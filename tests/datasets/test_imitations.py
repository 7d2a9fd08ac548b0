"""The imitations that builders are tested and measured on."""

import csv

from coloured_faces import coloured_face

from datasets.user_copy import list_files
from datasets.video import frame_count
from tests.datasets.imitations import crema_d_names, synthetic_face, write_crema_d


def test_a_small_cast_is_rendered_once():
    face = synthetic_face(1, "neutral")
    assert synthetic_face(5, "neutral") is face and synthetic_face(9, "neutral") is face
    assert (synthetic_face(2, "neutral") != face).any()


def test_crema_d_has_the_owners_clips_and_the_tables_of_those_that_are_written(tmp_path):
    names = crema_d_names()
    assert len(names) == len(set(names)) == 7442 and names[0] == "1001_IEO_NEU_XX" and names[-1][:4] == "1091"
    some = [names[0], names[-1]]
    write_crema_d(tmp_path, some, frames=9, face=coloured_face)
    files = {file.source: file for file in list_files(tmp_path)[0]}
    assert sorted(files) == sorted(
        [
            *(f"VideoFlash/{name}.flv" for name in some),
            f"AudioMP3/{names[0]}.mp3",
            "SentenceFilenames.csv",
            "VideoDemographics.csv",
            "processedResults/summaryTable.csv",
        ]
    )
    assert frame_count(files[f"VideoFlash/{names[0]}.flv"]) == 9
    for table, column, found in (
        ("SentenceFilenames.csv", "Filename", some),
        ("VideoDemographics.csv", "ActorID", ["1001", "1091"]),
        ("processedResults/summaryTable.csv", "FileName", some),
    ):
        with (tmp_path / table).open(newline="") as file:
            assert [row[column] for row in csv.DictReader(file)] == found
