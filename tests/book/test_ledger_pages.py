"""Claims page, errata, register: whole, linked, and usable without a script."""

import json
import re

import pytest

from chexnomaly import claims
from chexnomaly.claims import decisions
from chexnomaly.claims.ledger import load_ledger

IDS = list(load_ledger()["id"])
ORPHAN = "---\norphan: true\n---\n"


def included(piece):
    return f"\n```{{raw}} html\n:file: rendered/{piece}.html\n```\n"


@pytest.fixture(scope="module")
def site(build_once):
    """Build the three pages once; give a function from a file's name to its text."""
    build = build_once
    (build.source / "notebooks").mkdir()
    for name, title, *pieces in (
        ("notebooks/03_supermodels", "The supermodel"),
        ("claims", "Claims", "claims"),
        ("errata", "Errata", "contradictions", "errata"),
        ("decisions", "Decisions", "decisions"),
    ):
        shown = "".join(map(included, pieces))
        (build.source / f"{name}.md").write_text(f"{ORPHAN}# {title}\n{shown}")
    effects = build.result | {"system": "multiverse", "notebook": "12_beyond"}
    entry = {"value": 0.25, "low": 0.2, "high": 0.3, "n": 117}
    effects["values"] = {"4.convention_a.iou_a": entry}
    gap = entry | {"value": -0.05, "low": -0.1, "high": 0.0}
    effects["paired"] = {"default": {"4.convention_a.iou_a": gap}}
    path = build.results / "multiverse__vindr_test.json"
    path.write_text(json.dumps(effects))
    page = "# Page\n\n{claim}`t6-chexnomaly`\n" + included("deviations")
    status, _, messages = build(ORPHAN + page, page="page")
    assert (status, messages) == (0, "")
    return lambda name: (build.html / name).read_text()


def rows_of(html):
    table = html.partition('<table class="book-table claims')[2].partition("</table>")[
        0
    ]
    return re.findall(r"<tr ([^>]*)>(.*?)</tr>", table.partition("</thead>")[2], re.S)


def test_the_claims_page_shows_every_row_with_its_anchor(site):
    rows = rows_of(site("claims.html"))
    assert [re.search(r'id="claim-([^"]+)"', head)[1] for head, _ in rows] == IDS
    assert all(
        f'href="#claim-{i}"' in body for i, (_, body) in zip(IDS, rows, strict=True)
    )
    assert "hidden" not in " ".join(head for head, _ in rows)


def test_a_row_is_filtered_by_place_system_verdict_and_evidence(site):
    head = dict(zip(IDS, rows_of(site("claims.html")), strict=True))
    first, body = head["t1-vindr-supermodel-mean_iou"]
    classes = set(re.search(r'class="([^"]+)"', first)[1].split())
    assert {"w-table-i", "s-supermodel", "v-not-testable-here", "e-phantom"} <= classes
    assert 'href="notebooks/03_supermodels.html"' in body
    assert "0.6118" in body and "0.412" in body


def test_the_form_is_hidden_without_script_and_each_field_has_a_label(site):
    html = site("claims.html")
    form = html.partition('<form class="claims-filter"')[2].partition("</form>")[0]
    assert form.startswith(" hidden")
    fields = re.findall(r"<(?:select|input)[^>]* name=\"(\w)\"", form)
    assert fields == ["w", "s", "v", "e", "q"]
    assert len(re.findall(r"<label>\w+ <(?:select|input)", form)) == len(fields)
    assert '<output aria-live="polite">' in form
    counts = [int(n) for n in re.findall(r'value="v-[^"]+">[^<]+\((\d+)\)', form)]
    assert sum(counts) == len(IDS)


def test_every_choice_of_the_form_fits_as_many_rows_as_it_says(site):
    html = site("claims.html")
    classes = [head.split('"')[1::2] for head, _ in rows_of(html)]
    names = [set(" ".join(parts).split()) for parts in classes]
    choices = re.findall(r'<option value="([^"]+)">[^<]+\((\d+)\)', html)
    assert len(choices) > 40
    for value, count in choices:
        assert sum(value in row for row in names) == int(count), value


def test_the_script_is_loaded_where_it_is_needed_alone(site):
    assert "claims.js" in site("claims.html") and "defer" in site("claims.html")
    assert "claims.js" not in site("page.html")


def test_the_same_table_lies_beside_the_pages(site):
    rows = json.loads(site("claims.json"))
    assert [row["id"] for row in rows] == IDS
    by_id = {row["id"]: row for row in rows}
    assert by_id["t1-vindr-supermodel-mean_iou"]["measured"] == 0.41234
    assert site("claims.csv").count("\n") > len(IDS)
    assert 'href="claims.csv"' in site("claims.html")


def test_a_claim_in_prose_leads_to_its_row(site):
    assert 'href="claims.html#claim-t6-chexnomaly"' in site("page.html")


def test_the_errata_are_the_rows_that_contradict_each_other_and_the_slips(
    site, tmp_path
):
    html = site("errata.html")
    compared = claims.compare(None, tmp_path)
    wrong = compared.loc[compared.verdict == "inconsistent in the paper", "id"]
    table = html.partition("contradictions")[2].partition("</table>")[0]
    assert set(re.findall(r"#claim-([^\"]+)", table)) == set(wrong)
    items = {int(i) for i in re.findall(r'id="item-(\d+)"', html)}
    assert items == set(decisions.load_errata().index)


def test_a_decision_shows_its_effect_or_that_there_is_none(site):
    html = site("decisions.html")
    items = [int(i) for i in re.findall(r'id="item-(\d+)"', html)]
    assert items == list(decisions.load_decisions().index)
    cards = dict(zip(items, html.split('id="item-')[1:], strict=True))
    assert "convention a" in cards[4] and "[0.200, 0.300]" in cards[4]
    assert "-0.050 [-0.100, +0.000] against the default" in cards[4]
    assert "not measured" not in cards[4]
    assert all("not measured" in card for item, card in cards.items() if item != 4)


def test_a_profile_s_deviation_leads_to_its_decision(site):
    assert 'href="paper.html#item-20"' in site("page.html")
