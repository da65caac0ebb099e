"""Train one system alone: `python -m chexnomaly.systems SYSTEM --profile demo`.

The options are those of the profile's section for it; the data are what `02_data`
prepared. What the system builds on is trained before it, and a run that is finished is
taken up.
"""

import argparse
from pathlib import Path

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.systems import (
    RECIPES,
    Options,
    build_order,
    find_recipe,
    train_system,
)
from chexnomaly.workspace import Workspace


def train_with_parts(key: str, data: PreparedSet, runs: Path, profile: str) -> None:
    """Train a system after everything that it builds on.

    Args:
        key: System key.
        data: Training and validation parts.
        runs: Folder of all runs.
        profile: Name of the profile.
    """
    for recipe in map(find_recipe, build_order(key)):
        if not recipe.trains:
            print(f"{recipe.key}: nothing to train, it joins what it builds on")
            continue
        options = Options.from_profile(profile, recipe.section)
        history = train_system(recipe.key, data, runs, options).history
        best = f"epoch {history.best_epoch} of {history.epoch}"
        print(f"{recipe.key}: validation loss {min(history.val_loss):.5f}, {best}")


def main() -> None:
    """Train the system that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("system", choices=RECIPES, metavar="SYSTEM")
    parser.add_argument("--profile", default="demo")
    asked = parser.parse_args()
    workspace = Workspace.open(asked.profile)
    data = PreparedSet.open(
        workspace.require(workspace.data / "vindr" / "findings.csv", "02_data").parent
    )
    train_with_parts(asked.system, data, workspace.runs, asked.profile)


if __name__ == "__main__":
    main()
