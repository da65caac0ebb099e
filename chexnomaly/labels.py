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
    "fracture": "Fracture",
    "emphysema": "Emphysema",
    "diffuse_nodule": "Diffuse nodules",
    "edema": "Edema",
    "hernia": "Hernia",
    NO_FINDING: "No finding",
}
"""Finding key to the name shown in figures and tables."""

MERGED_LABELS = (
    *("Clavicle fracture", "Edema", "Emphysema", "Enlarged PA"),
    *("Lung cavity", "Lung cyst", "Mediastinal shift", "Rib fracture"),
)
"""PhysioNet's local labels that Kaggle's table of VinDr-CXR calls "Other lesion"."""

_OWN_NAMES = (
    *("Atelectasis", "Calcification", "Cardiomegaly", "Consolidation"),
    *("Diffuse Nodule", "Edema", "Emphysema", "Fracture", "Hernia", "Infiltration"),
    *("Pleural Effusion", "Pleural Thickening", "Pneumonia", "Pneumothorax"),
)
_KEY_OF_NAME = {name: name.lower().replace(" ", "_") for name in _OWN_NAMES} | {
    "Effusion": "pleural_effusion",
    "Fibrosis": "pulmonary_fibrosis",
    "Infiltrate": "infiltration",
    "Mass": "nodule_mass",
    "Nodule": "nodule_mass",
    "Pleural_Thickening": "pleural_thickening",
    "No Finding": NO_FINDING,
}
_OUTLINED = ("Consolidation", "Pleural Effusion", "Effusion", "Pneumothorax")

FINDING_OF_NAME = {
    "vindr": {name: key for key, name in VINDR_NAMES.items()}
    | dict.fromkeys(MERGED_LABELS, "other_lesion")
    | {"No finding": NO_FINDING},
    "rsna": {"0": NO_FINDING, "1": "pneumonia"},
    "covid": {name: _KEY_OF_NAME[name] for name in _OUTLINED},
    "nih": _KEY_OF_NAME,
}
"""Collection to what its tables write for a finding to our key. RSNA writes a target;
ground glass of covid-chestxray is named by its film's disease (`covid_regions`); NIH's
stands for all that is said of its films, ChestX-Det's thirteen included."""

SYNONYMS = {
    "opacity": ("lung_opacity", "consolidation", "infiltration", "pneumonia"),
    "nodule": ("nodule_mass", "diffuse_nodule"),
    "fracture": ("fracture", "rib_fracture"),
}
"""Findings that readers use for one another; whoever holds one out holds out all."""
