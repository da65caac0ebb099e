"""The claims page: every row of the ledger, to be narrowed down, with its anchor.

Without JavaScript the whole table shows. With it, `static/claims.js` shows the form
and hides what does not fit.
"""

from html import escape

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx

from book.extensions.directives.tables import (
    TableDirective,
    measured_cell,
    verdict_cell,
)
from book.extensions.sources import ledger, result_files, results_folders
from book.extensions.words import badge, is_missing, link_to, number, slug, table, words
from chexnomaly.claims import expected as verification
from chexnomaly.errors import InputError
from chexnomaly.evidence import LEVELS, VERDICTS

PAGE = "claims"
ARITHMETIC_PAGE = "notebooks/11_claims"
HEADS = ["Claim", "Printed", "Measured", "n", "Evidence", "Verdict"]
NO_EVIDENCE = "nothing measured"
FILTERS = {"w": "Place", "s": "System", "v": "Verdict", "e": "Evidence"}
"""Prefix of a row's class to the label of its filter."""

FORM = """<form class="claims-filter" hidden aria-label="Narrow the claims down">
{selects}
<label>Words <input type="search" name="q" autocomplete="off"></label>
<button type="reset">Show all</button>
<output aria-live="polite"></output>
</form>"""


def traits(claim: dict) -> dict[str, str]:
    """Give what a claim is filtered by, prefix to value."""
    return {
        "w": claim["where"],
        "s": claim["system"],
        "v": claim["verdict"],
        "e": NO_EVIDENCE if is_missing(claim["evidence"]) else claim["evidence"],
    }


class ClaimsDirective(TableDirective):
    """Every claim with its verdict, and the form that narrows them down."""

    def run(self) -> list[nodes.Node]:
        """Make form and table."""
        ledger(self.env)  # the page depends on it
        for path in result_files(self.env).values():
            self.env.note_dependency(str(path))
        try:
            compared = verification.all_verdicts(results_folders(self.env))
        except InputError as error:
            self.warn(error)
            return []
        claims = compared.to_dict("records")
        made = table(HEADS, [self.cells(claim) for claim in claims], ["claims"])
        body = next(iter(made.findall(nodes.tbody)))
        for row, claim in zip(body.children, claims, strict=True):
            row["ids"].append(anchor(claim["id"]))
            row["classes"] += [f"{k}-{slug(v)}" for k, v in traits(claim).items()]
        return [*self.downloads(), nodes.raw("", form(compared), format="html"), made]

    def cells(self, claim: dict) -> list[nodes.Node | str]:
        """Lay one claim out."""
        about = nodes.container()
        about += words(nodes.inline("", claim["quantity"], classes=["quantity"]))
        quote = nodes.inline("", f"\u201c{claim['quote']}\u201d", classes=["quote"])
        about += words(quote)
        own = nodes.reference("", claim["id"], refid=anchor(claim["id"]))
        place = nodes.inline("", f"{claim['where']} \u00b7 ", own, classes=["place"])
        about += words(place)
        level = claim["evidence"]
        measured = measured_cell(claim)
        measured += self.source(claim)
        return [
            about,
            number(claim["printed"]),
            measured,
            number(claim["n"]),
            "" if is_missing(level) else badge(level),
            verdict_cell(claim),
        ]

    def source(self, claim: dict) -> list[nodes.Node]:
        """Link to the notebook that measured a claim, or did its arithmetic."""
        document = f"notebooks/{claim['notebook']}" if claim["notebook"] else ""
        if not document and not is_missing(claim["measured"]):
            document = ARITHMETIC_PAGE
        if document not in self.env.found_docs:
            return []
        shown = nodes.Text(document.removeprefix("notebooks/"))
        return [
            nodes.inline(
                "", "", link_to(self.env, document, "", shown), classes=["source"]
            )
        ]

    @staticmethod
    def downloads() -> list[nodes.Node]:
        """Link to the same table as files, which `write` puts beside the page."""
        files = [
            nodes.reference("", f, refuri=f) for f in ("claims.csv", "claims.json")
        ]
        return [words("The same table as files: ", files[0], ", ", files[1], ".")]


def anchor(id_: str) -> str:
    """Give the anchor of a claim on the page."""
    return f"claim-{id_}"


def form(compared: pd.DataFrame) -> str:
    """Make the form: one choice for each trait, with the number of claims behind."""
    rows = [traits(claim) for claim in compared.to_dict("records")]
    selects = []
    for prefix, label in FILTERS.items():
        values = pd.Series([row[prefix] for row in rows])
        counts = values.value_counts()
        order = {"v": VERDICTS, "e": (*LEVELS, NO_EVIDENCE)}.get(
            prefix, values.unique()
        )
        options = "".join(
            f'<option value="{prefix}-{slug(value)}">{escape(value)} ({counts[value]})'
            "</option>"
            for value in order
            if value in counts
        )
        selects.append(
            f'<label>{label} <select name="{prefix}"><option value="">all</option>'
            f"{options}</select></label>"
        )
    return FORM.format(selects="\n".join(selects))


def add_script(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Load the script on the claims page and nowhere else."""
    if pagename == PAGE:
        app.add_js_file("claims.js", loading_method="defer")


def write(app: Sphinx, exception: Exception | None) -> None:
    """Put the table beside the finished pages, as JSON and CSV."""
    there = exception is None and PAGE in app.env.found_docs
    if there and app.builder.format == "html":
        table_of_all = verification.all_verdicts(results_folders(app.env))
        verification.write_verdicts(table_of_all, app.outdir)
