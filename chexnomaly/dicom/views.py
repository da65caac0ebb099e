"""Which films were taken from the side, as far as headers say.

Three elements may say so: the view position, the view code and the patient's
orientation. One of them is enough; a header that has none of them says nothing.
"""

import re

from pydicom.dataset import Dataset

LATERAL_VIEWS = frozenset(
    ("LL", "RL", "LLO", "RLO", "LLAT", "RLAT", "LAT", "LATL", "LATR", "LATERAL")
)
"""Words of a view position that say so; a lateral decubitus film is frontal."""

LATERAL_CODES = frozenset(
    (
        *("399067008", "R-102CD", "49370004", "G-A104"),  # lateral
        *("399173006", "R-10236", "399118008", "G-5223"),  # left lateral
        *("399198007", "R-10232", "399297009", "G-5222"),  # right lateral
        *("399352003", "R-10228", "399260004", "R-10224"),  # through, either way
        *("399184004", "R-10238", "399236003", "R-10234"),  # left and right oblique
        *("260427002", "R-40783", "30730003", "G-A145"),  # lateral oblique, sagittal
    )
)
"""Codes of such views in SNOMED CT and SNOMED RT (DICOM PS3.16, CID 4010)."""


def find_side_view(header: Dataset) -> str | None:
    """Find what says that a film was taken from the side.

    Args:
        header: The film's header, without empty elements.

    Returns:
        The element's tag; None where nothing says so.

    References:
        DICOM PS3.3, C.8.11.5.1.1 (DX positioning), C.7.6.1.1.1 (orientation).
    """
    words = re.findall("[A-Z]+", str(header.get("ViewPosition", "")).upper())
    if LATERAL_VIEWS & {*words} and not any("DEC" in word for word in words):
        return "(0018,5101)"
    items = header.get("ViewCodeSequence", [])
    if any(str(item.get("CodeValue", "")).strip() in LATERAL_CODES for item in items):
        return "(0054,0220)"
    # Rows and columns of a frontal film run left or right, head or foot.
    directions = header.get("PatientOrientation", [])
    directions = [directions] if isinstance(directions, str) else directions
    if any(direction.strip().upper()[:1] in ("A", "P") for direction in directions):
        return "(0020,0020)"
    return None
