"""What a person looks like beyond what `Person` says: shape of the head, colours, hair, clothes."""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

import numpy as np

from datasets.synthetic_faces import streams
from datasets.synthetic_faces.head import head_model
from datasets.synthetic_faces.person import Person
from datasets.synthetic_faces.sampling import triple

HAIR_STYLES: tuple[str, ...] = ("buzz", "short", "side_part", "fringe", "bob", "long", "tied", "curly", "afro", "bald")
NECKLINES: tuple[str, ...] = ("round", "v", "high", "collar")

Colour = tuple[float, float, float]

# sRGB of skin from the lightest to the darkest.
_SKIN = np.array(
    [[247, 216, 200], [238, 198, 174], [224, 178, 146], [200, 148, 112], [160, 108, 78], [116, 76, 56], [78, 50, 39]]
)
_HAIR = {
    "black": (22, 19, 19),
    "dark brown": (48, 33, 25),
    "brown": (84, 57, 38),
    "light brown": (126, 92, 62),
    "auburn": (104, 50, 30),
    "blond": (190, 154, 102),
    "red": (156, 82, 42),
}
# (Male, curls) → how often each of `HAIR_STYLES` is worn.
_STYLE_ODDS = {
    (True, False): [0.2, 0.28, 0.2, 0.1, 0.0, 0.03, 0.03, 0.1, 0.02, 0.04],
    (True, True): [0.5, 0.08, 0.0, 0.0, 0.0, 0.0, 0.02, 0.16, 0.16, 0.08],
    (False, False): [0.01, 0.09, 0.1, 0.12, 0.2, 0.24, 0.15, 0.09, 0.0, 0.0],
    (False, True): [0.12, 0.06, 0.02, 0.04, 0.1, 0.1, 0.22, 0.2, 0.14, 0.0],
}
_GREY = np.array([176, 174, 172])
_IRIS = {
    "dark brown": (52, 32, 20),
    "brown": (92, 58, 32),
    "hazel": (116, 94, 54),
    "green": (92, 112, 78),
    "blue": (88, 124, 160),
    "grey": (120, 132, 140),
}


def linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB of 0..1 → amounts of light."""
    srgb = np.clip(srgb, 0, 1)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


class Build(NamedTuple):
    """What looks follow from: these attributes of a `Person`, which can be the key of a cache."""

    number: int
    age: float
    masculinity: float
    ancestry: tuple[float, float, float]


def build_of(person: Person) -> Build:
    """What a person's looks follow from."""
    return Build(person.index, person.age, person.masculinity, person.ancestry)


@dataclasses.dataclass(frozen=True)
class Looks:
    """A person's looks. Colours are amounts of light, RGB of 0..1; everything else that has no unit is 0..1.

    Attributes:
      shape: weights of the head model's targets.
      tone: of the skin, 0 light .. 1 dark.
      skin, lips, iris, hair, brow, clothes: colours.
      hair_style, neckline: one of `HAIR_STYLES`, `NECKLINES`.
      hair_length, hair_volume: in dm and dm.
      stubble, beard, moustache: how dense.
    """

    shape: dict[str, float]
    tone: float
    skin: Colour
    lips: Colour
    redness: float
    mottling: float
    freckles: float
    oil: float
    lines: float
    iris: Colour
    hair: Colour
    brow: Colour
    brow_density: float
    brow_thickness: float
    brow_arch: float
    lashes: float
    hair_style: str
    hair_length: float
    hair_volume: float
    hair_wave: float
    hair_part: float
    hairline: float
    stubble: float
    beard: float
    moustache: float
    neckline: str
    clothes: Colour


def _rgb(srgb: np.ndarray) -> Colour:
    return triple(linear(np.asarray(srgb, float)))


def _macro_shape(person: Build, fat: float) -> dict[str, float]:
    """Targets for age, gender, ancestry and weight."""
    shape: dict[str, float] = {}
    ages = {"young": 1 - person.age, "old": person.age}
    genders = {"female": 1 - person.masculinity, "male": person.masculinity}
    ancestries = dict(zip(("african", "asian", "caucasian"), person.ancestry, strict=True))
    for age, a in ages.items():
        for gender, g in genders.items():
            for ancestry, c in ancestries.items():
                shape[f"macro/{ancestry}_{gender}_{age}"] = a * g * c
            side = "maxweight" if fat > 0 else "minweight"
            shape[f"macro/{gender}_{age}_{side}"] = a * g * abs(fat)
    return shape


