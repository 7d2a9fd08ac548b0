"""Renders a person who does something: head, hair and shoulders in a light, before a background."""

from __future__ import annotations

import functools
from typing import NamedTuple

import cv2
import numpy as np

from datasets.synthetic_faces import head, shading, strands, streams
from datasets.synthetic_faces.expressions import Performance
from datasets.synthetic_faces.head import head_model, rotation
from datasets.synthetic_faces.light import Light, sample_light
from datasets.synthetic_faces.looks import Build, Looks, build_of, sample_looks
from datasets.synthetic_faces.person import Person
from datasets.synthetic_faces.rasteriser import (
    Buffers,
    Lens,
    draw_nearest,
    draw_points,
    draw_strands,
    draw_triangles,
    empty_buffers,
    project,
    vertex_normals,
)
from datasets.synthetic_faces.skin import Skin, paint_skin, places, wrinkle
from datasets.synthetic_faces.template import attach, coordinates, fill, look_up, on_face, spread

SIZE = 288
_SAMPLES = 2  # along each side of a pixel
_SHADOW_SIZE = 320
_SHADOW_REACH = 2.4
_EYE_RINGS, _EYE_SECTORS = 14, 24
_IRIS = 0.059  # radius, dm: hardly differs between people
_EYE_LEVEL = 7.28  # y of the average head: a person's own has its origin there
_NECK = np.array([0.0, -1.0, -0.9], np.float32)
_SKULL = np.array([0.0, 0.2, -1.0], np.float32)  # about the middle of it


class Rendering(NamedTuple):
    """A person before a background.

    Attributes:
      picture: float32 [SIZE, SIZE, 3] RGB, 0..1.
      landmarks: true eyes, nose tip, mouth corners, in pixels, float32 [5, 2].
      face_size: from brow to chin, pixels.
      skin: colour, RGB, 0..1.
      hair: colour, RGB, 0..1; None on a bald head.
    """

    picture: np.ndarray
    landmarks: np.ndarray
    face_size: float
    skin: np.ndarray
    hair: np.ndarray | None


class _Mesh(NamedTuple):
    """The mesh that is drawn, the head model's with eyeballs; as in `HeadModel` and `shading.gather`."""

    triangles: np.ndarray
    part: np.ndarray
    place: np.ndarray
    where: np.ndarray
    inside: np.ndarray
    turns: np.ndarray  # float32 [N, 1], how far a vertex goes along with the head: 0 shoulders .. 1
    ball: np.ndarray  # float32 [B, 3], directions of one eyeball's vertices


class _Body(NamedTuple):
    """What is the same in all pictures of a person."""

    looks: Looks
    neutral: np.ndarray  # coarse vertices [n, 3]
    eyes: np.ndarray  # centres [2, 3]
    radius: float
    skin: Skin
    hair: np.ndarray  # float32 [S, K, 3], around the neutral head
    hair_colour: np.ndarray  # float32 [S, K - 1, 4]
    brows: strands.Rooted
    lashes: strands.Rooted
    beard: strands.Rooted | None
    clothes: np.ndarray  # float32 [N, 1]: how far clothes stand off
    neckline: np.ndarray


class _Segments(NamedTuple):
    """The segments of all strands that are drawn: `ends` float32 [P, 2, 3] and `colour` float32 [P, 4]."""

    ends: np.ndarray
    colour: np.ndarray


class _Shadow(NamedTuple):
    """The shadow map of the key light, as `shading.light_up` takes it: its map, its axes [3, 3], its pixels a dm."""

    nearest: np.ndarray
    to_light: np.ndarray
    scale: float


