"""Who is drawn: a person as a vector of shapes and colours, sampled from a seed."""

from __future__ import annotations

import dataclasses

import numpy as np

from datasets.synthetic_faces.person import Person
from ifgan_tf.labels import EXPRESSIONS

HAIR_STYLES: tuple[str, ...] = ("cropped", "side_part", "fringe", "long", "bob", "tied_back", "curly", "bald")

_SKIN_TONES = np.array(
    [[246, 214, 196], [234, 194, 168], [219, 172, 139], [196, 144, 108], [158, 107, 76], [115, 74, 53], [82, 53, 40]],
    np.float32,
)
_HAIR_COLOURS = {
    "black": (28, 24, 24),
    "dark brown": (56, 38, 28),
    "brown": (92, 62, 40),
    "auburn": (122, 62, 36),
    "blond": (186, 148, 92),
    "red": (160, 82, 42),
    "grey": (150, 148, 146),
}
_EYE_COLOURS = {
    "dark brown": (56, 34, 22),
    "brown": (98, 62, 34),
    "hazel": (122, 100, 58),
    "green": (92, 116, 80),
    "blue": (92, 128, 160),
    "grey": (122, 132, 138),
}

Colour = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Subject:
    """One person. Lengths are in face units (half the distance of the average person's eyes); colours are RGB, 0..1.

    The origin is midway between the eyes, x to the image's right, y down; an average chin is at y = 3.5, the top of the
    skull at y = -3.4.
    """

    index: int
    # head
    head_width: float
    skull_top: float
    chin: float
    jaw_squareness: float  # exponent of the outline below the eyes: 1.7 pointed, 3.2 square
    cheekbones: float
    cheek_fullness: float
    chin_size: float
    neck_width: float
    ear_size: float
    # skin
    skin: Colour
    ruddiness: float
    mottling: float
    freckles: float
    shine: float
    age: float  # 0 smooth .. 1 lined
    # eyes
    eye_spacing: float
    eye_width: float
    upper_lid: float
    lower_lid: float
    eye_tilt: float
    lid_fold: float
    iris_radius: float
    iris: Colour
    lashes: float
    # brows
    brow_height: float
    brow_arch: float
    brow_tilt: float
    brow_thickness: float
    brow_length: float
    brow_gap: float
    brow_colour: Colour
    brow_density: float
    # nose
    nose_length: float
    nose_width: float
    nose_height: float
    bridge_width: float
    nose_bump: float
    nostrils: float
    # mouth
    mouth_height: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    cupids_bow: float
    lip_tint: Colour
    corner_set: float  # resting height of the mouth corners: some people look sad, some amused
    # hair and extras
    hair_style: str
    hair_colour: Colour
    hair_volume: float
    hairline: float
    hair_part: float
    hair_wave: float
    stubble: float
    beard: float
    moustache: float
    clothes: Colour


def _colour(values: np.ndarray) -> Colour:
    r, g, b = np.clip(values, 0.02, 0.98).tolist()
    return (r, g, b)


