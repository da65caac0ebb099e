"""Films of patients are credited on the page; computed ones are not."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from book.extensions.html.credits import add_credit
from book.pieces.films import AGES, film_counts
from book.site.links import PROVIDER

ROOT = Path(__file__).parents[2]
REAL = '<img class="dark-light" src="x.webp" alt="Chest film: readers&#x27; boxes" />'
MADE = '<img class="dark-light" src="x.webp" alt="Computed chest film: a box" />'


def shown(body):
    context = {"body": body}
    app = Mock()
    app.env.config.chexnomaly_profile, app.env.srcdir = "demo", ROOT / "book"
    add_credit(app, "notebooks/x", "page.html", context, None)
    return context["body"]


@pytest.mark.parametrize(
    "body",
    [REAL, MADE + REAL, '<div class="cell tag_patients"><img alt="Plate 1" /></div>'],
)
def test_every_page_with_a_film_of_a_patient_is_credited_once(body):
    text = shown(body)
    assert text.startswith(body) and text.count('id="film-credit"') == 1
    wanted = ("NIH Clinical Center", PROVIDER, "Wang", "ChestX-Det", "RSNA", "Tang")
    assert all(word in text for word in wanted)
    assert 'href="../evidence.html#films"' in text


@pytest.mark.parametrize("body", [MADE, "", "<p>A chest film is no toy.</p>"])
def test_other_pages_are_left_alone(body):
    assert shown(body) == body


def test_the_data_card_counts_groups_and_tells_of_nobody():
    counts = film_counts()
    assert counts["all"]["films"] == sum(counts["all"][age] for age in AGES) == 1698
    assert counts["all"]["under 18"] == 118
    assert counts["healthy"]["films"] == 177 and counts["mined"] == 114
    # 145 of 297 boxed and 24 of 177 healthy films are AP: AUC of a yes or no.
    assert counts["view_auc"] == pytest.approx(0.5 + (145 / 297 - 24 / 177) / 2)
    assert min(counts["boxed"][age] for age in AGES) > 5
