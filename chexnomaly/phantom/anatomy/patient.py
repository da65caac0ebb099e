"""Who is on the film: one sampled person, and how the film was placed.

All lengths are cm in the patient's frame: x = 0 is the midline and grows towards
the right edge of the image (the patient's left), y = 0 is the height of the lung
apices and grows downwards. Pairs are (image left, image right), that is (the
patient's right, the patient's left).
"""

from dataclasses import dataclass

import numpy as np

Pair = tuple[float, float]


@dataclass(frozen=True)
class Patient:
    """One person and one exposure, in numbers.

    Attributes:
        age: Years.
        female: Whether breasts are drawn and proportions are female.
        frontal_ap: Anteroposterior bedside film instead of posteroanterior.
        fat: Habitus, 0 (thin) to 1 (obese).
        half_width: Inner half width of the rib cage at its widest, cm.
        depth: Half depth of the lungs, cm.
        dome: Height of the top of each diaphragm dome, cm below the apex.
        sulcus: Depth of each costophrenic angle below its dome, cm.
        tilt: Sideways lean of the midline, cm per cm.
        scoliosis: Amplitude of the spine's S-curve, cm.
        scoliosis_phase: Height at which that curve starts, rad.
        rotation: Shift of the front of the chest against the spine, cm.
        heart_ratio: Cardiothoracic ratio.
        heart_left: Share of the heart's width left of the midline.
        heart_round: Roundness of the left ventricle, 0 to 1.
        knob: Radius of the aortic knob, cm.
        unfolding: Widening of the aorta with age, 0 to 1.
        pulmonary: Bulge of the pulmonary trunk, cm.
        cava: Half width of the upper mediastinum, cm.
        rib_start: Height of the first rib at the spine, cm.
        rib_gaps: Eleven distances between neighbouring ribs at the spine, cm.
        rib_drop: Fall of the ribs from spine to sternum, cm.
        rib_arch: Fall per unit of lateral distance at the back, cm.
        rib_half: Half width of a rib, cm.
        bone: Mineral content relative to a healthy adult.
        clavicle_height: Height of each clavicle's inner end, cm.
        clavicle_rise: Rise of each clavicle to the shoulder, cm.
        clavicle_bend: Strength of each clavicle's S.
        scapula: Outward shift of each shoulder blade, cm.
        arm: Angle of the upper arms against the body, cm per cm.
        breast: Thickness of each breast, cm.
        breast_height: Height of the breasts' center, cm.
        stomach_gas: Size of the gastric bubble, cm.
        bowel_gas: Number of gas pockets below the diaphragm.
        vessel_gain: Caliber of the vessels relative to a healthy adult.
        lung_density: Water share of aerated lung.
        field_cm: Width and height of the film, cm.
        corner_cm: Patient coordinates of the film's upper left corner, cm.
        extra_air: Over-inflation, 0 (none) to 1 (emphysema).
        collapsed: Side that lost volume, None where neither did.
    """

    age: float
    female: bool
    frontal_ap: bool
    fat: float
    half_width: float
    depth: float
    dome: Pair
    sulcus: Pair
    tilt: float
    scoliosis: float
    scoliosis_phase: float
    rotation: float
    heart_ratio: float
    heart_left: float
    heart_round: float
    knob: float
    unfolding: float
    pulmonary: float
    cava: float
    rib_start: float
    rib_gaps: tuple[float, ...]
    rib_drop: float
    rib_arch: float
    rib_half: float
    bone: float
    clavicle_height: Pair
    clavicle_rise: Pair
    clavicle_bend: Pair
    scapula: Pair
    arm: float
    breast: Pair
    breast_height: float
    stomach_gas: float
    bowel_gas: int
    vessel_gain: float
    lung_density: float
    field_cm: Pair
    corner_cm: Pair
    extra_air: float
    collapsed: int | None = None


AP_SHARE = {"vindr": 0.03, "rsna": 0.45, "candid": 0.25, "covid": 0.5}
"""Share of bedside films per kind of collection."""


def sample_patient(
    rng: np.random.Generator, population: str, variation: float
) -> Patient:
    """Draw one person and the placement of the film.

    Args:
        rng: Source of randomness, used up in a fixed order.
        population: "vindr", "rsna", "candid" or "covid": share of bedside films.
        variation: Spread between people; 1 is natural, 0 gives everybody the same
            anatomy (an ablation).

    Returns:
        The sampled person.
    """
    normal = _clipped(rng, variation)
    female = bool(rng.random() < 0.48)
    bedside = bool(rng.random() < AP_SHARE[population])
    fields = _trunk(rng, normal, female, bedside)
    fields |= _heart(normal, fields, bedside)
    fields |= _bones(rng, normal, fields)
    fields |= _soft_parts(rng, normal, fields)
    return Patient(**fields, **_placement(normal, fields))


def _clipped(rng: np.random.Generator, variation: float):
    """Return a sampler of normals cut at 2.2 standard deviations."""

    def normal(mean: float, spread: float) -> float:
        return float(mean + variation * spread * min(max(rng.normal(), -2.2), 2.2))

    return normal


