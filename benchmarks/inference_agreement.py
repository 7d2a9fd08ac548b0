"""The same faces through Keras, SavedModel and every .tflite of a run: agreement, accuracy, size and time."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from ifgan_tf import cli

USAGE = """
Prints one line a model: largest difference to Keras, labels that agree, accuracy, size, time as a ratio to Keras.

    python -m benchmarks.inference_agreement --workdir=RUN --saved_model=RUN/export --tflite=RUN/tflite

The SavedModel is asked by a fresh process that has TensorFlow but not this project: `serving_default` gets PNG files
of the aligned 256x256 faces, `tensors` gets what the networks see.
"""

# Runs in a folder without the project: asks both signatures, saves what they answer.
_ASK = """
import pathlib, sys
import numpy as np, tensorflow as tf
signatures = tf.saved_model.load(sys.argv[1]).signatures
assert not [name for name in sys.modules if name.startswith(("ifgan_tf", "export"))]
def ask(name, key, rows):
    parts = [signatures[name](**{key: tf.constant(rows[i:i + 16])}) for i in range(0, len(rows), 16)]
    return np.concatenate([part["probabilities"].numpy() for part in parts])
files = [file.read_bytes() for file in sorted(pathlib.Path().glob("*.png"))]
np.savez("answers.npz", tensors=ask("tensors", "images", np.load("views.npy")),
         serving_default=ask("serving_default", "image_bytes", files))
"""


def ask_in_fresh_process(version: Path, views: np.ndarray, aligned: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """What both signatures of a SavedModel answer where the project is not importable.

    Args:
      version: folder of one version.
      views: uint8 [N, S, S, 3], for `tensors`.
      aligned: N faces, uint8 [256, 256, 3], for `serving_default`, as PNG.
    Returns:
      probabilities float32 [N, classes], by signature.
    """
    from ifgan_tf.data.images import encode_png

    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "views.npy", views)
        for number, face in enumerate(aligned):
            (Path(folder) / f"{number:06d}.png").write_bytes(encode_png(face))
        subprocess.run([sys.executable, "-c", _ASK, str(version.resolve())], cwd=folder, check=True)
        return dict(np.load(Path(folder) / "answers.npz"))


def measure(workdir: Path, saved_model: str, tflite: str, data_dir: str | None, count: int) -> list[dict[str, Any]]:
    """One row a model; see `USAGE`."""
    from export import parity
    from ifgan_tf.data.built_sets import iterate
    from ifgan_tf.evaluation.predictions import faces_of
    from ifgan_tf.faces.geometry import model_view
    from ifgan_tf.run_folder import single_run

    run = single_run(workdir)
    data, model = run.config().data, run.inference()
    faces = parity.evenly(faces_of(run, "test", data_dir), count)
    chosen = list(zip(faces.sources.tolist(), faces.frames.tolist(), strict=True))
    wanted = set(chosen)
    built = iterate(data.dataset, data_dir or data.data_dir, "all", data.class_names)
    keyed = (((example["source"].decode(), int(example["frame"])), example["image"]) for example in built)
    aligned = {key: image for key, image in keyed if key in wanted}
    whole = [aligned[key] for key in chosen]
    views = np.stack([model_view(face, data.image_size) for face in whole])
    np.testing.assert_array_equal(views, faces.images[:])  # the faces of the run, the very pixels

    reference = parity.answers(parity.keras_runner(model), views, "Keras")
    rows = [_row("Keras", reference, reference, faces)]
    if saved_model:
        versions = [path for path in Path(saved_model).iterdir() if path.name.isdecimal()]
        version = max(versions, key=lambda path: int(path.name))
        for name, probabilities in ask_in_fresh_process(version, views, whole).items():
            rows.append(_row(f"SavedModel, {name}", {"probabilities": probabilities}, reference, faces))
    for file in sorted(Path(tflite).glob("*.tflite")) if tflite else []:
        content = file.read_bytes()
        answers = parity.answers(parity.litert_runner(content, 2), views, file.name)
        metadata = json.loads(file.with_suffix(".json").read_text())
        times = parity.latencies(content, model, views[:1], rounds=31)
        rows.append(
            {**_row(file.name, answers, reference, faces), "megabytes": metadata["parity"]["megabytes"], **times}
        )
    return rows


def _row(name: str, answers: dict[str, np.ndarray], reference: dict[str, np.ndarray], faces: Any) -> dict[str, Any]:
    from export import parity

    return {"model": name, **parity.compare(answers, reference, faces)}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    columns = {
        "model": "{}",
        "images": "{}",
        "max_probability_difference": "{:.1e}",
        "max_average_face_difference": "{:.0f}",
        "mean_average_face_difference": "{:.2f}",
        "label_agreement": "{:.1%}",
        "accuracy": "{:.1%}",
        "megabytes": "{:.1f}",
        "one_thread_ratio": "{:.2f}",
        "two_threads_ratio": "{:.2f}",
    }
    lines = ["| " + " | ".join(name.replace("_", " ") for name in columns) + " |", "|---" * len(columns) + "|"]
    for row in rows:
        cells = (form.format(row[name]) if name in row else "" for name, form in columns.items())
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    cli.only_flags(arguments)
    cli.required("workdir")
    values = flags.FLAGS
    rows = measure(Path(values.workdir), values.saved_model, values.tflite, values.data_dir or None, values.images)
    print(table(rows))


if __name__ == "__main__":
    flags.DEFINE_string("workdir", "", "Run folder made by train.py.")
    flags.DEFINE_string("saved_model", "", "Folder of SavedModel versions.")
    flags.DEFINE_string("tflite", "", "Folder of .tflite files.")
    flags.DEFINE_string("data_dir", "", "Folder of built data sets; default: where the run found them.")
    flags.DEFINE_integer("images", 200, "How many test faces.", 1)
    cli.run(main, USAGE)
