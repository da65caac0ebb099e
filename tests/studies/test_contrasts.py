"""Intervals over networks and films: made-up values of which the truth is known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import special, stats

from chexnomaly.claims.lookup import Ref, Shelf
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.errors import ResultError
from chexnomaly.evaluation.evaluator import TestSet
from chexnomaly.evaluation.intervals import draw_films
from chexnomaly.results import read_result
from chexnomaly.studies import packing as kept
from chexnomaly.studies.cells import Cell, FoldSets, run_cells
from chexnomaly.studies.contrasts import _compared, write_results
from chexnomaly.studies.crossed import crossed_entry, difference
from chexnomaly.studies.phantoms import whole
from tests.real_films import as_films


def drawn(rng, folds, seeds, n, seed_sd, film_sd, noise=0.05):
    """Draw differences of two systems on n films a fold, as `crossed_entry` takes them.

    A share of each network, one of each film, and chance of both; the truth is 0.
    """
    values = {}
    for fold in range(folds):
        films, index = rng.normal(0, film_sd, n), next(draw_films(n, resamples=200))
        for seed in range(seeds) if seeds > 1 else [fold]:
            one = rng.normal(0, seed_sd) + films + rng.normal(0, noise, n)
            values[fold, seed] = np.append(one.mean(), one[index].mean(1))
    return values


@pytest.mark.parametrize(
    ("seed_sd", "film_sd"), [(0.0175, 0.02), (0.05, 0.02), (0.01, 0.15), (0.0, 0.2)]
)
@pytest.mark.parametrize(("folds", "seeds"), [(1, 3), (1, 8), (4, 3), (4, 1)])
def test_the_truth_lies_inside_as_often_as_the_interval_says(
    folds, seeds, seed_sd, film_sd
):
    rng, inside, small, times = np.random.default_rng(4), 0, 0, 400
    for _ in range(times):
        values = drawn(rng, folds, seeds, 60, seed_sd, film_sd)
        found = crossed_entry(values, 60, dict.fromkeys(range(folds), 60))
        inside += found["low"] <= 0 <= found["high"]
        if abs(found["p"] - 0.05) > 1e-3:  # it has three digits
            assert (found["p"] < 0.05) == (not found["low"] <= 0 <= found["high"])
        small += found["p"] < 0.01
    # 95 % less two binomial standard errors; somewhat too wide is allowed
    assert inside / times > 0.95 - 2 * np.sqrt(0.95 * 0.05 / times)
    assert small / times < 0.01 + 3 * np.sqrt(0.01 * 0.99 / times)


def test_what_is_excluded_is_what_two_one_sided_tests_exclude():
    rng = np.random.default_rng(3)
    reached = rng.normal(0.004, 0.01, 8)
    values = {(0, k): np.full(201, x) for k, x in enumerate(reached)}  # films are alike
    within = crossed_entry(values, 60, {0: 60})["within"]
    for margin, excluded in ((within + 1e-4, True), (within - 1e-4, False)):
        below = stats.ttest_1samp(reached, -margin, alternative="greater").pvalue
        above = stats.ttest_1samp(reached, margin, alternative="less").pvalue
        assert bool(max(below, above) < 0.05) is excluded


def test_a_percentile_bootstrap_over_three_networks_would_be_too_narrow():
    rng, inside, times = np.random.default_rng(1), {"percentile": 0, "ours": 0}, 400
    for _ in range(times):
        values = drawn(rng, 1, 3, 60, 0.05, 0.02)
        alone = np.array([one[0] for one in values.values()])
        means = rng.choice(alone, (500, 3)).mean(1)
        low, high = np.percentile(means, [2.5, 97.5])
        inside["percentile"] += low <= 0 <= high
        found = crossed_entry(values, 60, {0: 60})
        inside["ours"] += found["low"] <= 0 <= found["high"]
    assert inside["percentile"] / times < 0.85 and inside["ours"] / times > 0.92


def test_without_films_spread_it_is_students_interval_and_test_over_networks():
    shifts = [0.1, 0.14, 0.3, 0.2]
    values = {(0, seed): np.full(50, shift) for seed, shift in enumerate(shifts)}
    found = crossed_entry(values, 50, {0: 50})
    low, high = stats.t.interval(0.95, 3, np.mean(shifts), stats.sem(shifts))
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=1e-5)
    assert found["p"] == pytest.approx(stats.ttest_1samp(shifts, 0).pvalue, rel=1e-2)


def test_networks_are_compared_within_folds_and_weigh_alike_where_they_are_few():
    """Folds at 0 and 10: their distance is no spread; folds count alike, not networks.

    Networks at -1 and 1 around each: the variance of one is (4 * 1) / 2 = 2, that of
    a fold's mean of two 1, of the mean of two folds (1 + 1) / 4 = 1 / 2, df 2.
    """
    shifts = {(0, 0): -1, (0, 1): 1, (1, 0): 9, (1, 1): 11}
    values = {net: np.full(5, float(shift)) for net, shift in shifts.items()}
    found = crossed_entry(values, 9, {0: 5, 1: 5})
    reach = stats.t.ppf(0.975, 2) * np.sqrt(1 / 2)
    assert found["value"] == 5 and found["high"] == pytest.approx(5 + reach, abs=1e-6)
    alone = crossed_entry({(0, 0): values[0, 0], (1, 0): values[1, 0]}, 9, {0: 5, 1: 5})
    assert alone["value"] == alone["low"] == 4  # one seed for all folds: films alone
    each = {(0, 0): values[0, 0], (1, 1): values[1, 1]}  # -1 and 11: Student's, df 1
    found = crossed_entry(each, 9, {0: 5, 1: 5})
    reach = stats.t.ppf(0.975, 1) * 12 / np.sqrt(2) / np.sqrt(2)
    assert found["high"] == pytest.approx(5 + reach, abs=1e-5)


def test_networks_of_other_seeds_are_held_against_the_means_of_their_folds():
    many = {(f, s): np.full(3, 10.0 * f + s) for f in (1, 2) for s in range(3)}
    each = {(1, 5): np.full(3, 12.0), (2, 6): np.full(3, 23.0)}
    found = difference(each, many)  # 12 - 11, 23 - 21
    assert {k: v[0] for k, v in found.items()} == {(1, 1): 1, (2, 2): 2}
    assert [v[0] for v in difference(many, each).values()] == [-1, -2]
    few = {net: many[net] for net in ((1, 0), (1, 1), (2, 0))}
    assert difference(few, {net: v for net, v in many.items() if net != (2, 0)}) == {}


def test_a_tie_is_no_difference_and_one_film_tells_nothing():
    tied = crossed_entry({(0, s): np.zeros(9) for s in range(3)}, 9, {0: 9})
    assert tied == {"value": 0, "low": 0, "high": 0, "n": 9, "p": 1, "within": 0}
    one = crossed_entry({(0, 0): np.ones(9)}, 1, {0: 1})
    assert one == {"value": 1, "low": None, "high": None, "n": 1}


@pytest.mark.parametrize("chance", [0.02, 0.5, 0.97, 0.995])
def test_a_share_stays_within_0_and_1_and_holds_the_truth(chance):
    """Three networks flag films of another chance each, around the true one."""
    rng, inside, plain, times = np.random.default_rng(2), 0, 0, 300
    for _ in range(times):
        index, values = next(draw_films(100, resamples=200)), {}
        for seed in range(3):
            own = special.expit(special.logit(chance) + rng.normal(0, 0.3))
            flags = (rng.random(100) < own).astype(float)
            values[0, seed] = np.append(flags.mean(), flags[index].mean(1))
        found = crossed_entry(values, 100, {0: 100}, "share")
        assert 0 <= found["low"] <= found["value"] <= found["high"] <= 1
        inside += found["low"] <= chance <= found["high"]
        free = crossed_entry(values, 100, {0: 100}, "number")
        plain += free["low"] < 0 or free["high"] > 1
    assert inside / times > 0.95 - 2 * np.sqrt(0.95 * 0.05 / times)
    assert plain or chance == 0.5  # what a symmetric interval does


@pytest.mark.parametrize(("share", "ends"), [(0, (0, 0.2775)), (1, (0.7225, 1))])
def test_a_share_of_none_or_all_has_wilsons_interval(share, ends):
    """For 0 of n Wilson's is [0, z^2 / (n + z^2)]; 3.8415 / 13.8415 for ten films."""
    alike = {(0, seed): np.full(9, float(share)) for seed in range(3)}
    found = crossed_entry(alike, 12, {0: 10}, "share")
    assert (found["low"], found["high"]) == pytest.approx(ends, abs=1e-4)
    assert (found["value"], found["n"]) == (share, 12)
    whole = crossed_entry(alike, 12, {0: 10}, "bounded")  # an overlap of 0 is no count
    assert whole["low"] == whole["high"] == share


