"""From what every sample sees to its light: kernels compiled by numba."""

# mypy takes numpy's scalars, with which numba compiles this, for another type than float.
# mypy: disable-error-code="arg-type,return-value,assignment,call-overload"

from __future__ import annotations

import numpy as np

from datasets.synthetic_faces.compiled import compiled
from datasets.synthetic_faces.head import EYES, LOWER_TEETH, TONGUE, UPPER_TEETH

# Places in a disc, evenly: a sunflower's.
_TAPS = np.array([[np.sqrt((k + 0.5) / 10) * f(2.39996 * k) for f in (np.cos, np.sin)] for k in range(10)], np.float32)
# What a sample sees.
NOTHING, FLESH, CLOTH, TOOTH, MOUTH, EYE, STRAND = range(7)


@compiled()
def gather(
    item: np.ndarray,
    weight: np.ndarray,
    triangles: np.ndarray,
    part: np.ndarray,
    normals: np.ndarray,
    place: np.ndarray,
    where: np.ndarray,
    inside: np.ndarray,
    paint: np.ndarray,
    face: np.ndarray,
    strand_points: np.ndarray,
    strand_colour: np.ndarray,
    clothes: np.ndarray,
    neckline: np.ndarray,
    kind: np.ndarray,
    normal: np.ndarray,
    albedo: np.ndarray,
    extra: np.ndarray,
) -> None:
    """Looks up what the light needs to know of every sample.

    Args:
      item, weight: as in `rasteriser.Buffers`.
      triangles, part: of the mesh, int32 [T, 3] and uint8 [T].
      normals, place, where, inside: of its vertices: float32 [N, 3], [N, 2] in the template's map, [N, 3] on the
        average head (of an eye: direction in the eye) and [N], how far within the mouth.
      paint: float32 [S, S, 5] on the template's map: albedo, gloss, height; `face` [F, F, 5] its middle part as the
        face now is.
      strand_points: float32 [P, 2, 3], the ends of all segments of all strands.
      strand_colour: float32 [P, 4]: albedo, and how much light reaches it through the others.
      clothes: float32 [3], their albedo; `neckline` float32 [3], see `render`.
      kind: uint8 [H, W], written: what is seen.
      normal: float32 [H, W, 3], written: normal, of a strand its direction.
      albedo: float32 [H, W, 3], written.
      extra: float32 [H, W, 2], written: of flesh gloss and height, of a strand how much light reaches it.
    """
    height, width = item.shape
    for y in range(height):
        for x in range(width):
            i = item[y, x]
            if i < 0:
                kind[y, x] = NOTHING
                continue
            if i >= len(triangles):
                kind[y, x] = STRAND
                s = i - len(triangles)
                _strand(strand_points, strand_colour, s, normal, albedo, extra, y, x)
                continue
            a, b, c3 = triangles[i, 0], triangles[i, 1], triangles[i, 2]
            wb, wc = weight[y, x, 0], weight[y, x, 1]
            wa = np.float32(1.0) - wb - wc
            nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c3, 0]
            ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c3, 1]
            nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c3, 2]
            length = np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-9)
            normal[y, x, 0], normal[y, x, 1], normal[y, x, 2] = nx / length, ny / length, nz / length
            px = wa * where[a, 0] + wb * where[b, 0] + wc * where[c3, 0]
            py = wa * where[a, 1] + wb * where[b, 1] + wc * where[c3, 1]
            pz = wa * where[a, 2] + wb * where[b, 2] + wc * where[c3, 2]
            p = part[i]
            if p == EYES:
                kind[y, x] = EYE
                albedo[y, x, 0], albedo[y, x, 1], albedo[y, x, 2] = px, py, pz
                continue
            if p in (UPPER_TEETH, LOWER_TEETH):
                kind[y, x] = TOOTH
                _tooth(px, py, pz, p == UPPER_TEETH, albedo[y, x])
                continue
            if p == TONGUE:
                kind[y, x] = MOUTH
                # Towards the throat little light comes in and less out again.
                fade = min(
                    max(np.float32(1.0) - np.float32(1.5) * (np.float32(1.42) - pz), np.float32(0.08)), np.float32(1.0)
                )
                albedo[y, x, 0], albedo[y, x, 1], albedo[y, x, 2] = 0.36 * fade, 0.10 * fade, 0.10 * fade
                continue
            deep = wa * inside[a] + wb * inside[b] + wc * inside[c3]
            if deep > 0.5:
                kind[y, x] = MOUTH
                albedo[y, x, 0], albedo[y, x, 1], albedo[y, x, 2] = 0.12, 0.025, 0.025
                continue
            across = abs(px)
            edge = neckline[0] + neckline[1] * (pz - np.float32(0.1)) + neckline[2] * across
            if pz > 0.3:
                edge = min(edge, np.float32(6.02))
            if py < edge:
                kind[y, x] = CLOTH
                seam = min(max((edge - py) * np.float32(25.0), np.float32(0.0)), np.float32(1.0))
                for c in range(3):
                    albedo[y, x, c] = clothes[c] * (np.float32(0.75) + np.float32(0.25) * seam)
                continue
            kind[y, x] = FLESH
            u = wa * place[a, 0] + wb * place[b, 0] + wc * place[c3, 0]
            v = wa * place[a, 1] + wb * place[b, 1] + wc * place[c3, 1]
            _flesh(paint, face, u, v, albedo, extra, y, x)


