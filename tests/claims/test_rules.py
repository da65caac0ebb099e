"""Made-up results that tempt a verdict, and the rule that withholds it."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from chexnomaly import claims, evidence
from chexnomaly.claims import rules, verdicts
from chexnomaly.claims.directions import Comparison, expand
from chexnomaly.claims.expected import all_verdicts, write_verdicts
from chexnomaly.claims.ledger import bindings, load_ledger, way
from chexnomaly.claims.lookup import MeasuredValue, Ref, Shelf
from chexnomaly.claims.outcomes import Trial, evaluate, holm, p_value
from chexnomaly.evaluation.intervals import interval, mean_entry
from chexnomaly.studies.multiverse.arms import ARMS
from chexnomaly.systems import Options

LEDGER = {row["id"]: row for row in load_ledger().to_dict("records")}
SYSTEMS = {row["system"] for row in LEDGER.values()}

CLEAR = {"iou_c": (0.1, 0.08, 0.12), "iou_c@operating": (0.1, 0.08, 0.12)}
LESS = {"iou_c": (0.05, 0.04, 0.06), "iou_c@operating": (0.05, 0.04, 0.06)}
NOTHING = {"iou_c": (0.0, 0.0, 0.0), "iou_c@operating": (0.0, 0.0, 0.0)}
LEARNED = {"auc": (0.7, 0.6, 0.8)}
FRAMES = ("", "_largest_frame", "_smallest_frames")
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


def control(folder, unseen, gain=(0.05, 0.04, 0.06), **more):
    """Give a network that was trained with the very finding, beside the mean mask."""
    paired = {"mean_mask": {"iou_c@operating": gain}}
    put(folder, "supermodel", f"{unseen}_control", CLEAR, paired=paired, **more)


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
    control(tmp_path, "other_200")
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
    assert row.thresholds == "0.5"


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
    # What one network says at another threshold is no verdict either.
    attention(tmp_path, CLEAR | {"iou_c@operating": (0.01, 0.0, 0.02)}, **lucky)
    assert judged(tmp_path)["rule"] == "seeds"


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
    control(folder, "other_200", gain, **more)


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


def test_what_is_said_of_the_method_alone_rests_on_its_twin_too(tmp_path):
    both = ("recall_any_pixel", "recall_any_pixel@operating")
    put(tmp_path, "chexnomaly", "vindr_test", dict.fromkeys(both, (0.99, 0.97, 1.0)))
    put(tmp_path, "siamese_unet", "siamese_pairs", {"auc": (0.55, 0.49, 0.61)})
    assert judged(tmp_path, "q-recall")["rule"] == "treatment"
    put(tmp_path, "siamese_unet", "siamese_pairs", LEARNED)
    assert judged(tmp_path, "q-recall").verdict == "held in the phantom"


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
    control(tmp_path, "other_200")
    assert judged(tmp_path, "q-chex-generalizes").verdict == "held in the phantom"


def test_a_control_of_other_findings_is_none(tmp_path):
    """What the supermodel marks of known findings says nothing about another one."""
    chexnomaly(tmp_path)
    (tmp_path / "supermodel__other_200_control.json").unlink()
    gain = {"mean_mask": {"iou_c@operating": (0.3, 0.2, 0.4)}}
    put(tmp_path, "supermodel", "vindr_test", CLEAR, paired=gain)
    row = judged(tmp_path, "q-chex-generalizes")
    assert (row.verdict, row["rule"]) == ("not resolved", "own control")
    assert "none for Other (200)" in row.reason


def test_a_ratio_to_nearly_nothing_is_left_open(tmp_path):
    near = {"f1_any_pixel": (0.02, 0.0, 0.05), "f1_any_pixel@operating": (0.02, 0, 0.1)}
    high = {key: (0.5, 0.4, 0.6) for key in near}
    attention(tmp_path, high, near, dataset="other_200")
    control(tmp_path, "other_200")
    row = judged(tmp_path, "q-initially-comparable")
    assert (row.verdict, row["rule"]) == ("not resolved", "interval")
    assert "nothing is excluded" in row.reason


def errors(folder, dataset, share, area, found, noise=0.02, n=1000):
    """Give errors of a network that marks a share of each abnormal mask, all alike.

    Abnormal films, a share of all, are abnormal on an area; a healthy film's error is
    `noise`. So the network's error is as computed here, and the empty mask's the area.
    """
    sick = np.arange(n) < share * n
    own, empty = np.where(sick, area * (1 - found), noise), np.where(sick, area, 0)
    jitter = np.random.default_rng(0).normal(0, 0.001, n)

    def told(values):
        one = mean_entry(values)
        return one["value"], one["low"], one["high"]

    keys = {"mae_soft": sick | True, "mae_soft_abnormal": sick}
    gap = {k: told((own + jitter - empty)[rows]) for k, rows in keys.items()}
    for system, values in (("supermodel", own + jitter), ("all_empty", empty)):
        scored = {k: told(values[rows]) for k, rows in keys.items()}
        paired = {"all_empty": gap} if system == "supermodel" else {}
        put(folder, system, dataset, scored, paired=paired)
    control(folder, dataset)
    return gap["mae_soft"]


@pytest.mark.parametrize(("share", "area"), [(0.2, 0.1), (0.5, 0.05), (0.8, 0.02)])
def test_what_a_set_is_made_of_makes_it_no_harder(tmp_path, share, area):
    """The network finds as much of every mask; less the empty mask's, errors differ."""
    seen = errors(tmp_path, "vindr_test", 0.5, 0.1, found=0.3)
    unseen = errors(tmp_path, "other_200", share, area, found=0.3)
    assert unseen[1] > seen[2]  # the intervals of what is less than an empty mask part
    row = judged(tmp_path, "q-super-struggles")
    assert (row.verdict, row["rule"]) == ("not resolved", "interval")
    errors(tmp_path, "other_200", share, area, found=0.2)
    assert judged(tmp_path, "q-super-struggles").verdict == "held in the phantom"


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
    for finding in ("effusion", "nodule"):
        control(tmp_path, f"nih_unseen_{finding}", **films)
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
    for family, own in zip(families, gains, strict=True):
        put(folder, "chexnomaly", family, CLEAR)
        put(folder, "supermodel", family, LESS)
        control(folder, family, own)


