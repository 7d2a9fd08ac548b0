"""MMI's XML files: which expression a session shows, from which side, and when it is at its apex."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ElementTree

# 1-based codes of the six basic expressions; other values are no basic expressions.
EMOTIONS = {1: "anger", 2: "disgust", 3: "fear", 4: "happiness", 5: "sadness", 6: "surprise"}
FRONTAL, PROFILE, BOTH = 0, 1, 2
_APEX_BEGINS, _OFFSET_BEGINS = 2, 3


@dataclasses.dataclass(frozen=True)
class Marker:
    """A phase of an action unit begins: `kind` 1 onset, 2 apex, 3 offset, at a 1-based frame."""

    frame: int
    kind: int


def parse(data: bytes) -> ElementTree.Element:
    """The root of an XML document.

    Raises:
      ValueError: if it is not well formed.
    """
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # LookupError: an encoding nobody knows
        raise ValueError(f"not well-formed XML ({error})") from error


def emotion(annotation: ElementTree.Element) -> int | None:
    """The value of `<Metatag Name="Emotion" Value="N"/>`, None if there is none.

    Raises:
      ValueError: if the value is not a whole number.
    """
    for tag in _elements(annotation, "metatag"):
        attributes = _attributes(tag)
        if attributes.get("name", "").lower() == "emotion":
            value = attributes.get("value", "")
            try:
                return int(value)
            except ValueError:
                raise ValueError(f"the emotion is {value[:40]!r}; expected a number") from None
    return None


def view(session: ElementTree.Element) -> int | None:
    """The camera's view of the first track: 0 frontal, 1 profile, 2 both in one frame; None if it is not told."""
    for track in _elements(session, "track"):
        value = _attributes(track).get("view", "").strip()
        return int(value) if value.isdecimal() and len(value) < 4 else None
    return None


def action_units(annotation: ElementTree.Element) -> list[list[Marker]]:
    """The markers of every annotated action unit, in temporal order.

    Raises:
      ValueError: if a marker's frame or type is not a number, or its frame not positive.
    """
    return [
        sorted(map(_marker, _elements(unit, "marker")), key=lambda marker: marker.frame)
        for unit in _elements(annotation, "actionunit")
    ]


def peak(units: list[list[Marker]], frames: int) -> int:
    """The frame, from 0, in the middle of the longest stretch in which most action units are at their apex.

    Without an annotated apex the expression is taken to be neutral-apex-neutral: the peak is the middle,
    `frames // 2`. The peak leaves room for a frame on either side.
    """
    active = [0] * frames
    for markers in units:
        for marker in markers:
            if marker.kind == _APEX_BEGINS:
                ends = (m.frame for m in markers if m.kind == _OFFSET_BEGINS and m.frame > marker.frame)
                for frame in range(marker.frame - 1, min(next(ends, frames + 1) - 1, frames)):
                    active[frame] += 1
    middle = frames // 2
    if any(active):
        best = max(active)
        stretches: list[list[int]] = []
        for frame, count in enumerate(active):
            if count == best:
                if not stretches or stretches[-1][-1] != frame - 1:
                    stretches.append([])
                stretches[-1].append(frame)
        longest = max(stretches, key=len)
        middle = longest[len(longest) // 2]
    return min(max(middle, 2), frames - 2)


def _marker(element: ElementTree.Element) -> Marker:
    attributes = _attributes(element)
    frame, kind = attributes.get("frame", ""), attributes.get("type", "")
    if not (frame.isdecimal() and kind.isdecimal() and len(frame) < 10 and len(kind) < 10 and int(frame) > 0):
        raise ValueError(f"a marker of frame {frame[:40]!r} and type {kind[:40]!r}; expected numbers from 1")
    return Marker(int(frame), int(kind))


def _elements(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """Elements by name, whatever their namespace and case."""
    return [element for element in root.iter() if str(element.tag).rpartition("}")[2].lower() == name]


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    return {name.lower(): value for name, value in element.attrib.items()}