@compiled()
def _strand(
    points: np.ndarray,
    colour: np.ndarray,
    s: int,
    normal: np.ndarray,
    albedo: np.ndarray,
    extra: np.ndarray,
    y: int,
    x: int,
) -> None:
    """Writes what `gather` tells of segment `s` of the strands at a sample."""
    dx, dy, dz = points[s, 1, 0] - points[s, 0, 0], points[s, 1, 1] - points[s, 0, 1], points[s, 1, 2] - points[s, 0, 2]
    length = np.sqrt(dx * dx + dy * dy + dz * dz) + np.float32(1e-9)
    normal[y, x, 0], normal[y, x, 1], normal[y, x, 2] = dx / length, dy / length, dz / length
    for c in range(3):
        albedo[y, x, c] = colour[s, c]
    extra[y, x, 0] = colour[s, 3]


@compiled()
def _flesh(
    paint: np.ndarray, face: np.ndarray, u: float, v: float, albedo: np.ndarray, extra: np.ndarray, y: int, x: int
) -> None:
    """Writes what `gather` tells of skin at a place of the template's map, between its pixels, at a sample."""
    size = len(paint)
    margin = (size - len(face)) // 2
    u = min(max(u, np.float32(0.0)), np.float32(size - 2))
    v = min(max(v, np.float32(0.0)), np.float32(size - 2))
    iu, iv = int(u), int(v)
    fu, fv = u - iu, v - iv
    in_face = margin <= iu < margin + len(face) - 1 and margin <= iv < margin + len(face) - 1
    for c in range(5):
        value = _between(face, iv - margin, iu - margin, fv, fu, c) if in_face else _between(paint, iv, iu, fv, fu, c)
        if c < 3:
            albedo[y, x, c] = value
        else:
            extra[y, x, c - 3] = value


@compiled()
def _between(table: np.ndarray, row: int, column: int, down: float, right: float, c: int) -> float:
    """Channel `c` of a table [S, S, C] `down` and `right` (0..1) of a pixel."""
    upper = table[row, column, c] * (1 - right) + table[row, column + 1, c] * right
    lower = table[row + 1, column, c] * (1 - right) + table[row + 1, column + 1, c] * right
    return upper * (1 - down) + lower * down


