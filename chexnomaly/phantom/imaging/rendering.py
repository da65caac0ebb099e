"""From a patient with lesions to the displayed film."""

from collections.abc import Collection, Mapping

import numpy as np

from chexnomaly.phantom.anatomy import body
from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.devices import device_map
from chexnomaly.phantom.anatomy.grid import Grid
from chexnomaly.phantom.anatomy.skeleton import bone_map
from chexnomaly.phantom.anatomy.thickness_maps import Maps, airway_gas, lung_maps
from chexnomaly.phantom.anatomy.vessels import vessel_map
from chexnomaly.phantom.findings.catalog import Lesion, paint_lesions
from chexnomaly.phantom.imaging.exposure import expose

Streams = Mapping[str, np.random.Generator]


def render(
    chest: Chest,
    lesions: list[Lesion],
    grid: Grid,
    streams: Streams,
    painted: Collection[str],
) -> np.ndarray:
    """Render one film.

    Args:
        chest: Curves of the patient.
        lesions: What the patient has, in the order it acts.
        grid: Pixel grid.
        streams: Random streams "vessels", "gas", "bones", "devices", "tissue",
            "technique" and "noise".
        painted: Findings drawn as a bright ellipse in place of their physics.

    Returns:
        Brightness, air dark and bone bright, in [0, 1]. Shape (H, W), float32.
    """
    maps = _healthy_maps(chest, grid, streams)
    paint_lesions(lesions, maps, grid, painted)
    bedside = chest.patient.frontal_ap
    return expose(maps, grid, bedside, streams["technique"], streams["noise"])


def _healthy_maps(chest: Chest, grid: Grid, streams: Streams) -> Maps:
    """Compute the thickness maps before any lesion is painted."""
    lung, density = lung_maps(chest, grid, streams["tissue"])
    vessels = vessel_map(chest, grid, streams["vessels"])
    soft = body.breast_map(chest, grid) + body.neck_shadow(chest, grid)
    gas = airway_gas(chest, grid) + body.abdominal_gas(chest, grid, streams["gas"])
    return Maps(
        body=body.body_map(chest, grid),
        lung=lung,
        density=density,
        # where heart or liver takes the depth, there are fewer vessels
        vessels=vessels * np.clip(lung / 9, 0, 1),
        extra=soft + body.tissue_grain(chest, grid, streams["tissue"]),
        gas=gas,
        bone=bone_map(chest, grid, streams["bones"]),
        metal=device_map(chest, grid, streams["devices"]),
    )