BEATEN, BEATS = (0.01, -0.01, 0.03), (0.03, 0.01, 0.05)


def test_families_whose_control_fails_are_left_out_by_name(tmp_path):
    """The control's own file is no set to ask on, and its failing is no answer."""
    families = ["study_without_mass", "study_without_effusion", "study_unseen_covid"]
    held_out(tmp_path, families, [BEATS, BEATEN, BEATS])
    row = judged(tmp_path, "q-chex-generalizes")
    assert row.verdict == "held in the phantom"
    assert "left out: effusion [-0.01, 0.03]" in row.reason
    assert "_control" not in row.reason
    # What was not asked cannot decide against the claim; what was can.
    put(tmp_path, "supermodel", "study_without_effusion", CLEAR)
    put(tmp_path, "chexnomaly", "study_without_effusion", LESS)
    assert judged(tmp_path, "q-chex-generalizes").verdict == "held in the phantom"
    put(tmp_path, "supermodel", "study_unseen_covid", CLEAR)
    put(tmp_path, "chexnomaly", "study_unseen_covid", LESS)
    row = judged(tmp_path, "q-chex-generalizes")
    assert row.verdict == "did not hold in the phantom"


def test_what_so_few_films_show_that_no_interval_exists_decides_nothing(tmp_path):
    bare = {key: (0.02, None, None) for key in CLEAR}
    put(tmp_path, "supermodel", "other_200", bare)
    control(tmp_path, "other_200")
    put(tmp_path, "mean_mask", "other_200", {key: (0.01, None, None) for key in CLEAR})
    row = judged(tmp_path, "q-super-moderate")
    assert (row.verdict, row["rule"]) == ("not resolved", "interval")
    assert "nothing is excluded" in row.reason
    control(tmp_path, "other_200", (0.05, None, None))
    row = judged(tmp_path, "q-super-moderate")
    assert (row.verdict, row["rule"]) == ("no signal", "control")


def test_where_every_control_fails_nothing_was_asked(tmp_path):
    families = ["study_without_mass", "study_without_effusion"]
    held_out(tmp_path, families, [BEATEN, BEATEN])
    row = judged(tmp_path, "q-chex-generalizes")
    assert (row.verdict, row["rule"]) == ("no signal", "control")


