"""The shape of a head: from a person and what their face does to vertices in three dimensions.

Lengths are decimetres, x to the image's right (the person's left), y up, z towards the camera; the origin is midway
between the centres of the eyes.
"""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from datasets.synthetic_faces.action_units import Activations
from datasets.synthetic_faces.subdivision import catmull_clark

_FILE = Path(__file__).with_name("head_model.npz")

# Parts of the mesh; eyeballs are not in the file, they are added where heads are drawn.
SKIN, UPPER_TEETH, LOWER_TEETH, TONGUE, LASHES, EYES = range(6)
# In the order of the file's rows.
MASKS = ("lips", "eyelids", "inside_mouth", "ears")

# Action unit → face units with their gains; a name without a side stands for the left and the right one.
FACE_UNITS: dict[int, dict[str, float]] = {
    1: {"browInnerUp": 2.4},
    2: {"browOuterUp": 1.5},
    4: {"browDown": 1.6, "browInnerUp": -0.55},
    5: {"eyeWide": 1.8},
    6: {"cheekSquint": 1.4, "eyeSquint": 0.3},
    7: {"eyeSquint": 0.75},
    9: {"noseSneer": 1.6, "browDown": 0.3, "browInnerUp": -0.3, "cheekSquint": 0.5, "eyeSquint": 0.25},
    10: {"mouthUpperUp": 1.6, "noseSneer": 0.25},
    12: {"mouthSmile": 1.4},
    14: {"mouthDimple": 1.3},
    15: {"mouthFrown": 1.5},
    16: {"mouthLowerDown": 1.0},
    17: {"mouthShrugLower": 1.15, "mouthShrugUpper": 0.4},
    18: {"mouthPucker": 1.0},
    20: {"mouthStretch": 1.6},
    22: {"mouthFunnel": 0.9},
    23: {"mouthPress": 0.6, "mouthRollUpper": 0.35, "mouthRollLower": 0.35},
    24: {"mouthPress": 0.5, "mouthRollUpper": 0.75, "mouthRollLower": 0.75, "mouthFrown": 0.08, "mouthPucker": 0.15},
    25: {"mouthLowerDown": 0.5, "mouthUpperUp": 0.25, "jawOpen": 0.08},
    26: {"jawOpen": 0.8},
    27: {"jawOpen": 1.1},
    28: {"mouthRollLower": 1.0, "mouthRollUpper": 1.0},
    43: {"eyeBlink": 0.95},
}
# Bones move as one: no half of the jaw opens alone.
_WHOLE = ("jawOpen",)


class HeadModel(NamedTuple):
    """What all heads share.

    Attributes:
      vertices: float32 [n, 3], the average head before subdivision.
      targets: target's name → rows int [k] and offsets float32 [k, 3].
      finer: float32 [N, n], takes vertices to those of the finer mesh.
      triangles: int32 [T, 3] of the finer mesh, counter-clockwise seen from outside.
      part: uint8 [T]: `SKIN`, `UPPER_TEETH`, ...
      template: float32 [N, 3], the finer mesh's vertices of the average head: where things are on everybody.
      masks: name → float32 [N] of 0..1.
      eyes: int [2, k], the vertices of the eyeballs, the image's left one first.
      points: name of a landmark → vertex of the finer mesh.
    """

    vertices: np.ndarray
    targets: dict[str, tuple[np.ndarray, np.ndarray]]
    finer: sparse.csr_matrix
    triangles: np.ndarray
    part: np.ndarray
    template: np.ndarray
    masks: dict[str, np.ndarray]
    eyes: np.ndarray
    points: dict[str, int]


@functools.lru_cache(maxsize=1)
def head_model() -> HeadModel:
    """Reads the head model, once a process."""
    with np.load(io.BytesIO(_FILE.read_bytes())) as file:
        data = dict(file)
    step = float(data["step"])
    vertices = (data["vertices"] * step).astype(np.float32)
    finer, quads = catmull_clark(data["quads"].astype(np.int64), len(vertices))
    part = np.repeat(np.repeat(data["part"], 4), 2)
    triangles = np.stack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], 1).reshape(-1, 3).astype(np.int32)
    targets = {
        str(name): (data["rows"][a:b].astype(np.int64), (data["offsets"][a:b] * step).astype(np.float32))
        for name, a, b in zip(data["names"], data["starts"][:-1], data["starts"][1:], strict=True)
    }
    template = finer @ vertices
    masks = {
        name: np.clip(finer @ (row.astype(np.float32) / 255), 0, 1)
        for name, row in zip(MASKS, data["masks"], strict=True)
    }
    return HeadModel(
        vertices,
        targets,
        finer,
        triangles,
        part,
        template,
        masks,
        data["eyes"][::-1].astype(np.int64),
        _points(template, masks),
    )


