"""Films whose pixels may hold a patient's name: told once, as far as headers say.

A DICOM header may say that text is burned into the pixels (0028,0301), and secondary
captures (screens, scanned films) often carry some without saying so. Most headers say
nothing, and pictures have no header: no warning is no proof. No pixel is searched and
nothing is masked.
"""

import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd
from pydicom import dcmread

from chexnomaly.datasets.annotations.identities import load_numbers, private_folder
from chexnomaly.dicom.limits import library_errors
from chexnomaly.errors import ImageError
from chexnomaly.files import write_atomic

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""SOP class of secondary captures; the multi-frame ones add a number to it."""

SAYS_SO = "its header says so"
IS_CAPTURE = "a secondary capture"

_TAGS = ["SOPClassUID", "BurnedInAnnotation", "ConversionType"]


def read_text_risk(path: str | Path) -> str | None:
    """Tell from a file's header why its pixels may hold text.

    Args:
        path: Any file; pixels are not read.

    Returns:
        `SAYS_SO` where Burned In Annotation is YES; `IS_CAPTURE` for a secondary
        capture whose header does not say NO; None otherwise, and where the file is no
        readable DICOM.

    References:
        DICOM PS3.3, C.7.6.1 (General Image) and C.8.6.1 (SC Equipment).
    """
    unread = library_errors(Path(path), "header", None, "a DICOM file")
    with suppress(ImageError), unread:
        header = dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
        stated = str(header.get("BurnedInAnnotation") or "").strip().upper()
        if stated == "YES":
            return SAYS_SO
        kind = str(header.get("SOPClassUID") or "") + "."
        captured = kind.startswith(SECONDARY_CAPTURE + ".")
        if stated != "NO" and (captured or header.get("ConversionType")):
            return IS_CAPTURE
    return None


def warn_of_text(images: Mapping[str, Path], out: Path) -> None:
    """Look through the headers of a set's films; warn once where text is likely.

    Args:
        images: Code of each film, and its file.
        out: The prepared set's folder. The films are listed, with their files, in
            `private/<set>.text.csv` beside it.
    """
    risks = ((code, read_text_risk(path)) for code, path in images.items())
    found = {code: why for code, why in risks if why}
    listing = private_folder(out) / f"{Path(out).name}.text.csv"
    if not found:
        listing.unlink(missing_ok=True)
        return
    numbers = load_numbers(out)
    rows = sorted((numbers[c], why, str(images[c])) for c, why in found.items())
    frame = pd.DataFrame(rows, columns=["image_id", "why", "file"])
    text = frame.to_csv(index=False, lineterminator="\n")
    write_atomic(listing, text, private=True)
    counts = frame["why"].value_counts()
    warnings.warn(
        f"{len(found)} of {len(images)} films may hold text in their pixels "
        f"({counts.get(SAYS_SO, 0)} by their header, {counts.get(IS_CAPTURE, 0)} as "
        f"secondary captures): {', '.join(frame['image_id'][:3])}"
        f"{', ...' if len(found) > 3 else ''}; all are listed in "
        f"private/{listing.name} beside the set. Look at them before anything is "
        "shown or passed on.",
        stacklevel=3,
    )
