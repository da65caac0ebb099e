"""The tables of damaged files: what long runs of `make fuzz` reported."""

import json
from pathlib import Path

from docutils import nodes

from book.extensions.directives.tables import TableDirective
from book.extensions.words import table, words

HEADS = {
    "inputs": "Damaged files",
    "read": "Read all the same",
    "refused": "Refused by name",
    "lost": "of these: decoder ended",
    "crashed": "Crashed",
    "hung": "Hung",
    "slowest_s": "Slowest, s",
    "memory_mib": "Most memory, MiB",
}
"""Field of the report to the heading of its column."""


FORMS = {
    "films": "Films of each transfer syntax, damaged at random, {date}, seed {seed}",
    "fuzz": "Damaged at random, {date}, seed {seed}",
    "guided": "Led by coverage, {date}, seed {seed}, {guided_s:g} s of CPU each",
}
"""Committed report to what it is called."""


class DamageDirective(TableDirective):
    """Lay out the committed reports of `make fuzz`; a missing one is a warning."""

    def run(self) -> list[nodes.Node]:
        """Make each report's table and the sentence above it."""
        return [node for name in FORMS for node in self._report(name)]

    def _report(self, name: str) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / "reference" / "fuzz" / f"{name}.json"
        self.env.note_dependency(str(path))
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
            about, targets = report["about"], report["targets"]
            rows = [
                [kind, *(str(({"lost": ""} | found)[field]) for field in HEADS)]
                for kind, found in targets.items()
            ]
            text = (
                f"{FORMS[name].format(**about)}: at most {about['seconds']:g} s and "
                f"{about['memory_mib']} MiB beyond the idle program for each file."
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.warn(error)
            return []
        return [words(text), table(["Kind of file", *HEADS.values()], rows, ["fuzz"])]
