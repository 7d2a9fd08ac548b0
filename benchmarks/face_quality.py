"""What small, blurred, dark, overexposed and turned faces cost, beside the figures that `quality` is judged by.

    python -m benchmarks.face_quality --model=ifgan_float32.tflite --people=12 --first_person=5000

Renders people of no data set in every expression at intensity 4, in plain light and before a plain camera; shrinks,
blurs, darkens, overexposes and turns them in steps; finds each face anew and asks the model. Prints a line a step:
faces found; of those the share of right answers, the mean confidence, the share of wrong answers that are surer than
90 %, the shares called poor and unreadable, and the 10th, 50th and 90th percentile of the figure. Takes a minute a
person. The limits in `ifgan_tf/faces/quality.py` come from here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from ifgan_tf import cli, progress
from ifgan_tf.labels import EXPRESSIONS, index
from ifgan_tf.recognition.recognizer import Face, Recognizer

NOISE = 2.0  # deviation of what a sensor adds, of 255, once the light is changed
# The steps by the figure of `Quality` that is to show them; what they mean: see `damaged` and `rendered`.
DAMAGE: dict[str, tuple[float, ...]] = {
    "size": (24, 20, 16, 14, 12, 10, 8, 6),
    "sharpness": (0.02, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.13),
    "brightness": (0.5, 0.3, 0.2, 0.13, 0.08),
    "overexposed": (1.4, 1.8, 2.3, 2.7, 3.2),
}
TURNS: dict[str, tuple[float, ...]] = {
    "yaw": (15, 25, 35, 45, 55, 65),
    "pitch": (-40, -30, -20, -10, 10, 20, 30, 40),
}


def rendered(person: int, expression: str, yaw: float, pitch: float) -> tuple[np.ndarray, float]:
    """A picture, uint8 RGB [H, W, 3], and the `size` of the face in it, by the true landmarks of the level head.

    Args:
      person: number.
      expression: of `EXPRESSIONS`.
      yaw, pitch: of the head, degrees to the image's right and down.
    """
    from datasets.synthetic_faces.backdrop import backdrop
    from datasets.synthetic_faces.camera import develop, sample_camera
    from datasets.synthetic_faces.expressions import STRENGTHS, sample_performance
    from datasets.synthetic_faces.person import sample_person
    from datasets.synthetic_faces.picture import SEED
    from datasets.synthetic_faces.render import SIZE, render
    from ifgan_tf.faces.quality import assess

    who = sample_person(SEED, person)
    rng = np.random.default_rng([SEED, person, index(expression), 4])
    shown = sample_performance(expression, rng.uniform(*STRENGTHS[4]), who.habits, rng)
    shown = dataclasses.replace(shown, gaze=(0.0, 0.0), head=(math.radians(yaw), math.radians(pitch), 0.0))
    scene = render(who, shown, backdrop(rng, SIZE), SEED, rng)
    plain = dataclasses.replace(
        sample_camera(rng),
        exposure=0.0,
        blur=0.002,
        motion=(0.0, 0.0),
        face_pixels=math.inf,
        sharpening=0.0,
        noise=0.004,
        colour_noise=0.002,
        smoothing=0.0,
        qualities=(92,),
    )
    image = develop(scene.picture, plain, rng, scene.face_size)
    return image, float(assess(image, scene.landmarks).size or 0)


def damaged(image: np.ndarray, size: float, figure: str, step: float, rng: np.random.Generator) -> np.ndarray:
    """The picture shrunk until the face has `step` pixels, blurred by a deviation of `step` sizes, or `step` as bright.

    Args:
      image: uint8 RGB [H, W, 3].
      size: of the face in it, pixels.
      figure: of `DAMAGE`.
      step: how far.
      rng: for noise.
    """
    if figure == "size":
        sides = [max(1, round(side * step / size)) for side in (image.shape[1], image.shape[0])]
        return cv2.resize(image, sides, interpolation=cv2.INTER_AREA)
    if figure == "sharpness":
        return cv2.GaussianBlur(image, (0, 0), step * size)
    lit = np.minimum(image * np.float64(step), 255) + rng.normal(0, NOISE, image.shape)
    return np.clip(np.rint(lit), 0, 255).astype(np.uint8)


def pictures(people: Sequence[int]) -> Iterator[tuple[str, float, str, np.ndarray]]:
    """Figure, step, expression and picture of all that is to be asked about."""
    rng = np.random.default_rng(0)
    for person in people:
        for number, expression in enumerate(EXPRESSIONS):
            side = 1 if (person + number) % 2 else -1
            image, size = rendered(person, expression, 0, 0)
            yield "untouched", 0.0, expression, image
            for figure, steps in DAMAGE.items():
                for step in steps:
                    yield figure, step, expression, damaged(image, size, figure, step, rng)
            for degrees in TURNS["yaw"]:
                yield "yaw", degrees, expression, rendered(person, expression, side * degrees, 0)[0]
            for degrees in TURNS["pitch"]:
                yield "pitch", degrees, expression, rendered(person, expression, 0, degrees)[0]


def line(figure: str, step: float, answers: Sequence[tuple[str, Face | None]]) -> str:
    """What became of one step's faces.

    Args:
      figure, step: of the pictures.
      answers: expression and face of each; None where none was found.
    """
    found = [(truth, face) for truth, face in answers if face is not None]
    head = f"{figure:12} {step:6g}  found {len(found) / len(answers):4.0%}"
    if not found:
        return head
    best = [(truth, max(face.probabilities, key=face.probabilities.__getitem__), face) for truth, face in found]
    right = np.mean([truth == name for truth, name, _ in best])
    sure = np.mean([truth != name and face.confidence > 0.9 for truth, name, face in best])
    confidence = np.mean([face.confidence for _, _, face in best])
    poor = np.mean([bool(face.quality.words) for _, face in found])
    unreadable = np.mean([face.quality.unreadable for _, face in found])
    told = f"right {right:4.0%}  sure {confidence:4.0%}  wrong and sure {sure:4.0%}"
    text = f"{head}  {told}  poor {poor:4.0%}  unreadable {unreadable:4.0%}"
    if figure == "untouched":
        return text
    values = [abs(v) if figure == "yaw" else v for v in (getattr(face.quality, figure) for _, face in found)]
    return f"{text}  {figure} " + " ".join(f"{value:.2f}" for value in np.quantile(values, [0.1, 0.5, 0.9]))


def main(arguments: Sequence[str]) -> None:
    cli.only_flags(arguments)
    cli.required("model")
    values = flags.FLAGS
    recognizer = Recognizer(Path(values.model))
    people = range(values.first_person, values.first_person + values.people)
    steps = 1 + sum(map(len, (*DAMAGE.values(), *TURNS.values())))
    answers: dict[tuple[str, float], list[tuple[str, Face | None]]] = {}
    with progress.bar(total=len(people) * len(EXPRESSIONS) * steps, desc="faces", unit="picture") as bar:
        for figure, step, expression, image in pictures(people):
            face = next(iter(recognizer.predict(image)), None)
            answers.setdefault((figure, step), []).append((expression, face))
            bar.update()
    for (figure, step), told in answers.items():
        print(line(figure, step, told))


if __name__ == "__main__":
    flags.DEFINE_string("model", "", "Run folder, SavedModel or .tflite file to ask.")
    flags.DEFINE_integer("people", 12, "Rendered people.", lower_bound=1)
    flags.DEFINE_integer("first_person", 5000, "Number of the first; the data sets' own people come before it.")
    cli.run(main, __doc__ or "")