def test_patients_are_drawn_with_all_their_films():
    draws = [*draw_films(5, ["a", "a", "b", "c", "c"], resamples=50)]
    assert sum(map(len, draws)) == 50
    for one in (film for rows in draws for film in rows):
        counts = np.bincount(one, minlength=5)
        assert counts[0] == counts[1] and counts[3] == counts[4]


NETWORKS = [(fold, seed) for fold in (1, 2) for seed in range(3)]
WORLD = SimpleNamespace(
    blind=("mean_mask",),
    held_out="unseen_",
    specialized="own_",
    seen="seen",
    arms_on=("seen",),
    repeats=("seen_",),
    plan={
        "central": (NETWORKS, whole(["twin", "chexnomaly", "supermodel"])),
        "others": ([(1, 5), (2, 6)], whole(["one_each"])),
        "held out": (
            NETWORKS,
            [
                ("chexnomaly", "without_ild"),
                *((one, "control_ild") for one in ("supermodel", "chexnomaly")),
            ],
        ),
        "own": (NETWORKS, whole(["specialized_ild"])),
        "blind": (
            [(1, 0), (2, 0)],
            [
                *whole(["mean_mask", "mean_mask__ild"]),
                *(("mean_mask", f"{how}_ild") for how in ("without", "control")),
            ],
        ),
        "register": (NETWORKS, whole(["supermodel__alpha_0_5"])),
    },
)


