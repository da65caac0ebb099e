"""`make release`: one archive of a commit and its built book, ready for a DOI.

    python -m book.site.release PROFILE

It holds the sources, what the notebooks left (themselves with their outputs, results,
pictures, rendered pieces), metadata and checksums. Films lie among the sources, with
the card that says whose they are; nothing of `_build/data` goes in. `make site` in the
unpacked folder builds the site again, offline, and runs no notebook. One commit with
one build gives the same bytes on any day.
"""

import gzip
import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from book.pieces.metadata import file_facts, write_metadata
from book.pieces.sources import result_files
from book.pipeline.gate import faults
from book.pipeline.notebooks import read_notebooks
from chexnomaly import __version__
from chexnomaly.workspace import Workspace

NAME = f"chexnomaly-{__version__}"
LEFT = "_build/notebooks/{0}", "_build/results/{0}", "_build/pictures/{0}"
SUMS = "SHA256SUMS"


class ReleaseError(ValueError):
    """What is here cannot be released; says what to do."""


def git(root: Path, *command: str) -> bytes:
    """Ask git about a checkout."""
    return subprocess.run(
        ["git", *command], cwd=root, capture_output=True, check=True
    ).stdout


def write_release(workspace: Workspace, commit: str = "HEAD") -> Path:
    """Write the archive of a commit and of the book that was built from it.

    Args:
        workspace: The folders of the profile that was built.
        commit: What git shall archive.

    Returns:
        The archive, in `_build`.

    Raises:
        ReleaseError: A notebook was not executed as it stands, or no page rendered.
    """
    root = workspace.root
    executed = [
        root / LEFT[0].format(workspace.profile) / f"{name}.ipynb"
        for name in read_notebooks(root / "Snakefile")
    ]
    stale = [p.stem for p in executed if faults(p, root / "notebooks" / p.name)]
    if stale or not (root / "book" / "rendered").is_dir():
        raise ReleaseError(
            f"not built as it stands: {stale or 'the site'}: `make book`"
        )
    out = root / "_build" / f"{NAME}.tar.gz"
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sources = io.BytesIO(git(root, "archive", commit))
        tarfile.open(fileobj=sources).extractall(folder, filter="data")
        places = {
            "results": {
                key: str(path.relative_to(root))
                for key, path in result_files(workspace).items()
            },
            "notebooks": {path.stem: f"notebooks/{path.name}" for path in executed},
            "files": sorted(path.name for path in folder.iterdir() if path.is_file()),
            "films": ["book/reference/films/"],
        }
        for left in (*LEFT, "book/rendered"):
            name = left.format(workspace.profile)
            shutil.copytree(root / name, folder / name)
        write_metadata(workspace, folder, executed, places)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        sums = (f"{file_facts(p)['sha256']}  {p.relative_to(folder)}\n" for p in files)
        (folder / SUMS).write_text("".join(sums), encoding="utf-8")
        pack(folder, out, int(git(root, "log", "-1", "--format=%ct", commit)))
    return out


def pack(folder: Path, out: Path, seconds: int) -> None:
    """Pack a folder's files; names, contents and the date alone make the bytes.

    Args:
        folder: What to pack.
        out: The archive, .tar.gz.
        seconds: Date of every file, in seconds since 1970.
    """
    with out.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                entry = tarfile.TarInfo(f"{NAME}/{path.relative_to(folder)}")
                entry.size, entry.mtime = path.stat().st_size, seconds
                entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                tar.addfile(entry, io.BytesIO(path.read_bytes()))


def main(arguments: Sequence[str]) -> int:
    """Write the archive; 1 and one sentence where that cannot be done."""
    workspace = Workspace.open(arguments[0])
    try:
        if changed := git(
            workspace.root, "status", "--porcelain", "book", "chexnomaly"
        ):
            raise ReleaseError(f"commit this first:\n{changed.decode().rstrip()}")
        out = write_release(workspace)
    except (ReleaseError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"release: {error}\n")
        return 1
    print(
        f"{out}: {out.stat().st_size / 1e6:.1f} MB, SHA-256 {file_facts(out)['sha256']}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
