"""When a direction may be judged at all: the questions that come before a verdict.

A claim is asked wherever its results are: in each folder of results, on the paper's own
sets or phantoms of them and on real films of another collection. Each place answers the
same questions, and the first that is not passed decides:

1. Did the assay work? The twin of CheX-Nomaly has learned, a control that was trained
   with a finding beats the mean mask, not both values are 0 or both 1, and no mask that
   is the same for every film gets the same answer: else `no signal`.
   Of several unseen findings those whose control fails are left out.
2. Do both thresholds agree, 0.5 and the one chosen on validation? Else `depends on the
   threshold`.
3. Does the interval leave out no difference, do three seeds stand behind it, and does
   Holm's correction over all claims leave it so? Else `not resolved`.

Of several places the strongest level counts, and there the one with enough seeds; what
the others gave stands beside it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from chexnomaly import evidence
from chexnomaly.claims import places
from chexnomaly.claims.directions import Comparison
from chexnomaly.claims.lookup import MeasuredValue, NotMeasured, Ref, Shelf
from chexnomaly.claims.outcomes import Outcome, evaluate, holm, named

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
        thresholds: In words; "" where the quantity has none.
        p: P-value of a direction at its weaker threshold; None where no network is
            behind it, or a rule decided before.
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
        told = "trained on phantoms, scored on real data: a transfer test"
        reason = joined(told, reason)
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
    placed = [
        test.change(
            lambda ref, at=at: ref._replace(dataset=at.get(ref.dataset, ref.dataset))
        )
        for at in sets
        for test in tests
    ]
    first = evaluate(placed, shelf)
    judged = decide(first.measured, first.held, first.reason)
    if judged.name == evidence.NOT_TESTABLE:
        return judged
    unasked = _without_control(tests, sets, shelf)
    kept = [at for at, told in zip(sets, unasked, strict=True) if not told]
    if 0 < len(kept) < len(sets):
        judged, told = _answer(tests, kept, shelf), joined(*unasked)
        return judged._replace(reason=joined(judged.reason, f"left out: {told}"))
    second = _at_operating(placed, first, shelf)
    both = [first] if second is None else [first, second]
    seeds = first.measured.seeds
    few = seeds is not None and seeds < SEEDS
    open_, zero = evidence.NOT_RESOLVED, evidence.NO_SIGNAL
    asked = (
        (zero, "treatment", _untreated(tests, sets, shelf)),
        (zero, "control", joined(*unasked)),
        (zero, "tie", any(one.tie for outcome in both for one in outcome.trials)),
        (zero, "blind", _blind_alike(placed, first, shelf)),
        (open_, "one threshold", second is None),
        (evidence.BY_THRESHOLD, "threshold", _disagreement(*both)),
        (open_, "interval", _excluded(first, few)),
        (open_, "seeds", few and "one network says nothing about others"),
    )
    name, rule, told = next(filter(lambda one: one[2], asked), (judged.name, "", ""))
    if rule in ("", "interval", "threshold") and seeds is not None and not few:
        farther = [one.measured.within for one in both]
        within = None if None in farther else max(farther)
        told_of = first.measured._replace(within=within)
        p = 1.0 if rule == "threshold" else max(one.p for one in both)
        judged = judged._replace(p=p, measured=told_of)
    if second is not first:
        judged = judged._replace(thresholds="0.5; the one chosen on validation")
    told = "" if told is True else told
    reason = joined(GROUNDS.get(rule, ""), told, first.reason)
    return judged._replace(name=name, rule=rule, reason=reason)


def _at_operating(
    tests: Sequence[Comparison], first: Outcome, shelf: Shelf
) -> Outcome | None:
    """Decide at the threshold chosen on validation.

    Returns:
        `first` itself where no quantity has a threshold, None where one was measured at
        0.5 alone.
    """

    def moved(ref: Ref) -> Ref:
        free = ref.key.rpartition("/")[2] in NO_THRESHOLD
        return ref if free else ref._replace(key=ref.key + OPERATING)

    other = [test.change(moved) for test in tests]
    if other == list(tests) or first.measured.evidence == evidence.ANNOTATIONS:
        return first
    try:
        return evaluate(other, shelf)
    except NotMeasured:
        return None


def _untreated(tests: Sequence[Comparison], sets: list[dict], shelf: Shelf) -> str:
    """Say which twin has not learned, where a claim compares what rests on twins."""
    refs = [ref for test in tests for ref in test.refs]
    names = {ref.system for ref in refs}
    ranked = any(ref.key.startswith("best_share") for ref in refs)
    judged = names & TWIN_OF.keys() if len(names) > 1 or ranked else set()
    twins = {TWIN_OF[name] for name in judged} | names & set(TWIN_OF.values())
    pairs = {at.get(places.PAIRS_SET, places.PAIRS_SET) for at in sets}
    for twin, name in product(sorted(twins), sorted(pairs)):
        ref = Ref(twin, name, "auc")
        if (auc := shelf.look_up(ref)).ends[0] <= 0.5:
            return named(ref, auc)
    return ""


def _without_control(
    tests: Sequence[Comparison], sets: list[dict], shelf: Shelf
) -> list[str]:
    """Say of each set which control fails, where a claim is about the unseen.

    The control is `supermodel__<set>_control`, trained with the finding; without that
    file it is the supermodel on the findings that it was trained on.
    """
    if not any(ref.dataset == places.UNSEEN_SET for test in tests for ref in test.refs):
        return [""] * len(sets)
    told, key = [], f"mean_mask/iou_c{OPERATING}"
    for at in sets:
        unseen, seen = (
            at.get(name, name) for name in (places.UNSEEN_SET, places.SEEN_SET)
        )
        own = Ref("supermodel", unseen + places.CONTROL, key)
        gain = shelf.find(own) or shelf.look_up(own._replace(dataset=seen))
        fails = gain.ends[0] <= 0
        told.append(f"IoU of {named(own, gain)} on {unseen}" if fails else "")
    return told


def _blind_alike(tests: Sequence[Comparison], outcome: Outcome, shelf: Shelf) -> str:
    """Say which predictor that never looks gets the same answer.

    Asked where a claim holds one system against numbers, which a mask that is the same
    for every film may pass, or fail, as well.
    """
    refs = [ref for test in tests for ref in test.refs]
    alone = len({ref.system for ref in refs}) == 1 and len(refs) == len(tests)
    real = outcome.measured.evidence != evidence.ANNOTATIONS
    for blind in BLIND if alone and real and outcome.held is not None else ():
        asked = [
            test.change(lambda ref, by=blind: ref._replace(system=by)) for test in tests
        ]
        with suppress(NotMeasured):
            if evaluate(asked, shelf).held is outcome.held:
                return f"{blind} gets the same answer"
    return ""


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


def _excluded(outcome: Outcome, few: bool) -> str:
    """Say what an interval that includes equality leaves out nevertheless."""
    if outcome.held is not None:
        return ""
    low, high = next(one.gap.ends for one in outcome.trials if one.held is None)
    told = f"excluded is what lies below {low:.3g} or above {high:.3g}"
    told = told if math.isfinite(high - low) else "nothing is excluded"
    return told + ", for the network at hand" * few


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
