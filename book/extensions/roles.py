"""Roles that print one number: what the paper printed, what was measured."""

from collections.abc import Callable

from docutils import nodes
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from book.extensions.origins import facts_of
from book.pieces.words import MEANINGS, interval, is_missing, number, slug
from chexnomaly import claims
from chexnomaly.errors import InputError

logger = logging.getLogger(__name__)


class NumberRole(SphinxRole):
    """What a role shows; an unknown text is a warning, which `-W` makes fatal.

    Args:
        shown: Makes what stands on the page, of the build and the role's text. It
            raises KeyError where the text names nothing that there is, and InputError
            where a file cannot be used.
    """

    def __init__(self, shown: Callable[[BuildEnvironment, str], nodes.Node]):
        self.shown = shown

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look up what the role's text names."""
        try:
            return [self.shown(self.env, self.text)], []
        except (InputError, KeyError) as error:
            logger.warning("%s", error.args[0], location=self.get_location())
            return [nodes.literal(self.text, self.text)], []


def claim(env: BuildEnvironment, id_: str) -> nodes.Node:
    """`` {claim}`id` ``: a claim as printed, linked to its sentence.

    Its place in the paper is a hint.
    """
    ledger = claims.load_ledger().set_index("id")
    if id_ not in ledger.index:
        raise KeyError(f"unknown claim {id_!r}")
    row = ledger.loc[id_]
    where = f"The paper, {row['where']}"
    if not is_missing(row["quote"]):
        where += f': "{row["quote"]}"'
    shown = hint(str(row["as_printed"]), where, "claim")
    page = facts_of(env).claims_page
    if page not in env.found_docs:
        return shown
    address = env.app.builder.get_relative_uri(env.docname, page)
    return linked(shown, f"{address}#claim-{id_}")


def verdict(env: BuildEnvironment, id_: str) -> nodes.Node:
    """`` {verdict}`id` ``: what this build says of a claim."""
    said = facts_of(env).claim(id_)["verdict"]
    return nodes.inline("", said, classes=["verdict", slug(said)])


def result(env: BuildEnvironment, text: str) -> nodes.Node:
    """`` {result}`system__set:key` ``: a measured value, its interval and evidence.

    The value leads to its file, its evidence to the code that wrote this. A format
    may follow: `` {result}`supermodel__vindr_test:iou_c:.2f` ``.
    """
    results = facts_of(env).results
    key, name, spec = [*text.split(":"), "", ""][:3]
    found = results.load(key)
    if name not in found["values"]:
        known = ", ".join(found["values"])
        raise KeyError(f"{key!r} has no value {name!r}; it has: {known}")
    entry, seeds = found["values"][name], len(found.get("seeds", []))
    about = f"{found['system']} on {found['set']}, n = {entry['n']}"
    about += f", {seeds} seed{'s' * (seeds != 1)}" if seeds else ""
    about += f", profile {found['profile']}"
    up, code = "../" * env.docname.count("/"), results.written_by(key)
    level = linked(badge(env, found["evidence"]), code and up + code)
    shown = nodes.inline(classes=["result"])
    value = hint(number(entry["value"], spec), about, "value")
    shown += linked(value, f"{up}results/{key}.json")
    if bounds := interval(entry["low"], entry["high"], spec):
        shown += nodes.inline("", f" {bounds}", classes=["interval"])
    shown += nodes.inline("", f" n={entry['n']:,}", classes=["interval"])
    shown += [nodes.Text(" "), level]
    return shown


def linked(shown: nodes.Node, address: str) -> nodes.Node:
    """Make something lead to an address; without one it stays what it is."""
    if not address:
        return shown
    return nodes.reference("", "", shown, internal=True, refuri=address)


def hint(text: str, explanation: str, *classes: str) -> nodes.abbreviation:
    """Make text that explains itself when pointed at."""
    return nodes.abbreviation(text, text, explanation=explanation, classes=[*classes])


def badge(env: BuildEnvironment, level: str) -> nodes.Node:
    """`` {level}`phantom` ``: the badge of an evidence level."""
    if level not in MEANINGS:
        raise KeyError(f"no evidence level {level!r}; there are: {', '.join(MEANINGS)}")
    return hint(level, MEANINGS[level], "evidence", f"evidence-{level}")


ROLES = {"claim": claim, "result": result, "level": badge, "verdict": verdict}
"""Role to what it shows."""
