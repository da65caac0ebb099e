"""Whose films a page shows: films of patients never stand without their attribution.

A page shows such films where a picture's text calls it a chest film and not a computed
one, as viewers write it, or where a notebook's cell has the tag `patients`.
"""

import re

from sphinx.application import Sphinx

PATIENTS = re.compile(
    r'alt="[^"]*(?<!computed )chest film|class="[^"]*tag_patients', re.I
)

CREDIT = """
<p class="film-credit" id="film-credit">Films of patients on this page: provided by the
NIH Clinical Center, <a href="https://nihcc.app.box.com/v/ChestXray-NIHCC">ChestX-ray14</a>
(Wang et al., CVPR 2017). Marked by radiologists of ChestX-Det (Lian et al., 2021;
Apache-2.0), RSNA (Shih et al., 2019) and NIH; called normal or not by RSNA and Tang et
al. (2020; MIT). <a href="{about}">Who these patients are, and what must not be
done</a>.</p>
"""


def add_credit(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Put the attribution under a page that shows films of patients."""
    if PATIENTS.search(context.get("body", "")):
        context["body"] += CREDIT.format(about=f"{context['pathto']('evidence')}#films")