_OPPOSITES = (
    ("decr", "incr"),
    ("down", "up"),
    ("in", "out"),
    ("backward", "forward"),
    ("concave", "convex"),
    ("compress", "uncompress"),
)


@functools.lru_cache(maxsize=1)
def _families() -> dict[str, list[str]]:
    """The head targets by what they change: two that are opposites (`nose-hump-decr/incr`), or one."""
    families: dict[str, list[str]] = {}
    for name in sorted(head_model().targets):
        if name.startswith("head/"):
            stem, _, end = name.rpartition("-")
            pair = next(("/".join(pair) for pair in _OPPOSITES if end in pair), None)
            families.setdefault(f"{stem}-{pair}" if pair else name, []).append(name)
    return families


# Targets that soon make a caricature, or that move features out of place, are used with restraint.
_RESTRAINT = {
    "trans": 0.5,
    "trans-in/out": 0.2,
    "scale": 0.75,
    "nose-volume": 0.6,
    "nose-septumangle": 0.5,
    "nose-compression": 0.5,
    "prognathism": 0.6,
    "jaw-drop": 0.5,
    "eye-push": 0.4,
    "eye-bag": 0.6,
    "eye-scale": 0.25,
    "eye-height": 0.5,
    "epicanthus": 0.5,
    "eyebrows-angle": 0.4,
    "mouth-angles": 0.5,
    "ext": 0.5,
    "nubian": 0.5,
    "wing": 0.5,
    "double": 0.5,
    "forehead-scale": 0.5,
    "scale-depth": 0.5,
    "dimples": 0.5,
    "laugh-lines": 0.6,
    "lowerlip-height": 0.6,
    "upperlip-height": 0.6,
}


def _own_shape(rng: np.random.Generator) -> dict[str, float]:
    """Random targets of the head: everybody's own."""
    shape: dict[str, float] = {}
    for stem, names in _families().items():
        restraint = min([gain for word, gain in _RESTRAINT.items() if word in stem], default=1.0)
        draw = float(np.clip(rng.normal(), -2, 2))
        if stem.startswith("head/asym"):
            if draw > 0:
                shape[names[0]] = 0.12 * draw
        elif len(names) == 2:
            shape[names[int(draw > 0)]] = 0.36 * restraint * abs(draw)
        elif draw > 0.6:
            shape[names[0]] = 0.35 * restraint * (draw - 0.6)
    return shape


