"""The paper's central claims, asked of findings that were kept from training.

Differences are paired scan by scan and averaged over seeds. Within one finding the
scans are the sample; over all findings the findings are, since a claim about disease
that was never seen must hold for another disease, not for another scan of the same.
Fourteen findings are fourteen tests: their p values are adjusted together (Benjamini
and Hochberg), and only the adjusted ones decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from chexnomaly import claims, results
from chexnomaly.claims.lookup import MeasuredValue as Measured
from chexnomaly.evaluation.intervals import Entry, mean_entry
from chexnomaly.studies.generalization.design import Design, World
from chexnomaly.studies.generalization.scores import METRICS, Scores, mean_over_seeds

Scored = dict[str, Scores]
"""System to its per-scan scores."""

Study = Mapping[str, Mapping[str, Scored]]
"""Set ("held_out", "held_out_control", "unseen") to finding ("" for the unseen one)
to `Scored`."""

KEYS = {"iou": "iou@operating", "found": "found@operating", "auc": "auc"}
"""Metric to its results key."""

ALPHA = 0.05
"""An adjusted p value below it decides."""


@dataclass(frozen=True)
class Question:
    """One claim as a difference that must lie above 0.

    Attributes:
        says: The claim, in words.
        plus: (system, set) whose scores are added.
        minus: The same, subtracted.
        claim: The row of the ledger it answers; "" where the paper is silent.
    """

    says: str
    plus: tuple[tuple[str, str], ...]
    minus: tuple[tuple[str, str], ...]
    claim: str = ""

    @property
    def dataset(self) -> str:
        """The set it is asked on."""
        return self.plus[0][1]


def _pair(says: str, plus: str, minus: str, dataset: str, claim: str = "") -> Question:
    return Question(says, ((plus, dataset),), ((minus, dataset),), claim)


QUESTIONS = {
    "generalizes": _pair(
        "CheX-Nomaly marks a finding it never saw better than the supermodel does",
        *("chexnomaly", "supermodel", "held_out", "q-chex-generalizes"),
    ),
    "contrastive_helps": _pair(
        "the contrastive training is what helps: better than on an untrained twin",
        *("chexnomaly", "chexnomaly__random_base", "held_out"),
    ),
    "unseen_is_harder": Question(
        "the supermodel marks a finding worse when that finding was kept from training",
        (("supermodel", "held_out_control"),),
        (("supermodel", "held_out"),),
        "q-binary-unseen",
    ),
    "loses_less": Question(
        "CheX-Nomaly loses less by not having seen a finding than the supermodel",
        (("chexnomaly", "held_out"), ("supermodel", "held_out_control")),
        (("chexnomaly", "held_out_control"), ("supermodel", "held_out")),
    ),
    "supermodel_above_prior": _pair(
        "the supermodel marks an unseen finding better than the others' mean mask",
        *("supermodel", "mean_mask", "held_out"),
    ),
    "chexnomaly_above_prior": _pair(
        "CheX-Nomaly marks an unseen finding better than the others' mean mask",
        *("chexnomaly", "mean_mask", "held_out"),
    ),
    "generalizes_unseen": _pair(
        "CheX-Nomaly marks the unseen set's pneumonia better than the supermodel",
        *("chexnomaly", "supermodel", "unseen", "q-chex-generalizes"),
    ),
    "contrastive_helps_unseen": _pair(
        "the contrastive training is what helps there",
        *("chexnomaly", "chexnomaly__random_base", "unseen"),
    ),
}
"""What is asked, in the order of the page."""


def difference(scored: Study, question: Question, finding: str, metric: str):
    """Evaluate a question's difference scan by scan; (N,)."""
    sides = ((1, question.plus), (-1, question.minus))
    return sum(
        sign * scored[dataset][finding][system][metric]
        for sign, side in sides
        for system, dataset in side
    )


