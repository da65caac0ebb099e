"""The study's phantoms: the demo's films to learn from, and more to be asked about.

The plan's 700 test films, half of them abnormal; three findings that no training film
shows: the demo's pneumonia and, drawn here in the layouts of the sources that they
stand for, rib fractures and COVID-19; and each family of the fourteen findings that
readers use for one another, held out together. Of the demo's own test films means are
kept, beside which a live number can be held.
"""

import tomllib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np

from chexnomaly.datasets import sampling
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.evaluation.evaluator import TestSet
from chexnomaly.labels import FINDINGS, NAMED_IN_FIGURE_14, SYNONYMS
from chexnomaly.phantom import Switches
from chexnomaly.phantom.files.prepared import write_prepared
from chexnomaly.profiles import open_profile
from chexnomaly.studies import cells
from chexnomaly.studies.multiverse.arms import ARMS, DRAWING
from chexnomaly.systems import SPECIALIZED
from chexnomaly.systems.recipes import Recipe
from chexnomaly.workspace import Workspace

_JOINED = {k: kin for k, kin in SYNONYMS.items() if {*kin} & {*FINDINGS}}
HELD_TOGETHER = _JOINED | {
    finding: (finding,)
    for finding in FINDINGS
    if not any(finding in kin for kin in _JOINED.values())
}
"""What is held out together, by the name of the family."""

DRAWN = {"rib_fracture": ("candid", 3), "covid": ("covid", 4)}
"""Finding to the layout of its source, and the seed of its films."""

N_DRAWN = 200
N_TEST = 700
TEST_SEED, OTHER_SEED = 5, 10
"""Seed of the test films; added to k, that of the other films k to learn from. The
demo's films have seeds 0 to 2."""

CENTRAL_SEEDS = 16
"""Networks of each arm of the central contrast, as the pilots' spread asks."""

_PLAN = tomllib.loads(Path(__file__).with_name("plan.toml").read_text("utf-8"))
CENTRAL, ONE_CHANGE = _PLAN["central"], _PLAN["one_change"]
"""The arms of the central contrast, and those of the paper's other directions, each
with the twins that they need."""

BEFORE = [f"specialized_{one}__cross_entropy" for one in NAMED_IN_FIGURE_14]
"""The "before" of Fig. 14; ahead of the specialists, so as to be held against them."""

THREE = [(0, seed) for seed in range(3)]
PILOT_ARMS = (*DRAWING, "chexnomaly__random_base")

SIMPLER = {
    "painted": Switches(painted=frozenset(FINDINGS)),
    "one_anatomy": Switches(anatomy_variation=0.0),
    "perfect_readers": Switches(reader_noise=0.0),
}
"""Simpler phantoms of the demo's people to what is turned off in them."""


def apart(systems: Sequence[str], families: Iterable[str]) -> list[tuple[str, str]]:
    """List the arms without each family, and their controls."""
    altered = [f"{how}{name}" for name in families for how in cells.ALTERED]
    return [*product(systems, altered)]


def whole(systems: Iterable[str]) -> list[tuple[str, str]]:
    """List the arms of systems that learn from all films."""
    return [(system, "") for system in systems]


