"""Verdicts: every one of them, and what each evidence level may say."""

import json
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chexnomaly import claims, evidence
from chexnomaly.claims import rules
from chexnomaly.claims.ledger import bindings, load_ledger, way
from chexnomaly.claims.lookup import REGISTER, MeasuredValue
from chexnomaly.errors import ClaimError, ResultError

LEDGER = load_ledger()
CLAIMS = {claim["id"]: claim for claim in LEDGER.to_dict("records")}
SYSTEMS = set(LEDGER["system"])
IOU = CLAIMS["t5-chexnomaly-mean_iou"]  # printed 0.7487
BOXES = CLAIMS["data-max-annot"]  # printed 58
VALUES = [id_ for id_, c in CLAIMS.items() if c["kind"] not in ("direction", "design")]


def put(folder, system, dataset, values, scored_on="images", trained_on="images"):
    """Write one results file; values are numbers, or (value, low, high)."""
    items = {}
    for key, value in values.items():
        value, low, high = value if isinstance(value, tuple) else (value, None, None)
        items[key] = {"value": value, "low": low, "high": high, "n": 100}
    content = {
        "schema": 1,
        "system": system,
        "set": dataset,
        "profile": "demo",
        "notebook": "03_supermodels",
        "evidence": evidence.evidence_level(trained_on, scored_on),
        "trained_on": trained_on,
        "scored_on": scored_on,
        "n": 100,
        "values": items,
    }
    (folder / f"{system}__{dataset}.json").write_text(json.dumps(content))


def row(folder, id_):
    return claims.compare([id_], folder).iloc[0]


def entry(value, level="images", low=None, high=None):
    return MeasuredValue(value, low, high, 100, level, "demo")


# --- values


@pytest.mark.parametrize(
    ("measured", "name"),
    [
        (entry(0.7487), "reproduced"),
        (entry(0.74874), "reproduced"),
        (entry(0.7488), "differs"),
        (entry(0.74, low=0.73, high=0.75), "reproduced"),
        (entry(0.74, low=0.73, high=0.748), "differs"),
        (entry(0.7487, low=0.70, high=0.71), "reproduced"),
        (entry(0.7487, "annotations"), "not testable here"),
        (entry(0.7487, "open-images"), "not testable here"),
        (entry(0.7487, "phantom-to-real"), "not testable here"),
        (entry(0.7487, "phantom"), "not testable here"),
        (entry(0.7487, "quoted"), "not testable here"),
    ],
)
def test_a_printed_value_is_compared_on_real_images_only(measured, name):
    assert claims.verdict(IOU, measured).name == name


@pytest.mark.parametrize(
    ("measured", "name"),
    [
        (entry(58, "annotations"), "reproduced"),
        (entry(57, "annotations"), "differs"),
        (entry(57, "images"), "differs"),
        (entry(58, "phantom"), "not testable here"),
    ],
)
def test_a_count_needs_annotations_only(measured, name):
    assert claims.verdict(BOXES, measured).name == name


def test_a_cell_that_rests_on_position_says_so():
    claim = CLAIMS["t1-other-chexnomaly-mae"]
    assert claims.verdict(claim, entry(0.131))[:2] == ("reproduced", "position only")


def test_a_share_is_compared_in_percent():
    claim = IOU | {"value": CLAIMS["fig13-outlier"]["value"], "unit": "%"}
    assert claims.verdict(claim, entry(0.0449)).name == "reproduced"  # 4.49 %
    assert claims.verdict(claim, entry(0.0450)).name == "differs"  # 5 %


# --- directions


@pytest.mark.parametrize(
    ("level", "held", "name"),
    [
        ("images", True, "same direction"),
        ("images", False, "differs"),
        ("images", None, "not resolved"),
        ("open-images", True, "held on other real films"),
        ("open-images", False, "did not hold on other real films"),
        ("open-images", None, "not resolved"),
        ("annotations", True, "same direction"),
        ("phantom", True, "held in the phantom"),
        ("phantom", False, "did not hold in the phantom"),
        ("phantom", None, "not resolved"),
        ("phantom-to-real", True, "not testable here"),
        ("quoted", False, "not testable here"),
    ],
)
def test_a_direction_is_judged_by_level(level, held, name):
    assert rules.decide(entry(0.1, level), held).name == name


