"""The ledger: well formed and verbatim."""

import csv
import os
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from chexnomaly.claims.ledger import LEDGER, LEDGER_COLUMNS, bindings, load_ledger, way
from chexnomaly.errors import ClaimError
from chexnomaly.labels import FINDINGS

PAPER = os.environ.get("CHEXNOMALY_PAPER")
needs_paper = pytest.mark.skipif(
    not PAPER, reason="CHEXNOMALY_PAPER does not point to the paper's text"
)
NUMBER_WORDS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "fourteen": 14,
    "seventeen": 17,
}


@pytest.fixture(scope="module")
def ledger():
    return load_ledger()


def test_ids_are_unique_and_every_kind_is_there(ledger):
    assert ledger["id"].is_unique
    kinds = Counter(ledger["kind"])
    assert set(kinds) == {"count", "design", "result", "direction", "external"}
    assert len(ledger) - kinds["direction"] > 200
    assert kinds["direction"] >= 30


@pytest.mark.parametrize(
    "id_",
    "intro-deaths q-fig5 q-chex-all4 q-fn-min q-fn-rare q-tp-rare".split()
    + ["data-max-annot"],
)
def test_ids_that_other_pages_cite_exist(ledger, id_):
    assert id_ in set(ledger["id"])


def test_quotes_have_fifteen_words_at_most_and_hold_what_is_printed(ledger):
    for claim in ledger.to_dict("records"):
        assert 0 < len(claim["quote"].split()) <= 15, claim["id"]
        assert claim["as_printed"].lower() in claim["quote"].lower(), claim["id"]


def test_every_direction_says_in_words_of_its_own_what_it_claims(ledger):
    told = ledger[ledger.kind == "direction"]
    assert told.says.is_unique and not set(told.says) & set(told.quote)
    assert not told.says.str.contains("_|@|>|<").any()
    assert told.says.str.fullmatch(r"[A-Z].*[^.]").all()


def as_number(printed):
    """Read what the paper prints: 18,000, 42.6%, 4:10, 512x512, Seventeen."""
    if printed.lower() in NUMBER_WORDS:
        return {Decimal(NUMBER_WORDS[printed.lower()])}
    if fraction := re.fullmatch(r"\\frac\{(\d)\}\{(\d)\}", printed):
        return {Decimal(fraction[1]) / Decimal(fraction[2])}
    if ":" in printed:
        first, second = map(Decimal, printed.split(":"))
        return {first / second}
    plain = printed.replace(",", "").rstrip("%")
    parts = re.split(r"(?<=\d)[-x]", plain)
    return {Decimal(part) for part in parts}


def test_values_are_what_is_printed_to_the_last_digit(ledger):
    for claim in ledger.to_dict("records"):
        if claim["value"] is not None:
            assert claim["value"] in as_number(claim["as_printed"]), claim["id"]
            if claim["as_printed"].replace(".", "").isdigit():
                assert str(claim["value"]) == claim["as_printed"], claim["id"]


def test_one_system_on_one_set_has_one_printed_value_but_for_the_known_slip(ledger):
    results = ledger[(ledger["kind"] == "result") & ledger["value"].notna()]
    cells = results.groupby(["system", "dataset", "metric"])["value"].agg(set)
    assert {key: values for key, values in cells.items() if len(values) > 1} == {
        ("attention_supermodel", "other_200", "mae"): {
            Decimal("0.272"),
            Decimal("0.212"),
        }
    }


def test_table_one_is_complete_and_marks_what_rests_on_position(ledger):
    cells = ledger[ledger["id"].str.fullmatch(r"t1-(vindr|other)-.*-(mae|f1|mean_iou)")]
    assert len(cells) == 2 * 3 * 7  # sets, metrics, columns with the lost one
    marked = cells[cells["needs"].str.contains("position only")]
    # Ensembles on Other: 2 x 3; F1 of ensembles and CheX-Nomaly on VinDr: 3;
    # F1 and MAE of CheX-Nomaly on Other: 2.
    assert len(marked) == 6 + 3 + 2
    lost = cells[cells["needs"].str.startswith("nothing printed")]
    assert len(lost) == 6 and lost["value"].isna().all()


@pytest.mark.parametrize("data", ["vindr", "other"])
@pytest.mark.parametrize("metric", ["mae", "f1", "mean_iou"])
def test_the_six_differences_of_table_one_follow_from_its_cells(ledger, data, metric):
    value = ledger.set_index("id")["value"]
    plain = value[f"t1-{data}-supermodel-{metric}"]
    attention = value[f"t1-{data}-attention_supermodel-{metric}"]
    assert value[f"t1-{data}-difference-{metric}"] == plain - attention


