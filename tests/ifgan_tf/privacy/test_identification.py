"""Who is found, and by what; what an attacker may learn from."""

from __future__ import annotations

import numpy as np
from crowd import TARGETS, group

from ifgan_tf.privacy.groups import Group
from ifgan_tf.privacy.identification import HALVINGS, attack_features, closed_set_trials, expression_trials


def test_a_person_is_found_by_what_tells_other_people_apart():
    # Three values say who it is, under thirty louder ones that say nothing.
    random, background, targets = np.random.default_rng(3), group(20), group(TARGETS)

    def features(who: Group) -> np.ndarray:
        of_targets = random.normal(size=(who.people, 3))[who.subjects]
        return np.hstack(
            [of_targets + random.normal(0, 0.1, of_targets.shape), random.normal(0, 30, (len(of_targets), 30))]
        )

    of_background, of_targets = features(background), features(targets)
    found = attack_features(of_background, of_targets, background, targets, expression_trials(targets, 0), seed=0)
    assert found["attackers"]["discriminant"].value >= 0.9 > found["attackers"]["linear"].value
    assert found["top1"].value == found["attackers"]["discriminant"].value


def test_splits_never_share_an_expression():
    targets = group(TARGETS)
    splits = expression_trials(targets, seed=0).splits
    assert len(splits) == 2 * HALVINGS
    for gallery, probe in splits:
        assert not set(targets.labels[gallery]) & set(targets.labels[probe])
        assert set(targets.subjects[gallery]) == set(targets.subjects[probe]) == set(range(TARGETS))


def test_a_person_with_one_expression_is_left_out_of_identification():
    targets = Group(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1], np.int32), {})
    for gallery, probe in expression_trials(targets, seed=0).splits:
        assert 2 not in targets.subjects[gallery] and 2 not in targets.subjects[probe]


def test_in_a_closed_set_nobody_is_asked_for_who_was_not_enrolled():
    targets = Group(np.array([0, 1, 0, 1, 2]), np.array([0, 0, 1, 1, 1], np.int32), {})
    trials = closed_set_trials(targets, enrolled=2)
    ((gallery, probe),) = trials.splits
    assert gallery.tolist() == [0, 1] and probe.tolist() == [2, 3]
    assert targets.part(trials.judged).subjects.tolist() == [0, 1, 2]
