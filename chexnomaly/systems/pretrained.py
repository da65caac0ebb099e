"""A few trained systems in one small committed file, for whoever has trained nothing.

They were trained on phantoms at the size of the `demo` profile. On a real film their
masks show how the program works and nothing about the patient.

    python -m chexnomaly.systems.pretrained --profile demo --out FOLDER
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
from chexnomaly.results import read_result
from chexnomaly.systems import Options, baselines
from chexnomaly.tensor_files import read_tensors, write_tensors
from chexnomaly.training.checkpoints import read_header
from chexnomaly.workspace import Workspace

FILE = "systems.safetensors"
"""Name of the file in its folder."""

PRIOR = "mean_mask"
"""The location prior, kept beside the networks: it never looks at the film."""

KEPT = ("supermodel", "attention_supermodel", "chexnomaly")
"""Keys of the systems whose networks are kept."""

ABOUT = ("profile", "trained_on", "seeds", "data_hash", "split_hash")
"""What their results files say of how they were made."""


@dataclass(frozen=True)
class Pretrained:
    """The systems of one file.

    Attributes:
        models: Networks by system key, ready for prediction.
        prior: The mean mask of the training films, (S, S) in [0, 1].
        thresholds: Operating threshold by system key, chosen on validation films.
        size: Side of the images that the networks were trained on, px.
        about: Profile, seeds, hashes of the data, and what they were trained on.
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


def save_pretrained(workspace: Workspace, folder: Path) -> Path:
    """Put the trained systems of a build into one file.

    Args:
        workspace: Where the systems were trained and measured.
        folder: Where the file goes.

    Returns:
        The file.

    Raises:
        CheckpointError: A run is missing or corrupted.
        ResultError: A system was not measured.
        StoreError: There is no training data.
    """
    models = {name: systems.load_system(name, workspace.runs) for name in KEPT}
    header = read_header(workspace.runs / KEPT[0])
    data = PreparedSet.open(workspace.data / "vindr")
    prior = {PRIOR: baselines.mean_mask(data.part("train"))[0]}
    paths = {k: workspace.results / f"{k}__vindr_test.json" for k in (*KEPT, PRIOR)}
    results = {name: read_result(path) for name, path in paths.items()}
    operating = {k: one["threshold"]["operating"] for k, one in results.items()}
    about = {name: results[KEPT[0]][name] for name in ABOUT}
    meta = {name: header[name] for name in ("options", "size")}
    meta |= {"systems": [*KEPT], "thresholds": operating, "about": about}
    write_tensors(folder / FILE, nn.ModuleDict(models).state_dict() | prior, meta)
    return folder / FILE


def main() -> None:
    """Write the file from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="demo")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    save_pretrained(Workspace.open(arguments.profile), arguments.out)


if __name__ == "__main__":
    main()
