"""Made-up results that tempt a verdict, and the rule that withholds it."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from chexnomaly import claims, evidence
from chexnomaly.claims import rules
from chexnomaly.claims.directions import Comparison, expand
from chexnomaly.claims.expected import all_verdicts, write_verdicts
from chexnomaly.claims.lookup import MeasuredValue, Ref, Shelf
from chexnomaly.claims.outcomes import Trial, evaluate, holm, p_value

CLEAR = {"iou_c": (0.1, 0.08, 0.12), "iou_c@operating": (0.1, 0.08, 0.12)}
LESS = {"iou_c": (0.05, 0.04, 0.06), "iou_c@operating": (0.05, 0.04, 0.06)}
NOTHING = {"iou_c": (0.0, 0.0, 0.0), "iou_c@operating": (0.0, 0.0, 0.0)}
LEARNED = {"auc": (0.7, 0.6, 0.8)}
STUDY = {"seeds": [*range(8)], "resampled": ["seeds", "films"]}


def entries(values):
    names = ("value", "low", "high", "p")
    return {k: dict(zip(names, v, strict=False)) | {"n": 99} for k, v in values.items()}


def put(folder, system, dataset, values, level="phantom", trained=None, **more):
    trained = trained or level
    content = {"schema": 1, "system": system, "set": dataset, "profile": "study"}
    content |= {"notebook": "n", "n": 99, "values": entries(values)}
    content |= {"trained_on": trained, "scored_on": level}
    content |= {"evidence": evidence.evidence_level(trained, level)}
    more["paired"] = {k: entries(v) for k, v in more.get("paired", {}).items()}
    content |= STUDY | more
    folder.mkdir(exist_ok=True)
    (folder / f"{system}__{dataset}.json").write_text(json.dumps(content))


def attention(folder, values, other=LESS, dataset="vindr_test", **more):
    """Give what q-attention-known asks: attention_supermodel above supermodel."""
    put(folder, "attention_supermodel", dataset, values, **more)
    put(folder, "supermodel", dataset, other, **more)


def judged(folders, id_="q-attention-known"):
    row = claims.compare([id_], folders).iloc[0]
    assert row.before == row.verdict or row["rule"] in rules.GROUNDS  # what changed it
    return row


def test_three_seeds_both_thresholds_and_a_clear_interval_give_a_verdict(tmp_path):
    attention(tmp_path, CLEAR, seeds=[0, 1, 2])
    row = judged(tmp_path)
    assert (row.verdict, row["rule"]) == ("held in the phantom", "")
    assert (row.seeds, row.thresholds) == (3, "0.5; the one chosen on validation")
    attention(tmp_path, LESS, CLEAR)
    assert judged(tmp_path).verdict == "did not hold in the phantom"


def test_two_zeros_are_no_comparison(tmp_path):
    attention(tmp_path, NOTHING, NOTHING)
    row = judged(tmp_path)
    assert (row.verdict, row["rule"]) == ("no signal", "tie")
    assert row.before == "did not hold in the phantom"


def test_two_shares_of_0_are_a_tie_though_wilsons_interval_has_a_width(tmp_path):
    none = {key: (0.0, 0.0, 0.04) for key in CLEAR}
    attention(tmp_path, none, none)
    row = judged(tmp_path)
    assert (row.verdict, row["rule"]) == ("no signal", "tie")
    # A difference of 0 whose interval reaches to both sides is none.
    paired = {"supermodel": {key: (0.0, -0.1, 0.1) for key in CLEAR}}
    attention(tmp_path, CLEAR, CLEAR, paired=paired)
    assert judged(tmp_path)["rule"] == "interval"


@pytest.mark.parametrize("key", ["iou_c", "iou_c@operating"])
def test_a_tie_at_one_threshold_is_enough(tmp_path, key):
    tied = {key: (0.0, 0.0, 0.0)}
    attention(tmp_path, CLEAR | tied, LESS | tied)
    assert judged(tmp_path)["rule"] == "tie"


def test_a_baseline_that_marks_nothing_is_beaten_by_anything(tmp_path):
    put(tmp_path, "supermodel", "other_200", CLEAR)
    gain = {"mean_mask": {"iou_c@operating": (0.05, 0.04, 0.06)}}
    put(tmp_path, "supermodel", "vindr_test", CLEAR, paired=gain)
    put(tmp_path, "mean_mask", "other_200", NOTHING)
    row = judged(tmp_path, "q-super-moderate")
    assert (row.verdict, row["rule"]) == ("no signal", "tie")
    put(tmp_path, "mean_mask", "other_200", LESS)
    assert judged(tmp_path, "q-super-moderate").verdict == "held in the phantom"


def test_signs_that_flip_with_the_threshold_are_told_so(tmp_path):
    attention(tmp_path, CLEAR | {"iou_c@operating": (0.01, 0.0, 0.02)})
    row = judged(tmp_path)
    assert row.verdict == "depends on the threshold"
    assert "at 0.5 it holds, at the other the opposite holds" in row.reason
    unclear = {"iou_c@operating": (0.05, 0.0, 0.1)}
    attention(tmp_path, CLEAR | unclear)
    assert judged(tmp_path).verdict == "depends on the threshold"


def test_one_threshold_alone_resolves_nothing(tmp_path):
    attention(tmp_path, {"iou_c": CLEAR["iou_c"]}, {"iou_c": LESS["iou_c"]})
    row = judged(tmp_path)
    assert (row.verdict, row["rule"]) == ("not resolved", "one threshold")


@pytest.mark.parametrize(
    "lucky",
    [
        {"seeds": [0]},
        {"seeds": [0, 1]},
        {"seeds": [0, 1, 2], "resampled": ["films"]},
    ],
)
def test_one_lucky_seed_gives_no_verdict(tmp_path, lucky):
    attention(tmp_path, CLEAR, **lucky)
    row = judged(tmp_path)
    assert (row.verdict, row["rule"]) == ("not resolved", "seeds")
    assert "one network says nothing about others" in row.reason
    assert row.before == "held in the phantom"


def test_an_interval_that_covers_zero_says_what_it_leaves_out(tmp_path):
    wide = (0.06, 0.03, 0.09)
    attention(tmp_path, {"iou_c": wide, "iou_c@operating": wide})
    row = judged(tmp_path)
    assert (row.verdict, row["rule"]) == ("not resolved", "interval")
    # 0.03 - 0.06 and 0.09 - 0.04
    assert "excluded is what lies below -0.03 or above 0.05" in row.reason


def chexnomaly(folder, auc=LEARNED, gain=(0.05, 0.04, 0.06), **more):
    """Give what q-chex-generalizes asks, its twin and its control."""
    put(folder, "chexnomaly", "other_200", CLEAR, **more)
    put(folder, "supermodel", "other_200", LESS, **more)
    put(folder, "siamese_unet", "siamese_pairs", auc, **more)
    paired = {"mean_mask": {"iou_c@operating": gain}}
    put(folder, "supermodel", "vindr_test", CLEAR, paired=paired, **more)


@pytest.mark.parametrize(
    ("auc", "verdict"),
    [
        ((0.57, 0.495, 0.65), "no signal"),
        ((0.55, 0.5, 0.6), "no signal"),
        ((0.55, 0.501, 0.6), "held in the phantom"),
    ],
)
def test_a_twin_at_chance_delivers_no_treatment(tmp_path, auc, verdict):
    chexnomaly(tmp_path, {"auc": auc})
    row = judged(tmp_path, "q-chex-generalizes")
    assert row.verdict == verdict
    assert (row["rule"] == "treatment") is (verdict == "no signal")


def test_a_treatment_that_nobody_measured_gives_no_verdict(tmp_path):
    chexnomaly(tmp_path)
    (tmp_path / "siamese_unet__siamese_pairs.json").unlink()
    row = judged(tmp_path, "q-chex-generalizes")
    assert row.verdict == "not testable here"
    assert row.reason == "no result of siamese_unet on siamese_pairs"


def test_where_the_control_stays_below_the_mask_nothing_was_asked(tmp_path):
    chexnomaly(tmp_path, gain=(0.01, -0.01, 0.03))
    row = judged(tmp_path, "q-chex-generalizes")
    assert (row.verdict, row["rule"]) == ("no signal", "control")
    # A control that was trained with the unseen finding itself speaks before it.
    own = {"mean_mask": {"iou_c@operating": (0.03, 0.01, 0.05)}}
    put(tmp_path, "supermodel", "other_200_control", CLEAR, paired=own)
    assert judged(tmp_path, "q-chex-generalizes").verdict == "held in the phantom"


def test_a_ratio_to_nearly_nothing_is_left_open(tmp_path):
    near = {"f1_any_pixel": (0.02, 0.0, 0.05), "f1_any_pixel@operating": (0.02, 0, 0.1)}
    high = {key: (0.5, 0.4, 0.6) for key in near}
    attention(tmp_path, high, near, dataset="other_200")
    gain = {"mean_mask": {"iou_c@operating": (0.03, 0.01, 0.05)}}
    put(tmp_path, "supermodel", "vindr_test", CLEAR, paired=gain)
    row = judged(tmp_path, "q-initially-comparable")
    assert (row.verdict, row["rule"]) == ("not resolved", "interval")
    assert "nothing is excluded" in row.reason


def test_two_sets_are_compared_by_what_an_empty_mask_gets_on_each(tmp_path):
    """The error rises by 0.05, and by as much for an empty mask: nothing is harder."""
    for dataset, error in (("vindr_test", 0.05), ("other_200", 0.1)):
        own = (error, error - 0.002, error + 0.002)
        level = {"mae_soft": (0.0, -0.002, 0.002)}
        gain = {"iou_c@operating": (0.05, 0.04, 0.06)}
        paired = {"all_empty": level, "mean_mask": gain}
        put(tmp_path, "supermodel", dataset, {"mae_soft": own}, paired=paired)
    row = judged(tmp_path, "q-super-struggles")
    assert (row.verdict, row["rule"]) == ("not resolved", "interval")
    assert row.before == "held in the phantom"


def test_a_study_speaks_before_the_live_run(tmp_path):
    attention(tmp_path / "live", LESS, CLEAR, seeds=[0], resampled=["films"])
    attention(tmp_path / "study", CLEAR)
    row = judged([tmp_path / "live", tmp_path / "study"])
    assert (row.verdict, row.seeds) == ("held in the phantom", 8)
    assert (row.before, row["rule"]) == ("did not hold in the phantom", "study")


def test_a_written_row_says_on_how_many_seeds_and_which_thresholds_it_rests(tmp_path):
    attention(tmp_path, CLEAR)
    as_json, _ = write_verdicts(all_verdicts(tmp_path), tmp_path / "html")
    rows = {row["id"]: row for row in json.loads(as_json.read_text())}
    one, other = rows["q-attention-known"], rows["attention-gain"]
    assert (one["level"], one["seeds"]) == ("phantom", 8)
    assert one["thresholds"] == "0.5; the one chosen on validation"
    assert one["says"] == "Attention raises the overlap on known findings"
    assert (other["level"], other["seeds"], other["thresholds"]) == ("", None, "")
    assert other["says"] == other["quantity"]
    assert one["quantity"].startswith("mean IoU: attention_supermodel@vindr_test >")


def test_a_study_may_name_its_sets_otherwise(tmp_path):
    attention(tmp_path, LESS, CLEAR, seeds=[0])
    attention(tmp_path, CLEAR, dataset="study_test")
    assert judged(tmp_path).verdict == "held in the phantom"


def test_sides_of_one_seed_and_of_a_study_are_not_mixed(tmp_path):
    put(tmp_path, "attention_supermodel", "vindr_test", CLEAR, profile="demo")
    put(tmp_path, "supermodel", "vindr_test", LESS)
    row = judged(tmp_path)
    assert row.verdict == "not testable here" and "profiles differ" in row.reason


def test_real_films_speak_before_phantoms_which_stand_beside(tmp_path):
    attention(tmp_path, CLEAR)
    attention(tmp_path, LESS, CLEAR, dataset="nih_boxes", level="open-images")
    row = judged(tmp_path)
    assert row.verdict == "did not hold on other real films"
    assert row.evidence == "open-images"
    assert row.reason.endswith("phantom: held in the phantom")
    attention(tmp_path, CLEAR, dataset="nih_boxes", level="open-images")
    assert judged(tmp_path).verdict == "held on other real films"


def test_a_transfer_test_decides_nothing_and_phantoms_speak(tmp_path):
    attention(tmp_path, CLEAR)
    real = {"dataset": "nih_boxes", "level": "open-images", "trained": "phantom"}
    attention(tmp_path, LESS, CLEAR, **real)
    assert judged(tmp_path).verdict == "held in the phantom"


def test_of_several_unseen_findings_each_must_hold(tmp_path):
    films = {"level": "open-images"}
    put(tmp_path, "siamese_unet", "nih_pairs", LEARNED, **films)
    gain = {"mean_mask": {"iou_c@operating": (0.05, 0.04, 0.06)}}
    put(tmp_path, "supermodel", "nih_boxes", CLEAR, paired=gain, **films)
    for finding in ("effusion", "nodule"):
        put(tmp_path, "chexnomaly", f"nih_unseen_{finding}", CLEAR, **films)
        put(tmp_path, "supermodel", f"nih_unseen_{finding}", LESS, **films)
    row = judged(tmp_path, "q-chex-generalizes")
    assert row.verdict == "held on other real films"
    put(tmp_path, "supermodel", "nih_unseen_nodule", CLEAR, **films)
    assert judged(tmp_path, "q-chex-generalizes").verdict == "not resolved"


@pytest.mark.parametrize("written", [True, False])
def test_an_interval_of_three_seeds_is_not_read_as_a_normal_one(tmp_path, written):
    """Read so, its p-value would pass Holm's correction; its own does not."""
    found = stats.ttest_1samp([0.051, 0.045, 0.057], 0)
    value, (low, high) = 0.051, found.confidence_interval()
    gap = (value, low, high, found.pvalue) if written else (value, low, high)
    paired = {"supermodel": {"iou_c": gap, "iou_c@operating": gap}}
    three = {"seeds": [0, 1, 2]}
    put(tmp_path, "supermodel", "vindr_test", LESS, **three)
    put(tmp_path, "attention_supermodel", "vindr_test", CLEAR, paired=paired, **three)
    asked = expand(
        "measured: attention_supermodel@vindr_test > supermodel@vindr_test", "iou_c", []
    )
    (answer,) = rules.ask(asked, Shelf(tmp_path))
    assert answer.name == "held in the phantom"
    assert answer.p == pytest.approx(found.pvalue)
    as_normal = 2 * stats.norm.sf(1.96 * value / (high - value))
    others = [0.5] * 40
    assert holm(as_normal, [as_normal, *others]) < 0.01
    left = rules.settle(answer, lambda: [answer.p, *others])
    assert (left.name, left.rule) == ("not resolved", "correction")
    assert rules.settle(answer, lambda: [answer.p]).name == "held in the phantom"


