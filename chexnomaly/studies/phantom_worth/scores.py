"""Scores of the ablation study, per seed and scan, and a file that keeps them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.files import open_atomic
from chexnomaly.studies.phantom_worth.worlds import Study

SCORES = "scores.npz"


@dataclass(frozen=True)
class Scored:
    """One system's scores on the test scans of one world.

    Attributes:
        iou: IoU at the operating threshold, (seeds, scans); NaN without a finding.
        found: By finding, the marked share of its boxes' area, (seeds, scans); NaN in
            scans without it.
    """

    iou: np.ndarray
    found: dict[str, np.ndarray]

    @classmethod
    def stack(cls, many: Sequence["Scored"]) -> "Scored":
        """Put the scores of several seeds together."""
        found = {k: np.concatenate([s.found[k] for s in many]) for k in many[0].found}
        return cls(np.concatenate([s.iou for s in many]), found)


@dataclass(frozen=True)
class Statement:
    """What a world's scores depend on, as a hash.

    Attributes:
        digest: sha256, hexadecimal.
    """

    digest: str

    @classmethod
    def of(cls, study: Study, world: str, data: PreparedSet) -> "Statement":
        """Hash sizes, seeds, recipe, world and films.

        The findings of a film without reader noise differ while its pixels do not, so
        the world's name counts too.
        """
        sizes = {k: v for k, v in asdict(study).items() if k != "workers"}
        text = json.dumps([sizes, world, data.data_hash], sort_keys=True)
        return cls(hashlib.sha256(text.encode()).hexdigest())


def save(folder: Path, statement: Statement, scored: dict) -> None:
    """Keep a world's scores.

    Args:
        folder: Of the world.
        statement: What they depend on.
        scored: `Scored` by (system, set).
    """
    arrays = {"statement": np.array(statement.digest)}
    for (system, name), one in scored.items():
        arrays[f"{system}/{name}/iou"] = one.iou
        arrays |= {f"{system}/{name}/{key}": v for key, v in one.found.items()}
    with open_atomic(folder / SCORES, durable=False) as file:
        np.savez_compressed(file, **arrays)


def load(folder: Path, statement: Statement) -> dict | None:
    """Take up a world's scores; None where there are none of that statement."""
    if not (folder / SCORES).exists():
        return None
    with np.load(folder / SCORES) as arrays:
        if str(arrays["statement"]) != statement.digest:
            return None
        names = [name.split("/") for name in arrays.files if "/" in name]
        whole = {(system, name): {} for system, name, _ in names}
        for system, name, key in names:
            whole[system, name][key] = arrays[f"{system}/{name}/{key}"]
    return {key: Scored(values.pop("iou"), values) for key, values in whole.items()}