@functools.lru_cache(maxsize=1)
def _mesh() -> _Mesh:
    model = head_model()
    shown = np.flatnonzero(model.part != head.LASHES)
    theta = np.linspace(0, 0.62 * np.pi, _EYE_RINGS)
    phi = np.arange(_EYE_SECTORS) / _EYE_SECTORS * 2 * np.pi
    ball = np.stack(
        [
            np.outer(np.sin(theta), np.cos(phi)),
            np.outer(np.sin(theta), np.sin(phi)),
            np.broadcast_to(np.cos(theta)[:, None], (_EYE_RINGS, _EYE_SECTORS)),
        ],
        -1,
    ).reshape(-1, 3)
    ring, sector = np.meshgrid(np.arange(_EYE_RINGS - 1), np.arange(_EYE_SECTORS), indexing="ij")
    a, b = ring * _EYE_SECTORS + sector, ring * _EYE_SECTORS + (sector + 1) % _EYE_SECTORS
    c, d = a + _EYE_SECTORS, b + _EYE_SECTORS
    quads = np.stack([np.stack([a, c, d], -1), np.stack([a, d, b], -1)], 2).reshape(-1, 3)
    n = len(model.template)
    triangles = np.concatenate([model.triangles[shown], quads + n, quads + n + len(ball)]).astype(np.int32)
    part = np.concatenate([model.part[shown], np.full(2 * len(quads), head.EYES, np.uint8)])
    pad = 2 * len(ball)
    return _Mesh(
        triangles,
        part,
        np.concatenate([coordinates(model.template), np.zeros((pad, 2))]).astype(np.float32),
        np.concatenate([model.template, np.zeros((pad, 3))]).astype(np.float32),
        np.concatenate([model.masks["inside_mouth"], np.zeros(pad)]).astype(np.float32),
        np.concatenate([_turns(model.template[:, 1:2]), np.ones((pad, 1))]).astype(np.float32),
        ball.astype(np.float32),
    )


_NECKLINES = {
    "round": (5.78, -0.28, 0.05),
    "v": (5.42, -0.1, 0.75),
    "high": (6.0, -0.2, 0.0),
    "collar": (5.7, -0.3, 0.3),
}


@functools.lru_cache(maxsize=2)
def _body(seed: int, person: Build) -> _Body:
    looks = sample_looks(seed, person)
    rng = np.random.default_rng([seed, person.number, streams.BODY])
    model, mesh = head_model(), _mesh()
    neutral = head.blend(looks.shape)
    eyes = neutral[model.eyes].mean(1)
    fine = model.finer @ neutral
    grown = strands.grow_hair(looks, rng)
    shift = cv2.GaussianBlur(fill(spread(fine - model.template, 4)), (0, 0), 2.5)
    hair = grown.points + look_up(shift, grown.points)
    neckline = np.array(_NECKLINES[looks.neckline], np.float32)
    t = mesh.where
    edge = neckline[0] + neckline[1] * (t[:, 2] - 0.1) + neckline[2] * np.abs(t[:, 0])
    off = 0.05 * np.clip((edge - t[:, 1] + 0.05) / 0.15, 0, 1)[:, None]
    off[len(model.template) :] = 0  # eyeballs wear nothing
    # Roots lie deep within the hair, in the dark; tips outside.
    k = np.linspace(0, 1, hair.shape[1] - 1)
    light = np.clip(0.25 + 0.75 * grown.outside[:, None] ** 0.8, 0, 1) * (0.65 + 0.35 * k)
    colour = np.concatenate(
        [np.repeat(grown.colour[:, None], len(k), 1) * (0.9 + 0.2 * k)[:, None], light[..., None]], -1
    )
    return _Body(
        looks,
        neutral,
        eyes,
        _ball_radius(fine, eyes),
        _with_scalp(paint_skin(looks, rng), looks, rng),
        hair.astype(np.float32),
        colour.astype(np.float32),
        strands.grow_brows(looks, rng),
        strands.grow_lashes(looks, rng),
        strands.grow_beard(looks, rng),
        off.astype(np.float32),
        neckline,
    )


def _ball_radius(fine: np.ndarray, eyes: np.ndarray) -> float:
    """The size of eyeballs that fill the lids: the model's own grow out of those of some people."""
    model = head_model()
    lids = model.masks["eyelids"] > 0.5
    right = model.template[:, 0] > 0
    gaps = [np.linalg.norm(fine[lids & side] - eye, axis=1) for side, eye in zip((~right, right), eyes, strict=True)]
    return 0.8 * float(np.quantile(np.concatenate(gaps), 0.1))


