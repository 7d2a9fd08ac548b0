"""What is behind a person in a picture: walls, rooms, streets, trees, lights; more or less out of focus."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from datasets.synthetic_faces.sampling import choose


def backdrop(rng: np.random.Generator, size: int) -> np.ndarray:
    """A background such as people stand or sit in front of, of a kind drawn from `KINDS`.

    Args:
      rng: all that is random about it.
      size: pixels of its side.

    Returns:
      float32 [size, size, 3] RGB, 0..1 (display values, sRGB).
    """
    return backdrop_of(choose(rng, KINDS), rng, size)


def backdrop_of(kind: str, rng: np.random.Generator, size: int) -> np.ndarray:
    """A background of one of the `KINDS`; arguments and result as those of `backdrop`."""
    picture = KINDS[kind][1](rng, size)
    if kind != "flat":
        picture = _focus(_uneven_light(picture, rng), rng)
    return np.clip(picture, 0, 1)


def _uneven_light(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brighter towards one side, as rooms are, and brighter or darker as a whole."""
    size = len(picture)
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.5)
    x, y = _grid(size)
    slope = 1 + np.float32(strength) * (np.float32(np.cos(angle)) * (x - 0.5) + np.float32(np.sin(angle)) * (y - 0.5))
    return picture * (np.float32(rng.uniform(0.8, 1.1)) * slope)[..., None]