def test_the_p_value_of_a_study_speaks_before_what_its_interval_gives(tmp_path):
    gap = (0.05, 0.04, 0.06, 0.012)
    paired = {"supermodel": {"iou_c": gap, "iou_c@operating": gap}}
    put(tmp_path, "supermodel", "vindr_test", LESS)
    put(tmp_path, "attention_supermodel", "vindr_test", CLEAR, paired=paired)
    shelf, at = Shelf(tmp_path), Ref("attention_supermodel", "vindr_test", "iou_c")
    one, other = at, at._replace(system="supermodel")
    for test in (
        Comparison("above", one, other),
        Comparison("below", other, one),  # from the other side, with the other sign
        Comparison("above", at._replace(key="supermodel/iou_c"), 0.0),
    ):
        assert evaluate([test], shelf).p == 0.012
    ratio = Comparison("ratio", one, other, 0.5)
    limit = Comparison("above", at._replace(key="supermodel/iou_c"), 0.01)
    assert all(evaluate([test], shelf).p != 0.012 for test in (ratio, limit))


def held_out(folder, families, gains):
    """Give what q-chex-generalizes asks of a study with families held out."""
    put(folder, "siamese_unet", "study_pairs", LEARNED)
    gain = {"mean_mask": {"iou_c@operating": (0.05, 0.04, 0.06)}}
    put(folder, "supermodel", "study_test", CLEAR, paired=gain)
    for family, own in zip(families, gains, strict=True):
        put(folder, "chexnomaly", family, CLEAR)
        put(folder, "supermodel", family, LESS)
        paired = {"mean_mask": {"iou_c@operating": own}}
        put(folder, "supermodel", f"{family}_control", CLEAR, paired=paired)