def _with_scalp(skin: Skin, looks: Looks, rng: np.random.Generator) -> Skin:
    """Skin under hair is as dark as the hair's roots, without an edge."""
    where = np.dstack([places()[axis] for axis in "xyz"])
    inside = strands.scalp(where, looks) + 0.03 * strands.noise(rng, len(where), 60)
    dense = {"bald": 0.25, "buzz": 0.7}.get(looks.hair_style, 0.92)
    share = (
        dense
        * np.clip((inside - 0.01) / (0.14 if looks.hair_style in ("buzz", "bald") else 0.07), 0, 1)[..., None]
        * (where[..., 1:2] > 6)
    )
    streaks = cv2.GaussianBlur(rng.normal(size=share.shape[:2]).astype(np.float32), (1, 15), 4.0)
    streaks = np.exp(0.5 * streaks / streaks.std())[..., None]
    root = np.array(looks.hair, np.float32) * 0.55 * streaks + 0.02 * np.array(looks.skin, np.float32)
    paint = skin.paint.copy()
    paint[..., :3] += (root - paint[..., :3]) * share
    return skin._replace(paint=paint)


def render(
    person: Person, performance: Performance, background: np.ndarray, seed: int, rng: np.random.Generator
) -> Rendering:
    """A picture of a person who does this; the same whatever was rendered before.

    Args:
      person: who.
      performance: what head and face do.
      background: float32 [SIZE, SIZE, 3] RGB, 0..1.
      seed: of the whole data set: a person's looks grow from it, the same in every picture.
      rng: the picture's own stream, for framing and light.
    """
    body, mesh, model = _body(seed, build_of(person)), _mesh(), head_model()
    activations = person.rest.plus(performance.activations)
    light = sample_light(rng)

    fine = _vertices(body, activations, performance.gaze)
    look = rotation(performance.gaze[0], performance.gaze[1], 0.0)
    where = mesh.where.copy()
    where[len(model.template) :] = np.tile(mesh.ball @ look, (2, 1))
    mesh = mesh._replace(where=where)

    turned = rotation(*performance.head)
    lean = rotation(0.35 * performance.head[0], 0.0, 0.2 * performance.head[2])
    posed = _pose(fine, mesh.turns, turned, lean)
    normals = vertex_normals(posed, mesh.triangles)
    hair = _pose(body.hair, _turns(body.hair[..., 1:2] + _EYE_LEVEL), turned, lean)

    lens, face_size = _frame(body, posed, rng)
    screen = project(posed, lens)
    buffers = empty_buffers(SIZE * _SAMPLES, SIZE * _SAMPLES)
    draw_triangles(screen, mesh.triangles, *buffers)
    n = len(model.template)
    segments = _draw_hairs(body, hair, posed[:n], normals[:n], lens, len(mesh.triangles), buffers)
    shadow = _cast_shadow(light, posed, mesh.triangles, hair)
    linear, alpha = _shade(
        body, mesh, activations, light, lens, buffers, normals, segments, shadow, turned @ look[:, 2]
    )

    exposure = np.float32((0.36 / max(float(np.mean(body.looks.skin)), 0.02)) ** 0.22)
    lit = _display(linear * exposure)
    return Rendering(
        (background * (1 - alpha) + lit * alpha).astype(np.float32),
        _landmarks(screen, body, turned, lens),
        face_size,
        _display(np.array(body.looks.skin)),
        None if body.looks.hair_style == "bald" else _display(np.array(body.looks.hair)),
    )


def _vertices(body: _Body, activations: head.Activations, gaze: tuple[float, float]) -> np.ndarray:
    """The vertices of the mesh that is drawn before the head turns, float32 [N, 3]."""
    mesh = _mesh()
    shown = head.weights(activations)
    for name, sides in head.gaze_units(gaze).items():
        shown[name] = shown.get(name, np.zeros(2)) + sides
    skin = head_model().finer @ head.express(body.neutral, shown)
    fine = np.concatenate([skin, *[eye + body.radius * mesh.ball for eye in body.eyes]]).astype(np.float32)
    return fine + vertex_normals(fine, mesh.triangles) * body.clothes


def _pose(points: np.ndarray, turns: np.ndarray, turned: np.ndarray, lean: np.ndarray) -> np.ndarray:
    offset = points - _NECK
    return (
        _NECK + (offset @ turned.T.astype(np.float32)) * turns + (offset @ lean.T.astype(np.float32)) * (1 - turns)
    ).astype(np.float32)


def _turns(y: np.ndarray) -> np.ndarray:
    """How far what is at a height of the average head goes along with the head: 0 shoulders .. 1."""
    height = np.clip((y - 5.75) / 0.85, 0, 1)
    return height * height * (3 - 2 * height)


