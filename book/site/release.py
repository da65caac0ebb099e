"""What `make release` adds to a commit and its built book: metadata and checksums.

    python -m book.site.release PROFILE FOLDER OUT

FOLDER holds the sources as committed and what the notebooks left: themselves with their
outputs, results, pictures, rendered pieces. Films lie among the sources, with the card
that says whose they are. `make site` in the unpacked archive builds the site again,
offline, and runs no notebook. One commit with one build gives the same bytes.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from book.extensions.html.downloads import write_archive
from book.pieces.facts import Facts
from book.pieces.metadata import file_facts, write_metadata
from chexnomaly import __version__
from chexnomaly.workspace import Workspace

NAME = f"chexnomaly-{__version__}"
"""Name of the folder in the archive."""


def write_release(workspace: Workspace, out: Path) -> None:
    """Write the archive of a folder, once metadata and checksums lie in it.

    Args:
        workspace: The folder, and the profile that was built.
        out: The archive, .zip.

    Raises:
        PieceError: A file that the metadata speak of is not there.
    """
    root = workspace.root
    executed = sorted((root / "_build/notebooks" / workspace.profile).glob("*.ipynb"))
    facts = Facts(workspace)
    found = facts.results.files.items()
    places = {
        "results": {key: path.relative_to(root).as_posix() for key, path in found},
        "notebooks": {path.stem: f"notebooks/{path.name}" for path in executed},
        "files": sorted(path.name for path in root.iterdir() if path.is_file()),
        "films": ["book/reference/films/"],
    }
    write_metadata(facts, root, executed, places)
    files = {p.relative_to(root): p for p in sorted(root.rglob("*")) if p.is_file()}
    sums = (f"{file_facts(path)['sha256']}  {name}\n" for name, path in files.items())
    (root / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    files[Path("SHA256SUMS")] = root / "SHA256SUMS"
    write_archive(out, {f"{NAME}/{n}": p.read_bytes() for n, p in files.items()})


def main(arguments: Sequence[str]) -> None:
    """Write it, and say what it is."""
    profile, folder, out = arguments[0], Path(arguments[1]), Path(arguments[2])
    write_release(Workspace(profile, folder), out)
    facts = file_facts(out)
    print(f"{out}: {int(facts['contentSize']) / 1e6:.1f} MB, SHA-256 {facts['sha256']}")


if __name__ == "__main__":
    main(sys.argv[1:])
