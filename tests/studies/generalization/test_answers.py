"""Answers follow from the scores alone, and fourteen tests are adjusted as fourteen."""

import numpy as np
import pytest
from scipy import stats

from chexnomaly import evidence, results
from chexnomaly.labels import FINDINGS
from chexnomaly.studies.generalization import answers as g
from chexnomaly.studies.generalization.scores import MEASURES

SYSTEMS = ("supermodel", "chexnomaly", "chexnomaly__random_base", "mean_mask")


def scored(gain: float, rng) -> dict:
    """Scores in which CheX-Nomaly gains so much on every finding it never saw."""

    def one(level: float) -> dict:
        return {m: rng.normal(level, 0.02, 30).clip(0, 1) for m in MEASURES}

    def systems(gain: float) -> dict:
        levels = dict.fromkeys(SYSTEMS, 0.3) | {"chexnomaly": 0.3 + gain}
        return {name: one(level) for name, level in levels.items()}

    by_finding = {arm: {f: systems(gain) for f in FINDINGS} for arm in ("held_out",)}
    by_finding["held_out_control"] = {f: systems(0) for f in FINDINGS}
    return by_finding | {"unseen": {"": systems(gain)}}


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_a_difference_is_paired_scan_by_scan(rng):
    study = scored(0.1, rng)
    question = g.QUESTIONS["loses_less"]
    finding = FINDINGS[3]
    held, control = (study[a][finding] for a in ("held_out", "held_out_control"))
    price = {s: control[s][g.DECIDED_BY] - held[s][g.DECIDED_BY] for s in SYSTEMS}
    np.testing.assert_allclose(
        g.difference(study, question, finding, g.DECIDED_BY),
        price["supermodel"] - price["chexnomaly"],
    )


def test_p_values_are_adjusted_together():
    rng = np.random.default_rng(0)
    drawn = {f: rng.normal(0.004 * k, 0.05, 20) for k, f in enumerate(FINDINGS)}
    raw = {f: stats.ttest_1samp(v, 0).pvalue for f, v in drawn.items()}
    found = g.adjusted(drawn)
    ordered = sorted(FINDINGS, key=raw.get)
    running = 1.0
    for rank in range(len(ordered), 0, -1):  # Benjamini and Hochberg, by hand
        running = min(running, raw[ordered[rank - 1]] * len(ordered) / rank)
        assert found[ordered[rank - 1]] == pytest.approx(running, abs=1e-6)
    assert any(raw[f] < 0.05 <= found[f] for f in FINDINGS)


def test_a_finding_without_scans_decides_nothing():
    drawn = {"ild": np.full(3, np.nan), "calcification": np.zeros(5)}
    assert set(g.adjusted(drawn).values()) == {1.0}


@pytest.mark.parametrize(
    ("gain", "expected"),
    [
        (0.1, evidence.HELD),
        (-0.1, evidence.DID_NOT_HOLD),
        (0.0, evidence.NOT_RESOLVED),
    ],
)
def test_a_verdict_follows_the_scores(gain, expected, rng):
    study = scored(gain, rng)
    values, p_values = {}, {}
    for name in ("generalizes", "generalizes_unseen"):
        entries, adjusted = g.answer(study, g.QUESTIONS[name], g.DECIDED_BY)
        stem = f"{name}.iou@operating"
        values |= {f"{stem}.{f}" if f else stem: e for f, e in entries.items()}
        p_values |= {f"{stem}.{f}": p for f, p in adjusted.items()}
    result = {"values": values, "p_adjusted": p_values, "evidence": "phantom"}
    assert g.verdict(result, "generalizes").name == expected
    assert g.verdict(result, "generalizes_unseen").name == expected
    assert values["generalizes.iou@operating"]["n"] == len(FINDINGS)


def test_the_answer_of_each_seed_stands_beside_that_of_all(rng, tmp_path):
    by_seed = [scored(gain, rng) for gain in (0.1, -0.05)]
    about = {"profile": "study", "notebook": "n", "scored_on": "phantom"}
    g.write_generalization(tmp_path, by_seed, (4, 5), about)
    found = results.read_result(tmp_path / "generalization__held_out.json")
    assert found["seeds"] == [4, 5]
    by_hand = [
        np.mean([np.mean(g.difference(s, question, f, g.DECIDED_BY)) for f in FINDINGS])
        for s in by_seed
        for question in [g.QUESTIONS["generalizes"]]
    ]
    stem = "generalizes.iou@operating"
    np.testing.assert_allclose(found["by_seed"][stem], by_hand, atol=1e-6)
    assert found["values"][stem]["value"] == pytest.approx(np.mean(by_hand), abs=1e-6)
