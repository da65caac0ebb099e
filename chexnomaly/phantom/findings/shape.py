"""Findings that reshape the anatomy itself: heart, aorta, collapse, broken ribs.

Their boxes are read from the curves of the reshaped chest, so they hold the organ,
not a painted patch.
"""

from dataclasses import replace

import numpy as np

from chexnomaly.phantom.anatomy.chest import Chest, Fracture
from chexnomaly.phantom.anatomy.patient import Patient
from chexnomaly.phantom.findings.painters import Lesions, bent_line, hazy, strands
from chexnomaly.phantom.findings.places import around
from chexnomaly.phantom.portable import cos


def enlarge_heart(patient: Patient, rng: np.random.Generator, seen: float) -> Patient:
    """Widen the heart beyond half of the chest."""
    ratio = 0.515 + 0.08 * seen + 0.012 * rng.normal()
    return replace(
        patient,
        heart_ratio=float(np.clip(ratio, 0.515, 0.66)),
        heart_round=float(np.clip(patient.heart_round + rng.uniform(0, 0.5), 0, 1)),
        heart_left=float(np.clip(patient.heart_left + 0.02 * rng.normal(), 0.6, 0.74)),
    )


def box_heart(chest: Chest, rng: np.random.Generator, seen: float) -> Lesions:
    """Box the heart: its full width, from the waist to the diaphragm."""
    base = chest.base
    y = np.linspace(0.7 * base, 1.02 * base, 40)
    middle = chest.midline(y)
    left = float((middle - chest.border(0, y)).min())
    right = float((middle + chest.border(1, y)).max())
    top = (0.765 + 0.03 * rng.normal()) * base
    bottom = 0.5 * (chest.patient.dome[0] + base) + 0.4
    yield ((left, top, right, bottom),)


def enlarge_aorta(patient: Patient, rng: np.random.Generator, seen: float) -> Patient:
    """Widen and unfold the aortic arch."""
    knob = 1.85 + 0.6 * seen + 0.12 * rng.normal()
    return replace(
        patient,
        knob=float(np.clip(max(knob, patient.knob + 0.2), 1.75, 2.8)),
        unfolding=float(np.clip(patient.unfolding + rng.uniform(0.2, 0.6), 0, 1.5)),
    )


def box_aorta(chest: Chest, rng: np.random.Generator, seen: float) -> Lesions:
    """Box the aortic knob."""
    k, y = chest.patient.knob, chest.knob_center[1]
    right = chest.to_x(1, float(chest.border(1, y)), y)
    yield ((right - 1.85 * k, y - 1.0 * k, right + 0.1, y + 1.05 * k),)


def collapse(patient: Patient, rng: np.random.Generator, seen: float) -> Patient:
    """Raise a dome and pull the mediastinum towards the lost volume."""
    side = int(rng.random() < 0.35)
    lift = rng.uniform(0.6, 2.6) * (0.4 + 0.6 * seen)
    dome = list(patient.dome)
    dome[side] -= lift
    pull = (0.25 + 0.35 * seen) * lift * (1 if side else -1)
    rotation = patient.rotation + 0.5 * pull
    return replace(patient, dome=tuple(dome), rotation=rotation, collapsed=side)


def box_collapse(chest: Chest, rng: np.random.Generator, seen: float) -> Lesions:
    """Fill the collapsed part: a plate, or a wedge at the base or the hilum."""
    side = chest.patient.collapsed or 0
    down = rng.uniform(0.35, 0.92)
    center = chest.locate(side, rng.uniform(0.2, 0.5), down)
    radii = (rng.uniform(2.4, 4.6), rng.uniform(2.0, 4.8))
    # a fissure ends the airless part: a wedge, not a ball
    distance = rng.choice([-1, 1]) * rng.uniform(0.2, 0.6) * radii[1]
    fissure = distance, 0.5 * rng.normal()
    haze = hazy(center, radii, 0.13 + 0.27 * seen, rng, 0.6, 1.0, fissure)
    lines = []
    tilt = rng.normal(0, 0.5)
    x = center[0] - 0.85 * radii[0] * cos(tilt)
    for _ in range(int(rng.integers(2, 5))):
        start = x, center[1] + rng.uniform(-0.55, 0.55) * radii[1]
        lines.append(bent_line(rng, start, tilt * 0.5, 1.6 * radii[0], 0.25))
    plates = strands(lines, 0.16 + 0.12 * seen, 0.12)
    yield around(center, radii), haze, plates


def break_ribs(chest: Chest, rng: np.random.Generator, seen: float) -> Lesions:
    """Break one to three neighboring ribs of the skeleton."""
    side = int(rng.random() < 0.5)
    first = int(rng.integers(3, 8))
    share = rng.uniform(0.62, 0.9)
    for rib in range(first, first + int(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15]))):
        u, y = chest.rib_point(side, rib, share + 0.02 * rng.normal())
        step = (0.18 + 0.45 * seen) * rng.choice([-1, 1])
        chest.fractures.append(Fracture(side, rib, u, step, 0.12 + 0.12 * seen))
        place, half = (chest.to_x(side, u, y), y), (1.0, 1.0 + abs(step))
        swelling = hazy(place, half, 0.05 + 0.12 * seen, rng, 0.3, 0.9)
        yield around(place, half), swelling
