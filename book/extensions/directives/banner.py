"""The banner of a notebook's page: its profile and what its numbers rest on."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from book.extensions.sources import (
    load_result,
    metadata_of,
    result_files,
    results_of_notebook,
    root_of,
)
from book.extensions.words import badge, words
from chexnomaly.evidence import LEVELS

logger = logging.getLogger(__name__)
FOLDER = "notebooks/"
NAMED = 6  # systems that a phrase names before it counts the rest


def make_banner(env: BuildEnvironment, notebook: str) -> nodes.container:
    """Say which profile made a page, and how much each of its results can carry.

    Args:
        env: Sphinx's environment.
        notebook: The notebook's name; results name the notebook that measured them.

    Returns:
        A container of one paragraph, and one per evidence level.
    """
    own = results_of_notebook(env, notebook)
    results = [r for r in results_read(env, notebook) if r["notebook"] != notebook]
    if own:
        said = ". The numbers on this page rest on:"
    elif results:
        said = ". This page shows what others measured. Their numbers rest on:"
    else:
        said = (
            ". No results file comes from this page: what it shows explains, quotes, "
            "or is labeled where it stands."
        )
    banner = nodes.container(classes=["evidence-banner"])
    banner["notebook"] = notebook
    banner += words("Profile ", nodes.strong("", env.config.chexnomaly_profile), said)
    for level in LEVELS:
        of_level = [one for one in own + results if one["evidence"] == level]
        if of_level:
            banner += words(badge(level), " " + "; ".join(describe(of_level)))
    return banner


def results_read(env: BuildEnvironment, notebook: str) -> list[dict]:
    """Read again what a notebook read when it was executed, as the gate stamped it."""
    read = metadata_of(env, FOLDER + notebook).get("chexnomaly", {}).get("read", [])
    known = result_files(env)
    return [load_result(env, key) for key in read if key in known]


def _listed(names: list[str]) -> str:
    if len(names) <= NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"


def describe(results: list[dict]) -> list[str]:
    """Put results into words; sets that hold the same systems share a phrase."""
    groups: dict[str, list[dict]] = {}
    for dataset in dict.fromkeys(result["set"] for result in results):
        of_set = [result for result in results if result["set"] == dataset]
        systems = _listed([result["system"] for result in of_set])
        groups.setdefault(systems, []).extend(of_set)
    phrases = []
    for systems, group in groups.items():
        sets = ", ".join(dict.fromkeys(result["set"] for result in group))
        counts = sorted({result["n"] for result in group})
        seeds = max(len(result.get("seeds", [])) for result in group)
        ends = " to ".join(f"{n:,}" for n in dict.fromkeys((counts[0], counts[-1])))
        phrase = f"{systems} on {sets}, n = {ends}"
        phrase += f", {seeds} seed{'s' * (seeds != 1)}" if seeds else ""
        phrases.append(phrase)
    return phrases


class EvidenceDirective(SphinxDirective):
    """The banner, where a page wants it elsewhere than below its title."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the banner; a notebook that does not exist is a warning."""
        own = self.env.docname.removeprefix(FOLDER)
        name = self.arguments[0] if self.arguments else own
        if not (root_of(self.env) / FOLDER / f"{name}.ipynb").is_file():
            where = self.get_location()
            logger.warning("evidence: no notebook %r", name, location=where)
        return [make_banner(self.env, name)]


def add_missing_banner(app: Sphinx, doctree: nodes.document) -> None:
    """Give each notebook's page its banner where it has not placed one itself."""
    name = app.env.docname
    if not name.startswith(FOLDER):
        return
    if any("notebook" in node for node in doctree.findall(nodes.container)):
        return
    title = next(iter(doctree.findall(nodes.title)), None)
    if title is not None:
        banner = make_banner(app.env, name.removeprefix(FOLDER))
        title.parent.insert(title.parent.index(title) + 1, banner)
