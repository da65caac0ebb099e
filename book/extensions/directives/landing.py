"""The landing page's pieces: buttons, one verdict in a sentence, all in a bar."""

from html import escape

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from book.extensions.sources import (
    ledger,
    result_files,
    results_folders,
    root_of,
)
from book.pipeline.first_cell import address_of
from chexnomaly import claims
from chexnomaly.errors import InputError
from chexnomaly.evidence import VERDICTS

logger = logging.getLogger(__name__)
PAPER = "https://arxiv.org/abs/2311.01777"
LAB = "how_to_rerun.html#in-jupyterlab"
NOTEBOOK = "notebooks/01_method_from_zero.ipynb"


class VerdictRole(SphinxRole):
    """`` {verdict}`id` ``: what this build says of a claim."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Compare the claim; an unknown id is a warning, which `-W` makes fatal."""
        try:
            found = compare(self, [self.text]).iloc[0]
        except (InputError, KeyError, IndexError) as error:
            logger.warning("verdict: %s", error, location=self.get_location())
            return [nodes.literal(self.text, self.text)], []
        slug = str(found["verdict"]).replace(" ", "-")
        return [nodes.inline("", found["verdict"], classes=["verdict", slug])], []


class VerdictsDirective(SphinxDirective):
    """How many claims of the ledger got which verdict: a bar, and a list beside it."""

    def run(self) -> list[nodes.Node]:
        """Count and draw."""
        try:
            counts = compare(self, list(ledger(self.env).index)).verdict.value_counts()
        except (InputError, KeyError) as error:
            logger.warning("verdicts: %s", error, location=self.get_location())
            return []
        there = [(v, int(counts[v])) for v in VERDICTS if v in counts.index]
        bar = "".join(
            f'<span class="{verdict.replace(" ", "-")}" style="flex:{n}"></span>'
            for verdict, n in there
        )
        items = "".join(
            f'<li class="{verdict.replace(" ", "-")}"><b>{n}</b> {escape(verdict)}</li>'
            for verdict, n in there
        )
        html = f'<div class="verdict-bar" aria-hidden="true">{bar}</div>'
        return [raw(f'{html}<ul class="verdict-list">{items}</ul>')]


class ActionsDirective(SphinxDirective):
    """Buttons to the paper, the code, the book as a file, the results.

    What needs the repository's address appears once `pyproject.toml` has it; until
    then JupyterLab is the reader's own. The book as a file, `book.pdf`, is made after
    the pages: `book.site.downloads` puts it beside them and makes a button of its
    place here.
    """

    def run(self) -> list[nodes.Node]:
        """Write the buttons."""
        project = root_of(self.env) / "pyproject.toml"
        self.env.note_dependency(str(project))
        address = address_of(project.parent)
        launch = _launch(address) or [_button(LAB, "JupyterLab")]
        buttons = [_button(PAPER, "Paper", "main"), *launch]
        buttons += [
            '<span data-built="book.pdf" hidden>PDF</span>',
            _button("results.zip", "Results"),
            _button("#cite", "Cite"),
            _button("how_to_rerun.html", "Re-run it"),
        ]
        return [raw(f'<p class="actions">{" ".join(buttons)}</p>')]


def _launch(address: str) -> list[str]:
    if not address:
        return []
    place = address.removeprefix("https://github.com/")
    lab = f"https://mybinder.org/v2/gh/{place}/main?urlpath=lab/tree/notebooks"
    colab = f"https://colab.research.google.com/github/{place}/blob/main/{NOTEBOOK}"
    return [
        _button(address, "Code"),
        _button(lab, "JupyterLab on Binder"),
        _button(colab, "Colab"),
    ]


def _button(target: str, text: str, kind: str = "") -> str:
    classes = f"action {kind}".strip()
    return f'<a class="{classes}" href="{escape(target)}">{escape(text)}</a>'


def compare(place: SphinxDirective | SphinxRole, ids: list[str]):
    """Compare claims, and note that the page depends on every results file."""
    for path in result_files(place.env).values():
        place.env.note_dependency(str(path))
    return claims.compare(ids, results_folders(place.env))


def raw(html: str) -> nodes.raw:
    """Put HTML into the page as it is."""
    return nodes.raw("", html, format="html")