BEATEN, BEATS = (0.01, -0.01, 0.03), (0.03, 0.01, 0.05)


def test_families_whose_control_fails_are_left_out_by_name(tmp_path):
    """The control's own file is no set to ask on, and its failing is no answer."""
    families = ["study_without_mass", "study_without_effusion", "study_unseen_covid"]
    held_out(tmp_path, families, [BEATS, BEATEN, BEATS])
    row = judged(tmp_path, "q-chex-generalizes")
    assert row.verdict == "held in the phantom"
    assert "left out: IoU of supermodel 0.01 [-0.01, 0.03] on study_without_effu" in (
        row.reason
    )
    assert "_control" not in row.reason
    # What was not asked cannot decide against the claim; what was can.
    put(tmp_path, "supermodel", "study_without_effusion", CLEAR)
    put(tmp_path, "chexnomaly", "study_without_effusion", LESS)
    assert judged(tmp_path, "q-chex-generalizes").verdict == "held in the phantom"
    put(tmp_path, "supermodel", "study_unseen_covid", CLEAR)
    put(tmp_path, "chexnomaly", "study_unseen_covid", LESS)
    row = judged(tmp_path, "q-chex-generalizes")
    assert row.verdict == "did not hold in the phantom"


def test_where_every_control_fails_nothing_was_asked(tmp_path):
    families = ["study_without_mass", "study_without_effusion"]
    held_out(tmp_path, families, [BEATEN, BEATEN])
    row = judged(tmp_path, "q-chex-generalizes")
    assert (row.verdict, row["rule"]) == ("no signal", "control")


