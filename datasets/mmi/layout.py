"""MMI's layout: `Sessions/<id>/` with `session.xml`, a video `S001-002.avi` and its annotation `S001-002.xml`.

Several downloads may lie beside each other under one folder, unpacked or as ZIP archives.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping

from datasets.mmi import sessions
from datasets.orientation import HALVES, TURNED
from datasets.records import EXPRESSIVE, NEUTRAL, Count, FaceRecord, Problem, Scan, class_counts, refuse_another_list
from datasets.user_copy import MAX_TEXT_BYTES, DataFile, list_files, listed
from datasets.video import frame_count, read_frame
from ifgan_tf import progress
from ifgan_tf.errors import UserError

VIDEO = re.compile(r"(S\d+)-(\d+)\.(?:avi|mpe?g|mp4|mov|wmv)", re.IGNORECASE)
ANNOTATION = re.compile(r"(S\d+)-(\d+)\.xml", re.IGNORECASE)
STILL_IMAGE = re.compile(r".*\.(?:jpe?g|png|bmp|tiff?)", re.IGNORECASE)
ACTION_UNITS_SUFFIX = "-oao_aucs.xml"
SEQUENCES = 208
SUBJECTS = 31
PEAK_FRAMES = 3
_DAMAGED = "download the session again"


def scan(manual_dir: str | os.PathLike[str]) -> Scan:
    """Three peak frames and the first frame of every frontal video of a basic expression.

    Raises:
      UserError: if there is no session, or no usable one, or the emotions follow another list.
    """
    files, problems = list_files(manual_dir)
    folders: dict[str, dict[str, DataFile]] = {}
    for file in files:
        folders.setdefault(file.folder, {})[file.name.lower()] = file
    session_folders = {folder: content for folder, content in folders.items() if "session.xml" in content}
    if not session_folders:
        raise UserError(
            f"--manual_dir={manual_dir}: no MMI session found; expected Sessions/<number>/session.xml and so on, or "
            "mmi-facial-expression-database_download_*.zip" + listed(problems)
        )
    records: list[FaceRecord] = []
    outside: list[Problem] = []
    taken: dict[str, str] = {}
    for content in progress.bar(session_folders.values(), desc="mmi sessions", unit="session"):
        try:
            records += _session(content, taken, problems)
        except _OutsideError as skipped:
            outside.append(skipped.problem)
        except _SkippedError as skipped:
            problems.append(skipped.problem)
    refuse_another_list(outside, len(session_folders))
    problems += outside
    if not records:
        raise UserError(
            f"--manual_dir={manual_dir}: none of the {len(session_folders)} MMI sessions is a frontal video of a basic "
            f"expression: {problems[-1]}"
        )
    expressive = [record for record in records if record.role == EXPRESSIVE]
    counts = [
        Count("sessions", len(session_folders)),
        Count("subjects with a usable sequence", len({record.subject for record in records}), SUBJECTS),
        Count("frontal sequences of the six expressions", len({r.sequence for r in records}), SEQUENCES),
        *(Count(count.name, count.found) for count in class_counts(expressive, dict.fromkeys(_LABELS, 0))),
        Count("images of the six expressions", len(expressive), SEQUENCES * PEAK_FRAMES),
        Count("neutral images", len(records) - len(expressive), SEQUENCES),
    ]
    return Scan({"train": records}, counts, problems)


_LABELS = tuple(sessions.EMOTIONS.values())


class _SkippedError(Exception):
    """A session is not used, and why."""

    def __init__(self, file: DataFile, found: str | Exception, remedy: str, note: bool = False) -> None:
        error = found if isinstance(found, Exception) else UserError(found)
        self.problem = file.problem(error, remedy, note)


class _OutsideError(_SkippedError):
    """The session's emotion is no code of the owners' list."""


def _session(content: Mapping[str, DataFile], taken: dict[str, str], problems: list[Problem]) -> list[FaceRecord]:
    """A session folder's records; `taken` holds the sequences of the sessions before.

    Raises:
      _SkippedError: if the session is not used.
    """
    session_file = content["session.xml"]
    annotation_file = next((file for file in content.values() if ANNOTATION.fullmatch(file.name)), None)
    video = next((file for file in content.values() if VIDEO.fullmatch(file.name)), None)
    if annotation_file is None:
        raise _SkippedError(
            session_file, "a session without annotation, as of a still image", "it is skipped", note=True
        )
    try:
        code = sessions.emotion(sessions.parse(annotation_file.read(MAX_TEXT_BYTES)))
    except (ValueError, UserError) as error:
        raise _SkippedError(annotation_file, error, _DAMAGED) from error
    if code is None:
        raise _SkippedError(annotation_file, "an annotation without an Emotion", "the session is skipped", note=True)
    if code < 1:
        found = f"the emotion is {code}; expected a number from 1 (anger) on, up to 6 (surprise) for the six basic ones"
        raise _OutsideError(annotation_file, found, "use the annotations as their owners give them")
    if code not in sessions.EMOTIONS:
        raise _SkippedError(
            annotation_file, f"emotion {code}, no basic expression (1 to 6)", "it is skipped", note=True
        )
    if video is None:
        if any(STILL_IMAGE.fullmatch(name) for name in content):
            raise _SkippedError(session_file, "a session of still images", "it is skipped", note=True)
        raise _SkippedError(annotation_file, "an annotation without its video", _DAMAGED)
    try:
        view = sessions.view(sessions.parse(session_file.read(MAX_TEXT_BYTES)))
    except (ValueError, UserError) as error:
        raise _SkippedError(session_file, error, _DAMAGED) from error
    if view == sessions.PROFILE:
        raise _SkippedError(session_file, "a profile view", "it is skipped", note=True)
    name = VIDEO.fullmatch(video.name)
    assert name is not None
    subject, sequence = name[1].upper(), f"{name[1]}-{name[2]}".upper()
    if sequence in taken:
        raise _SkippedError(video, f"the same video as {taken[sequence]}", "the first one is used", note=True)
    try:
        frames = frame_count(video)
    except UserError as error:
        raise _SkippedError(video, error, _DAMAGED) from error
    if frames <= PEAK_FRAMES:
        raise _SkippedError(
            video, f"a video of {frames} frames; expected a neutral one and three of the peak", _DAMAGED
        )
    peak = sessions.peak(_action_units(content, problems), frames)
    taken[sequence] = video.source
    wanted = (0, peak - 1, peak, peak + 1)
    return [
        FaceRecord(
            key=f"{sequence}_{frame:04d}",
            load=functools.partial(read_frame, video, frame, wanted),
            label=sessions.EMOTIONS[code] if frame else "neutral",
            subject=subject,
            sequence=sequence,
            source=video.source,
            frame=frame,
            role=EXPRESSIVE if frame else NEUTRAL,
            views=HALVES if view == sessions.BOTH else TURNED,
            video=True,
        )
        for frame in wanted
    ]


def _action_units(content: Mapping[str, DataFile], problems: list[Problem]) -> list[list[sessions.Marker]]:
    """The session's action-unit annotation; a damaged one is noted and counts as none."""
    file = next((file for name, file in content.items() if name.endswith(ACTION_UNITS_SUFFIX)), None)
    if file is None:
        return []
    try:
        return sessions.action_units(sessions.parse(file.read(MAX_TEXT_BYTES)))
    except (ValueError, UserError) as error:
        problems.append(Problem(file.source, f"no usable annotation ({error})", "the middle frame is used", note=True))
        return []