def test_table_two_has_both_cells_of_all_fourteen_findings(ledger):
    expected = {f"t2-{finding}-{m}" for finding in FINDINGS for m in ("mae", "f1")}
    assert expected == {id_ for id_ in ledger["id"] if id_.startswith("t2-")}


def test_every_test_is_bound_to_results_or_says_why_not(ledger):
    systems = set(ledger["system"])
    for claim in ledger.to_dict("records"):
        measured = way(claim) in {"train", "annotations", "measured"}
        assert bool(bindings(claim, systems)) is measured, claim["id"]


@needs_paper
def test_every_quote_is_verbatim(ledger):
    whole = " ".join(Path(PAPER).read_text(encoding="utf-8").split())
    assert [q for q in ledger["quote"] if q not in whole] == []


GOOD = {
    "id": "a",
    "where": "Table I",
    "system": "supermodel",
    "dataset": "vindr_test",
    "metric": "mae",
    "value": "0.7",
    "unit": "",
    "as_printed": "0.7",
    "quote": "MAE 0.7",
    "kind": "result",
    "needs": "train vindr",
}
DIRECTION = {"kind": "direction", "value": "", "says": "One is below the other"}


def write(folder, *rows, columns=LEDGER_COLUMNS):
    path = folder / "claims.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_good_row_keeps_its_digits(tmp_path):
    path = write(tmp_path, GOOD | {"value": "0.70"})
    assert str(load_ledger(path)["value"][0]) == "0.70"


def test_a_test_may_name_a_printed_number(tmp_path):
    needs = "measured: 'a' < all_empty@vindr['k']; a note"
    path = write(tmp_path, GOOD, GOOD | DIRECTION | {"id": "b", "needs": needs})
    assert load_ledger(path)["needs"][1] == (
        "measured: 0.7 < all_empty@vindr['k']; a note"
    )


@pytest.mark.parametrize(
    ("column", "changes"),
    [
        ("id", {"id": ""}),
        ("id", {"id": "first"}),
        ("where", {"where": " "}),
        ("system", {"system": ""}),
        ("kind", {"kind": "guess"}),
        ("value", {"value": "a lot"}),
        ("value", {"value": "nan"}),
        ("value", {"value": ""}),
        ("value", {"kind": "direction", "needs": "undefined"}),
        ("value", {"needs": "nothing printed"}),
        ("as_printed", {"as_printed": ""}),
        ("quote", {"quote": "word " * 16}),
        ("quote", {"quote": ""}),
        ("says", {"says": "Only a direction says this"}),
        ("says", DIRECTION | {"needs": "undefined", "says": ""}),
        ("says", DIRECTION | {"needs": "undefined", "says": "Far too short"}),
        ("says", DIRECTION | {"needs": "undefined", "says": "word " * 13}),
        ("needs", {"needs": "luck"}),
        ("needs", {"needs": "measured: a@s < b@s"}),
        ("needs", {"needs": "arithmetic: 'nowhere'"}),
        ("needs", {"kind": "count", "needs": "train vindr"}),
        ("needs", DIRECTION | {"needs": "measured: a@s <"}),
        ("needs", DIRECTION | {"needs": "measured: 1 < 2"}),
        ("needs", DIRECTION | {"needs": "contradicts: nowhere"}),
        ("needs", DIRECTION | {"needs": "measured: 'nowhere' < a@s"}),
        ("needs", DIRECTION | {"needs": "arithmetic: 'first' < 'nowhere'"}),
    ],
)
def test_a_malformed_row_is_refused_with_row_and_column(tmp_path, column, changes):
    path = write(tmp_path, GOOD | {"id": "first"}, GOOD | changes)
    with pytest.raises(ClaimError) as caught:
        load_ledger(path)
    assert (caught.value.row, caught.value.column) == (3, column)
    assert caught.value.file == str(path)


def test_other_columns_and_ragged_rows_are_refused(tmp_path):
    with pytest.raises(ClaimError, match="columns"):
        load_ledger(write(tmp_path, GOOD, columns=LEDGER_COLUMNS[:-1]))
    path = write(tmp_path, GOOD)
    path.write_text(path.read_text() + "b,Table I\n")
    with pytest.raises(ClaimError, match="row 3.*number of cells"):
        load_ledger(path)


def test_the_committed_ledger_is_plain_text_with_unix_line_ends():
    content = LEDGER.read_bytes()
    assert b"\r" not in content and content.endswith(b"\n")


def test_the_readme_says_how_many_rows_there_are(ledger):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"| {len(ledger)} numbers and claims of the paper" in readme
