"""Expressions as distributions: shares as published, strength, unevenness, resting faces, head and gaze."""

import dataclasses
import statistics

import numpy as np
import pytest

from datasets.synthetic_faces.action_units import ACTION_UNITS, STRONGEST, Activations
from datasets.synthetic_faces.expressions import (
    DISPLAYS,
    LEANS,
    STRENGTHS,
    sample_habits,
    sample_performance,
    sample_rest,
    still,
)
from datasets.synthetic_faces.person import AGES, ANCESTRIES, GENDERS, sample_person
from ifgan_tf.labels import BASIC, EXPRESSIONS

# Du, Tao and Martinez (2014), Table 1: units of more than 70 % of 230 people, and of some with their share.
PUBLISHED = {
    "happiness": ({12, 25}, {6: 0.51}),
    "sadness": ({4, 15}, {1: 0.60, 6: 0.50, 17: 0.67}),
    "fear": ({1, 4, 20, 25}, {2: 0.57, 5: 0.63, 26: 0.33}),
    "anger": ({4, 7, 24}, {10: 0.26, 17: 0.52, 23: 0.29}),
    "surprise": ({1, 2, 25, 26}, {5: 0.66}),
    "disgust": ({9, 10, 17}, {4: 0.31, 24: 0.26}),
}


def performances(expression, strength=1.0, count=400, **habits):
    drawn = [np.random.default_rng(k) for k in range(count)]
    return [
        sample_performance(expression, strength, dataclasses.replace(sample_habits(rng), **habits), rng)
        for rng in drawn
    ]


def shown(expression, unit, strength=1.0, least=0.25):
    return np.mean([p.activations.mean(unit) > least for p in performances(expression, strength)])


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_displays_use_known_units_and_their_shares_sum_to_one(expression):
    assert sum(display.share for display in DISPLAYS[expression]) == pytest.approx(1)
    for display in DISPLAYS[expression]:
        assert set(display.units) <= set(ACTION_UNITS)
        assert all(0 < unit.share <= 1 and 0 < unit.activation <= 1 for unit in display.units.values())


@pytest.mark.parametrize("expression", BASIC)
def test_first_display_is_the_published_row(expression):
    usual, some = PUBLISHED[expression]
    first = DISPLAYS[expression][0].units
    assert all(first[unit].share > 0.7 for unit in usual)
    assert {unit: first[unit].share for unit in some} == some


@pytest.mark.parametrize(("expression", "unit"), [("happiness", 12), ("sadness", 15), ("surprise", 1), ("fear", 1)])
def test_what_nearly_everybody_shows_is_seen_in_nearly_every_picture(expression, unit):
    assert shown(expression, unit) > 0.7


@pytest.mark.parametrize(("expression", "unit"), [("happiness", 6), ("fear", 5), ("anger", 24), ("surprise", 5)])
def test_what_some_show_is_seen_in_some_pictures(expression, unit):
    assert 0.2 < shown(expression, unit) < 0.9


@pytest.mark.parametrize("expression", ["happiness", "anger", "disgust", "fear"])
def test_mouths_are_open_in_some_pictures_and_closed_in_others(expression):
    assert 0.1 < shown(expression, 25) < 0.95


def test_no_two_pictures_of_a_person_are_alike():
    person = sample_person(1, 0)
    drawn = [sample_performance("anger", 1.0, person.habits, np.random.default_rng(k)) for k in range(50)]
    combinations = {tuple(u for u in ACTION_UNITS if p.activations.mean(u) > 0.3) for p in drawn}
    assert len(combinations) > 10


def test_strength_runs_from_barely_visible_to_full():
    edges = [edge for grade in sorted(STRENGTHS) for edge in STRENGTHS[grade]]
    assert edges == sorted(edges) and edges[0] <= 0.2 and edges[-1] >= 1.0

    def corner(strength):
        return statistics.fmean(p.activations.mean(12) for p in performances("happiness", strength))

    assert corner(0.2) < 0.3 < corner(0.5) < corner(1.0)


