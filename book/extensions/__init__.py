"""The book's own Sphinx extension: numbers come from files, never from typing.

Roles `claim` and `result` print one number each, `level` a badge, `verdict` what this
build says of a claim; an unknown id or key fails a build with `-W`. What takes more
room than a line is rendered before the book is built: see `book.pieces.render`.
"""

import os

from sphinx.application import Sphinx

from book.extensions import origins, roles
from book.extensions.html import (
    credits,
    downloads,
    equations,
    films,
    frames,
    heads,
    pages,
    paper,
    search_terms,
)


def setup(app: Sphinx) -> dict:
    """Register everything with Sphinx."""
    profile = os.environ.get("CHEXNOMALY_PROFILE", "demo")
    app.add_config_value("chexnomaly_profile", profile, "env")
    for name, shown in roles.ROLES.items():
        app.add_role(name, roles.NumberRole(shown))
    app.add_transform(search_terms.SearchTerms)
    app.connect("config-inited", pages.configure, priority=400)
    app.connect("builder-inited", equations.configure)
    app.connect("builder-inited", paper.configure)
    app.connect("doctree-read", origins.add_origins)
    app.connect("html-page-context", heads.add_tags)
    app.connect("html-page-context", credits.add_credit)
    app.connect("html-page-context", films.unpack)
    app.connect("html-page-context", films.turn_drawings)
    app.connect("html-page-context", frames.set_tables)
    app.connect("html-page-context", pages.add_evidence)
    app.connect("build-finished", downloads.write_downloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
