"""Train one system alone: `python -m chexnomaly.systems SYSTEM --profile demo`.

The options are those of the profile's section for it; the data are what `02_data`
prepared. What the system builds on is trained before it, and a run that is finished is
taken up.
"""

import argparse
from pathlib import Path

from chexnomaly import systems
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.systems.recipes import Recipe
from chexnomaly.workspace import Workspace


def train_with_parts(key: str, data: PreparedSet, runs: Path, profile: str) -> None:
    """Train a system after everything that it builds on.

    Args:
        key: System key.
        data: Training and validation parts.
        runs: Folder of all runs.
        profile: Name of the profile.
    """

    def options(recipe: Recipe) -> systems.Options:
        return systems.Options.from_profile(profile, recipe.section)

    for recipe, trained in systems.train_in_order(key, data, runs, options):
        if not recipe.trains:
            print(f"{recipe.key}: nothing to train, it joins what it builds on")
            continue
        history = trained.history
        best = f"epoch {history.best_epoch} of {history.epoch}"
        print(f"{recipe.key}: validation loss {min(history.val_loss):.5f}, {best}")


def main() -> None:
    """Train the system that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("system", choices=systems.RECIPES, metavar="SYSTEM")
    parser.add_argument("--profile", default="demo")
    asked = parser.parse_args()
    workspace = Workspace.open(asked.profile)
    findings = workspace.data / "vindr" / "findings.csv"
    data = PreparedSet.open(workspace.require(findings, "02_data").parent)
    train_with_parts(asked.system, data, workspace.runs, asked.profile)


if __name__ == "__main__":
    main()