@functools.lru_cache(maxsize=1)
def _marks() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What holds the points that frame a face."""
    return {name: attach(on_face(np.array([[0.0, y]]))) for name, y in (("brow", 7.47), ("chin", 6.24))}


def _mark(name: str, vertices: np.ndarray) -> np.ndarray:
    vertex, weight = _marks()[name]
    return (vertices[vertex[0]] * weight[0][:, None]).sum(0)


def _frame(body: _Body, posed: np.ndarray, rng: np.random.Generator) -> tuple[Lens, float]:
    """Where the camera stands: the face fills about half of the height."""
    fine = head_model().finer @ body.neutral
    span = float(_mark("brow", fine)[1] - _mark("chin", fine)[1])
    distance = float(np.exp(rng.uniform(np.log(6), np.log(16))))
    face_size = SIZE * rng.uniform(0.43, 0.51)
    near = distance - 0.45
    focal = face_size * _SAMPLES / span * near
    middle = (_mark("brow", posed) + _mark("chin", posed)) / 2
    at = focal / (distance - middle[2]) * middle[:2] * [1, -1]
    wanted = SIZE * _SAMPLES * (np.array([0.5, 0.56]) + rng.uniform(-0.03, 0.03, 2))
    x, y = (wanted - at).tolist()
    return Lens(float(focal), (x, y), distance), float(face_size)


def _draw_hairs(
    body: _Body, hair: np.ndarray, skin: np.ndarray, normals: np.ndarray, lens: Lens, first: int, buffers: Buffers
) -> _Segments:
    """Draws all strands into buffers.

    Args:
      body: whose strands.
      hair: float32 [S, K, 3], where that of the scalp is.
      skin, normals: of the head model's finer mesh, float32 [N, 3], which the other strands are rooted in.
      lens: the camera.
      first: the number of the first segment.
      buffers: what is seen, changed in place.
    """
    groups = [(hair, body.hair_colour)]
    for rooted, bright in ((body.brows, 0.9), (body.lashes, 0.9), (body.beard, 0.8)):
        if rooted is not None:
            points = rooted.points(skin, normals)
            colour = np.concatenate([rooted.colour, np.full((len(points), 1), bright, np.float32)], 1)
            groups.append((points, np.repeat(colour[:, None], points.shape[1] - 1, 1)))
    ends, colours = [], []
    for points, colour in groups:
        draw_strands(project(points, lens), first, buffers.depth, buffers.item)
        ends.append(np.stack([points[:, :-1], points[:, 1:]], 2).reshape(-1, 2, 3))
        colours.append(colour.reshape(-1, 4))
        first += len(ends[-1])
    return _Segments(np.concatenate(ends).astype(np.float32), np.concatenate(colours).astype(np.float32))


def _cast_shadow(light: Light, posed: np.ndarray, triangles: np.ndarray, hair: np.ndarray) -> _Shadow:
    """What the key light sees of the posed mesh [N, 3] and hair [S, K, 3]."""
    key = np.array(light.key, np.float32)
    side = np.cross([0, 1, 0], key)
    side /= np.linalg.norm(side)
    to_light = np.stack([side, np.cross(key, side), key]).astype(np.float32)
    scale = _SHADOW_SIZE / (2 * _SHADOW_REACH)
    in_pixels = to_light.T * np.array([scale, scale, 1], np.float32)
    nearest = np.full((_SHADOW_SIZE, _SHADOW_SIZE), -100, np.float32)
    middle = np.array([_SHADOW_SIZE / 2, _SHADOW_SIZE / 2, 0], np.float32)
    draw_nearest(posed @ in_pixels + middle, triangles, nearest)
    draw_points(hair.reshape(-1, 3), in_pixels, nearest)
    return _Shadow(nearest, to_light, scale)


def _shade(
    body: _Body,
    mesh: _Mesh,
    activations: head.Activations,
    light: Light,
    lens: Lens,
    buffers: Buffers,
    normals: np.ndarray,
    segments: _Segments,
    shadow: _Shadow,
    axis: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The light of every pixel, float32 [SIZE, SIZE, 3], and how much of it the person covers [SIZE, SIZE, 1].

    `normals` float32 [N, 3] are those of the mesh as posed, `axis` float [3] is where the eyes look.
    """
    n = SIZE * _SAMPLES
    kind = np.empty((n, n), np.uint8)
    normal, albedo = np.zeros((n, n, 3), np.float32), np.zeros((n, n, 3), np.float32)
    extra = np.zeros((n, n, 2), np.float32)
    shading.gather(
        buffers.item,
        buffers.weight,
        mesh.triangles,
        mesh.part,
        normals,
        mesh.place,
        mesh.where,
        mesh.inside,
        body.skin.paint,
        wrinkle(body.skin, body.looks, activations),
        segments.ends,
        segments.colour,
        np.array(body.looks.clothes, np.float32),
        body.neckline,
        kind,
        normal,
        albedo,
        extra,
    )
    scale = lens.focal / lens.distance
    shading.bend_normals(kind, buffers.depth, extra, scale, normal)
    open_ = _openness(buffers.depth, scale)

    diffuse, mirrored = np.zeros((n, n, 3), np.float32), np.zeros((n, n, 3), np.float32)
    iris = np.array([*body.looks.iris, _IRIS / body.radius, 0.4 * _IRIS / body.radius], np.float32)
    shading.light_up(
        kind,
        buffers.depth,
        normal,
        albedo,
        extra,
        open_,
        np.array([lens.focal, *lens.centre, lens.distance], np.float32),
        np.array(light.key, np.float32),
        np.array([light.key_colour, light.fill_colour, light.above, light.below], np.float32),
        np.array(light.fill, np.float32),
        shadow.nearest,
        shadow.to_light,
        shadow.scale,
        light.softness,
        iris,
        axis.astype(np.float32),
        _SKULL,
        diffuse,
        mirrored,
    )
    _diffuse_in_skin(diffuse, (kind == shading.FLESH).astype(np.float32), scale)
    colour, alpha = np.zeros((SIZE, SIZE, 3), np.float32), np.zeros((SIZE, SIZE, 1), np.float32)
    shading.gather_pixels(kind, albedo, diffuse, mirrored, _SAMPLES, colour, alpha)
    return colour, alpha