def test_a_family_that_one_side_was_not_scored_on_is_not_asked(tmp_path):
    families = ["study_without_mass", "study_without_effusion"]
    held_out(tmp_path, families, [BEATS, BEATS])
    (tmp_path / "chexnomaly__study_without_effusion.json").unlink()
    put(tmp_path, "chexnomaly__concat", "study_without_effusion", LESS)  # an arm's
    assert judged(tmp_path, "q-chex-generalizes").verdict == "held in the phantom"


def test_the_p_value_of_an_interval_is_that_of_its_test():
    """Over films: mean 3, standard error 1, z = 3; over five seeds: Student's t."""
    normal = MeasuredValue(3.0, 3 - 1.96, 3 + 1.96, 50)
    assert p_value(normal) == pytest.approx(2 * stats.norm.sf(3), rel=0.01)
    assert p_value(normal, 1.0) == pytest.approx(2 * stats.norm.sf(2), rel=0.01)
    sample = [0.9, 1.4, 0.2, 1.1, 0.6]
    found = stats.ttest_1samp(sample, 0)
    ends = found.confidence_interval()
    assert p_value(MeasuredValue(0.84, *ends, seeds=5)) == pytest.approx(found.pvalue)
    assert p_value(MeasuredValue(0.0, 0.0, 0.0)) == 1.0


