"""What stands in the head of every page, the search page included."""

from docutils import nodes
from sphinx.application import Sphinx

# A page takes nothing from elsewhere, and the browser is told so.
POLICY = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "style-src": "'self' 'unsafe-inline'",
    "script-src": "'self' 'unsafe-inline'",
}
LONGEST = 200


def add_tags(
    app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None
) -> None:
    """Add the security policy, the color schemes and a description to a page's head."""
    policy = "; ".join(f"{key} {value}" for key, value in POLICY.items())
    tags = [_meta("http-equiv", "Content-Security-Policy", policy)]
    tags.append(_meta("name", "color-scheme", "light dark"))
    if 'name="description"' not in context.get("metatags", ""):
        text = opening(doctree) or f"{context.get('title', page)}: {app.config.project}"
        tags.append(_meta("name", "description", text))
    context["metatags"] = "\n".join([*tags, context.get("metatags", "")])


def opening(doctree: nodes.document | None) -> str:
    """Take a page's first paragraph of prose, cut at a word.

    Args:
        doctree: The page; None for pages without a source.

    Returns:
        At most `LONGEST` characters on one line; empty where there is no prose.
    """
    if doctree is None:
        return ""
    prose = (
        p
        for p in doctree.findall(nodes.paragraph)
        if isinstance(p.parent, nodes.section)
    )
    text = " ".join(next((p.astext() for p in prose), "").split())
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST - 1].rsplit(" ", 1)[0] + "\N{HORIZONTAL ELLIPSIS}"


def _meta(kind: str, key: str, content: str) -> str:
    quoted = content.replace("&", "&amp;").replace('"', "&quot;")
    return f'<meta {kind}="{key}" content="{quoted}" />'
