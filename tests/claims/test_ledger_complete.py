"""The ledger misses nothing: every numeral and every judgment has its row.

The paper's text is no part of the project. CHEXNOMALY_PAPER names the file; where it
is unset, these tests are skipped.
"""

import os
import re
from pathlib import Path

import pytest

from chexnomaly.claims.ledger import load_ledger

PAPER = os.environ.get("CHEXNOMALY_PAPER")
pytestmark = pytest.mark.skipif(
    not PAPER, reason="CHEXNOMALY_PAPER does not point to the paper's text"
)

NUMBER_WORDS = (
    "one two three four five six seven eight nine ten fourteen seventeen "
    "first second third half twice double hundred thousand dozen several"
).split()
NUMERAL = rf"\d[\d,.]*\d|\d|\b(?:{'|'.join(NUMBER_WORDS)})\b"

NO_CLAIM = {
    r"\[\d+\]": "citation",
    r"\b(?:Fig\.|Figure|Table) \d+": "cross-reference",
    r"\bF1\b": "name of a metric",
    r"Hospital 108": "name of a hospital",
    r"COVID-19": "name of a disease",
    r"<sup>\d</sup>|Darapaneni1": "mark of an affiliation or a footnote",
    r"\$\$.*?\$\$": "exponents of a displayed equation; its coefficients have rows",
    r"\$x_\d\$": "index of a symbol",
    r"\d\) (?:Siamese|\*\*|CheX-Nomaly vs)": "number of a heading or list item",
    r"50/50": "name of a category",
    r"Conv2D": "name of a layer",
    r"in one of 2 ways|one of the 14|one of 14|one of two": "any of the number behind",
    r"One Disease|on One Patient": "name of a case; the four cases have rows",
    r"annotations \(one bounding box\)": "what a bar of Fig. 3 counts",
    r"predicting values of one": "the mask's value, which has a row",
    r"the second and third-place": "ranks; both values have rows",
    r"The (?:first|second) (?:variant|ensemble)": "order of mention",
}
"""Numerals that are no claim: context, and what they are instead."""

JUDGMENT = (
    r"\b(?:surpass\w*|outperform\w*|exceed\w*|excels?|superior|better|best|worse|higher"
    r"|lower|larger|smaller|fewer|improv\w+|enhanced?|reduc\w+|decreas\w+|declin\w*"
    r"|diminished|significan\w+|substantial|marginal|modest|slight\w*|comparable"
    r"|competitive|similarity|similar \w+ratios|maintain\w*|preserving|remarkabl\w+"
    r"|outstanding|impressive|struggled?|lagged|falls? short|fell short|poorly|minimal"
    r"|rare|uncommon|skewed|consistently|inconsistent|effectively|ineffective"
    r"|majority|predominantly|close|closely)\b"
)

NO_JUDGMENT = {
    # said of the field or of what is hoped for, not of something that was done
    r"providers struggle to|radiologists struggle to": "about people",
    r"to enhance the precision|focus on reducing the significant": "an aim",
    r"substantial challenges|and enhance the practicality": "about the field",
    r"a significant contributor|substantial global healthcare": "about the field",
    r"a smaller share of": "the share, 13 %, has its row",
    r"thus reducing the incidence|significant advancement": "an outlook",
    r"and struggle when|Significant investigation": "about other work",
    r"significantly reduce perceptual errors, thus reducing": "an outlook",
    r"present a significant challenge|a significant portion": "about the field",
    r"Effectively mitigating misdiagnoses": "an aim",
    r"an? \w+ avenue for improvement|thereby improving its": "an outlook",
    r"not to surpass": "an aim that was not pursued",
    # repeats within a sentence, or with a number that has its row
    r"Remarkably, ": "a connective",
    r"12% improvement|33% decrease": "the percentage has its row",
    r"for the diminished generalization": "q-modest-improvement, same sentence",
    r"attention-enhanced": "name of a system",
    r"capacity to deliver superior": "q-superior-results",
    r"establishes its significance": "an outlook",
    r"true significance": "a connective",
    r"the similarity between two|discern the similarity": "what the network decides",
    r"indicating similarity": "the label of a pair",
    r"brighter shades of green indiciating a higher": "the legend of Fig. 4",
    r"predicted rectangles closely correspond": "q-fig5-rectangles",
    r"smaller final feature map|underwent slight adjustments": "about the design",
    r"demonstrated a substantial disparity|exhibited minimal": "what the group means",
    r"consistently prevalent": "about normal images in general",
    r"To maintain the ratio": "q-other-mixed",
}
"""Words of judgment that need no row: context, and why."""


@pytest.fixture(scope="module")
def ledger():
    return load_ledger()


@pytest.fixture(scope="module")
def text():
    body = Path(PAPER).read_text(encoding="utf-8")
    before, _, rest = body.partition("#### REFERENCES")
    return " ".join((before + rest.partition("\nVIII.")[2]).split())


def spans(pattern, text):
    return [match.span() for match in re.finditer(pattern, text)]


def inside(span, others):
    return any(low <= span[0] and span[1] <= high for low, high in others)


def test_every_numeral_has_its_row_or_its_reason(ledger, text):
    rows = [
        (place, claim.as_printed.lower())
        for claim in ledger.itertuples()
        for place in spans(re.escape(claim.quote), text)
    ]
    excused = [place for pattern in NO_CLAIM for place in spans(pattern, text)]
    missing = []
    for numeral in re.finditer(NUMERAL, text, re.IGNORECASE):
        found = any(
            numeral[0].lower() in printed and inside(numeral.span(), [place])
            for place, printed in rows
        )
        if not found and not inside(numeral.span(), excused):
            missing.append(text[numeral.start() - 40 : numeral.end() + 25])
    assert missing == []


def test_every_judgment_has_its_row_or_its_reason(ledger, text):
    directions = ledger[ledger["kind"] == "direction"]
    rows = [p for quote in directions["quote"] for p in spans(re.escape(quote), text)]
    excused = [place for pattern in NO_JUDGMENT for place in spans(pattern, text)]
    missing = [
        text[word.start() - 50 : word.end() + 30]
        for word in re.finditer(JUDGMENT, text, re.IGNORECASE)
        if not inside(word.span(), rows + excused)
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("pattern", "word"),
    [(p, NUMERAL) for p in NO_CLAIM] + [(p, JUDGMENT) for p in NO_JUDGMENT],
)
def test_every_exception_excuses_something(text, pattern, word):
    found = [match[0] for match in re.finditer(pattern, text)]
    assert found and all(re.search(word, context, re.I) for context in found)


def test_a_row_taken_away_is_missed(ledger, text):
    """The scans can fail: without its row, a number and a judgment are told."""
    for id_, scan in (
        ("intro-deaths", test_every_numeral_has_its_row_or_its_reason),
        ("q-left-skewed", test_every_judgment_has_its_row_or_its_reason),
    ):
        with pytest.raises(AssertionError):
            scan(ledger[ledger["id"] != id_], text)
