"""Train one system alone: `python -m book.pipeline.one_system SYSTEM --profile demo`.

The options are those of the notebook that trains its kind, under the profile; the data
are what `02_data` prepared. What the system builds on is trained before it, and a run
that is finished is taken up.
"""

import argparse
import ast
from dataclasses import fields
from pathlib import Path

import papermill

from book.pipeline.profiles import Profile, load_profile
from chexnomaly import systems
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.training.schedule import Schedule
from chexnomaly.workspace import Workspace

NOTEBOOKS = {
    "specialized": "04_specialized_models",
    "model_ensemble": "04_specialized_models",
    "max_ensemble": "04_specialized_models",
    "siamese": "06_siamese_networks",
    "chexnomaly": "07_chexnomaly",
    "supermodel": "03_supermodels",
    "attention_supermodel": "03_supermodels",
}
"""Begin of a system's key to the notebook that trains its kind."""


def notebook_of(system: str) -> str:
    """Name the notebook whose parameters a system follows.

    Raises:
        ValueError: There is no such system.
    """
    if system not in systems.SYSTEMS:
        known = ", ".join(systems.SYSTEMS)
        raise ValueError(f"system {system!r}, expected one of: {known}")
    return next(book for kind, book in NOTEBOOKS.items() if system.startswith(kind))


def options_of(system: str, profile: Profile, notebooks: Path) -> systems.Options:
    """Give the recipe of a system under a profile.

    Args:
        system: System key.
        profile: The profile.
        notebooks: Folder of the notebooks.

    Returns:
        The notebook's defaults with the profile's changes.
    """
    name = notebook_of(system)
    known = papermill.inspect_notebook(str(notebooks / f"{name}.ipynb"))
    defaults = {key: ast.literal_eval(one["default"]) for key, one in known.items()}
    names = {f.name for kind in (systems.Options, Schedule) for f in fields(kind)}
    chosen = defaults | profile.section(name)
    return systems.Options.from_parameters(
        **{key: value for key, value in chosen.items() if key in names}
    )


def train(
    system: str, data: PreparedSet, runs: Path, profile: Profile, notebooks: Path
) -> None:
    """Train a system after everything that it builds on.

    Args:
        system: System key.
        data: Training and validation parts.
        runs: Folder of all runs.
        profile: The profile.
        notebooks: Folder of the notebooks.
    """
    entry = systems.SYSTEMS[system]
    for needed in entry.needs:
        train(needed, data, runs, profile, notebooks)
    if entry.train is None:
        print(f"{system}: nothing to train, it joins what it builds on")
        return
    options = options_of(system, profile, notebooks)
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
    notebooks = workspace.root / "notebooks"
    profile = load_profile(notebooks / "profiles" / f"{asked.profile}.yml")
    data = PreparedSet.open(
        workspace.require(workspace.data / "vindr" / "findings.csv", "02_data").parent
    )
    train(asked.system, data, workspace.runs, profile, notebooks)


if __name__ == "__main__":
    main()
