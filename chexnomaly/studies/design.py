"""What studies with films of their own share: how large one is, and its command."""

import argparse
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.phantom.files.prepared import write_prepared
from chexnomaly.systems import Options, find_recipe


@dataclass(frozen=True)
class Design:
    """How large a study is.

    Attributes:
        counts: Films to train on, to choose thresholds on, and to test on.
        size: Side of the images, px.
        cohort: Seed of the films.
        seeds: Seeds of the networks.
        chosen: Options that win over those of the profile `study`.
        workers: Processes that render films.
    """

    counts: tuple[int, int, int] = (800, 150, 900)
    size: int = 48
    cohort: int = 21
    seeds: tuple[int, ...] = (0, 1, 2)
    chosen: dict = field(default_factory=dict)
    workers: int = 1

    def options(self, system: str, **chosen) -> Options:
        """Give a system's options; what is chosen here wins."""
        section = find_recipe(system).section
        return Options.from_profile("study", section, **{**self.chosen, **chosen})

    def films(self, root: Path, **options) -> PreparedSet:
        """Render training, validation and test films, or open finished ones.

        Args:
            root: Folder to write.
            options: Further arguments of `write_store`.

        Returns:
            The films; the findings among abnormal ones are evened out.
        """
        parts = np.repeat(["train", "val", "test"], self.counts)
        options = {"enriched": True, "workers": self.workers, **options}
        return write_prepared(root, parts, self.cohort, self.size, **options)

    def about(self, notebook: str, data: PreparedSet, started: float) -> dict:
        """Give what every results file of a study holds.

        Args:
            notebook: That shows it.
            data: The films.
            started: `time.perf_counter()` at the start.

        Returns:
            Arguments of `results.write_result`.
        """
        options = {"options": asdict(self.options("supermodel"))}
        return {
            "profile": "study",
            "notebook": notebook,
            "trained_on": "phantom",
            "scored_on": "phantom",
            "data_hash": data.data_hash,
            "started": started,
            "parameters": asdict(self) | options,
        }


def command_line(about: str, work: Path) -> argparse.ArgumentParser:
    """Begin the command line of a study.

    Args:
        about: What it does, in its first line.
        work: Where films and runs go where nothing else is said.

    Returns:
        The parser of "out", "work" and "workers".
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="results folder")
    parser.add_argument("--work", type=Path, default=work, help="films and runs")
    parser.add_argument("--workers", type=int, default=1, help="that render films")
    return parser
