"""When a direction may be judged at all: the questions that come before a verdict.

A claim is asked wherever its results are: in each folder of results, on the paper's own
sets or phantoms of them and on real films of another collection. Each place answers the
same questions, and the first that is not passed decides:

1. Did the assay work? The twin of CheX-Nomaly has learned, a control that was trained
   with the very finding beats the mean mask, and not both values are 0 or both 1: else
   `no signal`. Without such a control nobody knows: `not resolved`. Of several unseen
   findings those whose control fails or is missing are left out.
2. Do three seeds stand behind it? Else `not resolved`.
3. Does no mask that is the same for every film get the same answer? Else `no signal`.
4. Do both thresholds agree, 0.5 and the one chosen on validation? Else `depends on the
   threshold`.
5. Does the interval leave out no difference, and does Holm's correction over all claims
   leave it so? Else `not resolved`.

Of several places the strongest level counts, and there the one with enough seeds; what
the others gave stands beside it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from chexnomaly import evidence
from chexnomaly.claims import places
from chexnomaly.claims.directions import Comparison
from chexnomaly.claims.lookup import MeasuredValue, NotMeasured, Ref, Shelf
from chexnomaly.claims.outcomes import Outcome, evaluate, holm, named
from chexnomaly.labels import spoken

SEEDS = 3
"""Fewest trainings that a verdict may rest on."""

FAMILY_ERROR = 0.05
"""Chance of any wrong verdict among all directions, at most."""

TWIN_OF = {"chexnomaly": "siamese_unet", "chexnomaly_cnn": "siamese_cnn"}
"""System to the twin that its pre-training rests on."""

BLIND = ("mean_mask", "all_empty")
"""What a claim about one system alone is held against."""

OPERATING = "@operating"
NO_THRESHOLD = ("mae_soft", "accuracy", "auc")
"""Results keys that need no threshold; annotations need none either."""

ZERO_SHOT = "zero_shot_mask"
CEILING = Ref("mean_mask", "rsna_positives", "")
"""The baseline of a printed value on RSNA: fitted on VinDr-CXR, as the paper's models
were; and the one fitted on RSNA itself, which none of them could reach by looking."""

GROUNDS = pd.read_csv(Path(__file__).with_name("grounds.csv"), index_col=0)["words"]
"""What may decide a verdict, in words: one row for each rule."""


class Verdict(NamedTuple):
    """What is said of a claim, and why.

    Attributes:
        name: One of `evidence.VERDICTS`.
        reason: What was compared, and why it was left open; may be empty.
        measured: What was measured; the difference or ratio at 0.5 for a direction,
            with level, n and seeds. None where there is nothing.
        rule: Key of `GROUNDS` that decided; "" where none did.
        before: The verdict of an interval over films at 0.5 alone; "" for the same.
        thresholds: In words; "none needed" where a quantity has none, "" where nothing
            was measured.
        p: P-value of a direction at its weaker threshold; 1 where another rule leaves
            it open, None where fewer than three networks are behind it.
    """

    name: str
    reason: str = ""
    measured: MeasuredValue | None = None
    rule: str = ""
    before: str = ""
    thresholds: str = ""
    p: float | None = None

    @property
    def held(self) -> bool | None:
        """Whether a direction held; None where it was left open."""
        return None if self.name in evidence.OPEN else self.name in evidence.AGREE


def joined(*reasons: str) -> str:
    """Join reasons; empty ones are left out."""
    return "; ".join(filter(None, reasons))


def decide(measured: MeasuredValue, held: bool | None, reason: str = "") -> Verdict:
    """Name what is found of a direction, as far as its evidence level allows.

    Args:
        measured: What was compared.
        held: Whether the direction held; None where the intervals do not tell.
        reason: What was compared, in words.
    """
    level, name = measured.evidence, evidence.NOT_TESTABLE
    if level == evidence.PHANTOM_TO_REAL:
        reason = joined("from phantoms to real data: a transfer test", reason)
    elif not evidence.gives_direction(level):
        reason = joined(f"evidence level {level}: shown, not compared", reason)
    elif held is None:
        name = evidence.NOT_RESOLVED
    else:
        name = evidence.DIRECTIONS[level][0 if held else 1]
    return Verdict(name, reason, measured)


def ask(tests: Sequence[Comparison], shelf: Shelf) -> list[Verdict]:
    """Ask a direction wherever it was measured.

    Args:
        tests: From `directions.expand`, with the paper's sets.
        shelf: The results files.

    Returns:
        One answer per level that was found, the strongest first.

    Raises:
        NotMeasured: It was measured nowhere; the message says what is missing.
        ResultError: A results file is corrupted.
    """
    answers, missing = [], None
    for one in shelf.each:
        for sets in places.find_places(tests, one):
            try:
                answers.append(_answer(tests, sets, one))
            except NotMeasured as error:
                missing = error if sets == [{}] else missing
    if not answers:
        raise missing
    best: dict[str, Verdict] = {}
    for found in sorted(answers, key=_weakness):
        best.setdefault(found.measured.evidence, found)
    return list(best.values())


def _weakness(found: Verdict) -> tuple:
    level, seeds = found.measured.evidence, found.measured.seeds
    silent = not evidence.gives_direction(level)
    return silent, evidence.LEVELS.index(level), seeds is not None and seeds < SEEDS


def _answer(tests: Sequence[Comparison], sets: list[dict], shelf: Shelf) -> Verdict:
    """Put the questions of the module's docstring, in their order."""
    if not sets:
        raise NotMeasured("no unseen set")
    placed = [test.change(partial(_moved, at)) for at in sets for test in tests]
    first = evaluate(placed, shelf)
    judged = decide(first.measured, first.held, first.reason)
    if judged.name == evidence.NOT_TESTABLE:
        return judged
    unseen = any(ref.dataset == places.UNSEEN_SET for t in tests for ref in t.refs)
    keys = [at.get(places.UNSEEN_SET, places.UNSEEN_SET) for at in sets]
    barred = [_control(key, shelf) for key in keys] if unseen else []
    kept = [at for at, (rule, _) in zip(sets, barred, strict=False) if not rule]
    unasked = joined(*(told for _, told in barred))
    if 0 < len(kept) < len(barred):
        judged = _answer(tests, kept, shelf)
        return judged._replace(reason=joined(judged.reason, f"left out: {unasked}"))
    second = _at_operating(placed, first, shelf)
    both = [first] if second is None else [first, second]
    seeds = first.measured.seeds
    few = seeds is not None and seeds < SEEDS
    open_, zero = evidence.NOT_RESOLVED, evidence.NO_SIGNAL
    asked = (
        (zero, "treatment", _untreated(tests, sets, shelf)),
        (open_, "own control", "own control" in dict(barred) and unasked),
        (zero, "control", unasked),
        (zero, "tie", any(one.tie for outcome in both for one in outcome.trials)),
        (open_, "seeds", few and "one network says nothing about others"),
        (zero, "blind", _blind_alike(placed, first, shelf)),
        (open_, "one threshold", second is None),
        (evidence.BY_THRESHOLD, "threshold", _disagreement(*both)),
        (open_, "interval", _excluded(first)),
    )
    name, rule, told = next(filter(lambda one: one[2], asked), (judged.name, "", ""))
    if seeds is not None and not few:
        farther = [one.measured.within for one in both]
        within = None if None in farther else max(farther)
        p = max(one.p for one in both) if rule in ("", "interval") else 1.0
        judged = judged._replace(p=p, measured=first.measured._replace(within=within))
    at = "0.5" if second is None else "0.5; the one chosen on validation"
    judged = judged._replace(thresholds="none needed" if second is first else at)
    told = joined(GROUNDS.get(rule, ""), "" if told is True else told, first.reason)
    return judged._replace(name=name, rule=rule, reason=told)


