"""What stands in the head of every page, the search page included."""

from docutils import nodes
from sphinx.application import Sphinx

from book.extensions.origins import facts_of
from book.pieces.render import render


def add_tags(
    app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None
) -> None:
    """Put into a page's head what `head.html` says: policy, description, metadata."""
    prose = doctree.findall(nodes.paragraph) if doctree else ()
    first = (p.astext() for p in prose if isinstance(p.parent, nodes.section))
    context["metatags"] = render(
        facts_of(app.env),
        "head.html",
        page,
        title=context.get("title", page),
        opening=" ".join(next(first, "").split()),
        project=app.config.project,
        told=context.get("metatags", ""),
    )
