"""Who a synthetic person is: age, gender, ancestry, resting face, habits."""

from __future__ import annotations

import dataclasses

import numpy as np

from datasets.synthetic_faces import streams
from datasets.synthetic_faces.action_units import Activations
from datasets.synthetic_faces.expressions import Habits, sample_habits, sample_rest
from datasets.synthetic_faces.glasses import Glasses, sample_glasses

ANCESTRIES: tuple[str, ...] = ("African", "Asian", "European")
GENDERS: tuple[str, ...] = ("female", "male")
AGES: tuple[str, ...] = ("20-39", "40-69", "70+")
_YOUNGEST, _OLDEST = 20, 80


@dataclasses.dataclass(frozen=True)
class Person:
    """One person.

    Attributes:
      index: their number.
      age: 0 (20 years) to 1 (80 years).
      masculinity: 0 to 1.
      ancestry: how much of each of `ANCESTRIES`; sums to 1.
      rest: how the face looks while nothing moves.
      habits: how it moves.
      glasses: worn in every picture, or None.
    """

    index: int
    age: float
    masculinity: float
    ancestry: tuple[float, float, float]
    rest: Activations
    habits: Habits
    glasses: Glasses | None

    @property
    def groups(self) -> dict[str, str]:
        """The person's age group, gender and ancestry group."""
        years = _YOUNGEST + self.age * (_OLDEST - _YOUNGEST)
        return {
            "age": AGES[int(np.digitize(years, [40, 70]))],
            "gender": GENDERS[int(self.masculinity > 0.5)],
            "ancestry": ANCESTRIES[int(np.argmax(self.ancestry))],
        }


def sample_person(seed: int, index: int) -> Person:
    """The person with this number; the same for every picture of them.

    Args:
      seed: of the whole data set.
      index: the person's number, 0 or more.
    """
    rng = np.random.default_rng([seed, index, streams.PERSON])
    african, asian, european = rng.dirichlet([0.35, 0.35, 0.35]).tolist()
    age = float(rng.beta(1.1, 1.6))
    return Person(
        index=index,
        age=age,
        masculinity=_two_humps(rng),
        ancestry=(african, asian, european),
        rest=sample_rest(rng),
        habits=sample_habits(rng),
        glasses=sample_glasses(rng) if rng.random() < 0.08 + 0.2 * age else None,
    )


def _two_humps(rng: np.random.Generator) -> float:
    """Most faces are read as a woman's or a man's, some as neither."""
    value = rng.beta(1.2, 3.0)
    return float(value if rng.random() < 0.5 else 1 - value)