def _moved(at: dict[str, str], ref: Ref) -> Ref:
    """Put another set, or another system, in the place of one."""
    system, dataset = (at.get(one, one) for one in ref[:2])
    return ref._replace(system=system, dataset=dataset)


def _at_operating(
    tests: Sequence[Comparison], first: Outcome, shelf: Shelf
) -> Outcome | None:
    """Decide at the threshold chosen on validation.

    Returns:
        `first` itself where no quantity has a threshold, None where one was measured at
        0.5 alone.
    """

    def raised(ref: Ref) -> Ref:
        free = ref.key.rpartition("/")[2] in NO_THRESHOLD
        return ref if free else ref._replace(key=ref.key + OPERATING)

    other = [test.change(raised) for test in tests]
    if other == list(tests) or first.measured.evidence == evidence.ANNOTATIONS:
        return first
    with suppress(NotMeasured):
        return evaluate(other, shelf)
    return None


def _untreated(tests: Sequence[Comparison], sets: list[dict], shelf: Shelf) -> str:
    """Say which twin has not learned, of all that a claim's systems rest on."""
    names = {ref.system for test in tests for ref in test.refs}
    twins = {TWIN_OF.get(name, name) for name in names} & {*TWIN_OF.values()}
    for twin in sorted(twins):
        ref = _moved(sets[0], Ref(twin, places.PAIRS_SET, "auc"))
        if (auc := shelf.look_up(ref)).ends[0] <= 0.5:
            return named(ref, auc)
    return ""