@compiled()
def _tooth(x: float, y: float, z: float, upper: bool, colour: np.ndarray) -> None:
    """The colour of teeth and gums at a point of the average head."""
    angle = np.arctan2(x, z - np.float32(1.05)) * np.float32(1.15)
    # Edges of the teeth from the middle outwards, as angles along the arch.
    n = 0.0
    left = abs(angle)
    width = 0.0
    last = 0.0
    for t in range(7):
        if upper:
            width = 0.25 if t == 0 else 0.2 if t == 1 else 0.215
        else:
            width = 0.165 if t == 0 else 0.18 if t == 1 else 0.2
        if left < last + width:
            n = (left - last) / width
            break
        last += width
    bulge = 4 * n * (1 - n)
    gap = min(bulge / np.float32(0.28), np.float32(1.0))
    gum = (
        np.float32(6.755) + np.float32(0.012) * (1 - bulge)
        if upper
        else np.float32(6.5) - np.float32(0.012) * (1 - bulge)
    )
    on_gum = (y - gum if upper else gum - y) * np.float32(70.0) + np.float32(0.5)
    on_gum = min(max(on_gum, np.float32(0.0)), np.float32(1.0))
    shade = (np.float32(0.66) + np.float32(0.34) * gap) * (np.float32(0.88) + np.float32(0.12) * bulge)
    fade = np.exp(-np.float32(0.55) * max(left - np.float32(0.35), np.float32(0.0)))
    tooth = (0.78, 0.73, 0.63)
    flesh = (0.42, 0.17, 0.16)
    for c in range(3):
        colour[c] = (tooth[c] * shade * (1 - on_gum) + flesh[c] * on_gum) * fade


@compiled()
def bend_normals(kind: np.ndarray, depth: np.ndarray, extra: np.ndarray, scale: float, normal: np.ndarray) -> None:
    """Tilts flesh's normals by its fine relief, from differences between neighbouring samples (Mikkelsen, 2010).

    Args:
      kind, depth, extra, normal: as `gather` and the rasteriser wrote them; `normal` is changed in place.
      scale: samples a dm at the head's distance.
    """
    height, width = kind.shape
    size = np.float32(1.0 / scale)
    for y in range(height - 1):
        for x in range(width - 1):
            if kind[y, x] != FLESH or kind[y, x + 1] != FLESH or kind[y + 1, x] != FLESH:
                continue
            z = -1 / depth[y, x]
            zx, zy = -1 / depth[y, x + 1] - z, -1 / depth[y + 1, x] - z
            if abs(zx) > 8 * size or abs(zy) > 8 * size:
                continue
            hx, hy = extra[y, x + 1, 1] - extra[y, x, 1], extra[y + 1, x, 1] - extra[y, x, 1]
            nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            # dP/dx = (size, 0, zx), dP/dy = (0, -size, zy)
            r1x, r1y, r1z = -size * nz - zy * ny, zy * nx, size * nx
            r2x, r2y, r2z = ny * zx, nz * size - nx * zx, -ny * size
            det = size * r1x + zx * r1z
            sign = np.float32(1.0) if det > 0 else np.float32(-1.0)
            mx = abs(det) * nx - sign * (hx * r1x + hy * r2x)
            my = abs(det) * ny - sign * (hx * r1y + hy * r2y)
            mz = abs(det) * nz - sign * (hx * r1z + hy * r2z)
            length = np.sqrt(mx * mx + my * my + mz * mz) + np.float32(1e-12)
            normal[y, x, 0], normal[y, x, 1], normal[y, x, 2] = mx / length, my / length, mz / length


@compiled()
def _shadow(
    shadow_map: np.ndarray, u: float, v: float, z: float, blur: float, bias: float, turn: float, steep: float, step: int
) -> float:
    """How much key light reaches a point, 0..1: the mean over a turned pattern of places in the shadow map.

    What lies `steep` times as deep behind the first obstacle gets less; `step` 2 takes every other place.
    """
    size = shadow_map.shape[0]
    lit = np.float32(0.0)
    c, s = blur * np.cos(turn), blur * np.sin(turn)
    for k in range(0, len(_TAPS), step):
        du, dv = _TAPS[k, 0], _TAPS[k, 1]
        iu, iv = int(u + c * du - s * dv + np.float32(0.5)), int(v + s * du + c * dv + np.float32(0.5))
        if iu < 0 or iv < 0 or iu >= size or iv >= size:
            lit += np.float32(1.0)
            continue
        above = shadow_map[iv, iu] - z - bias
        thick = 1 + steep * max(above, np.float32(0.0))
        lit += 1 / (thick * thick)
    return lit * step / len(_TAPS)


