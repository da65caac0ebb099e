"""What concerns whole pages: launch buttons, the key to evidence levels."""

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from book.pieces.sources import repository_address
from book.pieces.words import MEANINGS


def configure(app: Sphinx, config: Config) -> None:
    """Find the repository's address; where there is one, show what leads to it."""
    address = repository_address(Path(app.confdir).parent)
    options = config.html_theme_options
    if address:
        options["use_repository_button"] = True
        options["repository_url"] = address
        options["launch_buttons"] = {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        }


def add_evidence(
    app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None
) -> None:
    """Gather the evidence levels of a page's numbers, for the key in its margin."""
    body = context.get("body", "")
    found = [(lv, said) for lv, said in MEANINGS.items() if f'evidence-{lv}"' in body]
    context["evidence_levels"] = found