def _control(unseen: str, shelf: Shelf) -> tuple[str, str]:
    """Give the rule that keeps an unseen set from being asked, and why; "" for none.

    The control is `supermodel__<set>_control`, trained with the very finding; what a
    network finds that it was trained for says nothing about another finding.
    """
    own = Ref("supermodel", unseen + places.CONTROL, f"mean_mask/iou_c{OPERATING}")
    finding = spoken(unseen).rpartition(" unseen ")[2].rpartition(" without ")[2]
    if (gain := shelf.find(own)) is None:
        return "own control", f"none for {finding}"
    low, high = gain.ends
    told = f"{finding} [{low:.2g}, {high:.2g}]"
    return ("control", told) if low <= 0 else ("", "")


def _blind_alike(tests: Sequence[Comparison], outcome: Outcome, shelf: Shelf) -> str:
    """Say which predictor that never looks gets the same answer.

    Asked where a claim is about one system alone, held against numbers, other figures
    of its own or another set, or about what it keeps of another's score: a mask that is
    the same for every film may pass, or fail, as well.
    """
    alone = len({ref.system for test in tests for ref in test.refs}) == 1
    alone = alone or all(test.relation == "ratio" for test in tests)
    judged = {ref.system for test in tests for ref in test.refs[:1]}
    real = outcome.measured.evidence != evidence.ANNOTATIONS
    for blind in BLIND if alone and real and outcome.held is not None else ():
        moved = {one: _of_finding(blind, one) for one in judged}
        asked = [test.change(partial(_moved, moved)) for test in tests]
        with suppress(NotMeasured):
            if evaluate(asked, shelf).held is outcome.held:
                told = ", ".join(sorted({*moved.values()}))
                return f"{told} gets the same answer"
    return ""


def _of_finding(blind: str, system: str) -> str:
    """Name what never looks beside a system; a specialist's is of its own finding."""
    finding = system.partition("__")[0].partition("specialized_")[2]
    return "__".join(filter(None, [blind, finding]))


def as_before(tests: Iterable[Comparison]) -> list[Comparison]:
    """Put the ceiling where a claim is held against the fair baseline."""

    def ceiling(ref: Ref) -> Ref:
        fair = ref.system.startswith(ZERO_SHOT)
        return CEILING._replace(key=ref.key) if fair else ref

    return list(dict.fromkeys(test.change(ceiling) for test in tests))


def _disagreement(first: Outcome, second: Outcome | None = None) -> str:
    """Say what two thresholds say differently."""
    if second is None or first.held is second.held:
        return ""
    words = {True: "it holds", False: "the opposite holds", None: "nothing is resolved"}
    one, other = words[first.held], words[second.held]
    return f"at 0.5 {one}, at the other {other}: {second.reason}"


def _excluded(outcome: Outcome) -> str:
    """Say what an interval that includes equality leaves out nevertheless."""
    if outcome.held is not None:
        return ""
    low, high = next(one.gap.ends for one in outcome.trials if one.held is None)
    told = f"excluded is what lies below {low:.3g} or above {high:.3g}"
    return told if math.isfinite(high - low) else "nothing is excluded"


def settle(answer: Verdict, family: Callable[[], Iterable[float]]) -> Verdict:
    """Correct an answer for the number of directions that were asked.

    Args:
        answer: One place's.
        family: Gives the p-values of all directions, this one's included.

    Returns:
        The answer, left open where the corrected p-value is too large.
    """
    kept = answer.rule or answer.p is None
    if kept or holm(answer.p, family()) <= FAMILY_ERROR:
        return answer
    told = joined(GROUNDS["correction"], answer.reason)
    return answer._replace(name=evidence.NOT_RESOLVED, rule="correction", reason=told)
