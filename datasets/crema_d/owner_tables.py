"""The owners' three tables: the list of clips, who the actors are, and what raters saw in each clip.

They are known by their names, wherever they lie. What is wrong in one is a problem of the copy, not the end of it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from datasets.crema_d import git_lfs
from datasets.records import Problem, refuse_another_list
from datasets.user_copy import DataFile
from ifgan_tf.errors import UserError

CLIP_LIST = "SentenceFilenames.csv"
DEMOGRAPHICS = "VideoDemographics.csv"
RATINGS = "processedResults/summaryTable.csv"
ATTRIBUTES = ("age", "gender", "race", "ethnicity")
_COLUMNS = {
    CLIP_LIST: ("Filename",),
    DEMOGRAPHICS: ("ActorID", "Age", "Sex", "Race", "Ethnicity"),
    RATINGS: ("FileName", "FaceVote"),
}
_VOTE = re.compile(r"[ADFHNS](:[ADFHNS])*")
_SEXES = {"male": "male", "female": "female", "unknown": "", "": ""}
_OLDEST = 120
_AGAIN = "copy or download the table again"


class _Row(NamedTuple):
    """A row of a table: the file it is in, its line, and the columns that are used."""

    source: str
    line: int
    values: Mapping[str, str]

    def problem(self, found: str) -> Problem:
        return Problem(self.source, f"line {self.line}: {found}", _AGAIN)


def clip_names(files: Sequence[DataFile], problems: list[Problem]) -> list[str]:
    """The names of all clips that there are, in the owners' order; none if the list is missing."""
    return [row.values["Filename"] for row in _rows(CLIP_LIST, files, problems)]


def demographics(files: Sequence[DataFile], problems: list[Problem]) -> dict[str, dict[str, str]]:
    """The `ATTRIBUTES` of every actor, by the actor's number; an empty value is unknown.

    `age` is a group of ten years (`20-29`), `gender` `male` or `female`; race and ethnicity as the owners write them.
    """
    known = {}
    for row in _rows(DEMOGRAPHICS, files, problems):
        age, sex = row.values["Age"], row.values["Sex"].lower()
        if sex not in _SEXES:
            problems.append(row.problem(f"the sex is {sex[:40]!r}; expected Male or Female"))
        if not _is_age(age) and _known(age):
            problems.append(row.problem(f"the age is {age[:40]!r}; expected a number of years"))
        known[row.values["ActorID"]] = {
            "age": f"{int(age) // 10 * 10}-{int(age) // 10 * 10 + 9}" if _is_age(age) else "",
            "gender": _SEXES.get(sex, ""),
            "race": _known(row.values["Race"]),
            "ethnicity": _known(row.values["Ethnicity"]),
        }
    return known


def face_votes(files: Sequence[DataFile], problems: list[Problem]) -> dict[str, str]:
    """What most raters named who saw the face alone, by the clip's name: a letter, or letters joined by colons (a tie).

    Empty if the table is missing or has no rating.

    Raises:
      UserError: if votes are no such letters, so that they follow another list.
    """
    votes: dict[str, str] = {}
    outside = []
    rows = list(_rows(RATINGS, files, problems))
    for row in rows:
        vote = row.values["FaceVote"].upper()
        if _VOTE.fullmatch(vote):
            votes[row.values["FileName"].upper()] = vote
        else:
            outside.append(row.problem(f"the FaceVote is {vote[:40]!r}; expected letters of A, D, F, H, N, S"))
    refuse_another_list(outside, len(rows))
    problems += outside
    return votes


def _rows(table: str, files: Sequence[DataFile], problems: list[Problem]) -> Iterator[_Row]:
    """The rows of a table; what keeps it, or a row, from being read becomes a problem."""
    name = table.rpartition("/")[2].lower()
    found = [file for file in files if file.name.lower() == name]
    problems += [Problem(f.source, "a second table of that name", "the first is used", note=True) for f in found[1:]]
    if not found:
        problems.append(Problem(table, "missing; expected one of the three tables", f"copy {table} into the folder"))
        return
    file, columns = found[0], _COLUMNS[table]
    if git_lfs.is_pointer(file):
        problems.append(Problem(file.source, git_lfs.FOUND, git_lfs.REMEDY))
        return
    try:
        reader = csv.DictReader(io.StringIO(file.text(), newline=""))
        absent = [column for column in columns if column not in (reader.fieldnames or ())]
        if absent:
            raise UserError(f"no column {' and '.join(absent)} in its first line")
        for values in reader:
            row = _Row(file.source, reader.line_num, {column: (values[column] or "").strip() for column in columns})
            if values[columns[-1]] is None:
                problems.append(row.problem("it ends too early"))
            else:
                yield row
    except (csv.Error, UserError) as error:
        problems.append(file.problem(error, _AGAIN))


def _is_age(text: str) -> bool:
    return text.isdecimal() and len(text) < 4 and int(text) <= _OLDEST


def _known(text: str) -> str:
    return "" if text.lower() == "unknown" else text