@pytest.mark.parametrize(
    ("expression", "done", "instead"), [("anger", 24, 25), ("disgust", 24, 25), ("fear", 27, 26), ("surprise", 5, 43)]
)
def test_nobody_does_what_excludes_each_other(expression, done, instead):
    both = [p for p in performances(expression) if p.activations.mean(done) > 0.3 and p.activations.mean(instead) > 0.3]
    assert not both


def test_activations_stay_in_range_and_are_uneven():
    drawn = [value for p in performances("disgust", 1.1) for value in p.activations.values()]
    assert all((value >= 0).all() and (value <= STRONGEST).all() for value in drawn)
    uneven = [abs(value[0] - value[1]) / value.max() for value in drawn if value.max() > 0.3]
    assert 0.05 < np.median(uneven) < 0.3 and max(uneven) > 0.5


def test_neutral_faces_hardly_move_and_are_not_all_alike():
    drawn = performances("neutral")
    values = np.array([[p.activations.mean(unit) for unit in ACTION_UNITS if unit not in (25, 26, 43)] for p in drawn])
    assert values.max() < 0.5 and values.mean() < 0.06
    assert all(p.strength == 0 for p in drawn)
    parted = np.mean([p.activations.mean(25) > 0.3 for p in drawn])
    assert 0.05 < parted < 0.3


def test_resting_faces_look_like_something():
    rests = [sample_rest(np.random.default_rng(k)) for k in range(400)]
    stern, amused = (np.mean([rest.mean(unit) > 0.15 for rest in rests]) for unit in (4, 12))
    assert 0.08 < stern < 0.35 and 0.05 < amused < 0.3
    assert np.mean([max(rest.mean(u) for u in rest) < 0.15 for rest in rests]) > 0.1


def test_sad_people_lower_head_and_eyes():
    def mean(expression, read):
        return np.rad2deg(np.mean([read(p) for p in performances(expression)]))

    assert mean("sadness", lambda p: p.head[1]) > 2 > abs(mean("neutral", lambda p: p.head[1]))
    assert mean("sadness", lambda p: p.gaze[1]) > 3
    assert mean("disgust", lambda p: abs(p.head[0])) > mean("neutral", lambda p: abs(p.head[0])) + 1


def test_heads_stay_nearly_frontal():
    heads = np.rad2deg([p.head for expression in EXPRESSIONS for p in performances(expression, 1.1, count=100)])
    assert (np.abs(heads) <= [20.001, 14.001, 14.001]).all()
    assert (heads.std(axis=0) > [4, 3, 2]).all()


def test_leans_are_named_for_every_expression():
    assert set(LEANS) == set(DISPLAYS) == set(EXPRESSIONS)


def test_activations_add_up_to_what_a_face_can_do():
    both = Activations({12: np.array([0.4, 1.0])}).plus(Activations({12: np.array([0.1, 0.9]), 6: np.full(2, 0.5)}))
    np.testing.assert_allclose(both[12], [0.5, STRONGEST])
    np.testing.assert_allclose(both[6], 0.5)
    assert both.table().shape == (len(ACTION_UNITS), 2) and both.table().sum() == pytest.approx(2.7)
    with pytest.raises(KeyError):
        Activations()[3]


def test_still_does_only_what_it_is_told():
    performance = still(Activations({12: np.full(2, 0.7)}))
    assert performance.head == (0, 0, 0) and performance.strength == pytest.approx(0.7)


def test_people_are_the_same_for_the_same_number_and_of_every_group():
    people = [sample_person(7, index) for index in range(200)]
    assert people[3].habits == sample_person(7, 3).habits and people[3].age == sample_person(7, 3).age
    assert sample_person(8, 3).age != people[3].age
    for name, values in {"age": AGES, "gender": GENDERS, "ancestry": ANCESTRIES}.items():
        found = [person.groups[name] for person in people]
        assert all(found.count(value) >= 10 for value in values), name
    assert all(sum(person.ancestry) == pytest.approx(1) for person in people)
    assert 0.9 < statistics.fmean(person.habits.expressiveness for person in people) < 1.1
