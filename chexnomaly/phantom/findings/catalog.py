"""All findings by key, and how a set of them is put into one patient."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from chexnomaly.labels import FINDINGS, UNSEEN
from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.grid import Box, Grid
from chexnomaly.phantom.anatomy.patient import Patient
from chexnomaly.phantom.anatomy.thickness_maps import Maps
from chexnomaly.phantom.findings import focal, lung, pleura, shape
from chexnomaly.phantom.findings.painters import Painter
from chexnomaly.phantom.readers.habits import draw_conspicuity

RESHAPE = {
    "cardiomegaly": shape.enlarge_heart,
    "aortic_enlargement": shape.enlarge_aorta,
    "atelectasis": shape.collapse,
}
"""Findings that first change the patient."""

PLACE = {
    "aortic_enlargement": shape.box_aorta,
    "atelectasis": shape.box_collapse,
    "calcification": focal.calcification,
    "cardiomegaly": shape.box_heart,
    "consolidation": lung.consolidation,
    "ild": lung.ild,
    "infiltration": lung.infiltration,
    "lung_opacity": lung.lung_opacity,
    "nodule_mass": focal.nodule_mass,
    "other_lesion": focal.other_lesion,
    "pleural_effusion": pleura.pleural_effusion,
    "pleural_thickening": pleura.pleural_thickening,
    "pneumothorax": pleura.pneumothorax,
    "pulmonary_fibrosis": lung.pulmonary_fibrosis,
    "pneumonia": lung.pneumonia,
    "covid": lung.covid,
    "rib_fracture": shape.break_ribs,
}
"""Findings to the function that places their lesions in a chest."""

ORDER = FINDINGS + UNSEEN
"""Order in which findings act; it also numbers their random streams."""


@dataclass(frozen=True)
class Lesion:
    """One true lesion.

    Attributes:
        finding: Finding key.
        box: Extent in patient coordinates, xyxy, cm.
        conspicuity: 0 (hardly to be seen) to 1 (obvious).
        paint: What changes the maps, in order; none if the anatomy itself was reshaped.
    """

    finding: str
    box: Box
    conspicuity: float
    paint: list[Painter]


def place_findings(
    patient: Patient,
    findings: Collection[str],
    streams: Mapping[str, np.random.Generator],
) -> tuple[Chest, list[Lesion]]:
    """Put findings into a patient.

    Args:
        patient: The healthy person.
        findings: Finding keys; each acts at most once.
        streams: One random stream per finding, so that leaving one finding out
            moves none of the others.

    Returns:
        The reshaped chest, and its lesions in the order they act.
    """
    present = [key for key in ORDER if key in findings]
    seen = {key: draw_conspicuity(key, streams[key]) for key in present}
    for key in present:
        if key in RESHAPE:
            patient = RESHAPE[key](patient, streams[key], seen[key])
    chest = Chest(patient)
    lesions = [
        Lesion(key, box, seen[key], paint)
        for key in present
        for box, *paint in PLACE[key](chest, streams[key], seen[key])
    ]
    return chest, lesions


def paint_lesions(
    lesions: list[Lesion], maps: Maps, grid: Grid, painted: Collection[str]
) -> None:
    """Apply every lesion to the thickness maps, in place.

    Args:
        lesions: In the order they act.
        maps: Thickness maps of the healthy anatomy.
        grid: Their grid.
        painted: Findings drawn as a bright ellipse in place of their physics (an
            ablation).
    """
    for lesion in lesions:
        if lesion.finding in painted:
            _paint_ellipse(lesion.box, maps, grid)
        else:
            for paint in lesion.paint:
                paint(maps, grid)


def _paint_ellipse(box: Box, maps: Maps, grid: Grid) -> None:
    x0, y0, x1, y1 = box
    window = grid.window(*box)
    x, y = grid.axes(window)
    rho = np.square((2 * x - x0 - x1) / (x1 - x0))
    rho = rho + np.square((2 * y - y0 - y1) / (y1 - y0))
    maps.extra[window] += 3.0 * np.clip(1 - rho, 0, 1)
