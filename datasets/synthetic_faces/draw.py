"""Renders one person, as a PNG: something to try a trained model on, or to see what an action unit does.

    python -m datasets.synthetic_faces.draw --expression=happiness --intensity=3 --output=face.png
    python -m datasets.synthetic_faces.draw --person=7 --action_units=12:1,6:0.8 --output=smile.png
    python -m datasets.synthetic_faces.draw --people=6 --output=sheet.png

--intensity runs from 1, barely visible, to 4. --action_units gives FACS units with their activation (1: as strong as
most people can, at most 1.2) instead of an expression: the face then does just this, straight into the camera, without
the person's resting look and with nothing before it.
--people=N makes a contact sheet of N people from --person on: all seven expressions, or what --expression or
--action_units asks for.

People from 1000 on are in no data set: whatever is trained on synthetic_faces has never seen them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from absl import flags

from datasets.synthetic_faces.action_units import ACTION_UNITS, STRONGEST, Activations
from ifgan_tf import cli, files, labels
from ifgan_tf.data.images import encode_png
from ifgan_tf.errors import UserError

Draw = Callable[[int], np.ndarray]  # from a person's number to uint8 RGB [S, S, 3]


def main(arguments: Sequence[str]) -> None:
    """Renders the picture that the flags describe."""
    cli.only_flags(arguments)
    cli.required("output")
    values = flags.FLAGS
    output = Path(values.output)
    if output.suffix.lower() != ".png" or output.is_dir():
        raise UserError(f"--output={output}: expected the name of a PNG file, for example --output=face.png")
    image = _image(_wanted(values), range(values.person, values.person + (values.people or 1)), bool(values.people))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        print(files.write_bytes(output, encode_png(image)))
    except OSError as error:
        raise UserError(f"--output={output}: cannot be written ({error.strerror}); choose another place") from error


def _wanted(values: flags.FlagValues) -> dict[str, Draw]:
    """What is to be rendered, by its name: what the flags ask for; for a contact sheet, by default all expressions."""
    from datasets.synthetic_faces.expressions import still
    from datasets.synthetic_faces.picture import SEED, picture_of, take_picture

    if values.action_units is not None:
        if values["expression"].present or values["intensity"].present:
            raise UserError("--action_units: says all that the face does; leave --expression and --intensity out")
        performance = still(parse_action_units(values.action_units))
        return {values.action_units: lambda person: picture_of(person, performance, SEED).image}

    def expression(name: str) -> Draw:
        labels.index(name)
        return lambda person: take_picture(person, name, values.intensity).image

    several = values.people and not values["expression"].present
    return {name: expression(name) for name in (labels.EXPRESSIONS if several else (values.expression,))}


def _image(wanted: dict[str, Draw], people: range, sheet: bool) -> np.ndarray:
    from datasets.synthetic_faces.contact_sheet import contact_sheet

    pictures = [draw(person) for person in people for draw in wanted.values()]
    if not sheet:
        return pictures[0]
    return contact_sheet(pictures, len(wanted), [f"S{person:03d}" for person in people], list(wanted))


def parse_action_units(text: str) -> Activations:
    """`12:1,6:0.8` → activations of both halves of the face.

    Raises:
      UserError: for a unit that is not known or given twice, or an activation outside of 0..1.2.
    """
    try:
        pairs = [(int(unit), float(value)) for unit, value in (part.split(":") for part in text.split(","))]
    except ValueError:
        pairs = []
    once = len({unit for unit, _ in pairs}) == len(pairs)
    if not (pairs and once) or not all(unit in ACTION_UNITS and 0 <= value <= STRONGEST for unit, value in pairs):
        raise UserError(
            f"--action_units={text}: expected FACS units, each once, with an activation from 0 to {STRONGEST} each, "
            f"such as 12:1,6:0.8; the units are " + ", ".join(f"{unit} {name}" for unit, name in ACTION_UNITS.items())
        )
    return Activations({unit: np.full(2, value) for unit, value in pairs})


if __name__ == "__main__":
    flags.DEFINE_integer("person", 1000, "Number of the person; the data sets hold 0 to 999.", lower_bound=0)
    flags.DEFINE_string("expression", "happiness", f"One of {', '.join(labels.EXPRESSIONS)}.")
    flags.DEFINE_integer("intensity", 4, "From 1, barely visible, to 4.", lower_bound=1, upper_bound=4)
    flags.DEFINE_string("action_units", None, "FACS units with their activation, such as 12:1,6:0.8.")
    flags.DEFINE_integer("people", None, "Contact sheet of so many people.", lower_bound=1, upper_bound=100)
    flags.DEFINE_string("output", None, "PNG file to write.")
    cli.run(main, __doc__ or "")