class Made:
    """A study whose networks mark squares by a gain of their own."""

    def __init__(self, squares):
        self.films = as_films(squares)

    def fold_sets(self, fold: int) -> FoldSets:
        held = self.films.hold_out(fold)
        known, test = held.films["patient"].to_dict(), held.part("test")
        keys = ("seen", "unseen_ild", "own_ild")
        sets = {k: TestSet(test, "phantom", known) for k in keys}
        return FoldSets(sets, {"pairs": PairsSet(test, 12)}, {}, known)

    def shared(self, fold: int) -> dict:
        return self.fold_sets(fold).table({"data_hash": "d", "split_hash": "s"})

    def measure(self, cell: Cell, shared: dict) -> dict:
        gain = {"chexnomaly": 0.3, "supermodel": 0.0, "mean_mask": -0.3}.get(
            cell.system, 0
        )
        rng = np.random.default_rng([cell.fold, cell.seed, len(cell.system)])
        told = {"trained_on": "phantom"}
        if cell.system == "twin":
            similar = np.array(shared["pairs"]["pairs"]["similar"])
            prob = 0.3 + 0.3 * similar + rng.uniform(0, 0.2, len(similar))
            return told | {"pairs": {"pairs": kept.pack_numbers(prob * kept.DIGITS)}}

        scored = {}
        own = "own_ild" if cell.system.endswith("_ild") else "seen"
        own = "unseen_ild" if cell.films else own
        for key, test in self.fold_sets(cell.fold).tests.items():
            if key != own:
                continue
            masks = torch.stack([test.scans.mask(i) for i in test.scans.ids])
            noise = torch.tensor(rng.random(masks.shape), dtype=torch.float32)
            maps = (masks * (0.5 + gain) + 0.4 * noise).clamp(0, 1)
            scored[key] = test.score([maps], [0.3, 0.5])
        if own == "seen":
            told["means"] = {"few": {"iou_c": {"value": 0.1 * cell.seed}}}
        return told | kept.pack_scores(scored, 0.3, shared)


@pytest.fixture(scope="module")
def folder(squares, tmp_path_factory):
    out = tmp_path_factory.mktemp("cells")
    cells = [
        Cell(*arm, *network)
        for networks, arms in WORLD.plan.values()
        for network in networks
        for arm in arms
    ]
    assert run_cells(cells, Made(squares), out, 1) == []
    return out


def test_claims_find_seeds_pairs_baselines_and_twins(folder, tmp_path):
    written = write_results(tmp_path, folder, WORLD)
    assert {path.name for path in written} == {
        path.name for path in tmp_path.glob("*.json") if "stamp" not in path.name
    }
    shelf = Shelf(tmp_path)
    for key in ("iou_c", "iou_c@operating"):
        refs = [Ref(s, "seen", key) for s in ("supermodel", "chexnomaly")]
        assert [shelf.look_up(ref).seeds for ref in refs] == [3, 3]
        values = [shelf.look_up(ref).value for ref in refs]
        paired = shelf.paired(*refs)
        assert paired.value == pytest.approx(values[0] - values[1], abs=2e-6)
    twin = shelf.look_up(Ref("twin", "pairs", "auc"))
    assert twin.value == 1 and twin.seeds == 3
    stored = read_result(tmp_path / "supermodel__seen.json")
    gain = stored["paired"]["mean_mask"]["iou_c@operating"]
    assert gain["low"] > 0 and gain["p"] < 0.05
    assert "all_empty" in stored["paired"] and "p" not in stored["values"]["iou_c"]
    assert stored["resampled"] == ["seeds", "films"] and stored["folds"] == [1, 2]
    blind = read_result(tmp_path / "mean_mask__seen.json")
    assert blind["resampled"] == ["films"] and blind["n"] == stored["n"]
    healthy = stored["n"] - stored["n_positive"]
    assert stored["values"]["recall_any_pixel"]["n"] == stored["n_positive"]
    assert stored["values"]["false_alarms"]["n"] == healthy > 0
    bounded = (v for k, v in stored["values"].items() if "skewness" not in k)
    assert all(
        0 <= v["low"] and v["high"] <= 1 for v in bounded if v["low"] is not None
    )
    empty = read_result(tmp_path / "all_empty__seen.json")
    assert empty["values"]["iou_c"]["value"] == 0


