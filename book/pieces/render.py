"""Renders the pieces that pages include: `python -m book.pieces.render PROFILE OUT`.

Each template in `templates/` gives one file, which a page takes in by `{include}` or
`{raw}`. Where a template asks for a claim, a value or a file that is not there, nothing
is built: a `PieceError` says the page and what it asked for.
"""

import shutil
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

import jinja2

from book.pieces import films, sources, words
from book.pieces.facts import Facts
from book.pieces.sources import page_with
from book.pipeline.notebooks import read_notebooks
from chexnomaly.claims.decisions import load_errata
from chexnomaly.errors import InputError
from chexnomaly.labels import spoken
from chexnomaly.workspace import Workspace

TEMPLATES = Path(__file__).parent / "templates"
ASKED_IN_VAIN = (ValueError, LookupError, OSError, TypeError, jinja2.UndefinedError)


class PieceError(InputError):
    """A piece of a page asks for something that is not there."""


@cache
def environment(facts: Facts) -> jinja2.Environment:
    """Set Jinja up: unknown names are errors, texts are escaped in HTML.

    Args:
        facts: What templates read, there under the name `facts`.
    """
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"facts": facts, "films": films, "sources": sources}
    made.globals |= {"meanings": words.MEANINGS, "load_errata": load_errata}
    # What needs torch is imported by the templates that ask for it.
    made.globals |= {"read_notebooks": read_notebooks, "import_module": import_module}
    made.globals |= {"interval": words.interval, "number": words.number}
    for filter_ in (words.number, words.measured, words.slug, spoken, words.typeset):
        made.filters[filter_.__name__] = filter_
    made.tests["missing"] = words.is_missing
    return made


def render(facts: Facts, piece: str, page: str, **given: object) -> str:
    """Render one piece.

    Args:
        facts: What it may ask for.
        piece: File name of its template.
        page: The page it stands on, from which its links lead.
        given: Further variables of the template.

    Raises:
        PieceError: It asks for what is not there; names the page and the cause.
    """
    up = "../" * page.count("/")
    try:
        return environment(facts).get_template(piece).render(up=up, **given)
    except ASKED_IN_VAIN as error:
        cause = error.args[0] if isinstance(error, KeyError) else error
        raise PieceError(f"{piece}: {cause}", file=f"book/{page}") from error


def render_all(workspace: Workspace, out: Path) -> None:
    """Render every piece that a page of the book includes.

    Args:
        workspace: The folders of the profile that is built.
        out: Where to; what was there goes.

    Raises:
        PieceError: See `render`; nothing is written then.
    """
    facts = Facts(workspace)
    pages = {p.name: page_with(workspace.root, p.name) for p in TEMPLATES.iterdir()}
    texts = {piece: render(facts, piece, page) for piece, page in pages.items() if page}
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for piece, text in texts.items():
        (out / piece).write_text(text, encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Render all; 1 and one sentence where that cannot be done."""
    profile, out = arguments
    try:
        render_all(Workspace.open(profile), Path(out))
    except PieceError as error:
        sys.stderr.write(f"pieces: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
