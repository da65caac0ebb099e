"""The table of damaged files: what a long run of `make fuzz` reported."""

import json
from pathlib import Path

from docutils import nodes

from book.extensions.tables import TableDirective
from book.extensions.words import table, words

HEADS = {
    "inputs": "Damaged files",
    "read": "Read all the same",
    "refused": "Refused by name",
    "crashed": "Crashed",
    "hung": "Hung",
    "slowest_s": "Slowest, s",
    "memory_mib": "Most memory, MiB",
}
"""Field of the report to the heading of its column."""


class DamageDirective(TableDirective):
    """Lay out the committed report of `make fuzz`; a missing one is a warning."""

    def run(self) -> list[nodes.Node]:
        """Make the table and the sentence above it."""
        path = Path(self.env.srcdir) / "reference" / "fuzz" / "fuzz.json"
        self.env.note_dependency(str(path))
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
            about, targets = report["about"], report["targets"]
            rows = [
                [name, *(str(found[field]) for field in HEADS)]
                for name, found in targets.items()
            ]
            text = (
                f"Run of {about['date']} with seed {about['seed']}: at most "
                f"{about['seconds']:g} s and {about['memory_mib']} MiB beyond the idle "
                "program for each file."
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.warn(error)
            return []
        return [words(text), table(["Kind of file", *HEADS.values()], rows, ["fuzz"])]
