from collections import Counter

import numpy as np
import pytest

from chexnomaly.labels import FINDINGS
from chexnomaly.phantom import plan_image
from chexnomaly.phantom.cohort import BLOCK, POSITIVES


def plans(n, **options):
    return [plan_image(3, index, **options) for index in range(n)]


def test_every_block_holds_the_share_of_positives():
    positive = np.array([plan.positive for plan in plans(10 * BLOCK)])
    assert (positive.reshape(10, BLOCK).sum(axis=1) == POSITIVES).all()


def test_a_plan_depends_on_seed_and_index_alone():
    assert plan_image(3, 17) == plans(30)[17]
    assert any(plan_image(4, i) != plan_image(3, i) for i in range(60))


def test_an_enriched_cohort_holds_enough_of_every_finding():
    n = round(230 / POSITIVES * BLOCK)
    chosen = plans(n, enriched=True)
    counts = Counter(key for plan in chosen for key in plan.findings)
    assert sum(plan.positive for plan in chosen) == pytest.approx(230, abs=POSITIVES)
    # 42 findings in 14 hands: 230 hands hold each finding about 49 times
    assert min(counts[key] for key in FINDINGS) >= 35
    assert max(counts.values()) <= 55


def test_no_image_holds_a_finding_twice():
    for enriched in (False, True):
        for plan in plans(300, enriched=enriched):
            assert len(set(plan.findings)) == len(plan.findings)


def test_natural_findings_are_uneven_as_in_the_real_table():
    counts = Counter(key for plan in plans(4100) for key in plan.findings)
    assert counts["aortic_enlargement"] > 5 * counts["consolidation"]
    assert counts["cardiomegaly"] > 10 * counts["pneumothorax"] > 0


@pytest.mark.parametrize(
    ("layout", "finding", "share"),
    [
        ("rsna", "pneumonia", 0.2253),
        ("covid", "covid", 0.6),
        ("candid", "rib_fracture", 0.0174),
    ],
)
def test_other_layouts_hold_their_own_disease(layout, finding, share):
    chosen = plans(50 * BLOCK, layout=layout)
    positive = [plan for plan in chosen if plan.positive]
    assert {plan.findings for plan in positive} == {(finding,)}
    assert len(positive) == pytest.approx(50 * BLOCK * share, abs=1)


def test_rsna_holds_images_that_are_not_normal_and_have_no_box():
    quiet = [p for p in plans(1000, layout="rsna") if p.findings and not p.positive]
    assert len(quiet) / 1000 == pytest.approx(0.443, abs=0.04)


def test_a_share_of_positives_can_be_asked_for():
    chosen = plans(10 * BLOCK, layout="rsna", positive_share=0.5)
    assert sum(plan.positive for plan in chosen) == 5 * BLOCK


def test_unknown_layouts_are_refused():
    with pytest.raises(ValueError, match="layout"):
        plan_image(0, 0, "nih")
