"""Whose films a page shows: films of patients never stand without their attribution.

A page shows such films where a picture's text calls it a chest film and not a computed
one, as viewers write it, or where a notebook's cell has the tag `patients`.
"""

import re

from sphinx.application import Sphinx

from book.extensions.origins import facts_of
from book.pieces.render import render

PATIENTS = re.compile(
    r'alt="[^"]*(?<!computed )chest film|class="[^"]*tag_patients', re.I
)


def add_credit(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Put the attribution under a page that shows films of patients."""
    if PATIENTS.search(context.get("body", "")):
        context["body"] += render(facts_of(app.env), "credit.html", page)
