"""Pictures that the book shows outside the notebooks, each with what it rests on."""

import json
from pathlib import Path

from matplotlib.figure import Figure


def save_picture(
    folder: Path, name: str, fig: Figure, *, caption: str, alt: str, evidence: str
) -> Path:
    """Save a figure as WebP, with its words beside it.

    Args:
        folder: Where it goes; created where missing.
        name: File name without ending.
        fig: The figure.
        caption: Shown under it.
        alt: Read aloud in its place.
        evidence: Evidence level of what it shows.

    Returns:
        The path of the picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.webp"
    fig.savefig(path, dpi=80, metadata=None, pil_kwargs={"quality": 55, "method": 6})
    words = {"caption": caption, "alt": alt, "evidence": evidence}
    text = json.dumps(words, indent=1, sort_keys=True) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    return path
