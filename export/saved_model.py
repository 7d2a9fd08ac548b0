"""A trained run as a SavedModel for TF Serving: encoded pictures of aligned faces in, expressions out."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from absl import flags

from export import warmup
from export.output import written
from ifgan_tf import cli
from ifgan_tf.data import templates
from ifgan_tf.data.images import encode_png
from ifgan_tf.errors import UserError
from ifgan_tf.faces.geometry import ALIGNED_SIZE
from ifgan_tf.run_folder import RunFolder, single_run

USAGE = """
Writes the best networks of a run as DIR/<version>/, in TF Serving's convention.

    python -m export.saved_model --workdir=RUN --output=DIR [--plain]

Signatures (every face must be aligned already, as python -m ifgan_tf.predict and export/classify.py align it: eyes and
nose tip on the points in assets/template.json):
  serving_default   image_bytes: string [N], JPEG or PNG of any size → probabilities, label, label_id
  tensors           images: uint8 RGB [N, S, S, 3], what the networks see → probabilities, label, label_id
  probabilities     images → probabilities alone
  generate          image_bytes → the same, and generated_bytes: string [N], the average face as PNG
  generate_tensors  images → the same, and average_face: uint8 RGB [N, S, S, 3]
A picture that cannot be read gets the label "", the label_id -1 and zeros; the others of its request are answered.
With --plain there is one signature, `serving_default`: images → probabilities, which converters to other runtimes read.
The class names lie in assets/labels.txt, in label order. With the extra `serving` installed there are warm-up requests.
"""


def export_saved_model(run: RunFolder, output: Path, plain: bool = False) -> Path:
    """Writes the next version of a run's SavedModel under `output`.

    Args:
      run: a run folder.
      output: folder of the versions.
      plain: one signature of numbers, for converters; see `ServingModule.plain_signatures`.

    Returns:
      The version's folder, `output/<version>`: 1, or one more than the highest there.

    Raises:
      UserError: when the run has no checkpoint, or `output` cannot be written.
    """
    import tensorflow as tf

    from export.serving import ServingModule

    model = run.inference()
    version = output / str(_next_version(output))
    with tempfile.TemporaryDirectory() as folder, written(version) as beside:
        labels_file = Path(folder) / "labels.txt"
        labels_file.write_text("\n".join(run.classes()) + "\n")
        template_file = Path(folder) / templates.FILE
        templates.save(run.template(), template_file)
        module = ServingModule(model, run.classes(), labels_file, template_file)
        signatures = module.plain_signatures() if plain else module.signatures()
        tf.saved_model.save(module, str(beside), signatures=signatures)
        if warmup.available() and not plain:
            files = [run.average_faces_dir / f"{name}.png" for name in run.classes()]
            pictures = [file.read_bytes() for file in files if file.is_file()]
            pictures = pictures or [encode_png(np.full((ALIGNED_SIZE, ALIGNED_SIZE, 3), 128, np.uint8))]
            encoded = [name for name in ("serving_default", "generate") if name in signatures]
            warmup.write_warmup(beside, encoded, pictures)
    return version


def _next_version(output: Path) -> int:
    try:
        there = [int(path.name) for path in output.iterdir() if path.name.isdecimal()]
    except FileNotFoundError:
        there = []
    except OSError as error:
        raise UserError(f"--output={output}: {error.strerror}; expected a folder") from None
    return max(there, default=0) + 1


def main(arguments: Sequence[str]) -> None:
    cli.only_flags(arguments)
    cli.required("workdir")
    values = flags.FLAGS
    run = single_run(Path(values.workdir))
    output = Path(values.output or run.path / ("plain" if values.plain else "export"))
    version = export_saved_model(run, output, values.plain)
    logging.info("%s: SavedModel of %s, %d classes", version, run.path, len(run.classes()))
    if not warmup.available() and not values.plain:
        logging.info("no warm-up requests: pip install tensorflow-serving-api, or the extra `serving`, to have them")


if __name__ == "__main__":
    flags.DEFINE_string("workdir", "", "Run folder made by train.py.")
    flags.DEFINE_string("output", "", "Folder that TF Serving watches; default: WORKDIR/export, or WORKDIR/plain.")
    flags.DEFINE_bool("plain", False, "Write numbers in, numbers out, for converters to other runtimes.")
    cli.run(main, USAGE)
