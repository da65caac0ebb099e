"""What the templates of pieces may ask for, read from results, ledger and registers."""

import ast
import fnmatch
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from itertools import chain
from os.path import relpath
from pathlib import Path

import pandas as pd
import yaml

from book.pieces.sources import Results, page_with, project_of
from book.pieces.words import is_missing
from chexnomaly.claims import decisions, directions, places, rules
from chexnomaly.claims.expected import all_verdicts
from chexnomaly.claims.ledger import bindings, load_ledger
from chexnomaly.claims.lookup import MeasuredValue, NotMeasured, Ref, Shelf
from chexnomaly.claims.verdicts import p_values
from chexnomaly.evidence import INCONSISTENT, LEVELS, VERDICTS
from chexnomaly.profiles import Profile, load_profile
from chexnomaly.workspace import Workspace

NO_EVIDENCE = "nothing measured"
FILTERS = {"verdict": VERDICTS, "place": (), "system": (), "evidence": LEVELS}
"""What sentences are filtered by, and the order of its values; () for the ledger's."""
BESIDE = ("f1_any_pixel", "mae_soft")
"""Metrics of arms that were trained, of which the register shows IoU alone."""
NEVER_SEEN = ("other_", "study_unseen_")
FUZZ_REPORTS = ("films", "fuzz", "guided")


