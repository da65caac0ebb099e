"""The paper's central claims, asked of findings that were kept from training.

Differences are paired film by film and averaged over seeds. Within one finding the
films are the sample; over all findings the findings are, since a claim about disease
that was never seen must hold for another disease, not for another film of the same.
Fourteen findings are fourteen tests: their p values are adjusted together (Benjamini
and Hochberg), and only the adjusted ones decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from scipy import stats

from chexnomaly import claims, results
from chexnomaly.claims.lookup import MeasuredValue as Measured
from chexnomaly.evaluation.intervals import excludes_zero, mean_entry
from chexnomaly.results import Entry
from chexnomaly.studies.generalization.scores import MEASURES
from chexnomaly.studies.maps import FilmScores

SystemScores = dict[str, FilmScores]
"""Scores by system."""

StudyScores = Mapping[str, Mapping[str, SystemScores]]
"""Set ("held_out", "held_out_control", "unseen") to finding ("" for the unseen one)
to scores by system."""

DECIDED_BY = MEASURES[0]
"""The measure by which questions are decided."""

ALPHA = 0.05
"""An adjusted p value below it decides."""


@dataclass(frozen=True)
class Question:
    """One claim as a difference that must lie above 0.

    Attributes:
        says: The claim, in words.
        terms: Sign, system and set of the scores that are added up.
    """

    says: str
    terms: tuple[tuple[int, str, str], ...]

    @property
    def dataset(self) -> str:
        """The set it is asked on."""
        return self.terms[0][2]


def _pair(says: str, plus: str, minus: str, dataset: str = "held_out") -> Question:
    return Question(says, ((1, plus, dataset), (-1, minus, dataset)))


QUESTIONS = {
    "generalizes": _pair(
        "CheX-Nomaly marks a finding it never saw better than the supermodel does",
        *("chexnomaly", "supermodel"),
    ),
    "contrastive_helps": _pair(
        "the contrastive training is what helps: better than on an untrained twin",
        *("chexnomaly", "chexnomaly__random_base"),
    ),
    "unseen_is_harder": Question(
        "the supermodel marks a finding worse when that finding was kept from training",
        ((1, "supermodel", "held_out_control"), (-1, "supermodel", "held_out")),
    ),
    "loses_less": Question(
        "CheX-Nomaly loses less by not having seen a finding than the supermodel",
        (
            (1, "chexnomaly", "held_out"),
            (1, "supermodel", "held_out_control"),
            (-1, "chexnomaly", "held_out_control"),
            (-1, "supermodel", "held_out"),
        ),
    ),
    "supermodel_above_prior": _pair(
        "the supermodel marks an unseen finding better than the others' mean mask",
        *("supermodel", "mean_mask"),
    ),
    "chexnomaly_above_prior": _pair(
        "CheX-Nomaly marks an unseen finding better than the others' mean mask",
        *("chexnomaly", "mean_mask"),
    ),
    "generalizes_unseen": _pair(
        "CheX-Nomaly marks the unseen set's pneumonia better than the supermodel",
        *("chexnomaly", "supermodel", "unseen"),
    ),
    "contrastive_helps_unseen": _pair(
        "the contrastive training is what helps there",
        *("chexnomaly", "chexnomaly__random_base", "unseen"),
    ),
}
"""What is asked, in the order of the page."""


def difference(scored: StudyScores, question: Question, finding: str, measure: str):
    """Evaluate a question's difference film by film; (N,)."""
    return sum(
        sign * scored[dataset][finding][system][measure]
        for sign, system, dataset in question.terms
    )


