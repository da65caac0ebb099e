"""Roles that print one number: what the paper printed, what was measured."""

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from book.extensions.origins import workspace_of
from book.pieces.facts import facts_of
from book.pieces.sources import load_result, written_by
from book.pieces.words import MEANINGS, interval, is_missing, number, slug
from chexnomaly import claims
from chexnomaly.errors import InputError
from chexnomaly.evidence import LEVELS

logger = logging.getLogger(__name__)


class NumberRole(SphinxRole):
    """What the roles share: an unknown text is a warning, which `-W` makes fatal."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look up what the role's text names."""
        try:
            return [self.shown()], []
        except (InputError, KeyError) as error:
            logger.warning("%s", error.args[0], location=self.get_location())
            return [nodes.literal(self.text, self.text)], []

    def shown(self) -> nodes.Node:
        """Make what stands on the page.

        Raises:
            KeyError: The text names nothing that there is.
            InputError: A file cannot be used.
        """
        raise NotImplementedError


class ClaimRole(NumberRole):
    """`` {claim}`id` ``: a claim as printed; its place in the paper as a hint."""

    def shown(self) -> nodes.Node:
        """Show the claim, linked to its sentence."""
        ledger = claims.load_ledger().set_index("id")
        if self.text not in ledger.index:
            raise KeyError(f"unknown claim {self.text!r}")
        claim = ledger.loc[self.text]
        where = f"The paper, {claim['where']}"
        if not is_missing(claim["quote"]):
            where += f': "{claim["quote"]}"'
        shown = hint(str(claim["as_printed"]), where, "claim")
        page = facts_of(workspace_of(self.env)).claims_page
        if page not in self.env.found_docs:
            return shown
        address = self.env.app.builder.get_relative_uri(self.env.docname, page)
        return linked(shown, f"{address}#claim-{self.text}")


class LevelRole(NumberRole):
    """`` {level}`phantom` ``: the badge of an evidence level."""

    def shown(self) -> nodes.Node:
        """Make the badge."""
        return badge(self.text)


class VerdictRole(NumberRole):
    """`` {verdict}`id` ``: what this build says of a claim."""

    def shown(self) -> nodes.Node:
        """Look the verdict up."""
        verdict = facts_of(workspace_of(self.env)).claim(self.text)["verdict"]
        return nodes.inline("", verdict, classes=["verdict", slug(verdict)])


class ResultRole(NumberRole):
    """`` {result}`system__set:key` ``: a measured value, its interval and evidence.

    The value leads to its file, its evidence to the code that wrote this. A format
    may follow: `` {result}`supermodel__vindr_test:iou_c:.2f` ``.
    """

    def shown(self) -> nodes.Node:
        """Look the value up."""
        key, name, spec = [*self.text.split(":"), "", ""][:3]
        result = load_result(workspace_of(self.env), key)
        if name not in result["values"]:
            known = ", ".join(result["values"])
            raise KeyError(f"{key!r} has no value {name!r}; it has: {known}")
        entry, seeds = result["values"][name], len(result.get("seeds", []))
        about = f"{result['system']} on {result['set']}, n = {entry['n']}"
        about += f", {seeds} seed{'s' * (seeds != 1)}" if seeds else ""
        about += f", profile {result['profile']}"
        up = "../" * self.env.docname.count("/")
        code = written_by(workspace_of(self.env), key)
        level = linked(badge(result["evidence"]), code and up + code)
        shown = nodes.inline(classes=["result"])
        value = hint(number(entry["value"], spec), about, "value")
        shown += linked(value, f"{up}results/{key}.json")
        if bounds := interval(entry["low"], entry["high"], spec):
            shown += nodes.inline("", f" {bounds}", classes=["interval"])
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


def badge(level: str) -> nodes.abbreviation:
    """Make the badge of an evidence level.

    Raises:
        KeyError: There is no such level.
    """
    if level not in MEANINGS:
        raise KeyError(f"no evidence level {level!r}; there are: {', '.join(LEVELS)}")
    return hint(level, MEANINGS[level], "evidence", f"evidence-{level}")
