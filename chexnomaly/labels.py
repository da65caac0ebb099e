"""The findings by name: one key each, used in files, tables and code.

The fourteen of VinDr-CXR stand in the order of the Kaggle class ids 0-13, which
is also the order of the paper's Table II.
"""

VINDR_NAMES = {
    "aortic_enlargement": "Aortic enlargement",
    "atelectasis": "Atelectasis",
    "calcification": "Calcification",
    "cardiomegaly": "Cardiomegaly",
    "consolidation": "Consolidation",
    "ild": "ILD",
    "infiltration": "Infiltration",
    "lung_opacity": "Lung Opacity",
    "nodule_mass": "Nodule/Mass",
    "other_lesion": "Other lesion",
    "pleural_effusion": "Pleural effusion",
    "pleural_thickening": "Pleural thickening",
    "pneumothorax": "Pneumothorax",
    "pulmonary_fibrosis": "Pulmonary fibrosis",
}
"""Finding key to the name VinDr-CXR's tables write."""

FINDINGS = tuple(VINDR_NAMES)
"""The fourteen finding keys, in the order of Table II."""

NAMED_IN_FIGURE_14 = (
    "aortic_enlargement",
    "cardiomegaly",
    "calcification",
    "pneumothorax",
)
"""Findings that its caption names: two that "displayed learning patterns" before the
custom loss, and two that stayed hard after it."""

UNSEEN = ("pneumonia", "covid", "rib_fracture")
"""Findings that no training table holds: the paper's "other" diseases."""

NO_FINDING = "no_finding"
"""Key of a reader's statement that an image shows nothing."""

DISPLAY_NAMES = VINDR_NAMES | {
    "pneumonia": "Pneumonia",
    "covid": "COVID-19",
    "rib_fracture": "Rib fracture",
    NO_FINDING: "No finding",
}
"""Finding key to the name shown in figures and tables."""