def test_a_stronger_level_of_one_seed_takes_no_direction_out_of_the_correction(
    tmp_path,
):
    attention(tmp_path, CLEAR)
    before = verdicts.p_values(Shelf(tmp_path))
    assert before and all(p < 0.05 for p in before)
    few = {"level": "open-images", "dataset": "nih_boxes", "seeds": [0]}
    attention(tmp_path, CLEAR, **few)
    assert judged(tmp_path)["rule"] == "seeds"
    assert verdicts.p_values(Shelf(tmp_path)) == before
    attention(tmp_path, LESS, LESS, **few | {"seeds": [0, 1, 2]})
    assert verdicts.p_values(Shelf(tmp_path)) != before


def test_what_stands_beside_a_verdict_is_corrected_with_it(tmp_path):
    """Two levels, p 0.04 and 0.03: alone the second would pass, of two it may not."""
    for level, dataset, p in (
        ("open-images", "nih_boxes", 0.04),
        ("phantom", "study_test", 0.03),
    ):
        gap = (0.05, 0.01, 0.09, p)
        paired = {"supermodel": {"iou_c": gap, "iou_c@operating": gap}}
        attention(tmp_path, CLEAR, dataset=dataset, level=level, paired=paired)
    assert sorted(verdicts.p_values(Shelf(tmp_path))) == [0.03, 0.04]
    row = judged(tmp_path)
    assert (row.verdict, row["rule"]) == ("not resolved", "correction")
    assert row.reason.endswith("phantom: not resolved")


@pytest.mark.parametrize(
    "id_",
    [
        "q-impressive-mae",
        "q-super-outstanding-printed",
        "q-model-ensemble-low-mae-printed",
    ],
)
def test_a_printed_error_is_held_against_an_empty_mask_in_every_frame(id_):
    """VinDr-CXR's table has no image sizes; the frame that is assumed moves a mask."""
    asked = {ref.dataset for ref in bindings(LEDGER[id_], SYSTEMS)}
    assert asked == {f"vindr{frame}" for frame in FRAMES}


def test_one_frame_in_which_a_printed_value_fails_is_enough(tmp_path):
    for frame, error in zip(FRAMES, (0.03, 0.02, 0.06), strict=True):
        values = {"mae_soft": (error,)}
        put(tmp_path, "all_empty", f"vindr{frame}", values, level="annotations")
    assert judged(tmp_path, "q-impressive-mae").verdict == "same direction"
    bases = all_verdicts(tmp_path).set_index("id").rests_on
    assert bases["q-impressive-mae"] == bases["q-impressive-iou"] == "tables"
    values = {"mae_soft": (0.0108,)}  # 0.0109 is printed
    put(tmp_path, "all_empty", "vindr_largest_frame", values, level="annotations")
    assert judged(tmp_path, "q-impressive-mae").verdict == "differs"


def test_a_family_that_one_side_was_not_scored_on_is_not_asked(tmp_path):
    families = ["study_without_mass", "study_without_effusion"]
    held_out(tmp_path, families, [BEATS, BEATS])
    (tmp_path / "chexnomaly__study_without_effusion.json").unlink()
    put(tmp_path, "chexnomaly__concat", "study_without_effusion", LESS)  # an arm's
    assert judged(tmp_path, "q-chex-generalizes").verdict == "held in the phantom"


def test_a_finding_without_a_control_of_its_own_is_left_out_by_name(tmp_path):
    held_out(tmp_path, ["study_without_mass", "study_unseen_covid"], [BEATS, BEATS])
    (tmp_path / "supermodel__study_unseen_covid_control.json").unlink()
    put(tmp_path, "supermodel", "study_unseen_covid", CLEAR)
    put(tmp_path, "chexnomaly", "study_unseen_covid", LESS)
    row = judged(tmp_path, "q-chex-generalizes")
    assert row.verdict == "held in the phantom"
    assert "left out: none for COVID" in row.reason
    control(tmp_path, "study_without_mass", BEATEN)
    row = judged(tmp_path, "q-chex-generalizes")
    assert (row.verdict, row["rule"]) == ("not resolved", "own control")


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
    put(tmp_path, "siamese_unet", "siamese_pairs", LEARNED)
    put(tmp_path, "chexnomaly", "vindr_test", shown)
    assert judged(tmp_path, "q-recall").verdict == "held in the phantom"
    put(tmp_path, "mean_mask", "vindr_test", shown)
    row = judged(tmp_path, "q-recall")
    assert (row.verdict, row["rule"]) == ("no signal", "blind")
    assert "mean_mask gets the same answer" in row.reason
    put(tmp_path, "mean_mask", "vindr_test", dict.fromkeys(both, (0.2, 0.1, 0.3)))
    assert judged(tmp_path, "q-recall").verdict == "held in the phantom"