def test_holm_by_hand():
    # 3 x 0.01; 2 x 0.03; the largest may not fall below the one before: 0.06.
    family = [0.04, 0.01, 0.03]
    assert [holm(p, family) for p in family] == pytest.approx([0.06, 0.03, 0.06])
    assert math.isnan(holm(math.nan, family))


def test_one_of_many_directions_must_be_clearer_than_one_alone():
    measured = MeasuredValue(0.1, 0.001, 0.2, 9, "phantom", seeds=3)
    answer = rules.decide(measured, True, "a against b")._replace(p=0.04)
    assert answer.name == "held in the phantom"
    assert rules.settle(answer, lambda: [0.04]) == answer
    assert rules.settle(answer, list) == answer  # of another level, beside it
    left = rules.settle(answer, lambda: [0.04] * 20)
    assert (left.name, left.rule) == ("not resolved", "correction")
    assert (answer.held, left.held) == (True, None)
    assert rules.decide(measured, False).held is False
    clear = answer._replace(p=0.001)
    assert rules.settle(clear, lambda: [0.001, *[0.04] * 20]) == clear


@given(st.floats(-1, 1), st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_p_value_lies_below_5_percent_where_the_interval_leaves_out_zero(v, x, y):
    gap = MeasuredValue(v, v - x, v + y)
    test = Comparison("below", Ref("a", "s", "k"), Ref("b", "s", "k"))
    p = Trial(test, gap, gap, gap, None).p
    if abs(v - x) > 1e-6 and abs(v + y) > 1e-6:
        assert (p < 0.05) is not (gap.low <= 0 <= gap.high)


def test_what_decided_is_explained():
    assert (rules.GROUNDS.str.len() > 10).all() and rules.GROUNDS.index.is_unique


def test_what_a_mask_that_never_looks_passes_as_well_says_nothing(tmp_path):
    both = ("recall_any_pixel", "recall_any_pixel@operating")
    shown = dict.fromkeys(both, (0.99, 0.97, 1.0))
    put(tmp_path, "chexnomaly", "vindr_test", shown)
    assert judged(tmp_path, "q-recall").verdict == "held in the phantom"
    put(tmp_path, "mean_mask", "vindr_test", shown)
    row = judged(tmp_path, "q-recall")
    assert (row.verdict, row["rule"]) == ("no signal", "blind")
    assert "mean_mask gets the same answer" in row.reason
    put(tmp_path, "mean_mask", "vindr_test", dict.fromkeys(both, (0.2, 0.1, 0.3)))
    assert judged(tmp_path, "q-recall").verdict == "held in the phantom"


def test_two_perfect_scores_are_a_tie(tmp_path):
    whole = dict.fromkeys(CLEAR, (1.0, 1.0, 1.0))
    attention(tmp_path, whole, whole)
    assert judged(tmp_path)["rule"] == "tie"


def test_thresholds_that_disagree_count_among_the_questions_asked(tmp_path):
    mixed = {"iou_c": CLEAR["iou_c"], "iou_c@operating": (0.02, 0.01, 0.03)}
    attention(tmp_path, mixed)
    (found,) = rules.ask(
        expand(
            "measured: attention_supermodel@vindr_test > supermodel@vindr_test",
            "mean_iou",
            (),
        ),
        Shelf(tmp_path),
    )
    assert (found.rule, found.p) == ("threshold", 1.0)