def _sample_skin(ancestry: tuple[float, float, float], rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """The tone of the skin, 0..1, and its colour, sRGB [3] of 0..1."""
    african, asian, caucasian = ancestry
    tone = float(
        np.clip(
            african * rng.uniform(0.5, 1.0) + asian * rng.uniform(0.15, 0.5) + caucasian * rng.uniform(0.0, 0.42), 0, 1
        )
    )
    place = tone * (len(_SKIN) - 1)
    skin = np.array([np.interp(place, np.arange(len(_SKIN)), _SKIN[:, c]) for c in range(3)]) / 255
    return tone, skin * (1 + rng.normal(0, [0.015, 0.015, 0.03]))


def _sample_hair_colours(fair: bool, age: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The colours of hair and brows, sRGB [3] of 0..1: brows turn grey later."""
    names, odds = (
        (list(_HAIR), [0.1, 0.22, 0.24, 0.14, 0.08, 0.16, 0.06]) if fair else (list(_HAIR)[:3], [0.7, 0.24, 0.06])
    )
    hair = np.array(_HAIR[str(rng.choice(names, p=odds))]) / 255 * rng.uniform(0.8, 1.25)
    grey = float(np.clip((age - 0.45) * 2.2 + rng.normal(0, 0.3), 0, 1)) if age > 0.4 else 0.0
    brow_grey = 0.6 * grey
    brow = (hair * (1 - brow_grey) + _GREY / 255 * brow_grey) * rng.uniform(0.5, 0.8)
    return hair * (1 - grey) + _GREY / 255 * rng.uniform(0.75, 1.15) * grey, brow


def _sample_hair_style(male: bool, curls: bool, rng: np.random.Generator) -> tuple[str, float]:
    """One of `HAIR_STYLES`, and the hair's length, dm."""
    style = str(rng.choice(HAIR_STYLES, p=_STYLE_ODDS[male, curls]))
    lengths = {
        "buzz": rng.uniform(0.04, 0.09),
        "short": rng.uniform(0.22, 0.5),
        "side_part": rng.uniform(0.6, 1.0),
        "fringe": rng.uniform(0.8, 1.3),
        "bob": rng.uniform(1.7, 2.3),
        "long": rng.uniform(3.0, 4.2),
        "tied": rng.uniform(1.2, 1.7),
        "curly": rng.uniform(0.6, 1.2),
        "afro": rng.uniform(0.3, 0.6),
        "bald": 0.03,
    }
    return style, float(lengths[style])


def sample_looks(seed: int, person: Build) -> Looks:
    """This person's looks; the same for every picture of them.

    Args:
      seed: of the whole data set.
      person: who.
    """
    rng = np.random.default_rng([seed, person.number, streams.LOOKS])
    male = person.masculinity > 0.5
    tone, skin = _sample_skin(person.ancestry, rng)
    fair = person.ancestry[2] > 0.5 and tone < 0.38
    hair, brow = _sample_hair_colours(fair, person.age, rng)
    irises = (list(_IRIS), [0.1, 0.2, 0.18, 0.15, 0.24, 0.13]) if fair else (list(_IRIS)[:3], [0.65, 0.28, 0.07])
    iris = np.array(_IRIS[str(rng.choice(irises[0], p=irises[1]))]) / 255 * rng.uniform(0.8, 1.2)
    style, length = _sample_hair_style(male, person.ancestry[0] > 0.5, rng)
    chance = rng.random() if male else 1.0
    made_up = 0.0 if male else float(rng.random() * (rng.random() < 0.5))
    natural = skin * np.array([0.86, 0.62, 0.62]) + np.array([0.03, 0.0, 0.01])
    lips = natural * (1 - 0.6 * made_up) + np.array([0.66, 0.2, 0.25]) * 0.6 * made_up
    clothes = np.clip(rng.choice([0.1, 0.25, 0.5, 0.85]) * rng.uniform(0.7, 1.1) + rng.normal(0, 0.09, 3), 0.03, 0.93)
    return Looks(
        shape={**_macro_shape(person, float(np.clip(rng.normal(0.0, 0.25), -0.5, 0.6))), **_own_shape(rng)},
        tone=tone,
        skin=_rgb(skin),
        lips=_rgb(lips),
        redness=float(rng.uniform(0.2, 1.0)),
        mottling=float(rng.uniform(0.3, 1.0)),
        freckles=float(rng.random()) if fair and rng.random() < 0.35 else 0.0,
        oil=float(rng.uniform(0.2, 1.0)),
        lines=float(np.clip(0.12 + 0.9 * person.age + rng.normal(0, 0.1), 0.05, 1)),
        iris=_rgb(iris),
        hair=_rgb(hair),
        brow=_rgb(brow),
        brow_density=float(rng.uniform(0.55, 1.0)),
        brow_thickness=float(np.clip(rng.normal(0.075 + 0.035 * person.masculinity, 0.015), 0.05, 0.14)),
        brow_arch=float(np.clip(rng.normal(0.05 - 0.03 * person.masculinity, 0.02), 0.0, 0.1)),
        lashes=float(np.clip(rng.normal(0.8 - 0.5 * person.masculinity, 0.15), 0.15, 1)),
        hair_style=style,
        hair_length=length,
        hair_volume=float(rng.uniform(0.08, 0.3)),
        hair_wave=float(rng.random()),
        hair_part=float(rng.choice([-1, 1]) * rng.uniform(0.0, 0.45)),
        hairline=float(rng.normal(0, 0.05) + 0.25 * person.age * person.masculinity * rng.random()),
        stubble=float(rng.uniform(0.2, 1.0)) if 0.2 < chance < 0.7 else 0.0,
        beard=float(rng.uniform(0.4, 1.0)) if chance < 0.2 else 0.0,
        moustache=float(rng.uniform(0.4, 1.0)) if chance < 0.24 else 0.0,
        neckline=str(rng.choice(NECKLINES)),
        clothes=_rgb(clothes),
    )
