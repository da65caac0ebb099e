"""Files beside the pages: results, source notebooks, and one archive of everything.

The archive holds what does not change from run to run: results and the ledger.
Its bytes depend on nothing but theirs. Stamps, which hold times, lie beside it.
"""

import shutil
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sphinx.application import Sphinx

from book.extensions.html import films
from book.extensions.origins import facts_of
from book.pieces.metadata import write_metadata
from book.pieces.render import render
from chexnomaly.claims.expected import write_verdicts
from chexnomaly.claims.ledger import LEDGER

RESULTS = "results"
SOURCES = "source"
ARCHIVE = "results.zip"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold


def write_downloads(app: Sphinx, exception: Exception | None) -> None:
    """Write them once the pages are there."""
    if exception or app.builder.name != "html":
        return
    site, facts = Path(app.outdir), facts_of(app.env)
    pages = sorted((Path(app.srcdir) / "notebooks").glob("*.ipynb"))
    (site / SOURCES).mkdir(exist_ok=True)
    about = render(facts, "readme.txt", ARCHIVE)
    held = {"README.txt": about.encode(), "claims.csv": LEDGER.read_bytes()}
    places = {
        "results": {},
        "notebooks": {page.stem: f"{SOURCES}/{page.name}" for page in pages},
        "files": [ARCHIVE, "claims.csv", "claims.json"],
        "films": [f"{films.FOLDER}/"] * (site / films.FOLDER).is_dir(),
    }
    for key, path in facts.results.files.items():
        places["results"][key] = name = f"{RESULTS}/{key}.json"
        held[name] = path.read_bytes()
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        for file in filter(Path.is_file, (path, path.with_suffix(".stamp.json"))):
            shutil.copy(file, (site / name).parent)
    for page in pages:
        shutil.copy(facts.workspace.root / "notebooks" / page.name, site / SOURCES)
    write_verdicts(facts.verdicts, site)
    write_archive(site / ARCHIVE, held)
    write_metadata(facts, site, pages, places)


def write_archive(path: Path, files: dict[str, bytes]) -> None:
    """Write a zip whose bytes depend on names and contents alone."""
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files):
            entry = ZipInfo(name, LONG_AGO)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