def adjusted(differences: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Test each finding's mean difference against 0 and adjust for their number.

    Args:
        differences: Finding to its differences, (N,); NaN is left out.

    Returns:
        Finding to its two-sided p value after Benjamini and Hochberg; findings with
        fewer than two films or without any spread are given 1.
    """
    raw = []
    for values in differences.values():
        values = values[~np.isnan(values)]
        flat = len(values) < 2 or np.ptp(values) == 0
        raw.append(1.0 if flat else float(stats.ttest_1samp(values, 0).pvalue))
    found = stats.false_discovery_control(raw)
    return {f: round(float(p), 6) for f, p in zip(differences, found, strict=True)}


def answer(
    scored: StudyScores, question: Question, measure: str
) -> tuple[dict[str, Entry], dict[str, float]]:
    """Answer one question by one measure.

    Args:
        scored: Scores film by film.
        question: What is asked.
        measure: One of `MEASURES`.

    Returns:
        Results entries, "" for all findings together and one per finding; and the
        adjusted p values by finding. On the unseen set there is one entry, over films.
    """
    findings = [*scored[question.dataset]]
    drawn = {f: difference(scored, question, f, measure) for f in findings}
    return by_finding(drawn), {} if findings == [""] else adjusted(drawn)


def by_finding(drawn: Mapping[str, np.ndarray]) -> dict[str, Entry]:
    """Summarize values of each finding's films.

    Args:
        drawn: Finding to values, (N,); "" alone for the set of the unseen finding.

    Returns:
        Entries over films for each finding, and under "" the entry over findings.
    """
    entries = {finding: mean_entry(values) for finding, values in drawn.items()}
    means = np.array([np.nanmean(values) for values in drawn.values()])
    return {"": mean_entry(means)} | entries


def named(stem: str, values: Mapping) -> dict:
    """Put a stem and a finding together to the keys of a results file."""
    return {f"{stem}.{f}" if f else stem: value for f, value in values.items()}


def entries_of(scored: Mapping[str, SystemScores], system: str) -> dict[str, Entry]:
    """Turn one system's scores on one set into a results file's values.

    Args:
        scored: Finding to scores by system.
        system: Whose.

    Returns:
        For each measure its mean over findings, and each finding's mean over films.
    """
    values = {}
    for measure in MEASURES:
        entries = by_finding({f: one[system][measure] for f, one in scored.items()})
        values |= {f"{f}.{measure}" if f else measure: e for f, e in entries.items()}
    return values


def write_generalization(
    out: Path, by_seed: Sequence[StudyScores], seeds: Sequence[int], about: Mapping
) -> None:
    """Write every system's scores and the answers.

    Args:
        out: Results folder.
        by_seed: Scores of each seed that is finished, film by film.
        seeds: Those seeds.
        about: From `Design.about`.
    """
    scored, about = mean_study(by_seed), {**about, "seeds": list(seeds)}
    for dataset, of_findings in scored.items():
        systems = [*next(iter(of_findings.values()))]
        n = sum(len(s[systems[0]][DECIDED_BY]) for s in of_findings.values())
        for system in systems:
            values = entries_of(of_findings, system)
            name = "unseen_study" if dataset == "unseen" else dataset
            results.write_result(out, system, name, n=n, values=values, **about)
    values, p_values, alone = {}, {}, {}
    for (name, question), measure in product(QUESTIONS.items(), MEASURES):
        entries, adjusted_p = answer(scored, question, measure)
        stem = f"{name}.{measure}"
        values |= named(stem, entries)
        p_values |= named(stem, adjusted_p)
        alone[stem] = [answer(s, question, measure)[0][""]["value"] for s in by_seed]
    results.write_result(
        out,
        "generalization",
        "held_out",
        n=len(scored["held_out"]),
        values=values,
        p_adjusted=p_values,
        by_seed=alone,
        **about,
    )


def mean_study(by_seed: Sequence[StudyScores]) -> StudyScores:
    """Average over seeds, film by film; what lies deepest are arrays."""
    first = by_seed[0]
    if isinstance(first, np.ndarray):
        return np.mean(by_seed, axis=0)
    return {key: mean_study([one[key] for one in by_seed]) for key in first}


def verdict(result: Mapping, name: str) -> claims.Verdict:
    """Judge one question by the IoU at the operating threshold, over all findings.

    Args:
        result: The results file of the answers.
        name: Key of `QUESTIONS`.

    Returns:
        The verdict; left open where the interval over findings does not decide.
    """
    entry = result["values"][f"{name}.{DECIDED_BY}"]
    held = entry["value"] > 0 if excludes_zero(entry) else None
    measured = Measured(**entry, evidence=result["evidence"])
    row = {"kind": "direction", "needs": "measured: a > b"}
    return claims.verdict(row, measured, held)
