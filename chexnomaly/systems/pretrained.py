"""A few trained systems in one small committed file, for whoever has trained nothing.

They are networks of the study of real films, trained at the size of the `demo` profile
while a fifth of the patients was held out, so that it is known what these very weights
reach on people that they never saw. That says how the program works and nothing about
the patient on a film.

    python -m chexnomaly.systems.pretrained --runs FOLDER --cells FOLDER --out FOLDER
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from chexnomaly import systems
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.errors import CheckpointError, raised_as
from chexnomaly.results import read_json
from chexnomaly.systems import Options, baselines
from chexnomaly.tensor_files import read_tensors, write_tensors
from chexnomaly.training.checkpoints import read_header
from chexnomaly.workspace import FoldRuns, Workspace

FILE = "systems.safetensors"
"""Name of the file in its folder."""

PRIOR = "mean_mask"
"""The location prior, kept beside the networks: it never looks at the film."""

KEPT = ("supermodel__from_phantoms", "chexnomaly")
"""Keys of the systems whose networks are kept."""

FOLD, SEED = 1, 0
"""Patients that were held out, and the seed of the networks."""


@dataclass(frozen=True)
class Pretrained:
    """The systems of one file.

    Attributes:
        models: Networks by system key, ready for prediction.
        prior: The mean mask of the training films, (S, S) in [0, 1].
        thresholds: Operating threshold by system key, chosen on validation films.
        size: Side of the images that the networks were trained on, px.
        about: What they were trained on; where it is known, the fold of patients that
            was held out, the seed, and hashes of the data.
    """

    models: nn.ModuleDict
    prior: np.ndarray
    thresholds: dict[str, float]
    size: int
    about: dict

    @torch.no_grad()
    def predict(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """Mark one film with every system, the prior last.

        Args:
            image: One film in [0, 1], air dark, any size, (H, W).

        Returns:
            System key to probabilities, (S, S), float32.

        Raises:
            ValueError: The image has another number of axes.
        """
        if image.ndim != 2:
            raise ValueError(f"expected an image (H, W), got shape {image.shape}")
        batch = torch.from_numpy(resize_square(image, self.size))[None, None].float()
        maps = {
            name: torch.sigmoid(model(batch))[0, 0].numpy()
            for name, model in self.models.items()
        }
        return maps | {PRIOR: self.prior}


def load_pretrained(folder: Path) -> Pretrained:
    """Read the committed systems; nothing is unpickled.

    Args:
        folder: Folder that holds `systems.safetensors`.

    Returns:
        The systems.

    Raises:
        CheckpointError: The file is missing, corrupted, or of other systems.
    """
    path = folder / FILE
    tensors, meta = read_tensors(path)
    expected = ", ".join(KEPT)
    problem = "systems of another program"
    with raised_as(CheckpointError, problem, file=path, expected=expected):
        options = Options.from_parameters(**meta["options"])
        prior, size = tensors.pop(PRIOR).numpy(), meta["size"]
        recipes = [systems.find_recipe(name) for name in meta["systems"]]
        built = {one.key: systems.build_network(one, options, size) for one in recipes}
        models = nn.ModuleDict(built).eval()
        models.load_state_dict(tensors)
        return Pretrained(models, prior, meta["thresholds"], size, meta["about"])


def save_pretrained(data: PreparedSet, runs: Path, cells: Path, folder: Path) -> Path:
    """Put networks of a study into one file.

    Args:
        data: The films that they learned from, with `FOLD` held out.
        runs: Runs of all systems of that fold and seed, such as `FoldRuns`.
        cells: Finished cells of the study, which hold the thresholds.
        folder: Where the file goes.

    Returns:
        The file.

    Raises:
        CheckpointError: A run is missing or corrupted.
        ResultError: A cell is.
    """
    models = {name: systems.load_system(name, runs) for name in KEPT}
    header = read_header(runs / KEPT[0])
    prior = {PRIOR: baselines.mean_mask(data.part("train"))[0]}
    files = {k: cells / f"{k}__fold{FOLD}_seed{SEED}.json" for k in (*KEPT, PRIOR)}
    told = {k: read_json(file, "a finished cell") for k, file in files.items()}
    about = {"trained_on": data.origin, "fold": FOLD, "seed": SEED}
    about |= {"data_hash": data.data_hash, "split_hash": data.split_hash}
    meta = {name: header[name] for name in ("options", "size")}
    meta |= {"thresholds": {k: one["operating"] for k, one in told.items()}}
    meta |= {"systems": [*KEPT], "about": about}
    write_tensors(folder / FILE, nn.ModuleDict(models).state_dict() | prior, meta)
    return folder / FILE


def main() -> None:
    """Write the file from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--runs", "--cells", "--out"):
        parser.add_argument(name, type=Path, required=True)
    given = parser.parse_args()
    data = PreparedSet.open(Workspace.open("demo").data / "nih").hold_out(FOLD)
    runs = FoldRuns(given.runs, f"fold{FOLD}_seed{SEED}")
    save_pretrained(data, runs, given.cells, given.out)


if __name__ == "__main__":
    main()
