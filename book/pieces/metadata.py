"""What machines read of a folder: codemeta.json, and an RO-Crate of files and runs."""

import hashlib
import json
import mimetypes
from collections.abc import Iterator, Sequence
from pathlib import Path

from book.pieces.facts import Facts
from book.pieces.render import render
from book.pieces.sources import Results, metadata_of


def write_metadata(
    facts: Facts, folder: Path, executed: Sequence[Path], places: dict
) -> None:
    """Write both files into the folder that they describe.

    Args:
        facts: What is known of the profile that is built.
        folder: Where to.
        executed: The notebooks with their outputs.
        places: Where the folder holds what: `results` and `notebooks`, name to path
            below the folder; lists of further `files` and of folders of `films`.

    Raises:
        PieceError: Something that they say is not there.
    """
    parts = [*places["results"].values(), *places["notebooks"].values()]
    files = {part: file_facts(folder / part) for part in parts + places["files"]}
    ran = [*runs(facts.results, executed)]
    given = {"places": places, "files": files, "runs": ran}
    for name in ("codemeta.json", "ro-crate-metadata.json"):
        content = json.loads(render(facts, name, name, **given))
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (folder / name).write_text(f"{text}\n", encoding="utf-8")


def file_facts(path: Path) -> dict[str, str]:
    """Give a file's kind, its size in bytes and its SHA-256."""
    content = path.read_bytes()
    kind = mimetypes.guess_type(path)[0] or "text/plain"
    digest = hashlib.sha256(content).hexdigest()
    return {"encodingFormat": kind, "contentSize": str(len(content)), "sha256": digest}


def runs(results: Results, executed: Sequence[Path]) -> Iterator[dict]:
    """Say of each notebook when it ran, and which results it read and wrote."""
    for path in executed:
        about = metadata_of(path)
        yield {
            "name": path.stem,
            "ran": about["papermill"],
            "read": [
                key for key in about["chexnomaly"]["read"] if key in results.files
            ],
            "wrote": list(results.written_now(path.stem)),
        }