def test_another_set_is_as_far_off_for_a_mask_that_never_looks(tmp_path):
    """Errors of two sets are alike, and so are those of an empty mask on them."""
    both = ("mae_hard", "mae_hard@operating")
    for system, error in (("chexnomaly", 0.2), ("all_empty", 0.1)):
        for dataset in ("vindr_test", "other_200"):
            shown = dict.fromkeys(both, (error, error - 0.01, error + 0.01))
            put(tmp_path, system, dataset, shown)
    put(tmp_path, "siamese_unet", "siamese_pairs", LEARNED)
    control(tmp_path, "other_200")
    row = judged(tmp_path, "q-curves-similar")
    assert (row.verdict, row["rule"]) == ("no signal", "blind")
    shown = dict.fromkeys(both, (0.9, 0.89, 0.91))  # nine times as much
    put(tmp_path, "all_empty", "other_200", shown)
    assert judged(tmp_path, "q-curves-similar").verdict == "held in the phantom"


def test_two_perfect_scores_are_a_tie(tmp_path):
    whole = dict.fromkeys(CLEAR, (1.0, 1.0, 1.0))
    attention(tmp_path, whole, whole)
    assert judged(tmp_path)["rule"] == "tie"


def test_what_another_rule_leaves_open_counts_among_the_questions_asked(tmp_path):
    """Else the correction would grow milder by what came out of other questions."""

    def found(one, other, dataset, values=CLEAR, **more):
        put(tmp_path, one, dataset, values, **more)
        put(tmp_path, other, dataset, LESS, **more)
        needs = f"measured: {one}@{dataset} > {other}@{dataset}"
        (answer,) = rules.ask(expand(needs, "mean_iou", ()), Shelf(tmp_path))
        return answer.rule, answer.p

    mixed = {"iou_c": CLEAR["iou_c"], "iou_c@operating": (0.02, 0.01, 0.03)}
    known = "attention_supermodel", "supermodel", "vindr_test"
    assert found(*known, mixed) == ("threshold", 1.0)
    assert found(*known, mixed, seeds=[0]) == ("seeds", None)
    assert found(*known)[1] < 0.01
    assert found(*known[:2], "other_200") == ("own control", 1.0)
    put(tmp_path, "siamese_unet", "siamese_pairs", {"auc": (0.5, 0.4, 0.6)})
    assert found("chexnomaly", *known[1:]) == ("treatment", 1.0)


def test_a_ratio_is_as_sure_as_its_paired_difference(tmp_path):
    """Two networks that err on the same films; the bootstrap draws both together."""
    rng = np.random.default_rng(0)
    films = rng.uniform(0, 1, 300)  # how hard each is
    b, a = films, 0.97 * films + rng.normal(0, 0.03, 300)
    told = {"a": mean_entry(a), "b": mean_entry(b), "gap": mean_entry(a - b)}
    shown = {k: (one["value"], one["low"], one["high"]) for k, one in told.items()}
    both = ("f1_any_pixel", "f1_any_pixel@operating")
    put(tmp_path, "supermodel", "vindr_test", dict.fromkeys(both, shown["b"]))
    put(tmp_path, "siamese_unet", "siamese_pairs", LEARNED)
    own, gap = (dict.fromkeys(both, shown[name]) for name in ("a", "gap"))
    put(tmp_path, "chexnomaly", "vindr_test", own)
    row = judged(tmp_path, "q-chex-preserves")
    assert (row.verdict, row["rule"]) == ("not resolved", "interval")
    put(tmp_path, "chexnomaly", "vindr_test", own, paired={"supermodel": gap})
    row = judged(tmp_path, "q-chex-preserves")
    assert row.verdict == "held in the phantom"

    def ratio(one, other):
        return one["value"].mean(-1) / other["value"].mean(-1)

    drawn = interval(ratio, {"value": a}, {"value": b})
    assert row.measured == pytest.approx(drawn["value"], abs=1e-5)
    width = drawn["high"] - drawn["low"]
    assert (
        row.low < drawn["low"] + 0.1 * width and row.high > drawn["high"] - 0.1 * width
    )
    assert row.high - row.low < 1.5 * width


