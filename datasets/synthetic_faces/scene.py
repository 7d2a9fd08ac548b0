"""How a head is seen: its pose and the light."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from datasets.synthetic_faces.canvas import ORIGIN, SIZE, UNIT, to_pixels
from datasets.synthetic_faces.expressions import Performance

IMAGE_SIZE = 320  # pixels of the finished picture
_FLATTENED = 0.75  # a relief can't turn as far as a head
_EYEBALL = 0.4  # radius, face units


@dataclasses.dataclass(frozen=True)
class Scene:
    """Pose in radians, zoom and shift of the finished picture, light."""

    yaw: float  # positive: the face turns to the image's right
    pitch: float  # positive: it looks down
    roll: float  # positive: clockwise
    zoom: float
    shift: tuple[float, float]  # pixels of the finished picture
    light: tuple[float, float, float]  # unit vector towards the light
    ambient: float
    gaze: tuple[float, float]  # face units


def sample_scene(performance: Performance, rng: np.random.Generator) -> Scene:
    """A picture of this performance in changing light."""

    def small(spread: float) -> float:
        return float(spread * np.clip(rng.normal(), -2, 2))

    direction = np.array([rng.uniform(-0.75, 0.75), rng.uniform(-0.8, -0.1), 1.0])
    direction /= np.linalg.norm(direction)
    return Scene(
        yaw=_FLATTENED * performance.head[0],
        pitch=_FLATTENED * performance.head[1],
        roll=performance.head[2],
        zoom=1 + small(0.03),
        shift=(small(4.0), small(4.0)),
        light=(float(direction[0]), float(direction[1]), float(direction[2])),
        ambient=float(rng.uniform(0.3, 0.55)),
        gaze=(_EYEBALL * performance.gaze[0], _EYEBALL * performance.gaze[1]),
    )


def turn(picture: np.ndarray, z: np.ndarray, scene: Scene) -> np.ndarray:
    """Turns the painted head by moving every point with its height.

    Args:
      picture: painted canvas, float32 [SIZE, SIZE, 3], 0..1.
      z: relief, face units, float32 [SIZE, SIZE].
      scene: pose and frame.

    Returns:
      float32 [IMAGE_SIZE, IMAGE_SIZE, 3] RGB, 0..1.
    """
    scale = IMAGE_SIZE / SIZE * scene.zoom
    centre = ORIGIN * IMAGE_SIZE / SIZE + scene.shift
    v, u = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE].astype(np.float32)
    u, v = (
        (u - np.float32(centre[0])) / np.float32(scale * UNIT),
        (v - np.float32(centre[1])) / np.float32(scale * UNIT),
    )
    cos, sin = np.float32(np.cos(scene.roll)), np.float32(np.sin(scene.roll))
    turned_x, turned_y = cos * u + sin * v, cos * v - sin * u
    x, y = turned_x, turned_y
    # The height at the source point moves it, so the source point is a fixed point; the relief is smooth and the
    # angles are small, so three steps settle it to a fraction of a pixel.
    for _ in range(4):
        height = cv2.remap(
            z,
            x * np.float32(UNIT) + np.float32(ORIGIN[0]),
            y * np.float32(UNIT) + np.float32(ORIGIN[1]),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        x = (turned_x - height * np.float32(np.sin(scene.yaw))) / np.float32(np.cos(scene.yaw))
        y = (turned_y - height * np.float32(np.sin(scene.pitch))) / np.float32(np.cos(scene.pitch))
    smooth = cv2.GaussianBlur(picture, (0, 0), 0.55)
    image = cv2.remap(
        smooth,
        x * np.float32(UNIT) + np.float32(ORIGIN[0]),
        y * np.float32(UNIT) + np.float32(ORIGIN[1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    image -= np.float32(0.55) * np.maximum(image - np.float32(0.75), 0)  # film's shoulder: light skin does not burn out
    return np.clip(image, 0, 1)


def project(points: np.ndarray, z: np.ndarray, scene: Scene) -> np.ndarray:
    """Where points [n, 2] of the face (face units) lie in the finished picture, pixels, float32 [n, 2]."""
    pixels = np.clip(np.round(to_pixels(points)).astype(int), 0, SIZE - 1)
    height = z[pixels[:, 1], pixels[:, 0]]
    x = points[:, 0] * np.cos(scene.yaw) + height * np.sin(scene.yaw)
    y = points[:, 1] * np.cos(scene.pitch) + height * np.sin(scene.pitch)
    cos, sin = np.cos(scene.roll), np.sin(scene.roll)
    turned = np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)
    scale = IMAGE_SIZE / SIZE * scene.zoom
    return (turned * scale * UNIT + ORIGIN * IMAGE_SIZE / SIZE + scene.shift).astype(np.float32)
