"""Which films were taken from the side, as far as headers say.

Three elements may say so: the view position, the view code and the patient's
orientation. One of them is enough; a header that has none of them says nothing.
"""

import re
import tomllib
from pathlib import Path

from pydicom.dataset import Dataset

_TABLE = tomllib.loads(Path(__file__).with_name("views.toml").read_text("utf-8"))
LATERAL_VIEWS, LATERAL_CODES = (frozenset(_TABLE[k]) for k in ("words", "codes"))
"""Words of a view position, and codes of a view, that say so."""


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
