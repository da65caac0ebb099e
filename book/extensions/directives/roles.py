"""Roles that print one number: what the paper printed, what was measured."""

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from book.extensions.sources import ledger, load_value
from book.extensions.words import badge, claim_node, hint, interval, number
from chexnomaly.errors import InputError

logger = logging.getLogger(__name__)


class ClaimRole(SphinxRole):
    """`` {claim}`id` ``: a claim as printed; its place in the paper as a hint."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look the claim up; an unknown id is a warning, which `-W` makes fatal."""
        claims = ledger(self.env)
        if self.text not in claims.index:
            logger.warning("unknown claim %r", self.text, location=self.get_location())
            return [nodes.literal(self.text, self.text)], []
        return [claim_node(self.env, self.text, claims.loc[self.text])], []


class LevelRole(SphinxRole):
    """`` {level}`phantom` ``: the badge of an evidence level."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Make the badge; an unknown level is a warning, which `-W` makes fatal."""
        try:
            return [badge(self.text)], []
        except KeyError as error:
            logger.warning("%s", error.args[0], location=self.get_location())
            return [nodes.literal(self.text, self.text)], []


class ResultRole(SphinxRole):
    """`` {result}`system__set:key` ``: a measured value, its interval and evidence.

    A format may follow: `` {result}`supermodel__vindr_test:iou_c:.2f` ``.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look the value up; an unknown one is a warning, which `-W` makes fatal."""
        key, name, spec = [*self.text.split(":"), "", ""][:3]
        try:
            result, entry = load_value(self.env, f"{key}:{name}")
            level = badge(result["evidence"])
        except (KeyError, InputError) as error:
            logger.warning("%s", error.args[0], location=self.get_location())
            return [nodes.literal(self.text, self.text)], []
        seeds = len(result.get("seeds", []))
        about = f"{result['system']} on {result['set']}, n = {entry['n']}"
        about += f", {seeds} seed{'s' * (seeds != 1)}" if seeds else ""
        about += f", profile {result['profile']}"
        text = number(entry["value"], spec)
        bounds = interval(entry["low"], entry["high"], spec)
        shown = nodes.inline(classes=["result"])
        shown += hint(text, about, "value")
        if bounds:
            shown += nodes.inline("", f" {bounds}", classes=["interval"])
        shown += [nodes.Text(" "), level]
        return [shown], []