@compiled()
def light_up(
    kind: np.ndarray,
    depth: np.ndarray,
    normal: np.ndarray,
    albedo: np.ndarray,
    extra: np.ndarray,
    open_: np.ndarray,
    lens: np.ndarray,
    key: np.ndarray,
    colours: np.ndarray,
    fill: np.ndarray,
    shadow_map: np.ndarray,
    to_shadow: np.ndarray,
    shadow_scale: float,
    softness: float,
    iris: np.ndarray,
    axis: np.ndarray,
    head_middle: np.ndarray,
    diffuse: np.ndarray,
    mirrored: np.ndarray,
) -> None:
    """Computes the light of every sample, before it spreads within the skin.

    Args:
      kind, depth, normal, albedo, extra: as `gather` wrote them; of eyes `albedo` is replaced by their colour.
      open_: float32 [H, W], the share of the surroundings that a sample sees, 0..1.
      lens: focal, centre x, centre y, distance.
      key, fill: directions, float32 [3].
      colours: float32 [4, 3]: of key, fill, above, below.
      shadow_map: float32 [M, M], how near to the key light its first obstacle is.
      to_shadow: float32 [3, 3]: a point's place in the shadow map's plane and its nearness to the light, dm.
      shadow_scale: pixels of the shadow map a dm.
      softness: of the shadow, dm.
      iris: float32 [5]: albedo, angular radius of iris and of pupil.
      axis: float32 [3], where the eyes look.
      head_middle: float32 [3], about the middle of the skull.
      diffuse, mirrored: float32 [H, W, 3] of zeros, written: light that enters the surface, and that is mirrored.
    """
    height, width = kind.shape
    middle = np.float32(shadow_map.shape[0] * 0.5)
    for y in range(height):
        for x in range(width):
            k = kind[y, x]
            if k == NOTHING:
                continue
            distance = 1 / depth[y, x]
            px = (x - lens[1]) / lens[0] * distance
            py = -(y - lens[2]) / lens[0] * distance
            pz = lens[3] - distance
            vx, vy, vz = -px, -py, lens[3] - pz
            length = np.sqrt(vx * vx + vy * vy + vz * vz)
            vx, vy, vz = vx / length, vy / length, vz / length
            nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            u = (px * to_shadow[0, 0] + py * to_shadow[0, 1] + pz * to_shadow[0, 2]) * shadow_scale + middle
            v = (px * to_shadow[1, 0] + py * to_shadow[1, 1] + pz * to_shadow[1, 2]) * shadow_scale + middle
            near = px * to_shadow[2, 0] + py * to_shadow[2, 1] + pz * to_shadow[2, 2]
            turn = np.float32((x * 12.9898 + y * 78.233) % 6.2831853)
            catch, bulge = np.float32(0.0), np.float32(0.0)
            hx, hy, hz = key[0] + vx, key[1] + vy, key[2] + vz
            length = np.sqrt(hx * hx + hy * hy + hz * hz) + np.float32(1e-6)
            hx, hy, hz = hx / length, hy / length, hz / length
            ambient = open_[y, x]

            if k == STRAND:
                lit = _shadow(shadow_map, u, v, near, softness * shadow_scale * np.float32(0.6) + 1, 0.03, turn, 3.5, 2)
                direct, mirror, filled, up = _strand_light(
                    (nx, ny, nz), (px, py, pz), (hx, hy, hz), key, fill, head_middle
                )
                through = extra[y, x, 0]
                for c in range(3):
                    sky = _sky(colours, c, up) * ambient
                    diffuse[y, x, c] = (direct * lit * colours[0, c] + filled * colours[1, c] + sky) * through
                    mirrored[y, x, c] = mirror * lit * colours[0, c] * through
                continue

            if k == EYE:
                bulge = np.float32(0.7) if albedo[y, x, 2] > np.cos(iris[3] * 1.15) else np.float32(0.0)
                _eye(albedo[y, x], iris)
                # The cornea is rounder than the ball: its mirror images lie nearer to its middle.
                mx, my, mz = nx + bulge * (nx - axis[0]), ny + bulge * (ny - axis[1]), nz + bulge * (nz - axis[2])
                length = np.sqrt(mx * mx + my * my + mz * mz)
                catch = (mx * hx + my * hy + mz * hz) / length
            ndl = nx * key[0] + ny * key[1] + nz * key[2]
            bias = np.float32(0.02) + np.float32(0.04) * (1 - max(ndl, np.float32(0.0)))
            lit = np.float32(0.0)
            if ndl > -0.3:
                lit = _shadow(
                    shadow_map,
                    u,
                    v,
                    near,
                    softness * shadow_scale + np.float32(0.7),
                    bias,
                    turn,
                    18.0 if k != CLOTH else 9.0,
                    1,
                )
            ndf = max(nx * fill[0] + ny * fill[1] + nz * fill[2], np.float32(0.0))
            ndv = max(nx * vx + ny * vy + nz * vz, np.float32(0.001))
            ndh = max(nx * hx + ny * hy + nz * hz, np.float32(0.0))
            vdh = max(vx * hx + vy * hy + vz * hz, np.float32(0.0))
            if k in (TOOTH, MOUTH):
                ambient = ambient * np.float32(0.95)
            for c in range(3):
                wrap = np.float32(0.0)
                if k == FLESH:
                    wrap = np.float32(0.18) if c == 0 else np.float32(0.07) if c == 1 else np.float32(0.04)
                d = max((ndl + wrap) / (1 + wrap), np.float32(0.0)) * lit
                if k == EYE:
                    d = np.float32(0.55) * d + np.float32(0.25) * lit
                sky = _sky(colours, c, ny)
                # Light that bounces within a hollow takes on the skin's colour.
                bounce = ambient + (1 - ambient) * albedo[y, x, c] * np.float32(0.5)
                diffuse[y, x, c] = d * colours[0, c] + ndf * colours[1, c] * ambient + sky * bounce
            if k == CLOTH:
                continue
            lobe, sheen = _highlights(k, ndh, ndv, vdh, extra[y, x, 0], catch, bulge)
            sheen *= ambient
            for c in range(3):
                mirrored[y, x, c] = lobe * colours[0, c] * lit * max(
                    ndl + np.float32(0.1), np.float32(0.0)
                ) + sheen * _sky(colours, c, ny)