def test_the_reason_of_an_open_verdict_says_what_is_missing():
    transfer = claims.verdict(IOU, entry(0.1, "phantom-to-real"))
    assert "transfer test" in transfer.reason
    assert "unverified" in claims.verdict(CLAIMS["t3-darapaneni"], entry(0.3)).reason


numbers = st.floats(-1e6, 1e6)


@given(
    st.sampled_from(sorted(VALUES)),
    numbers,
    st.sampled_from(["open-images", "phantom", "phantom-to-real", "quoted"]),
)
def test_only_real_data_ever_gives_a_value_verdict(id_, value, level):
    measured = entry(value, level, value - 1, value + 1)
    assert claims.verdict(CLAIMS[id_], measured).name == "not testable here"


@given(st.sampled_from(sorted(VALUES)), st.sampled_from(["nan", "inf", "-inf"]))
def test_an_undefined_value_agrees_with_nothing(id_, text):
    measured = entry(float(text), "images")
    assert claims.verdict(CLAIMS[id_], measured).name in evidence.OPEN


# --- the whole ledger


def write_all(folder, scored_on, trained_on):
    """Give every claim a result: printed values where there are, else 0.5."""
    content = defaultdict(dict)
    for claim in CLAIMS.values():
        for ref in bindings(claim, SYSTEMS):
            printed = claim["value"] if way(claim) in ("train", "annotations") else None
            known = content[ref.system, ref.dataset]
            if printed is not None:
                known[ref.key] = float(printed)
            known.setdefault(ref.key, 0.5)
    for (system, dataset), values in content.items():
        trained = None if system == "annotations" else trained_on
        put(folder, system, dataset, values, scored_on, trained)
    return content


def test_printed_values_measured_on_real_images_are_reproduced(tmp_path):
    write_all(tmp_path, "images", "images")
    table = claims.compare(None, tmp_path).set_index("id")
    bound = [id_ for id_, c in CLAIMS.items() if way(c) in ("train", "annotations")]
    assert set(table.loc[bound, "verdict"]) == {"reproduced"}
    assert set(table["verdict"]) <= set(evidence.VERDICTS)


