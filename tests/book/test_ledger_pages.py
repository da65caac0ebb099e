"""Sentences, counts, errata, register: whole, linked, usable without a script."""

import json
import re
from collections import Counter
from html import unescape
from urllib.parse import parse_qsl

import pytest

from chexnomaly import claims
from chexnomaly.claims import decisions
from chexnomaly.claims.expected import all_verdicts
from chexnomaly.claims.ledger import load_ledger

IDS = list(load_ledger()["id"])
ORPHAN = "---\norphan: true\n---\n"


def included(piece):
    return f"\n```{{raw}} html\n:file: rendered/{piece}.html\n```\n"


@pytest.fixture(scope="module")
def site(build_once):
    """Build the pages once; give a function from a file's name to its text."""
    build = build_once
    (build.source / "notebooks").mkdir()
    for name, title, *pieces in (
        ("notebooks/03_supermodels", "The supermodel"),
        ("claims", "Claims", "claims"),
        ("sentences", "Sentences", "sentences"),
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

    def read(name):
        return (build.html / name).read_text()

    read.verdicts = all_verdicts(build.workspace.results_folders)
    return read


def told_of(site):
    html = site("sentences.html")
    data = html.partition('id="sentences-data">')[2].partition("</script>")[0]
    return {claim["id"]: claim for claim in json.loads(data)}


def test_every_claim_stands_once_in_a_sentence_with_its_anchor(site):
    marks = r'id="claim-([^"]+)" data-claim="([^"]+)">([^<]+)</span>'
    found = re.findall(marks, site("sentences.html"))
    told = told_of(site)
    assert [id_ for id_, *_ in found] == IDS == [*told]
    assert all((a, told[a]["verdict"]) == (b, verdict) for a, b, verdict in found)


def test_a_sentence_opens_what_was_measured(site):
    told = told_of(site)["t1-vindr-supermodel-mean_iou"]
    assert (told["printed"], told["told"]) == ("0.6118", "0.412 [0.370, 0.450]")
    assert (told["level"], told["system"]) == ("phantom", "supermodel")
    assert (told["page"], told["n"]) == ("03_supermodels", "117")


def test_the_form_is_hidden_without_script_and_counts_every_claim(site):
    html = site("sentences.html")
    form = html.partition('<form class="play-rules"')[2].partition("</form>")[0]
    assert "hidden" in form.partition(">")[0] and "<output>" in form
    fields = re.findall(r'<label class="play-select">\w+ <\w+ [^>]*name="(\w+)"', form)
    assert fields == ["verdict", "place", "system", "evidence", "words"]
    for select in form.split("<select")[1:]:
        assert sum(map(int, re.findall(r"\((\d+)\)</option>", select))) == len(IDS)


def test_the_counts_of_each_place_lead_to_its_sentences(site):
    html = site("claims.html").partition('class="book-table places')[2]
    links = r'href="(\w+)\.html\?([^"]+)">.*?×\s*(\d+)</a>'
    found = re.findall(links, html.replace("&nbsp;", " "))
    asked = Counter((c.where, c.verdict) for c in site.verdicts.itertuples())
    assert {page for page, *_ in found} == {"sentences"}
    chosen = {tuple(v for _, v in parse_qsl(unescape(q))): int(n) for _, q, n in found}
    assert chosen == asked


def test_the_same_table_lies_beside_the_pages(site):
    rows = json.loads(site("claims.json"))
    assert [row["id"] for row in rows] == IDS
    by_id = {row["id"]: row for row in rows}
    assert by_id["t1-vindr-supermodel-mean_iou"]["measured"] == 0.41234
    assert site("claims.csv").count("\n") > len(IDS)
    assert 'href="claims.csv"' in site("sentences.html")


def test_a_claim_in_prose_leads_to_its_sentence(site):
    assert 'href="sentences.html#claim-t6-chexnomaly"' in site("page.html")


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
    assert "convention A" in cards[4] and "IoU A" in cards[4]
    gap = r'title="0.250 \[0.200, 0.300\]">-0.050</abbr> <[^>]+>\[-0.100, \+0.000\]<'
    assert re.search(gap, cards[4])
    assert "not measured" not in cards[4]
    assert all("not measured" in card for item, card in cards.items() if item != 4)


def test_a_profile_s_deviation_leads_to_its_decision(site):
    assert 'href="paper.html#item-20"' in site("page.html")
