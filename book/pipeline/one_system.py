"""Train one system alone: `python -m book.pipeline.one_system SYSTEM --profile demo`.

The options are those of the profile's section for its kind; the data are what `02_data`
prepared. What the system builds on is trained before it, and a run that is finished is
taken up.
"""

import argparse
from pathlib import Path

from chexnomaly import systems
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.workspace import Workspace

SECTIONS = {
    "specialized": "04_specialized_models",
    "model_ensemble": "model_ensemble",
    "max_ensemble": "04_specialized_models",
    "siamese": "06_siamese_networks",
    "chexnomaly": "07_chexnomaly",
    "supermodel": "03_supermodels",
    "attention_supermodel": "03_supermodels",
}
"""Begin of a system's key to the section of the profile that its kind follows."""


def section_of(system: str) -> str:
    """Name the section of the profile that a system follows.

    Raises:
        ValueError: There is no such system.
    """
    if system not in systems.SYSTEMS:
        known = ", ".join(systems.SYSTEMS)
        raise ValueError(f"system {system!r}, expected one of: {known}")
    return next(name for kind, name in SECTIONS.items() if system.startswith(kind))


def train(system: str, data: PreparedSet, runs: Path, profile: str) -> None:
    """Train a system after everything that it builds on.

    Args:
        system: System key.
        data: Training and validation parts.
        runs: Folder of all runs.
        profile: Name of the profile.
    """
    entry = systems.SYSTEMS[system]
    for needed in entry.needs:
        train(needed, data, runs, profile)
    if entry.train is None:
        print(f"{system}: nothing to train, it joins what it builds on")
        return
    options = systems.Options.from_profile(profile, section_of(system))
    history = systems.train_system(system, data, runs, options).history
    best = f"epoch {history.best_epoch} of {history.epoch}"
    print(f"{system}: validation loss {min(history.val_loss):.5f}, {best}")


def main() -> None:
    """Train the system that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("system", choices=systems.SYSTEMS, metavar="SYSTEM")
    parser.add_argument("--profile", default="demo")
    asked = parser.parse_args()
    workspace = Workspace.open(asked.profile)
    data = PreparedSet.open(
        workspace.require(workspace.data / "vindr" / "findings.csv", "02_data").parent
    )
    train(asked.system, data, workspace.runs, asked.profile)


if __name__ == "__main__":
    main()