def _focus(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blurred by anything from almost nothing, as behind somebody at a wall, to beyond recognition."""
    far = rng.random()
    low, high = (0.002, 0.006) if far < 0.3 else (0.006, 0.02) if far < 0.75 else (0.02, 0.05)
    return _blur(picture, rng.uniform(low, high) * len(picture))


def _flat(rng: np.random.Generator, size: int) -> np.ndarray:
    """One value all over: posed data sets are black, white or grey behind the head."""
    value = (0.0, 1.0, float(rng.uniform(0.02, 0.98)))[rng.choice(3, p=[0.3, 0.45, 0.25])]
    return np.full((size, size, 3), value, np.float32)


def _wall(rng: np.random.Generator, size: int) -> np.ndarray:
    """A plain wall, a little stained, sometimes of two colours."""
    picture = _filled(_colour(rng, 0.3, 0.95), size)
    if rng.random() < 0.25:
        height = int(rng.uniform(0.4, 0.8) * size)
        picture[height:] = _colour(rng, 0.2, 0.8)
    return picture * (1 + np.float32(0.04) * _fractal(rng, size))[..., None]


def _studio(rng: np.random.Generator, size: int) -> np.ndarray:
    """Paper or painted cloth with a pool of light behind the head."""
    x, y = _grid(size)
    centre_x, centre_y, radius = rng.uniform(0.35, 0.65), rng.uniform(0.3, 0.6), rng.uniform(0.45, 0.9)
    distance = ((x - np.float32(centre_x)) ** 2 + (y - np.float32(centre_y)) ** 2) / np.float32(radius**2)
    light = np.exp(-distance) * np.float32(rng.uniform(0.3, 0.9)) + np.float32(rng.uniform(0.15, 0.6))
    if rng.random() < 0.4:
        light = light * (1 + np.float32(rng.uniform(0.05, 0.16)) * _fractal(rng, size))
    return light[..., None] * _colour(rng, 0.3, 0.9)


def _curtain(rng: np.random.Generator, size: int) -> np.ndarray:
    """Hanging cloth: folds that wander a little from top to bottom."""
    x, _ = _grid(size)
    wander = x + np.float32(0.012) * _noise(rng, size, 6, 3)
    folds = np.float32(2 * np.pi * rng.uniform(4, 13))
    shade = np.sin(folds * wander + np.float32(rng.uniform(0, 6))) + np.float32(0.5) * np.sin(2.3 * folds * wander)
    picture = (1 + np.float32(rng.uniform(0.08, 0.3)) * shade)[..., None] * _colour(rng, 0.2, 0.8)
    return picture.astype(np.float32)


def _bricks(rng: np.random.Generator, size: int) -> np.ndarray:
    rows = int(rng.integers(9, 22))
    clay = _colour(rng, 0.3, 0.6) * [1.15, 0.85, 0.75] if rng.random() < 0.7 else _colour(rng, 0.5, 0.9)
    wall = _courses(rng, size, rows, int(rows * 0.45), clay, rng.uniform(0.05, 0.2), rng.uniform(0.06, 0.14), True)
    return _seen_aslant(wall * (1 + np.float32(0.06) * _noise(rng, size, 90))[..., None], rng)


def _tiles(rng: np.random.Generator, size: int) -> np.ndarray:
    rows = int(rng.integers(4, 12))
    return _seen_aslant(_courses(rng, size, rows, rows, _colour(rng, 0.4, 0.95), 0.03, 0.05, False), rng)


def _courses(
    rng: np.random.Generator,
    size: int,
    rows: int,
    columns: int,
    colour: np.ndarray,
    variety: float,
    joint: float,
    bonded: bool,
) -> np.ndarray:
    """Rows of blocks, their colour differing by `variety`, `joint` of a row's height between them."""
    steps = np.arange(size, dtype=np.float32) / np.float32(size)
    row, within_row = np.divmod(steps * rows, 1)
    shift = np.where(bonded, row % 2 / 2, 0)
    column, within_column = np.divmod(steps[None, :] * columns + shift[:, None], 1)
    blocks = colour * (1 + variety * rng.standard_normal((rows, columns + 2, 1)))
    picture = blocks.astype(np.float32)[row.astype(int)[:, None], column.astype(int)]
    mortar = (within_row < joint)[:, None] | (within_column < joint * columns / rows)
    picture[mortar] = _colour(rng, 0.4, 0.9)
    return picture


def _shelves(rng: np.random.Generator, size: int) -> np.ndarray:
    """Shelves with books in them, and gaps."""
    wood = _colour(rng, 0.15, 0.75) * [1.1, 0.95, 0.8]
    picture = _filled(wood * np.float32(0.4), size)
    count = int(rng.integers(2, 6))
    height, board = size / count, max(round(0.012 * size), 1)
    tones = [_colour(rng, 0.1, 0.8, 0.3) for _ in range(12)]
    start = -rng.uniform(0, height)
    for shelf in range(count + 1):
        bottom = start + (shelf + 1) * height
        left = 0.0
        while left < size:
            width = size * rng.uniform(0.012, 0.05)
            if rng.random() < 0.08:
                width *= 3
            else:
                upper = bottom - height * rng.uniform(0.55, 0.9)
                tone = tones[rng.integers(len(tones))] * np.float32(rng.uniform(0.8, 1.2))
                _box(picture, left, upper, left + width, bottom, tone)
                _box(picture, left, upper, left + 1, bottom, tone * 0.5)
                band = upper + height * rng.uniform(0.05, 0.3)
                _box(picture, left + 1, band, left + width - 1, band + 0.04 * height, tone * 0.6 + 0.3)
            left += width
        _box(picture, 0, bottom, size, bottom + board, wood)
    return _seen_aslant(picture, rng)


def _window(rng: np.random.Generator, size: int) -> np.ndarray:
    """A wall and a window full of daylight, perhaps with a curtain beside it."""
    picture = _filled(_colour(rng, 0.15, 0.65), size)
    left, width = rng.uniform(-0.3, 0.7) * size, rng.uniform(0.4, 0.9) * size
    top, height = rng.uniform(-0.2, 0.15) * size, rng.uniform(0.5, 0.9) * size
    frame, thick = _colour(rng, 0.5, 0.95), 0.025 * size
    _box(picture, left - thick, top - thick, left + width + thick, top + height + thick, frame)
    x0, x1, y0, y1 = (int(np.clip(v, 0, size)) for v in (left, left + width, top, top + height))
    outside = _trees(rng, size) if rng.random() < 0.5 else _filled(_colour(rng, 0.8, 1.1), size)
    picture[y0:y1, x0:x1] = outside[y0:y1, x0:x1] * np.float32(0.5) + np.float32(rng.uniform(0.4, 0.6))
    for part in range(1, int(rng.integers(2, 4))):
        bar = left + width * part / 2
        _box(picture, bar - thick / 2, top, bar + thick / 2, top + height, frame * 0.8)
    _box(picture, left, top + 0.35 * height, left + width, top + 0.35 * height + 0.7 * thick, frame * 0.8)
    if rng.random() < 0.4:
        cloth, edge = _curtain(rng, size), int(np.clip(left + width * rng.uniform(0, 0.4), 0, size))
        picture[:, :edge] = cloth[:, :edge]
    return picture


def _room(rng: np.random.Generator, size: int) -> np.ndarray:
    """A wall with what stands and hangs in front of it: a door, cupboards, frames, the back of a sofa."""
    paint = _colour(rng, 0.35, 0.95)
    picture = _filled(paint, size)
    corner = rng.uniform(-0.5, 1.5) * size
    _box(picture, corner, 0, size, size, paint * np.float32(rng.uniform(0.75, 1.15)))
    if rng.random() < 0.6:
        left, width, top = rng.uniform(-0.2, 0.9) * size, rng.uniform(0.25, 0.4) * size, rng.uniform(0.02, 0.25) * size
        wood, thick = _colour(rng, 0.15, 0.9), 0.02 * size
        _box(picture, left - thick, top - thick, left + width + thick, size, wood * 0.8)
        _box(picture, left, top, left + width, size, wood)
        for panel in (0.06, 0.5):
            x0, y0 = left + 0.15 * width, top + panel * size
            _box(picture, x0, y0, left + 0.85 * width, y0 + 0.38 * size, wood * 0.75)
            _box(picture, x0 + 2, y0 + 2, left + 0.85 * width, y0 + 0.38 * size, wood * 1.05)
    for _ in range(int(rng.integers(0, 4))):
        x0, y0, width, height = rng.uniform(
            size * np.array([-0.1, 0, 0.08, 0.08]), size * np.array([1, 0.5, 0.4, 0.35])
        )
        _box(picture, x0 + 3, y0 + 4, x0 + width + 3, y0 + height + 4, paint * 0.7)  # the shadow it casts
        _box(picture, x0, y0, x0 + width, y0 + height, _colour(rng, 0.05, 0.6))
        rim = rng.uniform(0.01, 0.03) * size
        _box(picture, x0 + rim, y0 + rim, x0 + width - rim, y0 + height - rim, _colour(rng, 0.3, 0.95, 0.4))
    for _ in range(int(rng.integers(0, 3))):
        x0, width, top = rng.uniform(-0.3, 0.9) * size, rng.uniform(0.3, 0.8) * size, rng.uniform(0.55, 0.9) * size
        tone = _colour(rng, 0.1, 0.7, 0.4)
        _box(picture, x0, top, x0 + width, size, tone)
        _box(picture, x0, top, x0 + width, top + 0.02 * size, tone * 1.25)
    return _seen_aslant(picture, rng)


def _trees(rng: np.random.Generator, size: int) -> np.ndarray:
    """Leaves in light and shade, the sky between and above them, sometimes grass below."""
    dark = np.array([0.08, 0.14, 0.06], np.float32) * np.float32(rng.uniform(0.7, 2.0))
    light = np.array([0.5, 0.62, 0.25], np.float32) * rng.uniform(0.75, 1.2, 3).astype(np.float32)
    shade = 0.5 + 0.2 * _noise(rng, size, 6) + 0.16 * _noise(rng, size, 24) + 0.2 * _noise(rng, size, 80)
    picture = dark + np.clip(shade, 0, 1)[..., None] * (light - dark)
    sky = np.array([0.72, 0.82, 0.95], np.float32) * np.float32(rng.uniform(0.85, 1.05))
    x, y = _grid(size)
    horizon = np.float32(rng.uniform(-0.3, 0.75)) + np.float32(0.1) * _noise(rng, size, 7)
    gaps = np.clip((horizon - y) * 12 + np.float32(1.5) * _noise(rng, size, 40), 0, 1)[..., None]
    picture += gaps * (sky - picture)
    for _ in range(int(rng.integers(0, 3))):
        trunk = np.float32(rng.uniform(0, 1)) + np.float32(rng.normal(0, 0.1)) * y
        picture[np.abs(x - trunk) < np.float32(rng.uniform(0.008, 0.04))] = [0.2, 0.16, 0.13]
    if rng.random() < 0.4:
        ground = int(rng.uniform(0.65, 0.95) * size)
        grass = np.array([0.38, 0.5, 0.2], np.float32) * np.float32(rng.uniform(0.7, 1.2))
        picture[ground:] = grass * (1 + np.float32(0.15) * _noise(rng, size, 50, 120)[ground:, :, None])
    return picture


def _street(rng: np.random.Generator, size: int) -> np.ndarray:
    """Blocks of houses with rows of windows, the sky above and the road below."""
    y = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    sky = np.array([0.55, 0.7, 0.92], np.float32) if rng.random() < 0.6 else np.full(3, 0.8, np.float32)
    picture = np.broadcast_to(sky + (0.95 - sky) * y, (size, size, 3)).copy()
    left = -rng.uniform(0, 0.2) * size
    while left < size:
        width, top = rng.uniform(0.18, 0.5) * size, rng.uniform(-0.1, 0.5) * size
        house = _colour(rng, 0.25, 0.85)
        _box(picture, left, top, left + width, size, house)
        _box(picture, left, top, left + width, top + 0.02 * size, house * 0.7)
        pane = house * np.float32(rng.uniform(0.2, 0.6)) + np.float32(rng.uniform(0, 0.15))
        step_x, step_y = rng.uniform(0.05, 0.12) * size, rng.uniform(0.07, 0.16) * size
        for x0 in np.arange(left + 0.3 * step_x, left + width - 0.7 * step_x, step_x):
            for y0 in np.arange(top + 0.4 * step_y, 0.8 * size, step_y):
                _box(picture, x0, y0, x0 + 0.55 * step_x, y0 + 0.55 * step_y, pane * np.float32(rng.uniform(0.7, 1.4)))
        left += width
    _box(picture, 0, rng.uniform(0.75, 0.95) * size, size, size, _colour(rng, 0.25, 0.5, 0.04))
    return _seen_aslant(picture, rng)


def _lights(rng: np.random.Generator, size: int) -> np.ndarray:
    """Lights at night, so far out of focus that each is a disc of the same size."""
    _, y = _grid(size)
    dusk = _colour(rng, 0.02, 0.25, 0.4) * (0.6 + np.float32(rng.uniform(0, 0.8)) * (1 - y))[..., None]
    lamps = np.zeros((size, size, 3), np.float32)
    radius = rng.uniform(0.015, 0.07) * size
    tones = np.array([[1, 0.8, 0.5], [1, 0.55, 0.25], [0.9, 0.95, 1], [0.5, 0.7, 1], [1, 0.3, 0.25], [0.4, 1, 0.6]])
    for _ in range(int(rng.integers(15, 60))):
        tone = tones[rng.choice(6, p=[0.35, 0.25, 0.2, 0.08, 0.07, 0.05])] * rng.uniform(0.15, 0.7)
        centre = rng.uniform(0, size), np.clip(rng.normal(0.45, 0.25), 0, 1) * size
        disc = np.zeros((size, size), np.uint8)
        low_x, low_y = (int(max(c - radius - 2, 0)) for c in centre)
        high_x, high_y = (int(min(c + radius + 3, size)) for c in centre)
        at = tuple(round(16 * c) for c in centre)
        cv2.circle(disc, at, round(16 * radius * rng.uniform(0.85, 1.1)), 255, -1, cv2.LINE_AA, 4)
        window = disc[low_y:high_y, low_x:high_x, None].astype(np.float32) / 255
        lamps[low_y:high_y, low_x:high_x] += window * tone.astype(np.float32)
    return dusk + lamps


def _texture(rng: np.random.Generator, size: int) -> np.ndarray:
    """Noise of the spectrum natural pictures have (1/f), in two colours."""
    mixed = np.clip(0.5 + np.float32(rng.uniform(0.12, 0.3)) * _fractal(rng, size), 0, 1)[..., None]
    one, other = _colour(rng, 0.05, 0.6, 0.4), _colour(rng, 0.3, 0.95, 0.4)
    return one + mixed * (other - one)


# Kind → how often, and who paints it.
KINDS: dict[str, tuple[float, Callable[[np.random.Generator, int], np.ndarray]]] = {
    "wall": (0.19, _wall),
    "studio": (0.13, _studio),
    "flat": (0.11, _flat),
    "curtain": (0.08, _curtain),
    "bricks": (0.05, _bricks),
    "tiles": (0.03, _tiles),
    "shelves": (0.07, _shelves),
    "window": (0.08, _window),
    "room": (0.09, _room),
    "trees": (0.07, _trees),
    "street": (0.05, _street),
    "lights": (0.03, _lights),
    "texture": (0.02, _texture),
}


def _colour(rng: np.random.Generator, low: float, high: float, strength: float = 0.15) -> np.ndarray:
    """A colour of brightness `low`..`high`, float32 [3]; `strength` says how far from grey.

    What people build, wear and paint runs from brown and cream to blue; green and purple are rarer.
    """
    warm, green = strength * rng.normal(0.4, 1), strength * rng.normal(0, 0.4)
    hue = 1 + np.clip(warm, -0.6, 0.6) * np.array([0.9, 0.1, -1.0]) + green * np.array([-0.5, 0.8, -0.5])
    return np.clip(rng.uniform(low, high) * hue, 0.01, 1.1).astype(np.float32)


def _filled(colour: np.ndarray, size: int) -> np.ndarray:
    return np.broadcast_to(np.asarray(colour, np.float32), (size, size, 3)).copy()


def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """x [1, size] and y [size, 1], 0..1, float32."""
    steps = np.linspace(0, 1, size, dtype=np.float32)
    return steps[None, :], steps[:, None]


def _box(picture: np.ndarray, left: float, top: float, right: float, bottom: float, colour: np.ndarray) -> None:
    """Fills a rectangle in place; it may reach beyond the picture."""
    size = len(picture)
    x0, y0, x1, y1 = (int(np.clip(round(v), 0, size)) for v in (left, top, right, bottom))
    picture[y0:y1, x0:x1] = colour


def _noise(rng: np.random.Generator, size: int, columns: int, rows: int | None = None) -> np.ndarray:
    """Smooth noise of about unit deviation, float32 [size, size], with so many bumps across and down."""
    cells = rng.standard_normal((rows or columns, columns), np.float32)
    return cv2.resize(cells, (size, size), interpolation=cv2.INTER_CUBIC)


def _fractal(rng: np.random.Generator, size: int) -> np.ndarray:
    """Noise with as much in every octave, of about unit deviation, float32 [size, size]."""
    octaves = [_noise(rng, size, 3 * 2**octave) / np.float32(1.6**octave) for octave in range(6)]
    return np.stack(octaves).sum(axis=0) / np.float32(1.25)


def _seen_aslant(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture on a wall that does not stand square to the camera."""
    size = len(picture)
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32)
    moved = corners + size * rng.choice([0.03, 0.16]) * rng.uniform(-1, 1, (4, 2))
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return cv2.warpPerspective(picture, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def _blur(picture: np.ndarray, deviation: float) -> np.ndarray:
    """Gaussian blur; what is blurred much is blurred small, which nobody can tell and costs a tenth."""
    if deviation <= 3:
        return cv2.GaussianBlur(picture, (0, 0), deviation, borderType=cv2.BORDER_REPLICATE)
    size = len(picture)
    step = deviation / 2
    small = cv2.resize(picture, (max(round(size / step), 2),) * 2, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)