def adjusted(differences: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Test each finding's mean difference against 0 and adjust for their number.

    Args:
        differences: Finding to its differences, (N,); NaN is left out.

    Returns:
        Finding to its two-sided p value after Benjamini and Hochberg; findings with
        fewer than two scans or without any spread are given 1.
    """
    raw = []
    for values in differences.values():
        values = values[~np.isnan(values)]
        flat = len(values) < 2 or np.ptp(values) == 0
        raw.append(1.0 if flat else float(stats.ttest_1samp(values, 0).pvalue))
    found = stats.false_discovery_control(raw)
    return {f: round(float(p), 6) for f, p in zip(differences, found, strict=True)}


def answer(scored: Study, question: Question, metric: str) -> tuple[dict, dict]:
    """Answer one question by one metric.

    Args:
        scored: Per-scan scores.
        question: What is asked.
        metric: One of `METRICS`.

    Returns:
        Results entries, "" for all findings together and one per finding; and the
        adjusted p values by finding. On the unseen set there is one entry, over scans.
    """
    findings = [*scored[question.dataset]]
    drawn = {f: difference(scored, question, f, metric) for f in findings}
    if findings == [""]:
        return {"": mean_entry(drawn[""])}, {}
    means = np.array([np.nanmean(values) for values in drawn.values()])
    entries = {"": mean_entry(means)}
    entries |= {finding: mean_entry(values) for finding, values in drawn.items()}
    return entries, adjusted(drawn)


def entries_of(scored: Mapping[str, Scored], system: str) -> dict[str, Entry]:
    """Turn one system's scores on one set into a results file's values.

    Args:
        scored: Finding to scores by system.
        system: Whose.

    Returns:
        For each metric its mean over findings, and each finding's mean over scans.
    """
    values = {}
    for metric in METRICS:
        by_finding = {f: one[system][metric] for f, one in scored.items()}
        if [*by_finding] == [""]:
            values[KEYS[metric]] = mean_entry(by_finding[""])
            continue
        means = [np.nanmean(v) for v in by_finding.values()]
        values[KEYS[metric]] = mean_entry(np.array(means))
        for finding, scores in by_finding.items():
            values[f"{finding}.{KEYS[metric]}"] = mean_entry(scores)
    return values


def write_generalization(
    out: Path,
    by_seed: Sequence[Study],
    world: World,
    design: Design,
    started: float,
) -> list[Path]:
    """Write every system's scores and the answers.

    Args:
        out: Results folder.
        by_seed: Per-scan scores of each seed that is finished.
        world: The films.
        design: Sizes, for the stamp.
        started: `time.perf_counter()` at the start.

    Returns:
        The paths.
    """
    common = {
        "profile": "study",
        "notebook": "12_beyond_the_paper",
        "scored_on": "phantom",
        "trained_on": "phantom",
        "seeds": list(design.seeds[: len(by_seed)]),
        "data_hash": world.data.data_hash,
        "started": started,
        "parameters": asdict(design),
    }
    scored = mean_study(by_seed)
    paths = []
    for dataset, by_finding in scored.items():
        one = next(iter(by_finding.values()))
        n = sum(len(next(iter(s.values()))["iou"]) for s in by_finding.values())
        for system in one:
            values = entries_of(by_finding, system)
            name = "unseen_study" if dataset == "unseen" else dataset
            paths.append(
                results.write_result(out, system, name, n=n, values=values, **common)
            )
    paths.append(_write_answers(out, scored, by_seed, common))
    return paths


def mean_study(by_seed: Sequence[Study]) -> Study:
    """Average over seeds, scan by scan."""
    return {
        dataset: {
            finding: {
                system: mean_over_seeds([s[dataset][finding][system] for s in by_seed])
                for system in by_seed[0][dataset][finding]
            }
            for finding in by_seed[0][dataset]
        }
        for dataset in by_seed[0]
    }


def _write_answers(
    out: Path, scored: Study, by_seed: Sequence[Study], common: Mapping
) -> Path:
    values, p_values, seeds = {}, {}, {}
    for name, question in QUESTIONS.items():
        for metric in METRICS:
            entries, adjusted_p = answer(scored, question, metric)
            stem = f"{name}.{KEYS[metric]}"
            values |= {f"{stem}.{f}" if f else stem: e for f, e in entries.items()}
            p_values |= {f"{stem}.{f}": p for f, p in adjusted_p.items()}
            alone = [answer(one, question, metric)[0][""]["value"] for one in by_seed]
            seeds[stem] = alone
    return results.write_result(
        out,
        "generalization",
        "held_out",
        n=len(scored["held_out"]),
        values=values,
        p_adjusted=p_values,
        by_seed=seeds,
        **common,
    )


def verdict(result: Mapping, name: str, finding: str = "") -> claims.Verdict:
    """Judge one question by the IoU at the operating threshold.

    Args:
        result: The results file of `_write_answers`.
        name: Key of `QUESTIONS`.
        finding: One finding, decided by its adjusted p value; or "" for all
            together, decided by the interval over findings.

    Returns:
        The verdict; left open where neither decides.
    """
    key = ".".join(filter(None, [name, KEYS["iou"], finding]))
    entry = result["values"][key]
    if finding:
        decided = result["p_adjusted"][key] < ALPHA
    else:
        decided = entry["low"] is not None and not entry["low"] <= 0 <= entry["high"]
    held = entry["value"] > 0 if decided else None
    measured = Measured(
        entry["value"], entry["low"], entry["high"], entry["n"], result["evidence"]
    )
    row = {"kind": "direction", "needs": "measured: a > b"}
    return claims.verdict(row, measured, held)
