"""Evidence levels: the weakest of training and scoring decides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexnomaly import evidence

ORDER = ["images", "open-images", "annotations"]
ORDER += ["phantom-to-real", "phantom", "quoted"]


@pytest.mark.parametrize(
    ("trained_on", "scored_on", "level"),
    [
        ("images", "images", "images"),
        (None, "images", "images"),
        (None, "annotations", "annotations"),
        ("annotations", "annotations", "annotations"),
        ("annotations", "images", "annotations"),
        ("images", "annotations", "annotations"),
        ("phantom", "images", "phantom-to-real"),
        ("phantom", "annotations", "phantom-to-real"),
        ("phantom", "open-images", "phantom-to-real"),
        ("open-images", "open-images", "open-images"),
        (None, "open-images", "open-images"),
        ("images", "open-images", "open-images"),
        ("open-images", "images", "open-images"),
        ("annotations", "open-images", "annotations"),
        ("open-images", "phantom", "phantom"),
        ("phantom", "phantom", "phantom"),
        ("images", "phantom", "phantom"),
        ("annotations", "phantom", "phantom"),
        (None, "phantom", "phantom"),
        (None, "quoted", "quoted"),
    ],
)
def test_every_pair_of_sources_has_its_level(trained_on, scored_on, level):
    assert evidence.evidence_level(trained_on, scored_on) == level


@pytest.mark.parametrize(
    ("trained_on", "scored_on"),
    [("real", "images"), ("images", "real"), ("images", None), (None, None)],
)
def test_an_unknown_origin_is_refused(trained_on, scored_on):
    with pytest.raises(ValueError, match="unknown origin"):
        evidence.evidence_level(trained_on, scored_on)


def test_levels_stand_strongest_first_and_every_verdict_is_listed_once():
    assert list(evidence.LEVELS) == ORDER
    assert set(evidence.VERDICTS) == set(
        "reproduced|differs|adds up|inconsistent in the paper|implemented|deviates|"
        "same direction|held on other real films|did not hold on other real films|"
        "held in the phantom|did not hold in the phantom|depends on the threshold|"
        "not resolved|no signal|not testable here".split("|")
    )
    assert len(evidence.VERDICTS) == 15


def test_only_the_papers_own_collections_may_stand_against_a_printed_value():
    allowed = [level for level in ORDER if evidence.may_compare(level)]
    assert allowed == ["images", "annotations"]


def test_other_films_and_phantoms_give_a_direction_but_a_transfer_test_does_not():
    allowed = [level for level in ORDER if evidence.gives_direction(level)]
    assert allowed == ["images", "open-images", "annotations", "phantom"]


@pytest.mark.parametrize("ask", [evidence.may_compare, evidence.gives_direction])
def test_an_unknown_level_is_refused(ask):
    with pytest.raises(ValueError):
        ask("real")


@given(st.lists(st.sampled_from(ORDER), min_size=1))
def test_the_weakest_level_is_the_last_in_the_list(levels):
    assert ORDER.index(evidence.weakest(*levels)) == max(map(ORDER.index, levels))


@given(
    st.sampled_from([None, *evidence.ORIGINS]),
    st.sampled_from(evidence.ORIGINS),
)
def test_training_never_makes_evidence_stronger(trained_on, scored_on):
    level = evidence.evidence_level(trained_on, scored_on)
    assert ORDER.index(level) >= ORDER.index(evidence.evidence_level(None, scored_on))