def sample_subject(seed: int, person: Person) -> Subject:
    """What this person looks like; the same for every picture of them.

    Args:
      seed: of the whole data set.
      person: who they are.
    """
    rng = np.random.default_rng([seed, person.index, len(EXPRESSIONS) + 1])

    def around(mean: float, spread: float) -> float:
        """Normal, cut at two deviations: no face is a freak."""
        return float(mean + spread * np.clip(rng.normal(), -2, 2))

    masculinity, age = person.masculinity, person.age
    tone = float(np.clip(np.dot(person.ancestry, [0.82, 0.34, 0.14]) + rng.normal(0, 0.09), 0, 1))
    position = tone * (len(_SKIN_TONES) - 1)
    skin = np.array([np.interp(position, np.arange(len(_SKIN_TONES)), _SKIN_TONES[:, c]) for c in range(3)]) / 255
    skin = skin * (1 + rng.normal(0, [0.02, 0.02, 0.035]))

    if tone < 0.45:
        names, weights = ["black", "dark brown", "brown", "auburn", "blond", "red"], [0.12, 0.2, 0.24, 0.12, 0.22, 0.1]
        eyes, eye_weights = list(_EYE_COLOURS), [0.1, 0.2, 0.18, 0.16, 0.22, 0.14]
    else:
        names, weights = ["black", "dark brown", "brown"], [0.6, 0.3, 0.1]
        eyes, eye_weights = ["dark brown", "brown", "hazel"], [0.6, 0.3, 0.1]
    hair_name = "grey" if age > 0.68 and rng.random() < 0.6 else str(rng.choice(names, p=weights))
    hair = np.array(_HAIR_COLOURS[hair_name]) / 255 * rng.uniform(0.85, 1.2)
    iris = np.array(_EYE_COLOURS[str(rng.choice(eyes, p=eye_weights))]) / 255 * rng.uniform(0.85, 1.2)
    male = masculinity > 0.5
    style_weights = (
        [0.34, 0.24, 0.08, 0.04, 0.0, 0.06, 0.1, 0.14] if male else [0.06, 0.1, 0.18, 0.24, 0.16, 0.16, 0.1, 0]
    )
    style = str(rng.choice(HAIR_STYLES, p=style_weights))
    facial_hair = rng.random() if male else 1.0
    lip_warmth = rng.uniform(0.25, 1.0) if not male else rng.uniform(0.1, 0.5)
    lip = skin * np.array([0.96, 0.66, 0.66]) * (1 - lip_warmth) + np.array([0.70, 0.26, 0.28]) * lip_warmth * (
        0.65 + 0.45 * skin.mean()
    )
    return Subject(
        index=person.index,
        head_width=around(2.18 + 0.08 * masculinity, 0.11),
        skull_top=around(-3.35, 0.13),
        chin=around(3.32 + 0.22 * masculinity, 0.15),
        jaw_squareness=around(2.05 + 0.65 * masculinity, 0.3),
        cheekbones=around(0.16, 0.07),
        cheek_fullness=around(0.02, 0.1),
        chin_size=around(0.2, 0.07),
        neck_width=around(1.15 + 0.35 * masculinity, 0.1),
        ear_size=around(0.62, 0.08),
        skin=_colour(skin),
        ruddiness=float(rng.uniform(0.1, 1.0)),
        mottling=float(rng.uniform(0.3, 1.0)),
        freckles=float(rng.random() ** 2) if tone < 0.35 and rng.random() < 0.45 else 0.0,
        shine=float(rng.uniform(0.05, 0.22)),
        age=age,
        eye_spacing=around(1.0, 0.05),
        eye_width=around(0.47, 0.035),
        upper_lid=around(0.195, 0.028),
        lower_lid=around(0.115, 0.018),
        eye_tilt=around(0.03, 0.035),
        lid_fold=around(0.13, 0.05),
        iris_radius=around(0.2, 0.01),
        iris=_colour(iris),
        lashes=float(np.clip(rng.normal(0.75 - 0.35 * masculinity, 0.15), 0.15, 1)),
        brow_height=around(-0.78 + 0.12 * masculinity, 0.07),
        brow_arch=around(0.14 - 0.08 * masculinity, 0.05),
        brow_tilt=around(0.02, 0.04),
        brow_thickness=around(0.15 + 0.09 * masculinity, 0.04),
        brow_length=around(1.18, 0.08),
        brow_gap=around(0.4, 0.06),
        brow_colour=_colour(hair * rng.uniform(0.5, 0.85)),
        brow_density=float(rng.uniform(0.6, 0.95)),
        nose_length=around(1.24, 0.09),
        nose_width=around(0.5 + 0.12 * tone, 0.055),
        nose_height=around(0.72, 0.1),
        bridge_width=around(0.22, 0.035),
        nose_bump=around(0.0, 0.07),
        nostrils=around(0.6, 0.2),
        mouth_height=around(2.1, 0.08),
        mouth_width=around(0.82, 0.065),
        upper_lip=around(0.15 + 0.05 * tone - 0.03 * masculinity, 0.035),
        lower_lip=around(0.23 + 0.05 * tone - 0.03 * masculinity, 0.04),
        cupids_bow=float(rng.uniform(0.1, 0.5)),
        lip_tint=_colour(lip),
        corner_set=around(0.0, 0.022),
        hair_style=style,
        hair_colour=_colour(hair),
        hair_volume=float(rng.uniform(0.12, 0.42)),
        hairline=around(-2.1 - 0.25 * age * masculinity, 0.16),
        hair_part=float(rng.uniform(-1.1, 1.1)),
        hair_wave=float(rng.uniform(0.0, 1.0)),
        stubble=float(rng.uniform(0.15, 0.7)) if 0.25 < facial_hair < 0.65 else 0.0,
        beard=float(rng.uniform(0.6, 0.95)) if facial_hair < 0.14 else 0.0,
        moustache=float(rng.uniform(0.6, 0.95)) if facial_hair < 0.2 else 0.0,
        clothes=_colour(rng.uniform(0.1, 0.8) + rng.normal(0, 0.12, 3)),
    )
