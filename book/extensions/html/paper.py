"""What the book needs to be laid out as one page, for printing."""

from sphinx.application import Sphinx

SINGLE = "singlehtml"


def configure(app: Sphinx) -> None:
    """Let one long page draw everything that the separate pages draw.

    Sphinx looks for what draws a node under the builder's own name first, and takes
    the general ones only where nothing at all is registered there. One extension
    registers a single node there, and all others would be lost.
    """
    handlers = app.registry.translation_handlers
    if app.builder.name == SINGLE:
        handlers[SINGLE] = {**handlers.get("html", {}), **handlers.get(SINGLE, {})}