def _points(template: np.ndarray, masks: dict[str, np.ndarray]) -> dict[str, int]:
    lips = np.where(masks["lips"] > 0.5)[0]
    return {
        "nose_tip": int(np.argmax(template[:, 2] - 10 * np.abs(template[:, 0]) - 2 * np.abs(template[:, 1] - 6.97))),
        "mouth_left": int(lips[np.argmin(template[lips, 0])]),
        "mouth_right": int(lips[np.argmax(template[lips, 0])]),
    }


def add(vertices: np.ndarray, name: str, weight: float | np.ndarray) -> None:
    """Adds a target to vertices of the coarse mesh in place, `weight` one number or one for every vertex [n, 1]."""
    rows, offsets = head_model().targets[name]
    vertices[rows] += offsets * (weight if np.isscalar(weight) else np.asarray(weight)[rows])


@functools.lru_cache(maxsize=1)
def _sides() -> np.ndarray:
    """How much every coarse vertex belongs to the image's left and right half, float32 [2, n, 1]."""
    x = np.clip(head_model().vertices[:, :1] / 0.3, -1, 1)
    right = 0.5 + 0.75 * x - 0.25 * x**3
    return np.stack([1 - right, right])


def weights(activations: Activations) -> dict[str, np.ndarray]:
    """The face units that show these action units: name without side → weight of the image's left and right half."""
    shown: dict[str, np.ndarray] = {}
    for unit, parts in FACE_UNITS.items():
        if unit in activations:
            for name, gain in parts.items():
                shown[name] = shown.get(name, np.zeros(2)) + gain * np.asarray(activations[unit], float)
    # A smile that opens bares the upper teeth.
    grin = np.minimum(np.asarray(activations[12], float), np.asarray(activations[25], float))
    if grin.any():
        for name, gain in (("mouthUpperUp", 0.85), ("mouthLowerDown", 0.35)):
            shown[name] = shown.get(name, np.zeros(2)) + gain * grin
    return shown


def express(neutral: np.ndarray, shown: dict[str, np.ndarray]) -> np.ndarray:
    """The coarse vertices [n, 3] of a face that shows face units, from those of its neutral face."""
    model, vertices = head_model(), neutral.copy()
    for name, sides in shown.items():
        if name in _WHOLE:
            add(vertices, f"unit/{name}", float(sides.mean()))
        elif f"unit/{name}Left" in model.targets:
            add(vertices, f"unit/{name}Right", float(sides[0]))
            add(vertices, f"unit/{name}Left", float(sides[1]))
        else:
            add(vertices, f"unit/{name}", sides[0] * _sides()[0] + sides[1] * _sides()[1])
    return vertices


def blend(shape: dict[str, float]) -> np.ndarray:
    """The coarse vertices [n, 3] of a neutral face from the weights of its targets, the origin between its eyes."""
    vertices = head_model().vertices.copy()
    for name, weight in shape.items():
        if weight:
            add(vertices, name, weight)
    # Teeth stand a little further back than the model's: lips that are closed hide them.
    vertices[_teeth(), 2] -= 0.025
    return vertices - vertices[head_model().eyes].mean((0, 1))


@functools.lru_cache(maxsize=1)
def _teeth() -> np.ndarray:
    """The coarse vertices of the teeth."""
    model = head_model()
    shown = np.unique(model.triangles[(model.part == UPPER_TEETH) | (model.part == LOWER_TEETH)])
    return shown[shown < len(model.vertices)]


def gaze_units(gaze: tuple[float, float]) -> dict[str, np.ndarray]:
    """The face units that let the lids follow the eyes, which look that far to the image's right and down (radians)."""
    right, down = gaze
    outward = np.array([-right, right]) / 0.6
    return {
        "eyeLookDown": np.full(2, max(down, 0.0) / 0.5),
        "eyeLookUp": np.full(2, max(-down, 0.0) / 0.5),
        "eyeLookOut": np.maximum(outward, 0.0),
        "eyeLookIn": np.maximum(-outward, 0.0),
    }


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Turns down, then to the image's right, then clockwise, as a matrix [3, 3] for column vectors."""
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    tilt = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return tilt @ turn @ nod
