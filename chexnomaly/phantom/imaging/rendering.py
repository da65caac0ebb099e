"""From a patient with lesions to the displayed film."""

from collections.abc import Collection, Mapping

import numpy as np

from chexnomaly.phantom.anatomy.body import (
    abdominal_gas,
    body_map,
    breast_map,
    neck_shadow,
    tissue_grain,
)
from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.devices import device_map
from chexnomaly.phantom.anatomy.grid import Grid
from chexnomaly.phantom.anatomy.skeleton import bone_map
from chexnomaly.phantom.anatomy.thickness_maps import Maps, airway_gas, lung_maps
from chexnomaly.phantom.anatomy.vessels import vessel_map
from chexnomaly.phantom.findings.catalog import Subject, paint_lesions
from chexnomaly.phantom.imaging.exposure import expose, sample_technique

Streams = Mapping[str, np.random.Generator]


def render(
    subject: Subject, grid: Grid, streams: Streams, painted: Collection[str] = ()
) -> np.ndarray:
    """Render one film.

    Args:
        subject: Patient with lesions.
        grid: Pixel grid.
        streams: Random streams "vessels", "gas", "bones", "devices", "tissue",
            "technique" and "noise".
        painted: Findings drawn as a bright ellipse in place of their physics.

    Returns:
        Brightness, air dark and bone bright, in [0, 1]. Shape (H, W), float32.
    """
    maps = healthy_maps(subject.chest, grid, streams)
    paint_lesions(subject, maps, grid, painted)
    bedside = subject.chest.patient.frontal_ap
    technique = sample_technique(streams["technique"], bedside)
    return expose(maps, grid, technique, streams["noise"])


def healthy_maps(chest: Chest, grid: Grid, streams: Streams) -> Maps:
    """Compute the thickness maps before any lesion is painted."""
    lung, density = lung_maps(chest, grid, streams["tissue"])
    vessels = vessel_map(chest, grid, streams["vessels"])
    return Maps(
        body=body_map(chest, grid),
        lung=lung,
        density=density,
        # where heart or liver takes the depth, there are fewer vessels
        vessels=vessels * np.clip(lung / 9, 0, 1),
        extra=_soft_parts(chest, grid, streams["tissue"]),
        gas=airway_gas(chest, grid) + abdominal_gas(chest, grid, streams["gas"]),
        bone=bone_map(chest, grid, streams["bones"]),
        metal=device_map(chest, grid, streams["devices"]),
    )


def _soft_parts(chest: Chest, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    parts = breast_map(chest, grid) + neck_shadow(chest, grid)
    return parts + tissue_grain(chest, grid, rng)
