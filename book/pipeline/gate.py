"""The gate: nothing failed, stale or without its pictures is published.

A site builder publishes a notebook whose cells failed and reports success. So each
executed notebook is stamped with the hash of its source, and looked through here.

    python -m book.pipeline.gate EXECUTED SOURCE [EXECUTED SOURCE ...]
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from book.pipeline.notebooks import source_hash

OUTSIDE = re.compile(
    r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"']?https?:", re.I
)


def stamp(executed: Path, source: Path, read: Path) -> None:
    """Write into an executed notebook's metadata what it came from.

    That is its source's hash, and the names of the results files that it read, which
    `read` lists as they came (`chexnomaly.results.READ_LOG`). What libraries said on
    stderr, often with folders of this machine in it, is dropped: the page would not
    show it, and the log keeps it.
    """
    notebook = json.loads(executed.read_text(encoding="utf-8"))
    for cell in (c for c in notebook["cells"] if c["cell_type"] == "code"):
        cell["outputs"] = [o for o in cell["outputs"] if o.get("name") != "stderr"]
    notebook["metadata"]["chexnomaly"] = {
        "source": source.name,
        "source_sha256": source_hash(source),
        "read": sorted(set(read.read_text(encoding="utf-8").split())),
    }
    executed.write_text(json.dumps(notebook, indent=1) + "\n", encoding="utf-8")


def faults(executed: Path, source: Path) -> list[str]:
    """Say what keeps an executed notebook from being published.

    Args:
        executed: The notebook with its outputs.
        source: The notebook it was executed from.

    Returns:
        One sentence per fault; empty when there is none.
    """
    if not source.is_file():
        return ["has no source notebook"]
    if not executed.is_file():
        return ["was not executed"]
    try:
        notebook = json.loads(executed.read_text(encoding="utf-8"))
    except ValueError:
        return ["is not a notebook"]
    found = list(_notebook_faults(notebook, source))
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    for number, cell in enumerate(code, 1):
        found += [f"code cell {number} {fault}" for fault in _cell_faults(cell)]
    return found


def _notebook_faults(notebook: dict, source: Path) -> Iterator[str]:
    metadata = notebook["metadata"]
    stamped = metadata.get("chexnomaly", {}).get("source_sha256")
    if stamped != source_hash(source):
        yield "is stale: its source has changed since it was executed"
    if metadata.get("papermill", {}).get("exception"):
        yield "stopped at an exception"
    if metadata.get("widgets"):
        yield "holds widget state, which loads scripts from outside: use a text bar"


def _cell_faults(cell: dict) -> Iterator[str]:
    tags = cell["metadata"].get("tags", [])
    errors = [o for o in cell["outputs"] if o["output_type"] == "error"]
    for error in errors:
        yield f"failed with {error['ename']}: {error['evalue']}"
    if "".join(cell["source"]).strip() and cell["execution_count"] is None:
        yield "was not executed"
    wants_image = "figure" in tags or "figure" in cell["metadata"].get("mystnb", {})
    if wants_image and not errors and not any(map(_has_image, cell["outputs"])):
        yield "has no image, and is a figure (is MPLBACKEND set?)"
    for output in cell["outputs"]:
        if OUTSIDE.search("".join(output.get("data", {}).get("text/html", ""))):
            yield "puts something from outside into the page"


def _has_image(output: dict) -> bool:
    """Say whether an output holds a picture, or films to look at with their data."""
    data = output.get("data", {})
    films = 'src="data:image/' in "".join(data.get("text/html", ""))
    return films or any(kind.startswith("image/") and data[kind] for kind in data)


def main(arguments: Sequence[str]) -> int:
    """Look through pairs of notebooks; 1 where one of them has a fault."""
    paths = [Path(argument) for argument in arguments]
    pairs = list(zip(paths[::2], paths[1::2], strict=True))
    complaints = [f"{e}: {fault}" for e, s in pairs for fault in faults(e, s)]
    sys.stderr.writelines(f"{line}\n" for line in complaints)
    if complaints:
        sys.stderr.write(f"gate: {len(complaints)} faults, nothing was published\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