@compiled()
def _highlights(
    kind: int, ndh: float, ndv: float, vdh: float, gloss: float, catch: float, bulge: float
) -> tuple[float, float]:
    """How strongly a sample mirrors the key light, and what is all around.

    Args:
      kind: what is seen.
      ndh, ndv, vdh: products of the normal, the direction to the camera and the one midway between it and the light.
      gloss: of flesh.
      catch, bulge: of an eye: how exactly it mirrors the light into the camera, and how much rounder than the ball
        it is there.
    """
    if kind == FLESH:
        lift, rim = np.float32(1) - vdh, np.float32(1) - ndv
        fresnel = np.float32(0.028) + np.float32(0.972) * lift * lift * lift * lift * lift
        skin = np.float32(0.7) * _power(ndh, 14.0) * np.float32(2.5)
        oil = gloss * _power(ndh, 55.0) * np.float32(7.0)
        return (skin + oil) * fresnel * np.float32(1.6), np.float32(0.028) * (1 + 8 * rim * rim * rim * rim) * gloss
    if kind == EYE:
        # A window or a lamp in the wet surface.
        edge = np.float32(0.981) if bulge > 0 else np.float32(0.9975)
        seen = (catch - edge) / ((1 - edge) * np.float32(0.3))
        return min(max(seen, np.float32(0.0)), np.float32(1.0)) * np.float32(1.6), np.float32(0.012)
    if kind == TOOTH:
        return _power(ndh, 60.0) * np.float32(0.35), np.float32(0.02)
    return _power(ndh, 50.0) * np.float32(0.3), np.float32(0.01)


@compiled()
def _strand_light(
    along: tuple[float, float, float],
    place: tuple[float, float, float],
    half: tuple[float, float, float],
    key: np.ndarray,
    fill: np.ndarray,
    head_middle: np.ndarray,
) -> tuple[float, float, float, float]:
    """What a strand sends back (after Kajiya and Kay, 1989).

    Args:
      along: its direction.
      place: where it is.
      half: the direction midway between key light and camera.
      key, fill, head_middle: as in `light_up`.

    Returns:
      The shares of the key light that enters the strand and that it mirrors, the share of the fill, and how far it
      faces up, -1..1.
    """
    tl = along[0] * key[0] + along[1] * key[1] + along[2] * key[2]
    th = along[0] * half[0] + along[1] * half[1] + along[2] * half[2]
    # The head's round form, and the strand's own.
    ox, oy, oz = place[0] - head_middle[0], place[1] - head_middle[1], place[2] - head_middle[2]
    length = np.sqrt(ox * ox + oy * oy + oz * oz) + np.float32(1e-6)
    ox, oy, oz = ox / length, oy / length, oz / length
    form = max(ox * key[0] + oy * key[1] + oz * key[2] + np.float32(0.25), np.float32(0.0)) * np.float32(0.8)
    around = np.sqrt(max(1 - tl * tl, np.float32(0.0)))
    sin_th = np.sqrt(max(1 - th * th, np.float32(0.0)))
    shine = sin_th**60 * np.float32(0.11) + sin_th**14 * np.float32(0.03)
    filled = max(ox * fill[0] + oy * fill[1] + oz * fill[2] + np.float32(0.2), np.float32(0.0))
    return form * (np.float32(0.35) + np.float32(0.65) * around), shine * form, filled, oy


