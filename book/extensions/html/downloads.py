"""Files beside the pages: results, source notebooks, and one archive of everything.

The archive holds what does not change from run to run: results, figures, the ledger.
Its bytes depend on nothing but theirs. Stamps, which hold times, lie beside it.
"""

import base64
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sphinx.application import Sphinx

from book.extensions.html import films
from book.extensions.origins import workspace_of
from book.pieces.metadata import write_metadata
from book.pieces.sources import result_files
from chexnomaly.claims.expected import all_verdicts, write_verdicts
from chexnomaly.claims.ledger import LEDGER
from chexnomaly.workspace import Workspace

RESULTS = "results"
SOURCES = "source"
ARCHIVE = "results.zip"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold
ENDINGS = {
    "image/svg+xml": ".svg",
    "image/webp": ".webp",
    "image/png": ".png",
    "image/jpeg": ".jpg",
}
ABOUT = """What this build of the book measured and drew, profile {profile}.

results/  one JSON per system and set: values with n and interval, evidence level
figures/  by notebook; a figure of the paper has its number in its name
claims.csv  what the paper printed

The evidence level of a result says what it may be compared with. Stamps (parameters,
versions, hardware, wall times) lie beside each result on the site.
"""


def write_downloads(app: Sphinx, exception: Exception | None) -> None:
    """Write them once the pages are there."""
    if exception or app.builder.name != "html":
        return
    site, workspace = Path(app.outdir), workspace_of(app.env)
    pages = sorted((Path(app.srcdir) / "notebooks").glob("*.ipynb"))
    (site / RESULTS).mkdir(exist_ok=True)
    (site / SOURCES).mkdir(exist_ok=True)
    for path in result_files(workspace).values():
        stamp = path.with_suffix(".stamp.json")
        for file in (path, stamp) if stamp.is_file() else (path,):
            shutil.copy(file, site / RESULTS)
    for page in pages:
        shutil.copy(workspace.root / "notebooks" / page.name, site / SOURCES)
    write_verdicts(all_verdicts(workspace.results_folders), site)
    write_archive(site / ARCHIVE, dict(contents(workspace, pages)))
    places = {
        "results": {k: f"{RESULTS}/{k}.json" for k in result_files(workspace)},
        "notebooks": {page.stem: f"{SOURCES}/{page.name}" for page in pages},
        "files": [ARCHIVE, "claims.csv", "claims.json"],
        "films": [f"{films.FOLDER}/"] * (site / films.FOLDER).is_dir(),
    }
    write_metadata(workspace, site, pages, places)


def contents(
    workspace: Workspace, pages: Sequence[Path]
) -> Iterator[tuple[str, bytes]]:
    """Gather what the archive holds: name to bytes."""
    yield "README.txt", ABOUT.format(profile=workspace.profile).encode()
    yield "claims.csv", LEDGER.read_bytes()
    for path in result_files(workspace).values():
        yield f"results/{path.name}", path.read_bytes()
    for page in pages:
        for name, picture in figures_of(page):
            yield f"figures/{page.stem}/{name}", picture


def figures_of(executed: Path) -> Iterator[tuple[str, bytes]]:
    """Take the pictures out of an executed notebook.

    Args:
        executed: The notebook with its outputs.

    Yields:
        File name and bytes; a figure's own name, or else "cell" and its number.
    """
    cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    for number, cell in enumerate(cells):
        figure = cell["metadata"].get("mystnb", {}).get("figure", {})
        name = figure.get("name", f"cell-{number:02d}")
        drawn = [picture_of(output) for output in cell.get("outputs", [])]
        for part, (ending, picture) in enumerate(filter(None, drawn)):
            yield f"{name}{f'-{part + 1}' * (part > 0)}{ending}", picture


def picture_of(output: dict) -> tuple[str, bytes] | None:
    """Decode a cell output's picture: its file ending, its bytes; None without one."""
    data = output.get("data", {})
    for kind, ending in ENDINGS.items():
        if kind in data:
            text = "".join(data[kind])
            vector = kind == "image/svg+xml"
            return ending, text.encode() if vector else base64.b64decode(text)
    return None


def write_archive(path: Path, files: dict[str, bytes]) -> None:
    """Write a zip whose bytes depend on names and contents alone."""
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files):
            entry = ZipInfo(name, LONG_AGO)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