def _trunk(rng: np.random.Generator, normal, female: bool, bedside: bool) -> dict:
    age = float(np.clip(normal(56, 16), 18, 92))
    fat = float(np.clip(normal(0.35, 0.27), 0, 1))
    emphysema = max(0.0, normal(-0.15, 0.3)) * (age > 45)
    inspiration = normal(-2.6 if bedside else 0.0, 1.5) + 1.5 * emphysema
    width = normal(13.1 if female else 14.5, 0.8) + 0.4 * fat
    right = (20.2 if female else 21.8) + inspiration - 1.2 * fat + normal(0, 0.9)
    sulcus = normal(4.2, 0.9) - 1.2 * emphysema
    return {
        "age": age,
        "female": female,
        "frontal_ap": bedside,
        "fat": fat,
        "extra_air": emphysema,
        "half_width": width,
        "depth": normal(8.4, 0.7) + 1.2 * emphysema,
        "dome": (right, right + normal(1.1, 0.7)),
        "sulcus": (max(1.9, sulcus), max(1.9, sulcus + normal(-0.2, 0.7))),
        "tilt": normal(0, 0.045 if bedside else 0.022),
        "scoliosis": normal(0, 0.35),
        "scoliosis_phase": float(rng.uniform(0, 2 * np.pi)),
        "rotation": normal(0, 0.5 if bedside else 0.36),
        # a lung that holds less air holds the same blood
        "lung_density": float(
            np.clip(normal(0.27 - 0.015 * inspiration, 0.035), 0.15, 0.42)
        )
        - 0.05 * emphysema,
    }


def _heart(normal, trunk: dict, bedside: bool) -> dict:
    old = np.clip((trunk["age"] - 45) / 40, 0, 1)
    ratio = 0.445 + 0.03 * old + 0.03 * trunk["fat"] + 0.03 * bedside
    ratio -= 0.05 * trunk["extra_air"]
    return {
        "heart_ratio": float(np.clip(normal(ratio, 0.022), 0.36, 0.52)),
        "heart_left": normal(0.67, 0.03),
        "heart_round": float(np.clip(normal(0.45, 0.25), 0, 1)),
        "knob": float(np.clip(normal(1.45 + 0.45 * old, 0.18), 1.05, 2.2)),
        "unfolding": float(np.clip(normal(old, 0.2), 0, 1)),
        "pulmonary": max(0.0, normal(0.35, 0.3)),
        "cava": normal(2.1 + 0.4 * trunk["fat"] + 0.3 * bedside, 0.25),
    }


def _bones(rng: np.random.Generator, normal, trunk: dict) -> dict:
    scale = trunk["dome"][0] / 20.8
    gaps = [normal(mean, 0.14) * scale for mean in np.linspace(1.95, 2.75, 11)]
    lift = normal(0, 0.5)
    return {
        "rib_start": normal(-1.6, 0.3),
        "rib_gaps": tuple(gaps),
        "rib_drop": normal(9.8, 1.2),
        "rib_arch": normal(1.8, 0.6),
        "rib_half": normal(0.58 if trunk["female"] else 0.64, 0.06),
        "bone": float(np.clip(normal(1.1 - 0.004 * trunk["age"], 0.12), 0.5, 1.5)),
        "clavicle_height": (normal(3.4, 0.7) + lift, normal(3.4, 0.7) + lift),
        "clavicle_rise": (normal(3.6, 1.3), normal(3.6, 1.3)),
        "clavicle_bend": (normal(0.3, 0.22), normal(0.3, 0.22)),
        "scapula": (normal(0.4, 0.9), normal(0.4, 0.9)),
        # hands on the hips clear the shoulder blades; in bed the arms lie alongside
        "arm": max(0.02, normal(0.1 if trunk["frontal_ap"] else 0.4, 0.15)),
    }


def _soft_parts(rng: np.random.Generator, normal, trunk: dict) -> dict:
    size = max(0.4, normal(1.0 + 2.6 * trunk["fat"], 0.5)) if trunk["female"] else 0.0
    return {
        "breast": (size, size * normal(1.0, 0.08)),
        "breast_height": normal(13.8 + 2.0 * trunk["fat"], 1.2),
        "stomach_gas": max(0.0, normal(1.0, 0.9)),
        "bowel_gas": int(rng.poisson(1.1)),
        "vessel_gain": normal(1.1, 0.16),
    }


def _placement(normal, trunk: dict) -> dict:
    """Place the film: about 37 x 40 cm around the lungs, in varying aspect."""
    width = 2 * trunk["half_width"] * float(np.clip(normal(1.28, 0.12), 1.05, 1.6))
    lungs = trunk["dome"][0] + trunk["sulcus"][0]
    height = max(width * float(np.clip(normal(1.09, 0.1), 0.88, 1.32)), lungs + 2.5)
    above = float(np.clip(normal(0.36, 0.13), 0.1, 0.65)) * (height - lungs) + 0.4
    if trunk["frontal_ap"]:  # the cassette lies across behind the patient
        width *= 1.15
    left = -width / 2 + normal(0, 0.8) + trunk["tilt"] * lungs / 2
    return {"field_cm": (width, height), "corner_cm": (left, -above)}
