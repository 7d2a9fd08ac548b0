"""One picture of the data set: who, what they do, and the photograph of it."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from datasets.synthetic_faces import streams
from datasets.synthetic_faces.action_units import Activations
from datasets.synthetic_faces.backdrop import backdrop
from datasets.synthetic_faces.camera import develop, sample_camera
from datasets.synthetic_faces.expressions import STRENGTHS, Performance, sample_performance
from datasets.synthetic_faces.glasses import draw_glasses
from datasets.synthetic_faces.occlusion import Occlusion, occlude, sample_occlusion
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

    @property
    def truth(self) -> dict[str, Any]:
        """What the data set tells of a picture: features by name, see the builder.

        The units are those that move; what the resting face looks like comes on top.
        """
        return {
            **self.person.groups,
            "action_units": self.performance.activations.table(),
            "strength": np.float32(self.performance.strength),
            "pose": np.rad2deg(self.performance.head).astype(np.float32),
            "true_landmarks": self.landmarks,
        }


def take_picture(subject: int, expression: str, take: int, seed: int = SEED) -> Picture:
    """One picture of the data set; the same whatever was made before it.

    Args:
      subject: the person's number.
      expression: one of `ifgan_tf.labels.EXPRESSIONS`.
      take: grade of intensity, 1 to 4; of neutral, which picture.
      seed: of the whole data set.
    """
    person = sample_person(seed, subject)
    rng = np.random.default_rng([seed, subject, index(expression), take])
    performance = sample_performance(expression, rng.uniform(*STRENGTHS[take]), person.habits, rng)
    return _photograph(person, performance, sample_occlusion(rng), seed, rng)


def picture_of(subject: int, performance: Performance, seed: int = SEED) -> Picture:
    """A person who does just this, without a resting look of their own and with nothing before the face.

    Args:
      subject: the person's number.
      performance: what head and face do.
      seed: of the whole data set.
    """
    person = dataclasses.replace(sample_person(seed, subject), rest=Activations())
    return _photograph(person, performance, None, seed, np.random.default_rng([seed, subject, streams.SINGLE]))


def _photograph(
    person: Person, performance: Performance, occlusion: Occlusion | None, seed: int, rng: np.random.Generator
) -> Picture:
    """A picture in surroundings, light and with a camera of its own."""
    rendering = render(person, performance, backdrop(rng, SIZE), seed, rng)
    seen = rendering.picture
    if person.glasses:
        seen = draw_glasses(seen, rendering.landmarks, person.glasses, rng)
    seen = occlude(seen, rendering.landmarks, rendering.skin, rendering.hair, occlusion)
    image = develop(seen, sample_camera(rng), rng, rendering.face_size)
    return Picture(image, rendering.landmarks, person, performance)