@compiled()
def _sky(colours: np.ndarray, channel: int, up: float) -> float:
    """What comes from all around on a surface that faces up by -1..1; `colours` as in `light_up`."""
    half = np.float32(0.5)
    return colours[2, channel] * (half + half * up) + colours[3, channel] * (half - half * up)


@compiled()
def _power(base: float, exponent: float) -> float:
    return np.exp(exponent * np.log(max(base, np.float32(1e-4))))


@compiled()
def _eye(direction: np.ndarray, iris: np.ndarray) -> None:
    """Replaces a direction within the eye (z: where it looks) by the colour there."""
    x, y, z = direction[0], direction[1], direction[2]
    angle = np.arctan2(np.sqrt(x * x + y * y), z)
    turn = np.arctan2(y, x)
    radius, pupil = iris[3], iris[4]
    edge = min(max((radius - angle) / np.float32(0.05) + np.float32(0.5), np.float32(0.0)), np.float32(1.0))
    hole = min(max((pupil - angle) / np.float32(0.03) + np.float32(0.5), np.float32(0.0)), np.float32(1.0))
    t = min(angle / radius, np.float32(1.0))
    fibre = np.float32(0.85) + np.float32(0.15) * np.sin(turn * 17 + 3 * np.sin(turn * 5)) * np.sin(turn * 31 + 9 * t)
    ring = 1 - np.float32(0.65) * min(max((t - np.float32(0.72)) / np.float32(0.28), np.float32(0.0)), np.float32(1.0))
    glow = (np.float32(1.25) - np.float32(0.5) * t) * (1 - np.float32(0.35) * y / max(radius, np.float32(0.1)))
    corner = min(abs(x) / np.float32(0.9), np.float32(1.0))
    vein = np.float32(0.05) * max(np.sin(turn * 23 + 7 * angle), np.float32(0.0)) * corner
    white = (0.50, 0.455 - 0.16 * corner * corner - vein, 0.43 - 0.16 * corner * corner - vein)
    for c in range(3):
        coloured = iris[c] * fibre * ring * glow * (1 - hole) + np.float32(0.004) * hole
        direction[c] = white[c] * (1 - edge) + coloured * edge


@compiled()
def gather_pixels(
    kind: np.ndarray,
    albedo: np.ndarray,
    diffuse: np.ndarray,
    mirrored: np.ndarray,
    samples: int,
    colour: np.ndarray,
    alpha: np.ndarray,
) -> None:
    """Takes samples together to pixels.

    Args:
      kind, albedo, diffuse, mirrored: of the samples, as `gather` and `light_up` wrote them.
      samples: along each side of a pixel.
      colour: float32 [H, W, 3], written: the mean light of what is seen of the person.
      alpha: float32 [H, W, 1], written: how much of the pixel that is.
    """
    for y in range(colour.shape[0]):
        for x in range(colour.shape[1]):
            seen = 0
            for dy in range(samples):
                for dx in range(samples):
                    sy, sx = y * samples + dy, x * samples + dx
                    if kind[sy, sx] != NOTHING:
                        seen += 1
                        for c in range(3):
                            light = albedo[sy, sx, c] * diffuse[sy, sx, c] + mirrored[sy, sx, c]
                            colour[y, x, c] += min(light, np.float32(1.6))
            alpha[y, x, 0] = np.float32(seen) / (samples * samples)
            for c in range(3):
                colour[y, x, c] /= max(seen, 1)
