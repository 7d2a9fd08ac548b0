"""Draws one person showing one expression, as a PNG: something to try a trained model on.

    python -m datasets.synthetic_faces.draw --expression=happiness --output=face.png

People from 100 on are in no data set: whatever is trained on synthetic_faces has never seen them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from ifgan_tf import cli, files, labels
from ifgan_tf.data.images import encode_png
from ifgan_tf.errors import UserError


def main(arguments: Sequence[str]) -> None:
    """Draws the picture that the flags describe."""
    from datasets.synthetic_faces.picture import take_picture

    cli.only_flags(arguments)
    cli.required("output")
    values = flags.FLAGS
    labels.index(values.expression)
    output = Path(values.output)
    if output.suffix.lower() != ".png" or output.is_dir():
        raise UserError(f"--output={output}: expected the name of a PNG file, for example --output=face.png")
    drawing = take_picture(values.person, values.expression, 4)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        print(files.write_bytes(output, encode_png(drawing.image)))
    except OSError as error:
        raise UserError(f"--output={output}: cannot be written ({error.strerror}); choose another place") from error


if __name__ == "__main__":
    flags.DEFINE_integer("person", 100, "Number of the person; the data set holds 0 to 99.", lower_bound=0)
    flags.DEFINE_string("expression", "happiness", f"One of {', '.join(labels.EXPRESSIONS)}.")
    flags.DEFINE_string("output", None, "PNG file to write.")
    cli.run(main, __doc__ or "")