class Facts:
    """The facts behind the pieces of a build; each is read when a template asks.

    Args:
        workspace: The folders of the profile that is built.
    """

    def __init__(self, workspace: Workspace):
        self.workspace = workspace
        self.root = workspace.root
        self.results = Results(workspace)

    @cached_property
    def work(self) -> dict:
        """What CITATION.cff says, and as `project` what pyproject.toml says."""
        cited = (self.root / "CITATION.cff").read_text(encoding="utf-8")
        return yaml.safe_load(cited) | {"project": project_of(self.root)}

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """Every claim with its verdict; see `all_verdicts`."""
        return all_verdicts(self.workspace.results_folders)

    @cached_property
    def claims(self) -> dict[str, dict]:
        """The same by id, in the ledger's order."""
        return {claim["id"]: claim for claim in self.verdicts.to_dict("records")}

    @cached_property
    def files(self) -> dict[str, list[str]]:
        """The results that each claim's verdict rests on, where it was asked, by id."""
        ledger, there = load_ledger(), self.results.files
        known, found = set(ledger["system"]), {}
        for row in ledger.to_dict("records"):
            claim, refs = self.claims[row["id"]], bindings(row, known)
            home = "study/" * (not is_missing(n := claim["seeds"]) and n >= rules.SEEDS)
            place = {"open-images": "nih", "phantom": home[:-1]}.get(claim["evidence"])
            tests = [directions.Comparison("above", ref, 0) for ref in refs]
            where = (one for one in places.find_places(tests, self.shelf) if one)
            seen = places.PLACES.get(place)
            at = next((one for one in where if seen in one[0].values()), [{}])
            own = (f"{key}__{one.get(on, on)}" for one in at for key, on, _ in refs)
            keys = (home * (home + key in there) + key for key in dict.fromkeys(own))
            found[row["id"]] = [key for key in keys if key in there]
        return found

    @cached_property
    def shelf(self) -> Shelf:
        """The results files of this build, then the committed ones."""
        return Shelf(self.workspace.results_folders)

    def ask(self, needs: str, metric: str = "mean_iou") -> list[rules.Verdict]:
        """Ask a direction as a claim is asked, corrected together with all claims.

        Args:
            needs: As in the ledger: `measured: chexnomaly@vindr_test > ...`.
            metric: As in the ledger.

        Returns:
            One answer per evidence level, the strongest first; none where it was not
            measured.
        """
        with suppress(NotMeasured):
            found = rules.ask(directions.expand(needs, metric, ()), self.shelf)
            return [rules.settle(one, lambda: self.p_values) for one in found]
        return []

    @cached_property
    def p_values(self) -> list[float]:
        """The p-values of all directions that were asked, the plan's included."""
        return p_values(self.shelf)

    def value(self, system: str, dataset: str, key: str) -> MeasuredValue | None:
        """Look one value up; `<other>/<key>` is a paired difference, None nothing.

        Of several folders the one whose networks, or else films, are most gives it: a
        study before a build.
        """
        other, _, own = key.rpartition("/")
        a, b = Ref(system, dataset, own), Ref(other, dataset, own)
        found = (one.paired(a, b) if other else one.find(a) for one in self.shelf.each)
        there = filter(None, found)
        return max(there, key=lambda one: (one.seeds or 0, one.n or 0), default=None)

    def sets(self, system: str, *patterns: str) -> list[str]:
        """Name the sets that a system was scored on, by patterns, in their order."""
        names = [key.removeprefix(f"{system}__") for key in self.results.files]
        return [n for pattern in patterns for n in fnmatch.filter(names, pattern)]

    def effects(self, *metrics: str) -> list[decisions.Effect]:
        """Give what arms of decisions moved against the default, the largest first."""
        found = decisions.effects(self.workspace.results_folders)
        moved = (e for e in found if e.gap is not None and e.metric in metrics)
        return sorted(moved, key=lambda effect: -abs(effect.gap.value))

    @cached_property
    def claims_page(self) -> str | None:
        """The page that holds the sentences of all claims; None in a book without."""
        return page_with(self.root, "sentences.html")

    def is_page(self, notebook: str) -> bool:
        """Tell whether the book has a page of this notebook."""
        return (self.root / "notebooks" / f"{notebook}.ipynb").is_file()

    def claim(self, id_: str) -> dict:
        """Look one claim up.

        Raises:
            KeyError: The ledger has no such claim.
        """
        if id_ not in self.claims:
            raise KeyError(f"unknown claim {id_!r}")
        return self.claims[id_]

    def contradicted(self) -> list[dict]:
        """Give the claims that other claims, or arithmetic, contradict."""
        return [c for c in self.claims.values() if c["verdict"] == INCONSISTENT]

    def verdict_counts(self) -> dict[str, int]:
        """Count the claims by verdict, in the order of the verdicts."""
        given = [claim["verdict"] for claim in self.claims.values()]
        return {v: given.count(v) for v in VERDICTS if v in given}

    def choices(self) -> Iterator[tuple[str, dict[str, int]]]:
        """Give each filter of the sentences, with the claims of each value counted."""
        for name, order in FILTERS.items():
            column = {"place": "where"}.get(name, name)
            given = Counter(
                NO_EVIDENCE if is_missing(claim[column]) else claim[column]
                for claim in self.claims.values()
            )
            wanted = (*order, NO_EVIDENCE) if order else given
            yield name, {value: given[value] for value in wanted if value in given}

    def decisions(self) -> Iterator[tuple]:
        """Give each decision, its metrics, and metric to effect for each arm and set.

        Results files hold the arms' other metrics, and what they do to findings that
        no system saw; the latter stand here where there is nothing else.
        """
        measured = defaultdict(lambda: defaultdict(dict))
        for one in decisions.effects(self.workspace.results_folders):
            if one.metric not in BESIDE:
                measured[one.item][one.arm, one.dataset][one.metric] = one
        for row in decisions.load_decisions().itertuples():
            found = measured[row.Index]
            seen = [m for at, m in found.items() if not at[1].startswith(NEVER_SEEN)]
            arms = seen or [*found.values()]
            yield row, dict.fromkeys(chain(*arms)), arms

    def said(self, text: str) -> Iterator[tuple[str, str]]:
        """Cut a text of a register into kind ("text", "code" or "claim") and words."""
        for place, part in enumerate(decisions.CLAIM_ID.split(text)):
            if place % 2:
                yield "claim", part
                continue
            for number, piece in enumerate(part.split("`")):
                yield ("code" if number % 2 else "text"), piece

    def profile(self) -> Profile:
        """Read the profile that is built.

        Raises:
            ProfileError: It cannot be read.
        """
        name = f"{self.workspace.profile}.yml"
        return load_profile(self.root / "notebooks" / "profiles" / name)

    def fuzz_reports(self) -> dict[str, dict]:
        """Read the committed reports of `make fuzz`, by name."""
        folder = self.workspace.reference / "fuzz"
        return {name: _json(folder / f"{name}.json") for name in FUZZ_REPORTS}

    def hero(self) -> dict | None:
        """Find the picture in front: caption, alt, evidence, and its path.

        It is `hero.webp`, beside `hero.json`, as a notebook drew it or else as
        committed; None where there is neither.
        """
        for folder in (self.workspace.pictures, self.workspace.reference):
            if (picture := folder / "hero.webp").is_file():
                about = _json(picture.with_suffix(".json"))
                return about | {"path": relpath(picture, self.root / "book")}
        return None

    def rooms(self) -> Iterator[tuple[str, str]]:
        """Give each folder of code and each file at the top, with its first line."""
        for house in (self.root / "book", self.root / "chexnomaly"):
            folders = {init.parent: init for init in house.rglob("__init__.py")}
            files = {file: file for file in house.glob("[!_]*.py")}
            for door, file in sorted((folders | files).items()):
                said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
                yield door.relative_to(self.root).as_posix(), said.splitlines()[0]


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))