@dataclass(frozen=True)
class PhantomWorld:
    """The world of phantoms; see `studies.world_study.WorldStudy`.

    Attributes:
        workspace: Where `02_data` prepared films.
    """

    workspace: Workspace
    name = "phantoms"
    families, findings = HELD_TOGETHER, FINDINGS
    blind = ("mean_mask", "random_box")
    held_out, specialized = "study_without_", "study_specialized_"
    seen, arms_on = "study_test", ("study_test", "study_unseen_pneumonia")
    repeats = ()
    sections = (
        *("03_supermodels", "04_specialized_models", "model_ensemble"),
        *("06_siamese_networks", "one_film", "07_chexnomaly"),
    )
    plan = {
        "pilots": ([(0, seed) for seed in cells.PILOTS], whole(PILOT_ARMS)),
        "central": ([(0, seed) for seed in range(CENTRAL_SEEDS)], whole(CENTRAL)),
        "others": (
            THREE,
            whole(
                [*ONE_CHANGE, *BEFORE, *SPECIALIZED, "max_ensemble", "model_ensemble"]
            ),
        ),
        "held out": (THREE, apart(DRAWING, HELD_TOGETHER)),
        "simpler": (THREE, [*product(["supermodel"], SIMPLER)]),
        "blind": (
            [(0, 0)],
            whole([*blind, *(f"mean_mask__{finding}" for finding in FINDINGS)])
            + apart(["mean_mask"], HELD_TOGETHER),
        ),
        "register": ([(0, 0)], [arm.cells for arm in ARMS]),
    }

    def section(self, recipe: Recipe) -> str:
        """Name the section of a profile with a recipe's options."""
        return recipe.section

    def films(self, fold: int) -> PreparedSet:
        """Open the demo's films; they have one split.

        Raises:
            ValueError: Another fold than 0.
        """
        if fold:
            raise ValueError(f"fold {fold}, expected 0: phantoms have one split")
        return PreparedSet.open(self.workspace.data / "vindr")

    def draw(
        self, name: str, parts: Sequence[str], seed: int, **options
    ) -> PreparedSet:
        """Draw films of the demo's sizes, or open them; see `write_prepared`."""
        given = open_profile(self.workspace.profile).settings("02_data")
        options |= {"size_px": (given.shortest_px, given.longest_px)}
        root, size = self.workspace.data / "study" / name, self.films(0).store.size
        with cells.one_at_a_time(root.with_suffix(".lock")):
            return write_prepared(root, parts, seed, size, **options)

    def other_films(self, how: str) -> PreparedSet:
        """Draw films in place of the demo's, or open them.

        Args:
            how: "other_films_<k>" for others to learn from, as many; a key of `SIMPLER`
                for the same cohort with a part turned off.
        """
        own = self.films(0)
        if how in SIMPLER:
            parts, options = ["train"] * len(own.split), {"switches": SIMPLER[how]}
            made = self.draw(how, parts, 0, enriched=True, **options)
            return replace(made, split=own.split)
        counts = [len(own.ids(part)) for part in ("train", "val")]
        parts, k = np.repeat(["train", "val"], counts), int(how.rpartition("_")[2])
        return self.draw(how, parts, OTHER_SEED + k, enriched=True)

    def practice(self, kind: str, boxed: Collection[str]) -> PreparedSet:
        """Give the films that a network practises on before it sees real ones.

        Args:
            kind: "phantoms" for the demo's; "own_findings" for those of them that show
                no finding that the real films lack; or a key of `SIMPLER`.
            boxed: Findings that the real films are boxed for.
        """
        if kind in SIMPLER:
            return self.other_films(kind)
        lacking = {*FINDINGS} - {*boxed} if kind == "own_findings" else ()
        return sampling.without_findings(self.films(0), lacking)

    def unseen(self, finding: str) -> PreparedSet:
        """Draw films with a finding that no training film shows, or open them."""
        layout, seed = DRAWN[finding]
        options = {"layout": layout, "positive_share": 1.0}
        return self.draw(finding, ["test"] * N_DRAWN, seed, **options)

    def test_films(self) -> PreparedSet:
        """Draw the films that networks are tested on, or open them."""
        options = {"enriched": True, "positive_share": 0.5}
        return self.draw("test", ["test"] * N_TEST, TEST_SEED, **options)

    def sets(self, whole: PreparedSet) -> cells.FoldSets:
        """Give every set that some cell is scored on; phantoms have one split."""
        return self.asked

    @cached_property
    def asked(self) -> cells.FoldSets:
        """Every set that some cell is scored on, made once for all cells."""
        whole, test = self.films(0), self.test_films()
        pneumonia = PreparedSet.open(self.workspace.data / "other")
        sets = {"study_test": test, "study_unseen_pneumonia": pneumonia}
        sets |= {f"study_unseen_{name}": self.unseen(name) for name in DRAWN}
        tests = {
            key: TestSet(one.part("test"), one.origin) for key, one in sets.items()
        }
        keys = (self.families, self.held_out, self.findings, self.specialized)
        tests |= cells.sets_by_finding(test, *keys)
        tests[cells.PILOT_SET] = TestSet(whole.part("val"), whole.origin)
        given = open_profile(self.workspace.profile).settings("06_siamese_networks")
        pairs = {"study_pairs": PairsSet(test.part("test"), given.n_pairs)}
        return cells.FoldSets(tests, pairs)

    def means_only(self) -> dict[str, TestSet]:
        """Give the demo's test films, of which means alone are kept."""
        whole = self.films(0)
        keys = ("iou_c", "mae_soft", "f1_any_pixel")
        return {"vindr_test": TestSet(whole.part("test"), whole.origin, keys=keys)}
