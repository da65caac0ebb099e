"""Puts onto each page what its numbers rest on, and how it came about."""

from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from book.pieces.facts import Facts
from book.pieces.origins import rests_on, run_behind
from book.pieces.render import render
from chexnomaly.workspace import Workspace

FOLDER = "notebooks/"


_facts_in = cache(Facts)


def facts_of(env: BuildEnvironment) -> Facts:
    """Give the facts of the profile that is built; the book lies below the root."""
    return _facts_in(Workspace(env.config.chexnomaly_profile, Path(env.srcdir).parent))


def add_origins(app: Sphinx, doctree: nodes.document) -> None:
    """Put the banner below what a notebook found, the folded part at a page's end."""
    section = next(iter(doctree.findall(nodes.section)), None)
    if section is None:
        return
    page, facts = app.env.docname, facts_of(app.env)
    file = Path(app.env.doc2path(page))
    source = file.relative_to(app.env.srcdir).as_posix()
    run = None

    def piece(name: str, **given: object) -> nodes.raw:
        html = render(facts, name, page, **given)
        return nodes.raw("", html, format="html")

    if page.startswith(FOLDER):
        banner = piece("banner.html", **rests_on(facts.results, file))
        title = next(iter(doctree.findall(nodes.title)))
        after = next(
            iter(title.findall(nodes.paragraph, descend=False, siblings=True)), title
        )
        title.parent.insert(title.parent.index(after) + 1, banner)
    if file.suffix == ".ipynb":
        run = run_behind(facts.results, file)
        for cell in doctree.findall(nodes.container):
            # Results lead to a line of the source, which a browser then unfolds.
            if cell.get("nb_element") == "cell_code" and cell.children:
                cell[0]["ids"].append(id_ := f"{file.stem}-cell-{cell['exec_count']}")
                for code in cell[0].findall(nodes.literal_block):
                    code["highlight_args"] = {"linespans": id_}
    section += piece("provenance.html", source=source, run=run)
