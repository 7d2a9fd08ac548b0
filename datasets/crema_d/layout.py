"""CREMA-D's layout: `VideoFlash/1001_DFA_ANG_XX.flv` and three tables beside it.

A clip's name tells the actor (1001 to 1091), the sentence (three letters), the emotion and its level. Clips and tables
are known by their names, wherever they lie, so a clone, a ZIP, copies converted to other containers, and files that
were downloaded one by one are all read the same way.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath

from datasets.crema_d import frames, git_lfs, owner_tables
from datasets.records import Count, FaceRecord, Problem, Scan, class_counts, refuse_another_list
from datasets.user_copy import DataFile, list_files, listed, unique
from ifgan_tf.errors import UserError

# In the order of preference, if a clip lies there in several: the first are the owners' own.
CONTAINERS = (".flv", ".mp4", ".mkv", ".mov", ".webm", ".avi")
NAME = re.compile(r"\d{4}_[A-Z]{3}_[A-Z]{3}_[A-Z]{2}", re.ASCII)
ACTORS = range(1001, 1092)
CODES = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "SAD": "sadness", "NEU": "neutral"}
LEVELS = {"XX": 0, "LO": 1, "MD": 2, "HI": 3}
# Clips in all, and those in which raters of the face alone saw the intended emotion.
CLIPS = dict.fromkeys(("anger", "disgust", "fear", "happiness", "sadness"), 1271) | {"neutral": 1087}
RATED = {"anger": 831, "disgust": 806, "fear": 656, "happiness": 1216, "sadness": 424, "neutral": 998}
CLIPS_A_LEVEL = {"XX": 6077, "LO": 455, "MD": 455, "HI": 455}
_AGAIN = "copy or download it again"
_DOWNLOAD = "or leave --manual_dir out: a build then downloads the videos itself"


def scan(manual_dir: str | os.PathLike[str], rated: bool = False, frames_per_clip: int = frames.DEFAULT_FRAMES) -> Scan:
    """The clips of a user's copy; see `scan_files` for the other arguments.

    Raises:
      UserError: as `scan_files`, or if the folder cannot be listed.
    """
    files, problems = list_files(manual_dir)
    return scan_files(files, problems, f"--manual_dir={manual_dir}", rated, frames_per_clip)


def scan_files(
    files: Sequence[DataFile],
    problems: Sequence[Problem],
    place: str,
    rated: bool = False,
    frames_per_clip: int = frames.DEFAULT_FRAMES,
) -> Scan:
    """Several frames of every clip; which ones is decided when they are read (`frames.candidates`).

    Args:
      files: what there is; a clip or table is known by the end of its `source`, wherever its `path` leads.
      problems: what was wrong already when the files were listed or downloaded.
      place: what an error names as the place where they were looked for.
      rated: only clips in which raters who saw the face alone named the intended emotion, and no other as often.
      frames_per_clip: 1 to `frames.MOST_FRAMES`.

    Raises:
      UserError: if there is no clip, most are git-lfs pointers, names or votes follow another list, or `rated` clips
        are asked for without the table of ratings.
    """
    problems = list(problems)
    clips = _clips(files, problems, place)
    names = owner_tables.clip_names(files, problems)
    actors = owner_tables.demographics(files, problems)
    votes = owner_tables.face_votes(files, problems)
    if rated and not votes:
        raise UserError(
            f"{place}: the configuration rated needs the raters' votes, and {owner_tables.RATINGS} is missing or "
            f"cannot be read; {_AGAIN}, or build the configuration intended" + listed(problems)
        )
    problems += _absent(clips.keys(), [name.upper() for name in names], actors, votes, problems)
    agreed = {name for name in clips if votes.get(name) == name.split("_")[2][0]}
    records = {name: _records(name, file, actors, frames_per_clip) for name, file in sorted(clips.items())}
    used = [record for name, some in records.items() if name in agreed or not rated for record in some]
    return Scan({"train": used}, _counts(records, agreed, used, rated, frames_per_clip), problems)


def _clips(files: Sequence[DataFile], problems: list[Problem], place: str) -> dict[str, DataFile]:
    """The video of every clip by the clip's name; adds what is odd about the others to `problems`.

    Raises:
      UserError: if there is none, most are git-lfs pointers, or their names follow another list of codes.
    """
    named, outside = [], []
    videos = [file for file in files if _container(file) in CONTAINERS]
    for file in sorted(videos, key=lambda file: CONTAINERS.index(_container(file))):
        name = NAME.fullmatch(PurePosixPath(file.name).stem.upper())
        if name is None:
            found = "a video that has no clip's name such as 1001_DFA_ANG_XX.flv"
            problems.append(Problem(file.source, found, "it is skipped", note=True))
        elif what := _outside(name[0]):
            outside.append(Problem(file.source, what, "keep the owners' names"))
        else:
            named.append((name[0], file))
    refuse_another_list(outside, len(named) + len(outside))
    problems += outside
    are_pointers = [git_lfs.is_pointer(file) for _, file in named]
    clips, notes = unique([item for item, pointer in zip(named, are_pointers, strict=True) if not pointer])
    left_out, _ = unique([item for item, pointer in zip(named, are_pointers, strict=True) if pointer])
    pointers = {name: file for name, file in left_out.items() if name not in clips}
    if len(pointers) > len(clips):
        raise UserError(
            f"{place}: {len(pointers):,} of {len(pointers) + len(clips):,} videos, such as "
            f"{next(iter(pointers.values())).source}, are git-lfs pointers, short texts in the place of videos: the "
            "clone was made without git-lfs, or it is the ZIP from the web page, which has no videos either; "
            f"{git_lfs.REMEDY}, {_DOWNLOAD}"
        )
    if not clips:
        raise UserError(
            f"{place}: no CREMA-D video found; expected VideoFlash/1001_DFA_ANG_XX.flv and so on; clone the data set "
            f"with git-lfs, {_DOWNLOAD}{listed(problems)}"
        )
    problems += notes
    problems += [Problem(file.source, git_lfs.FOUND, git_lfs.REMEDY) for file in pointers.values()]
    return clips


def _container(file: DataFile) -> str:
    return PurePosixPath(file.name).suffix.lower()


def _outside(name: str) -> str:
    """What in a clip's name is not in the owners' list; empty if all of it is. Any sentence will do."""
    actor, _, emotion, level = name.split("_")
    if int(actor) not in ACTORS:
        return f"actor {actor}; expected {ACTORS[0]} to {ACTORS[-1]}"
    if emotion not in CODES:
        return f"emotion {emotion}; expected one of {', '.join(CODES)}"
    if level not in LEVELS:
        return f"level {level}; expected one of {', '.join(LEVELS)}"
    return ""


def _absent(
    clips: Collection[str],
    names: Sequence[str],
    actors: Mapping[str, object],
    votes: Mapping[str, str],
    problems: Sequence[Problem],
) -> list[Problem]:
    """What the tables tell of and the copy has not, or the other way round, as far as no problem names it already."""
    absent = []
    told = {PurePosixPath(problem.file).stem.upper() for problem in problems}
    if names:
        for name in sorted(set(names) - set(clips) - told):
            absent.append(Problem(f"{name}.flv", "a clip that is listed, but is not there", "download it"))
        for name in sorted(set(clips) - set(names)):
            absent.append(Problem(f"{name}.flv", f"not in {owner_tables.CLIP_LIST}", "it is used", note=True))
    if actors:
        for actor in sorted({name[:4] for name in clips} - actors.keys()):
            absent.append(Problem(owner_tables.DEMOGRAPHICS, f"nothing about actor {actor}", _AGAIN))
    if votes:
        for name in sorted(set(clips) - votes.keys()):
            absent.append(Problem(f"{name}.flv", f"no vote in {owner_tables.RATINGS}", "copy the table again"))
    return absent


def _records(
    name: str, file: DataFile, actors: Mapping[str, Mapping[str, str]], frames_per_clip: int
) -> list[FaceRecord]:
    actor, sentence, emotion, level = name.split("_")
    known = actors.get(actor, dict.fromkeys(owner_tables.ATTRIBUTES, ""))
    return [
        FaceRecord(
            key=f"{name}_{pick + 1}of{frames_per_clip}",
            load=functools.partial(frames.sharpest, file, pick, frames_per_clip),
            label=CODES[emotion],
            subject=actor,
            sequence=name,
            source=file.source,
            intensity=LEVELS[level],
            video=True,
            candidates=functools.partial(frames.candidates, file, pick, frames_per_clip),
            extra={**known, "sentence": sentence},
        )
        for pick in range(frames_per_clip)
    ]


def _counts(
    clips: Mapping[str, Sequence[FaceRecord]],
    agreed: Collection[str],
    used: Sequence[FaceRecord],
    rated: bool,
    frames_per_clip: int,
) -> list[Count]:
    one_each = [records[0] for records in clips.values()]
    levels = [name.rpartition("_")[2] for name in clips]
    return [
        Count("actors", len({record.subject for record in one_each}), len(ACTORS)),
        *class_counts(one_each, CLIPS),
        Count("clips", len(clips), sum(CLIPS.values())),
        *(Count(f"level {level}", levels.count(level), number) for level, number in CLIPS_A_LEVEL.items()),
        *class_counts([clips[name][0] for name in sorted(agreed)], RATED, prefix="face seen as intended: "),
        Count("face seen as intended: clips", len(agreed), sum(RATED.values())),
        Count("images", len(used), frames_per_clip * sum((RATED if rated else CLIPS).values())),
    ]