def test_who_never_saw_a_finding_stands_beside_the_control(folder, tmp_path):
    write_results(tmp_path, folder, WORLD)
    never = read_result(tmp_path / "chexnomaly__unseen_ild.json")
    assert {*never["paired"]} == {"mean_mask", "all_empty"}
    control = read_result(tmp_path / "supermodel__unseen_ild_control.json")
    assert {"chexnomaly", "mean_mask"} <= {*control["paired"]}
    assert not (tmp_path / "supermodel__unseen_ild.json").exists()


def test_a_specialized_model_stands_beside_the_floors_of_its_own_films(
    folder, tmp_path
):
    write_results(tmp_path, folder, WORLD)
    own = read_result(tmp_path / "specialized_ild__own_test.json")
    assert {*own["paired"]} == {"mean_mask__ild", "all_empty__ild"}
    assert own["paired"]["mean_mask__ild"]["iou_c@operating"]["p"] is not None


def test_one_network_a_fold_is_held_against_the_means_of_the_folds(folder, tmp_path):
    write_results(tmp_path, folder, WORLD)
    found = read_result(tmp_path / "one_each__seen.json")
    assert found["seeds"] == [5, 6] and found["resampled"] == ["seeds", "films"]
    ours, other = (
        read_result(tmp_path / f"{name}__seen.json")["values"]["iou_c"]["value"]
        for name in ("one_each", "supermodel")
    )
    paired = read_result(tmp_path / "supermodel__seen.json")["paired"]["one_each"]
    gap = paired["iou_c"]
    assert gap["value"] == pytest.approx(other - ours, abs=2e-6) and gap["p"] > 0


def test_means_of_other_films_stand_in_the_file_of_the_first_set(folder, tmp_path):
    write_results(tmp_path, folder, WORLD)
    found = read_result(tmp_path / "supermodel__seen.json")
    assert found["means"] == {"few": {"iou_c": 0.1}}  # of seeds 0, 1 and 2
    assert "means" not in read_result(tmp_path / "twin__pairs.json")


def test_an_arm_stands_beside_its_default(folder, tmp_path):
    write_results(tmp_path, folder, WORLD)
    found = read_result(tmp_path / "multiverse__seen.json")
    assert [*found["arms"]] == ["32.alpha_0_5"] and found["seeds"] == [0, 1, 2]
    arm, ground = (
        found["values"][f"32.{name}.iou_c"]["value"]
        for name in ("alpha_0_5", "default_supermodel")
    )
    gap = found["paired"]["default"]["32.alpha_0_5.iou_c"]
    assert gap["value"] == pytest.approx(arm - ground, abs=2e-6) and 0 <= gap["p"] <= 1
    assert not any("p" in value for value in found["values"].values())


def test_seeds_that_not_every_fold_has_do_not_count(folder, tmp_path, squares):
    some = tmp_path / "cells"
    some.mkdir()
    for path in folder.glob("*.json"):
        if "supermodel__fold2_seed2" not in path.name:
            (some / path.name).write_bytes(path.read_bytes())
    write_results(tmp_path, some, WORLD)
    assert read_result(tmp_path / "supermodel__seen.json")["seeds"] == [0, 1]
    pair = read_result(tmp_path / "chexnomaly__seen.json")["paired"]["supermodel"]
    assert pair["iou_c"]["p"] is not None
    shared = some / "sets__fold1.json"
    shared.write_text(shared.read_text().replace('"phantom"', '"images"'))
    with pytest.raises(ResultError, match="another study's cell"):
        write_results(tmp_path, some, WORLD)


PRACTICE = SimpleNamespace(
    repeats=("seen_",),
    plan={
        "practice": ((), [("longer", ""), ("painted", ""), ("painted", "100")]),
        "others": ((), whole(["plain_focal"])),
    },
)


@pytest.mark.parametrize(
    ("arm", "other", "key", "held"),
    [
        (("painted", ""), ("longer", ""), "seen", True),
        (("painted", ""), ("longer", ""), "seen_by_others", False),
        (("painted", ""), ("painted", "100"), "seen", True),
        (("longer", ""), ("painted", "100"), "seen", False),
        (("longer", ""), ("plain_focal", ""), "seen", False),
        (("painted", ""), ("supermodel", ""), "seen_by_others", True),
        (("painted", "100"), ("supermodel", ""), "seen", False),
        (("painted", "100"), ("mean_mask", ""), "seen_by_others", True),
    ],
)
def test_arms_are_compared_that_share_a_system_or_films(arm, other, key, held):
    for pair in ((arm, other), (other, arm)):
        assert _compared(*pair, key, PRACTICE) is held