@pytest.mark.parametrize(
    ("scored_on", "trained_on", "allowed"),
    [
        ("phantom", "phantom", {*evidence.DIRECTIONS["phantom"], *evidence.OPEN}),
        ("images", "phantom", set()),
        ("quoted", "quoted", set()),
    ],
)
def test_nothing_but_directions_comes_from_phantoms(
    tmp_path, scored_on, trained_on, allowed
):
    write_all(tmp_path, scored_on, trained_on)
    table = claims.compare(None, tmp_path)
    table = table[~table["quantity"].str.contains("annotations")]
    from_files = table[table["evidence"].isin(evidence.LEVELS[3:])]
    assert len(from_files) > 100
    assert set(from_files["verdict"]) - {evidence.NOT_TESTABLE} <= allowed


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_changing_one_result_moves_only_the_claims_bound_to_it(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("results")
    content = write_all(folder, "images", "images")
    before = claims.compare(None, folder).set_index("id")
    (system, dataset), values = data.draw(st.sampled_from(sorted(content.items())))
    key = data.draw(st.sampled_from(sorted(values)))
    changed = data.draw(st.floats(-10, 10))
    trained = None if system == "annotations" else "images"
    put(folder, system, dataset, values | {key: changed}, "images", trained)
    after = claims.compare(None, folder).set_index("id")
    moved = (before != after).fillna(False) & ~(before.isna() & after.isna())
    for id_ in before.index[moved.any(axis=1)]:
        claim = CLAIMS[id_]
        own = (claim["system"], claim["dataset"]) == (system, dataset)
        named = f"@{dataset}" in claim["needs"] and (
            f"{system}@" in claim["needs"] or "*'@" in claim["needs"]
        )
        assert own or named, id_
        assert REGISTER.get(claim["metric"], claim["metric"]) == key or (
            f"['{key}']" in claim["needs"]
        ), id_


# --- compare


def test_a_row_shows_printed_and_measured_in_the_promised_columns(tmp_path):
    put(tmp_path, "chexnomaly", "vindr_test", {"iou_c": (0.74, 0.73, 0.75)})
    table = claims.compare(["t6-chexnomaly", "conclusion-mae"], tmp_path)
    assert list(table.columns) == list(claims.COMPARED)
    found, missing = table.to_dict("records")
    assert found["quantity"] == "mean IoU of chexnomaly on vindr_test"
    assert (found["printed"], found["measured"], found["n"]) == ("0.7487", 0.74, 100)
    assert (found["low"], found["high"], found["evidence"]) == (0.73, 0.75, "images")
    assert missing["reason"] == "chexnomaly__vindr_test.json has no value 'mae_soft'"
    assert missing["evidence"] == ""


def test_a_direction_shows_the_difference_and_both_sides(tmp_path):
    for system, value in (("attention_supermodel", 0.3), ("supermodel", 0.2)):
        values = {"iou_c": (value, value - 0.04, value + 0.04)}
        put(tmp_path, system, "vindr_test", values, "phantom", "phantom")
    found = row(tmp_path, "q-attention-known")
    assert found["before"] == "held in the phantom"
    assert found["verdict"] == "not resolved"
    assert found["measured"] == pytest.approx(0.1)
    assert found["measured_as"] == "difference"
    assert (found["low"], found["high"]) == (pytest.approx(0.02), pytest.approx(0.18))
    assert (
        "attention_supermodel 0.3 [0.26, 0.34] against supermodel 0.2"
        in found["reason"]
    )


def test_a_missing_file_is_named_and_a_corrupted_one_refused(tmp_path):
    assert row(tmp_path, "t4-siamese_cnn-mae")["reason"] == (
        "no result of siamese_cnn on siamese_pairs"
    )
    (tmp_path / "siamese_cnn__siamese_pairs.json").write_text("{")
    with pytest.raises(ResultError, match="siamese_cnn__siamese_pairs.json"):
        claims.compare(["t4-siamese_cnn-mae"], tmp_path)


def test_an_unknown_id_is_refused(tmp_path):
    with pytest.raises(ClaimError, match="'t9-nobody'"):
        claims.compare(["t9-nobody"], tmp_path)


def test_external_numbers_are_quoted_and_never_judged(tmp_path):
    external = [id_ for id_, c in CLAIMS.items() if c["needs"].startswith("external")]
    table = claims.compare(external, tmp_path)
    assert set(table["evidence"]) == {"quoted"}
    assert set(table["verdict"]) == {"not testable here"}


# --- the paper against itself; each line is pencil arithmetic


@pytest.mark.parametrize(
    ("id_", "computed", "name"),
    [
        ("prose-attention-other-mae", 0.272, "inconsistent in the paper"),
        ("attention-gain", 100 * 0.001 / 0.009, "not resolved"),  # 12 %, of 0 to 21
        ("attention-loss", 100 * 0.068 / 0.204, "adds up"),  # 33.3, printed 33
        ("fig13-pixels", 512 * 512, "adds up"),
        ("fig15-pixels", 512 * 512, "adds up"),
        ("t1-other-difference-mae", 0.204 - 0.272, "adds up"),
        ("t1-vindr-difference-mean_iou", 0.6118 - 0.6504, "adds up"),
    ],
)
def test_computed_numbers_are_set_against_printed_ones(tmp_path, id_, computed, name):
    found = row(tmp_path, id_)
    assert found["measured"] == pytest.approx(computed)
    assert found["verdict"] == name
    assert found["evidence"] == "" and "paper's own numbers" in found["reason"]


@pytest.mark.parametrize(
    ("id_", "name"),
    [
        ("q-favors-original", "adds up"),  # MAE: 33.3 % lost, 11.1 % gained
        ("q-favors-original-iou", "inconsistent in the paper"),  # 5.7 % against 6.3 %
        ("q-chex-maintains-mae", "inconsistent in the paper"),  # 0.0109 is 1.2 x 0.009
        ("q-larger-sample", "inconsistent in the paper"),  # 200 against 1,800
        ("q-slightly-more", "inconsistent in the paper"),  # 0.131 is 12 x 0.0109
        ("q-similar-ratios", "inconsistent in the paper"),
        (
            "q-only-pneumonia",
            "not testable here",
        ),  # of RSNA's films, before others come
        ("q-other-predominantly", "not testable here"),
        ("q-protocol-nullifies", "not testable here"),
    ],
)
def test_statements_are_set_against_printed_numbers(tmp_path, id_, name):
    assert row(tmp_path, id_)["verdict"] == name
