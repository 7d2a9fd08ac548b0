"""One picture of the data set: who, what they do, and the photograph of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from datasets.synthetic_faces.backdrop import backdrop
from datasets.synthetic_faces.camera import develop, sample_camera
from datasets.synthetic_faces.expressions import STRENGTHS, Performance, sample_performance
from datasets.synthetic_faces.glasses import draw_glasses
from datasets.synthetic_faces.occlusion import occlude, sample_occlusion
from datasets.synthetic_faces.person import Person, sample_person
from datasets.synthetic_faces.render import SIZE, render
from ifgan_tf.labels import index

SEED = 2022


class Picture(NamedTuple):
    """A picture and the truth of it.

    Attributes:
      image: uint8 RGB [S, S, 3].
      landmarks: true eyes, nose tip, mouth corners in its pixels, image-left first, float32 [5, 2].
      person: who it is.
      performance: what they do.
    """

    image: np.ndarray
    landmarks: np.ndarray
    person: Person
    performance: Performance


def take_picture(subject: int, expression: str, take: int, seed: int = SEED) -> Picture:
    """One picture of the data set; the same whatever was made before it.

    Args:
      subject: the person's number.
      expression: one of `ifgan_tf.labels.EXPRESSIONS`.
      take: grade of intensity, 1 to 4; of neutral, which picture.
      seed: of the whole data set.
    """
    person, performance, rng = act(subject, expression, take, seed)
    return photograph(person, performance, seed, rng)


def act(subject: int, expression: str, take: int, seed: int = SEED) -> tuple[Person, Performance, np.random.Generator]:
    """Who is in a picture of the data set, what they do, and the stream for the rest; arguments as `take_picture`'s."""
    person = sample_person(seed, subject)
    rng = np.random.default_rng([seed, subject, index(expression), take])
    performance = sample_performance(expression, rng.uniform(*STRENGTHS[take]), person.habits, rng)
    return person, performance, rng


def picture_of(subject: int, performance: Performance, seed: int = SEED) -> Picture:
    """A person who does just this.

    Args:
      subject: the person's number.
      performance: what head and face do.
      seed: of the whole data set.
    """
    return photograph(sample_person(seed, subject), performance, seed, np.random.default_rng([seed, subject]))


def photograph(person: Person, performance: Performance, seed: int, rng: np.random.Generator) -> Picture:
    """A picture of a person who does this, in surroundings, light and with a camera of its own.

    Args:
      person: who.
      performance: what head and face do.
      seed: of the whole data set: what a person keeps from picture to picture grows from it.
      rng: the picture's own stream.
    """
    rendering = render(person, performance, backdrop(rng, SIZE), seed, rng)
    seen = rendering.picture
    if person.glasses:
        seen = draw_glasses(seen, rendering.landmarks, person.glasses, rng)
    seen = occlude(seen, rendering.landmarks, rendering.skin, rendering.hair, sample_occlusion(rng))
    image = develop(seen, sample_camera(rng), rng, rendering.face_size)
    return Picture(image, rendering.landmarks, person, performance)
