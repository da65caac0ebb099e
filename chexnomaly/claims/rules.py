"""When a direction may be judged at all: the questions that come before a verdict.

A claim is asked wherever its results are: in each folder of results, on the paper's own
sets or phantoms of them and on real films of another collection. Each place answers the
same questions, and the first that is not passed decides:

1. Did the assay work? The twin of CheX-Nomaly has learned, a control that was trained
   with a finding beats the mean mask, and not both values are 0: else `no signal`.
2. Do both thresholds agree, 0.5 and the one chosen on validation? Else `depends on the
   threshold`.
3. Does the interval leave out no difference, do three seeds stand behind it, and does
   Holm's correction over all claims leave it so? Else `not resolved`.

Of several places the strongest level counts, and there the one with enough seeds; what
the others gave stands beside it.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import filter as matching
from itertools import product
from typing import NamedTuple

from chexnomaly import evidence
from chexnomaly.claims.directions import Comparison
from chexnomaly.claims.lookup import MeasuredValue, NotMeasured, Ref, Shelf
from chexnomaly.claims.outcomes import Outcome, evaluate, holm, named

SEEDS = 3
"""Fewest trainings that a verdict may rest on."""

FAMILY_ERROR = 0.05
"""Chance of any wrong verdict among all directions, at most."""

SEEN_SET, UNSEEN_SET, PAIRS_SET = "vindr_test", "other_200", "siamese_pairs"
PLACES = (
    (SEEN_SET, UNSEEN_SET, PAIRS_SET),
    ("study_test", "unseen_study", "study_pairs"),
    ("nih_boxes", "nih_unseen_*", "nih_pairs"),
)
"""Where a claim can be asked: the paper's own sets, or what stands for them; a study's
phantoms; real films of another collection, where each unseen finding is asked."""

TWIN_OF = {"chexnomaly": "siamese_unet", "chexnomaly_cnn": "siamese_cnn"}
"""System to the twin that its pre-training rests on."""

OPERATING = "@operating"
NO_THRESHOLD = ("mae_soft", "accuracy", "auc")
"""Results keys that need no threshold; annotations need none either."""

ZERO_SHOT = "zero_shot_mask"
CEILING = Ref("mean_mask", "rsna_positives", "")
"""The baseline of a printed value on RSNA: fitted on VinDr-CXR, as the paper's models
were; and the one fitted on RSNA itself, which none of them could reach by looking."""

GROUNDS = {
    "treatment": "the twin's AUC does not lie above 0.5",
    "control": "the control does not beat the mean mask",
    "tie": "both values are 0, or the baseline marks nothing",
    "threshold": "0.5 and the threshold chosen on validation disagree",
    "one threshold": "measured at 0.5 alone",
    "interval": "the interval covers no difference",
    "seeds": "fewer than three seeds",
    "correction": "not after correction for all directions",
    "missing": "a value that the verdict needs was not measured",
    "baseline": "a fair baseline: fitted where the paper's models were trained",
    "arithmetic": "arithmetic on printed numbers reproduces nothing",
    "design": "checked against the code",
}
"""What may decide a verdict, in words."""


class Answer(NamedTuple):
    """What one place says of a direction.

    Attributes:
        measured: The difference or ratio at 0.5, with level, n and seeds.
        held: Whether the direction held at every threshold; None where left open.
        verdict: `evidence.NO_SIGNAL` and the like; "" where level and `held` decide.
        rule: Key of `GROUNDS` that left it open; "" where none did.
        reason: What was compared, and why it was left open.
        thresholds: In words; "" where the quantity has none.
        p: P-value of the direction at its weaker threshold; None where no network is
            behind it, or a rule decided before.
    """

    measured: MeasuredValue
    held: bool | None
    verdict: str
    rule: str
    reason: str
    thresholds: str = ""
    p: float | None = None


def ask(tests: Sequence[Comparison], shelf: Shelf) -> list[Answer]:
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
        for sets in _places(tests, one):
            try:
                answers.append(_answer(tests, sets, one))
            except NotMeasured as error:
                missing = error if sets == [{}] else missing
    if not answers:
        raise missing
    best: dict[str, Answer] = {}
    for found in sorted(answers, key=_weakness):
        best.setdefault(found.measured.evidence, found)
    return list(best.values())


def _weakness(found: Answer) -> tuple:
    level, seeds = found.measured.evidence, found.measured.seeds
    silent = not evidence.gives_direction(level)
    return silent, evidence.LEVELS.index(level), seeds is not None and seeds < SEEDS


def _places(tests: Sequence[Comparison], shelf: Shelf) -> Iterator[list[dict]]:
    """Give the sets to ask on, the paper's own first; several unseen ones together."""
    used = {ref.dataset for test in tests for ref in test.refs}
    yield [{}]
    for seen, unseen, pairs in PLACES[1:] if used <= set(PLACES[0]) else ():
        found = matching(shelf.sets(), unseen) if UNSEEN_SET in used else [unseen]
        own = {SEEN_SET: seen, PAIRS_SET: pairs}
        yield [own | {UNSEEN_SET: name} for name in found]


