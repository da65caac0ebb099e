"""The whole cohort counted: VinDr-CXR's size, without rendering a film."""

from collections import Counter

import pytest

from chexnomaly.labels import FINDINGS
from chexnomaly.phantom import film, plan_image

# Scans with each finding among the 15,000 of the real table, in the order of
# FINDINGS (Appendix C of the ambiguity register).
REAL = (3067, 186, 452, 2300, 353, 386, 613, 1322, 826, 1134, 1032, 1981, 96, 1617)


@pytest.mark.slow
def test_fifteen_thousand_films_have_the_shares_of_the_real_table():
    counts = Counter()
    positives = 0
    for index in range(15_000):
        if not plan_image(0, index).positive:
            continue
        positives += 1
        made = film(0, index, 512, pixels=False)
        counts.update({opinion.finding for opinion in made.opinions})
    assert positives == pytest.approx(4394, rel=0.005)
    for key, real in zip(FINDINGS, REAL, strict=True):
        assert counts[key] == pytest.approx(real, rel=0.1), key
