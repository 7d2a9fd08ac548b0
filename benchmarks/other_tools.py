"""A run's exports in tools of other makers: what opens, and how far its answers are from Keras'."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from benchmarks.ask_tool import NOT_INSTALLED, TOOLS
from ifgan_tf import cli

USAGE = """
Prints one line a tool and file: largest difference of a probability to Keras, and how many labels agree.

    python -m benchmarks.other_tools --workdir=RUN --environments=DIR

These packages do not go together, so every tool may have a virtual environment of its own, DIR/<tool>; one without is
looked for where this command runs, and left out, with a word, if it is not there:

    python3 -m venv DIR/openvino && DIR/openvino/bin/pip install openvino
    python3 -m venv DIR/mediapipe && DIR/mediapipe/bin/pip install mediapipe
    python3 -m venv DIR/tensorflowjs && DIR/tensorflowjs/bin/pip install tensorflowjs ydf==0.11.0
    npm install --prefix DIR/tensorflowjs @tensorflow/tfjs
    python3.11 -m venv DIR/tflite-runtime && DIR/tflite-runtime/bin/pip install tflite-runtime 'numpy<2'
"""


def measure(workdir: Path, environments: Path | None, data_dir: str | None, count: int) -> list[dict[str, Any]]:
    """One row a tool and what it was given; see `USAGE`."""
    from export import parity
    from export.saved_model import export_saved_model
    from export.tflite import FORMATS, export_tflite
    from ifgan_tf.evaluation.predictions import faces_of
    from ifgan_tf.run_folder import single_run

    run = single_run(workdir)
    faces = parity.evenly(faces_of(run, "test", data_dir), count).images[:]
    reference = parity.answers(parity.keras_runner(run.inference()), faces, "Keras")["probabilities"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "faces.npy", faces)
        export_saved_model(run, folder / "serving")
        export_saved_model(run, folder / "plain", plain=True)
        export_tflite(run, folder / "plain", FORMATS, data_dir=data_dir, parity_images=0, plain=True)
        return [row for tool in TOOLS for row in _rows(tool, _python(tool, environments), folder, reference)]


def _python(tool: str, environments: Path | None) -> str:
    own = environments / tool / "bin" / "python" if environments else None
    return str(own) if own is not None and own.is_file() else sys.executable


def _rows(tool: str, python: str, folder: Path, reference: np.ndarray) -> list[dict[str, Any]]:
    script = Path(__file__).with_name("ask_tool.py")
    result = subprocess.run([python, str(script), tool, str(folder)], capture_output=True, text=True, check=False)
    if result.returncode == NOT_INSTALLED:
        logging.info("%s: not installed for %s, left out", tool, python)
        return []
    result.check_returncode()
    answer = json.loads(result.stdout.splitlines()[-1])
    rows = []
    for what, probabilities in answer["answers"].items():
        row = {"tool": f"{tool} {answer['version']}", "opens": what}
        if isinstance(probabilities, str):
            rows.append({**row, "difference": f"no: {probabilities[:150]}", "labels": ""})
            continue
        difference = np.abs(np.array(probabilities) - reference)
        same = (np.argmax(probabilities, axis=1) == reference.argmax(axis=1)).mean()
        rows.append({**row, "difference": f"{difference.max():.1e}", "labels": f"{same:.1%}"})
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| tool | opens | largest difference to Keras | same label |", "|---|---|---|---|"]
    return "\n".join([*lines, *("| " + " | ".join(row.values()) + " |" for row in rows)])


def main(arguments: Sequence[str]) -> None:
    cli.only_flags(arguments)
    cli.required("workdir")
    values = flags.FLAGS
    environments = Path(values.environments).resolve() if values.environments else None
    print(table(measure(Path(values.workdir), environments, values.data_dir or None, values.images)))


if __name__ == "__main__":
    flags.DEFINE_string("workdir", "", "Run folder made by train.py.")
    flags.DEFINE_string("environments", "", "Folder of virtual environments, one a tool.")
    flags.DEFINE_string("data_dir", "", "Folder of built data sets; default: where the run found them.")
    flags.DEFINE_integer("images", 70, "How many test faces.", 1)
    cli.run(main, USAGE)