def test_what_a_mask_that_never_looks_keeps_as_well_is_nothing_kept(tmp_path):
    """Where most films are abnormal, marking each of them gives an F1 that is high."""
    both = ("f1_any_pixel", "f1_any_pixel@operating")
    like = dict.fromkeys(both, (0.77, 0.76, 0.78))
    put(tmp_path, "siamese_unet", "siamese_pairs", LEARNED)
    put(tmp_path, "chexnomaly", "vindr_test", like)
    put(tmp_path, "supermodel", "vindr_test", like)
    put(tmp_path, "mean_mask", "vindr_test", dict.fromkeys(both, (0.5, 0.49, 0.51)))
    assert judged(tmp_path, "q-chex-preserves").verdict == "held in the phantom"
    put(tmp_path, "mean_mask", "vindr_test", like)
    row = judged(tmp_path, "q-chex-preserves")
    assert (row.verdict, row["rule"]) == ("no signal", "blind")


def test_findings_are_compared_by_what_is_gained_over_a_mask_of_their_films(tmp_path):
    """Hearts overlap more, and so does a mask that never looks; spots are gained on."""
    found = {"calcification": (0.05, 0.03), "pneumothorax": (0.1, 0.04)}
    for finding, (own, gain) in (found | {"cardiomegaly": (0.6, -0.05)}).items():
        shown = dict.fromkeys(CLEAR, (own, own - 0.01, own + 0.01))
        more = dict.fromkeys(CLEAR, (gain, gain - 0.01, gain + 0.01))
        paired = {f"mean_mask__{finding}": more}
        at = f"specialized_{finding}", "vindr_specialized_test"
        put(tmp_path, *at, shown, paired=paired)
    row = judged(tmp_path, "q-hard-findings")
    assert row.verdict == "did not hold in the phantom"


@pytest.mark.parametrize("place", ["study", "nih"])
def test_specialists_are_asked_on_a_studys_own_films_too(tmp_path, place):
    """One live network says the opposite, and nothing about others."""
    level = "phantom" if place == "study" else "open-images"
    before, after = (
        "specialized_cardiomegaly__cross_entropy",
        "specialized_cardiomegaly",
    )
    keys = ("predicted_share", "predicted_share@operating")
    less, more = ({k: (v, v - 0.01, v + 0.01) for k in keys} for v in (0.02, 0.1))
    one = {"seeds": [0], "resampled": ["films"]}
    for system, live, studied in ((before, more, less), (after, less, more)):
        put(tmp_path, system, "vindr_specialized_test", live, **one)
        put(tmp_path, system, f"{place}_specialized_test", studied, level)
    row = judged(tmp_path, "q-zero-values")
    assert row.verdict == evidence.DIRECTIONS[level][0]
    assert (row.seeds, row.before) == (8, "did not hold in the phantom")


def test_one_specialist_is_held_against_the_mask_of_its_own_finding(tmp_path):
    both = ("pixel_precision", "pixel_precision@operating")
    inside, outside = (
        dict.fromkeys(both, (value, value - 0.05, value + 0.05)) for value in (0.7, 0.2)
    )
    at = "study_specialized_test"
    put(tmp_path, "specialized_cardiomegaly", at, inside)
    put(tmp_path, "mean_mask__cardiomegaly", at, outside)
    put(tmp_path, "mean_mask__calcification", at, inside)
    put(tmp_path, "mean_mask", "study_test", inside)
    assert judged(tmp_path, "q-inside-box-spec").verdict == "held in the phantom"
    put(tmp_path, "mean_mask__cardiomegaly", at, inside)
    row = judged(tmp_path, "q-inside-box-spec")
    assert (row.verdict, row["rule"]) == ("no signal", "blind")
    assert "mean_mask__cardiomegaly gets the same answer" in row.reason