def _diffuse_in_skin(diffuse: np.ndarray, flesh: np.ndarray, scale: float) -> None:
    """Lets light [H, W, 3] travel within flesh [H, W], red the farthest, in place; `scale` is samples a dm."""
    for c, reach in enumerate((0.022, 0.010, 0.006)):  # dm
        sigma = max(reach * scale, 0.3)
        blurred = cv2.GaussianBlur(diffuse[..., c] * flesh, (0, 0), sigma) / np.maximum(
            cv2.GaussianBlur(flesh, (0, 0), sigma), 1e-3
        )
        diffuse[..., c] += (blurred - diffuse[..., c]) * flesh


def _openness(depth: np.ndarray, scale: float) -> np.ndarray:
    """How much of the surroundings every sample sees: less in hollows, which lie behind what is around them."""
    z = np.where(depth > 0, -1 / np.maximum(depth, 1e-6), 0)
    back = z[depth > 0].min() if (depth > 0).any() else 0
    z = np.where(depth > 0, z, back).astype(np.float32)
    small = cv2.resize(z, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    closed = np.zeros_like(z)
    for radius, gain in ((0.03, 9.0), (0.09, 3.5), (0.25, 1.0)):
        near = cv2.GaussianBlur(small, (0, 0), radius * scale / 2)
        near = cv2.resize(near, z.shape[::-1], interpolation=cv2.INTER_LINEAR)
        closed += np.clip((near - z) * gain, 0, 0.6)
    return np.exp(-1.5 * closed)


def _display(light: np.ndarray) -> np.ndarray:
    """Amounts of light → display values (sRGB) with a soft shoulder, as cameras make them."""
    x = np.maximum(light, 0)
    x = np.where(x > 0.6, 0.6 + 0.4 * (1 - np.exp(-(x - 0.6) / 0.4)), x)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(np.maximum(x, 1e-6), 1 / 2.4) - 0.055)


def _landmarks(screen: np.ndarray, body: _Body, turned: np.ndarray, lens: Lens) -> np.ndarray:
    points = head_model().points
    fronts = body.eyes + body.radius * np.array([0, 0, 1])
    eyes = project(_pose(fronts.astype(np.float32), np.ones((2, 1), np.float32), turned, turned), lens)
    rest = screen[[points["nose_tip"], points["mouth_left"], points["mouth_right"]]]
    # The mesh's lips run on a little beyond where the mouth is seen to end.
    rest[1:] += 0.06 * (rest[1:].mean(0) - rest[1:])
    return ((np.concatenate([eyes, rest])[:, :2] + 0.5) / _SAMPLES - 0.5).astype(np.float32)
