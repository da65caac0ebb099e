"""Where things lie: built data, runs and results, and the committed reference.

A notebook that runs alone takes its inputs from `_build/`; where one is missing it says
which `make notebook` makes it. What a committed run holds comes from `book/reference/`.
A notebook run by hand works in `_build/scratch/`, on copies of what the build made, so
that a changed parameter never replaces a result of the build.
"""

import os
import shutil
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from chexnomaly.errors import MissingInputError
from chexnomaly.files import partial_path

CELLS = "cells"
"""Folder below a study's results that holds its finished cells."""

READ_LOG = "CHEXNOMALY_READ_LOG"
"""Environment variable, set for a notebook that the pipeline runs: a file to which
`results.read_result` adds the name of what it read."""

KINDS = ("data", "runs", "results", "pictures")
"""What is built, one folder each, and in it one for each profile."""


def notebook_cell() -> int | None:
    """Number of the notebook's cell that is running; None outside of notebooks."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell and len(shell.history_manager.input_hist_raw) - 1  # the first is empty


def running_line() -> int | None:
    """Line of the notebook's cell, or of the script, that is running, from 1."""
    frame = sys._getframe()
    while frame and frame.f_globals.get("__name__") != "__main__":
        frame = frame.f_back
    return frame and frame.f_lineno


def project_root(start: Path | None = None) -> Path:
    """Find the checkout: the nearest folder upward that holds a Snakefile.

    Args:
        start: Folder to begin at; the current one by default.

    Returns:
        The checkout's folder, or `start` itself where there is no checkout (the
        package installed alone).
    """
    start = (start or Path.cwd()).resolve()
    upward = (start, *start.parents)
    return next((path for path in upward if (path / "Snakefile").is_file()), start)


@dataclass(frozen=True)
class Workspace:
    """The folders of one profile.

    Attributes:
        profile: Profile name, such as "demo".
        root: The checkout.
        built: Folder below it that receives what is made.
    """

    profile: str
    root: Path
    built: str = "_build"

    @classmethod
    def open(cls, profile: str) -> "Workspace":
        """Open the workspace of the checkout that the current folder lies in.

        A notebook that is run by hand, and not by the pipeline, gets the scratch one,
        and a warning that says so: what the build made and the scratch folder lacks is
        copied there first, a data set or a system as a whole.
        """
        opened = cls(profile, project_root())
        if notebook_cell() is None or READ_LOG in os.environ:
            return opened
        scratch = replace(opened, built="_build/scratch")
        for path in (p for kind in KINDS for p in opened.folder(kind).glob("*")):
            own = scratch.folder(path.parts[-3]) / path.name
            if not own.exists():
                own.parent.mkdir(parents=True, exist_ok=True)
                copy = shutil.copytree if path.is_dir() else shutil.copy2
                shutil.rmtree(part := partial_path(own), ignore_errors=True)
                copy(path, part).rename(own)
        told = "works on copies in _build/scratch; delete that folder to start anew"
        warnings.warn(f"A run of your own: it {told}.", stacklevel=2)
        return scratch

    def folder(self, kind: str) -> Path:
        """Give the folder of one of `KINDS`."""
        return self.root / self.built / kind / self.profile

    @property
    def data(self) -> Path:
        """Prepared data sets, one folder each."""
        return self.folder("data")

    @property
    def runs(self) -> Path:
        """Trained systems, one folder each."""
        return self.folder("runs")

    def film_runs(self, fold: int, seed: int, arm: str = "") -> "FoldRuns":
        """Runs on real films with one fold held out; they may start from phantoms."""
        cell, other = f"fold{fold}_seed{seed}", {"phantoms": self.runs}
        return FoldRuns(self.runs / "films", cell, arm, other)

    @property
    def results(self) -> Path:
        """Results files of this profile."""
        return self.folder("results")

    @property
    def pictures(self) -> Path:
        """Pictures that the book shows outside the notebooks."""
        return self.folder("pictures")

    @property
    def reference(self) -> Path:
        """Committed results of runs that a default build cannot afford."""
        return self.root / "book" / "reference"

    @property
    def results_folders(self) -> list[Path]:
        """Every folder of results, the first that has a file giving it.

        This profile's own come before the committed ones, and there the ones that
        lie higher before the deeper ones. Cells of a study are no results.
        """
        # The slash looks at no file: a tenth of the time.
        found = sorted(self.reference.rglob("*/"), key=lambda p: (len(p.parts), p))
        deeper = (p for p in found if CELLS not in p.relative_to(self.root).parts)
        return [self.results, self.reference, *deeper]

    def find_result(self, name: str) -> tuple[Path, str] | None:
        """Find a results file of this build, else a committed one.

        Args:
            name: `<system>__<set>`.

        Returns:
            The file and where it is from, in words; None where there is neither.
        """
        for folder in self.results_folders:
            if (path := folder / f"{name}.json").is_file():
                own = folder == self.results
                return path, "this build" if own else "book/reference"
        return None

    def require(self, path: Path, notebook: str) -> Path:
        """Insist on the output of an earlier notebook.

        Args:
            path: File or folder that is needed.
            notebook: Notebook that makes it, without its ending.

        Returns:
            The path.

        Raises:
            MissingInputError: It is not there; the message names the notebook.
        """
        if path.exists():
            return path
        raise MissingInputError(
            "not there yet",
            file=os.path.relpath(path, self.root),
            expected=f"the output of notebooks/{notebook}.ipynb: run it first "
            f"with profile = {self.profile!r}, or call "
            f"`make notebook NAME={notebook} PROFILE={self.profile}`",
        )


@dataclass(frozen=True)
class FoldRuns:
    """Where the systems of one fold and seed are trained: `runs / system`.

    Attributes:
        root: Folder of all runs on one collection of films.
        cell: Fold and seed, such as "fold1_seed0".
        arm: What their films differ in, such as "without_fracture"; "" for nothing.
        elsewhere: Runs on other collections by name, for a system that starts with
            weights from there: `runs / "phantoms:supermodel"`.
    """

    root: Path
    cell: str
    arm: str = ""
    elsewhere: Mapping[str, Path] = field(default_factory=dict)

    def __truediv__(self, system: str) -> Path:
        """Give a system's folder; KeyError for a collection that is not known."""
        collection, _, key = system.rpartition(":")
        if collection:
            return self.elsewhere[collection] / key
        return self.root / "__".join(filter(None, [key, self.arm])) / self.cell


def real_data(variable: str) -> Path | None:
    """Find a folder of real data through an environment variable.

    A relative path starts at the checkout, where `make` is called, not at the
    notebooks' folder, where a notebook runs.

    Args:
        variable: Such as "CHEXNOMALY_VINDR" or "CHEXNOMALY_REAL_DATA".

    Returns:
        The folder, or None where the variable is unset or empty.

    Raises:
        MissingInputError: The variable is set and names no folder.
    """
    value = os.environ.get(variable, "")
    if not value:
        return None
    folder = project_root() / Path(value).expanduser()
    if not folder.is_dir():
        raise MissingInputError(
            "is not a folder", file=value, expected=f"a folder in {variable}"
        )
    return folder
