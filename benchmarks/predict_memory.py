"""Peak memory of predict on a long video, against a short one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from ifgan_tf import cli

USAGE = """
Draws two videos of a moving face, predicts each in a process of its own, prints peak memory and the ratio.

    python -m benchmarks.predict_memory --model=RUN_OR_EXPORT [--minutes=10]

Exits with 1 if the long video takes more than 1.1 times the memory of the one-minute video.
"""

FRAMES_PER_SECOND, SIDE = 5, 240
LIMIT = 1.1


def draw_video(path: Path, minutes: float) -> int:
    """Writes scikit-image's astronaut wandering over a noisy background; returns the number of frames."""
    import skimage.data

    face = cv2.cvtColor(skimage.data.astronaut()[20:180, 140:300], cv2.COLOR_RGB2BGR)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FRAMES_PER_SECOND, (SIDE, SIDE))
    generator = np.random.default_rng(0)
    count = round(minutes * 60 * FRAMES_PER_SECOND)
    for number in range(count):
        frame = generator.integers(0, 80, (SIDE, SIDE, 3), dtype=np.uint8)
        x, y = (round((SIDE - 160) * (0.5 + 0.5 * np.sin(number / pace))) for pace in (17, 23))
        frame[y : y + 160, x : x + 160] = face
        writer.write(frame)
    writer.release()
    return count


def peak_memory(model: str, video: Path) -> float:
    """Megabytes that a process needed at most to predict the video."""
    code = "; ".join(
        [
            "import sys, pathlib, resource",
            "from ifgan_tf.predict import predict",
            "from ifgan_tf.recognition.recognizer import Recognizer",
            "predict(Recognizer(sys.argv[1]), [sys.argv[2]], pathlib.Path(sys.argv[3]))",
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)",
        ]
    )
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, "-c", code, model, str(video), output]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        rows = (Path(output) / "predictions.csv").read_text().count("\n") - 1
    print(f"{video.stem}: {rows} rows, {float(done.stdout):.0f} MB")
    return float(done.stdout)


def main(arguments: Sequence[str]) -> int:
    cli.only_flags(arguments)
    cli.required("model")
    with tempfile.TemporaryDirectory() as folder:
        peaks = []
        for name, minutes in (("short", 1.0), ("long", flags.FLAGS.minutes)):
            draw_video(Path(folder) / f"{name}.mp4", minutes)
            peaks.append(peak_memory(flags.FLAGS.model, Path(folder) / f"{name}.mp4"))
    print(f"ratio {peaks[1] / peaks[0]:.2f} (limit {LIMIT})")
    return 0 if peaks[1] <= LIMIT * peaks[0] else 1


if __name__ == "__main__":
    flags.DEFINE_string("model", "", "A run folder, a SavedModel or a .tflite file.")
    flags.DEFINE_float("minutes", 10.0, "Length of the long video.", 1.0)
    cli.run(main, USAGE)
