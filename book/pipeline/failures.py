"""Say in one line why a notebook failed.

What the machine did to a run (a full disk, a killed kernel, a time limit) and what the
library refused by name become one sentence; anything else keeps its traceback. Where
the library refused something that was built here, such as a damaged store, the executed
notebooks of the profile are forgotten, so that the next run looks at every input again
and makes anew what is damaged. What is sound is taken up, not made again.
"""

import json
import re
import shutil
import sys
import tomllib
from pathlib import Path

from chexnomaly import errors

GOES_ON = "What is finished is kept: the same command goes on from there."
FULL = "No space left on device"
ROOM = 64 * 1024
"""Bytes without which no notebook can be written."""

KNOWN = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
"""What the machine does to a run: where it is read, to pattern, to a sentence."""

BUILT = "_build"
"""Folder of all that this pipeline makes, and can make again."""


def error_of(notebook: Path) -> tuple[str, str]:
    """Find the error that ended an executed notebook.

    Args:
        notebook: The notebook as papermill left it; may be missing or torn.

    Returns:
        The error's name and message, both empty where there is none.
    """
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return "", ""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    found = [o for o in outputs if o["output_type"] == "error"]
    return (found[-1]["ename"], found[-1]["evalue"]) if found else ("", "")


def explain(notebook: Path, log: str) -> str | None:
    """Give the reason in one sentence, None where only the traceback tells.

    Args:
        notebook: The notebook as papermill left it.
        log: What papermill printed; nothing where the disk had no room for it.
    """
    name, message = error_of(notebook)
    text = f"{name}: {message}" if name else log
    if not name and shutil.disk_usage(notebook.parent).free < ROOM:
        text = FULL
    for said, known in ((text, KNOWN["error"]), (log, KNOWN["log"])):
        for pattern, sentence in known.items():
            if re.search(pattern, said):
                return f"{sentence} {GOES_ON}"
    return text if refused(name) else None


def refused(name: str) -> bool:
    """Tell whether an error's name is that of one of the library's refusals."""
    kind = getattr(errors, name, None) if name else None
    return isinstance(kind, type) and issubclass(kind, errors.InputError)


def forget(executed: Path) -> None:
    """Have every notebook of a profile run again, whatever Snakemake remembers."""
    for notebook in executed.glob("*.ipynb"):
        notebook.unlink()


def report(run: str, notebook: Path, log: Path) -> None:
    """Print the reason, or the end of the log where there is no short one.

    Args:
        run: Name of the run.
        notebook: The notebook as papermill left it.
        log: What papermill printed; may be missing.
    """
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    sentence = explain(notebook, text)
    if sentence is None:
        sys.stderr.write("\n".join(text.splitlines()[-40:]) + "\n")
    sys.stderr.write(f"{run}: FAILED, see {notebook}\n")
    if sentence is not None:
        sys.stderr.write(f"{run}: {sentence}\n")
    name, message = error_of(notebook)
    if refused(name) and BUILT in message:
        profile = notebook.parent.name
        forget(notebook.parents[2] / "notebooks" / profile)
        sys.stderr.write(f"{run}: the next run makes anew what is damaged\n")
