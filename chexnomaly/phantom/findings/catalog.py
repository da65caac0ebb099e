"""All findings by key, and how a set of them is put into one patient."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from chexnomaly.labels import FINDINGS, UNSEEN
from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.grid import Grid
from chexnomaly.phantom.anatomy.patient import Patient
from chexnomaly.phantom.anatomy.thickness_maps import Maps
from chexnomaly.phantom.findings import focal, lung, pleura, shape
from chexnomaly.phantom.findings.lesions import Lesion

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
}
"""Findings to the function that places their lesions in a chest."""

ORDER = FINDINGS + UNSEEN
"""Order in which findings act; it also numbers their random streams."""


@dataclass(frozen=True)
class Subject:
    """A patient with lesions.

    Attributes:
        chest: Curves after all reshaping.
        lesions: True lesions, in the order they act.
    """

    chest: Chest
    lesions: tuple[Lesion, ...]


def build_subject(
    patient: Patient,
    findings: Iterable[str],
    streams: Mapping[str, np.random.Generator],
    conspicuity: Mapping[str, float],
) -> Subject:
    """Put findings into a patient.

    Args:
        patient: The healthy person.
        findings: Finding keys; each acts at most once.
        streams: One random stream per finding, so that leaving one finding out
            moves none of the others.
        conspicuity: How obvious each finding is, 0 to 1.

    Returns:
        The reshaped chest and its lesions.

    Raises:
        ValueError: A finding is unknown.
    """
    wanted = set(findings)
    if unknown := wanted - set(ORDER):
        raise ValueError(f"findings {sorted(unknown)}, expected some of {ORDER}")
    present = [key for key in ORDER if key in wanted]
    for key in present:
        if key in RESHAPE:
            patient = RESHAPE[key](patient, streams[key], conspicuity[key])
    chest = Chest(patient)
    lesions: list[Lesion] = []
    for key in present:
        if key == "rib_fracture":
            breaks, made = shape.break_ribs(chest, streams[key], conspicuity[key])
            chest = Chest(patient, breaks)
        else:
            made = PLACE[key](chest, streams[key], conspicuity[key])
        lesions += made
    return Subject(chest, tuple(lesions))


def paint_lesions(
    subject: Subject, maps: Maps, grid: Grid, painted: Collection[str] = ()
) -> None:
    """Apply every lesion to the thickness maps, in place.

    Args:
        subject: Patient with lesions.
        maps: Thickness maps of the healthy anatomy.
        grid: Their grid.
        painted: Findings drawn as a bright ellipse in place of their physics (an
            ablation).
    """
    for lesion in subject.lesions:
        if lesion.finding in painted:
            _paint_ellipse(lesion, maps, grid)
            continue
        for paint in lesion.paint:
            paint(maps, grid)


def _paint_ellipse(lesion: Lesion, maps: Maps, grid: Grid) -> None:
    x0, y0, x1, y1 = lesion.box
    window = grid.window(*lesion.box)
    x, y = grid.axes(window)
    rho = ((2 * x - x0 - x1) / (x1 - x0)) ** 2 + ((2 * y - y0 - y1) / (y1 - y0)) ** 2
    maps.extra[window] += 3.0 * np.clip(1 - rho, 0, 1)