def _answer(tests: Sequence[Comparison], sets: list[dict], shelf: Shelf) -> Answer:
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
    level, seeds = first.measured.evidence, first.measured.seeds
    if not evidence.gives_direction(level):
        return Answer(first.measured, None, "", "", first.reason)
    second = _at_operating(placed, first, shelf)
    both = [first] if second is None else [first, second]
    thresholds = "" if second is first else "0.5; the one chosen on validation"
    answer = Answer(first.measured, None, "", "", first.reason, thresholds)

    def left_open(verdict: str, rule: str, reason: str) -> Answer:
        told = "; ".join(filter(None, (GROUNDS[rule], reason, first.reason)))
        return answer._replace(verdict=verdict, rule=rule, reason=told)

    for rule, failed in (
        ("treatment", _untreated(tests, sets, shelf)),
        ("control", _without_control(tests, sets, shelf)),
        ("tie", any(one.tie for outcome in both for one in outcome.trials)),
    ):
        if failed:
            told = "" if failed is True else failed
            return left_open(evidence.NO_SIGNAL, rule, told)
    if second is None:
        return left_open(evidence.NOT_RESOLVED, "one threshold", "")
    if first.held is not second.held:
        told = f"at 0.5 {_said(first)}, at the other {_said(second)}: {second.reason}"
        return left_open(evidence.BY_THRESHOLD, "threshold", told)
    few = seeds is not None and seeds < SEEDS
    if seeds is not None and not few:
        answer = answer._replace(p=max(first.p, second.p))
    if first.held is None:
        told = _excluded(first) + ", for the network at hand" * few
        return left_open(evidence.NOT_RESOLVED, "interval", told)
    if few:
        told = "one network says nothing about others"
        return left_open(evidence.NOT_RESOLVED, "seeds", told)
    return answer._replace(held=first.held)


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
    places = {at.get(PAIRS_SET, PAIRS_SET) for at in sets}
    for twin, place in product(sorted(twins), places):
        ref = Ref(twin, place, "auc")
        if (auc := shelf.look_up(ref)).ends[0] <= 0.5:
            return named(ref, auc)
    return ""


def _without_control(
    tests: Sequence[Comparison], sets: list[dict], shelf: Shelf
) -> str:
    """Say which control fails, where a claim is about what was never seen.

    The control is `supermodel__<set>_control`, trained with the finding; without that
    file it is the supermodel on the findings that it was trained on.
    """
    asked = any(ref.dataset == UNSEEN_SET for test in tests for ref in test.refs)
    for at in sets if asked else ():
        unseen, seen = (at.get(key, key) for key in (UNSEEN_SET, SEEN_SET))
        key = f"mean_mask/iou_c{OPERATING}"
        own = Ref("supermodel", f"{unseen}_control", key)
        gain = shelf.find(own) or shelf.look_up(own._replace(dataset=seen))
        if gain.ends[0] <= 0:
            return f"IoU of {named(own, gain)}"
    return ""


def as_before(tests: Iterable[Comparison]) -> list[Comparison]:
    """Put the ceiling where a claim is held against the fair baseline."""

    def ceiling(ref: Ref) -> Ref:
        fair = ref.system.startswith(ZERO_SHOT)
        return CEILING._replace(key=ref.key) if fair else ref

    return list(dict.fromkeys(test.change(ceiling) for test in tests))


def _said(outcome: Outcome) -> str:
    words = {True: "it holds", False: "the opposite holds", None: "nothing is resolved"}
    return words[outcome.held]


def _excluded(outcome: Outcome) -> str:
    """Say what an interval that covers no difference leaves out nevertheless."""
    gap = next(one.gap for one in outcome.trials if one.held is None)
    if not math.isfinite(gap.ends[1] - gap.ends[0]):
        return "nothing is excluded"
    return "excluded is what lies below {:.3g} or above {:.3g}".format(*gap.ends)


def settle(answer: Answer, family: Callable[[], Iterable[float]]) -> Answer:
    """Correct an answer for the number of directions that were asked.

    Args:
        answer: One place's.
        family: Gives the p-values of all directions, this one's included.

    Returns:
        The answer, left open where the corrected p-value is too large.
    """
    if None in (answer.held, answer.p) or holm(answer.p, family()) <= FAMILY_ERROR:
        return answer
    told = f"{GROUNDS['correction']}; {answer.reason}"
    left = answer._replace(verdict=evidence.NOT_RESOLVED, rule="correction")
    return left._replace(held=None, reason=told)