CONVENTIONS = [("all_empty", "vindr", "iou_a")]
CONVENTIONS += [
    ("mean_mask", f"vindr{frame}_positives", key)
    for frame in FRAMES
    for key in ("iou_c", "iou_b")
]


@pytest.mark.parametrize("beaten", [None, *CONVENTIONS])
def test_a_printed_overlap_must_beat_a_mask_by_every_convention(tmp_path, beaten):
    """The paper prints 0.7487 and no convention."""
    content = {}
    for system, dataset, key in CONVENTIONS:
        value = 0.8 if (system, dataset, key) == beaten else 0.7
        content.setdefault((system, dataset), {})[key] = (value, None, None)
    for at, values in content.items():
        put(tmp_path, *at, values, level="annotations")
    expected = "same direction" if beaten is None else "differs"
    assert judged(tmp_path, "q-impressive-iou").verdict == expected


def test_the_alpha_behind_the_verdict_on_the_error_is_named_beside_it():
    note = LEDGER["q-super-outstanding"]["needs"]
    for profile in ("demo", "study"):
        options = Options.from_profile(profile, "03_supermodels")
        assert f"alpha {options.alpha:g};" in note
    paper = Options.from_profile("paper", "03_supermodels").alpha
    assert f"{paper:g} is an arm of the study" in note
    assert f"supermodel__alpha_{paper}".replace(".", "_") in {a.cells[0] for a in ARMS}


def everything(folder, seed, twin=LEARNED, at_both=True, **more):
    """Give all that directions of networks ask for: clear values, drawn at random."""
    rng, content = np.random.default_rng(seed), {}
    for claim in LEDGER.values():
        for ref in bindings(claim, SYSTEMS) if way(claim) == "measured" else ():
            other, _, key = ref.key.rpartition("/")
            value = rng.uniform(0.02, 0.98)
            found = (value, value - 1e-4, value + 1e-4, 1e-9)
            keys = [key] if key in rules.NO_THRESHOLD else [key, key + "@operating"]
            values = dict.fromkeys(keys if at_both else keys[:1], found)
            at = content.setdefault((ref.system, ref.dataset), {})
            at.setdefault(other, {}).update(values)
    for twin_key in {*rules.TWIN_OF.values()}:
        content.setdefault((twin_key, "siamese_pairs"), {}).setdefault("", {})
        content[twin_key, "siamese_pairs"][""] |= twin
    for (system, dataset), parts in content.items():
        if system != "annotations":
            values = parts.pop("", {})
            put(folder, system, dataset, values, paired=parts, **more)
    control(folder, "other_200", **more)
    table = claims.compare(None, folder)
    networks = table[table.seeds.notna() & table.id.isin(LEDGER)]
    return networks[networks.verdict.isin([*evidence.AGREE, *evidence.DISAGREE])]


@pytest.mark.parametrize("seed", range(3))
def test_no_direction_stands_on_few_seeds_one_threshold_or_a_twin_at_chance(
    tmp_path, seed
):
    """Over the whole ledger, with results of which every other rule lets many pass."""
    sound = everything(tmp_path / "sound", seed)
    assert len(sound) > 20 and (sound.seeds >= 3).all()
    needs = sound.id.map(lambda id_: LEDGER[id_]["needs"])
    twins = "|".join([*rules.TWIN_OF, *rules.TWIN_OF.values()])
    assert (sound.evidence == "phantom").all() and (sound.thresholds != "").all()
    on_twins, free = needs.str.contains(twins), sound.thresholds == "none needed"
    assert on_twins.any() and (~on_twins).any() and free.any() and (~free).any()
    for few in ({"seeds": [0, 1]}, {"resampled": ["films"]}):
        assert everything(tmp_path / "few", seed, **few).empty
    chance = everything(tmp_path / "chance", seed, {"auc": (0.6, 0.5, 0.7)})
    assert {*chance.id} == {*sound.id[~on_twins]}
    once = everything(tmp_path / "once", seed, at_both=False)
    assert {*once.id} == {*sound.id[free]}
