"""What the paper contradicts itself in, and what had to be decided."""

from collections import defaultdict
from collections.abc import Iterator

from docutils import nodes

from book.extensions.directives.claims_page import PAGE, anchor
from book.extensions.directives.tables import TableDirective
from book.extensions.sources import ledger, results_folders
from book.extensions.words import (
    badge,
    claim_node,
    hint,
    interval,
    link_to,
    number,
    table,
    words,
)
from chexnomaly import claims
from chexnomaly.claims import decisions
from chexnomaly.errors import InputError
from chexnomaly.evidence import INCONSISTENT


class RegisterDirective(TableDirective):
    """What the directives below share."""

    def text(self, written: str) -> nodes.paragraph:
        """Put a text of the register into nodes; a claim's id becomes its print."""
        known = ledger(self.env)
        parts: list[nodes.Node | str] = []
        for place, part in enumerate(decisions.CLAIM_ID.split(written)):
            if place % 2 == 0:
                parts += self.parse_text_to_nodes_inline(part)
            elif part in known.index:
                parts.append(claim_node(self.env, part, known.loc[part]))
            else:
                self.warn(f"unknown claim {part!r}")
        return words(*parts)

    def parse_text_to_nodes_inline(self, part: str) -> list[nodes.Node]:
        """Read code marks, so that keys look like keys."""
        pieces = part.split("`")
        return [
            nodes.literal("", piece) if place % 2 else nodes.Text(piece)
            for place, piece in enumerate(pieces)
            if piece
        ]

    def card(
        self, item: int, title: str, where: str, fields: dict[str, nodes.Node]
    ) -> nodes.container:
        """Lay one item out: its number and name, then what is said of it."""
        made = nodes.container(classes=["register-item"], ids=[f"item-{item}"])
        head = [nodes.strong("", f"{item}. {title}")]
        made += words(*head, nodes.inline("", f" {where}", classes=["place"]))
        listed = nodes.field_list()
        for name, body in fields.items():
            field = nodes.field("", nodes.field_name("", name))
            field += nodes.field_body("", body)
            listed += field
        made += listed
        return made


class DecisionsDirective(RegisterDirective):
    """Every decision with its default, its arms, and what they moved."""

    def run(self) -> list[nodes.Node]:
        """Make one card per decision."""
        self.env.note_dependency(str(decisions.DECISIONS))
        measured = defaultdict(list)
        try:
            for effect in decisions.effects(results_folders(self.env)):
                measured[effect.item].append(effect)
        except InputError as error:
            self.warn(error)
        return [
            self.card(row.Index, row.knob, row.where, dict(self.fields(row, measured)))
            for row in decisions.load_decisions().itertuples()
        ]

    def fields(self, row: object, measured: dict) -> Iterator[tuple[str, nodes.Node]]:
        """Say what is open, what was chosen, what else was possible, what it moves."""
        yield "Open", self.text(row.question)
        yield "Ours", self.text(row.default)
        if row.arms:
            yield "Instead", self.text(row.arms)
        found = measured[row.Index]
        yield "Effect", self.effects(found) if found else words("not measured")

    def effects(self, found: list[decisions.Effect]) -> nodes.table:
        """Lay out what each arm gave: a row per arm and set, a column per metric."""
        metrics = list(dict.fromkeys(effect.metric for effect in found))
        arms = defaultdict(dict)
        for effect in found:
            arms[effect.arm, effect.dataset][effect.metric] = effect
        rows = []
        for (arm, dataset), by_metric in arms.items():
            one = next(iter(by_metric.values()))
            name = arm.replace("_", " ")
            rows.append(
                [
                    hint(name, one.says, "arm") if one.says else name,
                    dataset,
                    *(self.effect_cell(by_metric.get(metric)) for metric in metrics),
                    number(one.entry.n),
                    badge(one.entry.evidence),
                ]
            )
        heads = ["Reading", "Scored on", *metrics, "n", "Evidence"]
        return table(heads, rows, ["effects"])

    @staticmethod
    def effect_cell(effect: decisions.Effect | None) -> nodes.inline:
        """Show one value, and by how much it differs from the default's."""
        shown = nodes.inline("", number(effect and effect.entry.value))
        if effect is None:
            return shown
        bounds = interval(effect.entry.low, effect.entry.high)
        shown += nodes.inline("", f" {bounds}", classes=["interval"])
        if effect.gap is not None:
            gap = f"{number(effect.gap.value, '+.3f')} "
            gap += interval(effect.gap.low, effect.gap.high, "+.3f")
            shown += nodes.inline(
                "", f" {gap} against the default", classes=["interval"]
            )
        return shown


class ErrataDirective(RegisterDirective):
    """The slips that change no result, as registered."""

    def run(self) -> list[nodes.Node]:
        """Make one card per slip."""
        self.env.note_dependency(str(decisions.ERRATA))
        return [
            self.card(
                row.Index,
                row.where,
                "",
                {"Printed": self.text(row.problem), "Read as": self.text(row.reading)},
            )
            for row in decisions.load_errata().itertuples()
        ]


class ContradictionsDirective(RegisterDirective):
    """The rows of the ledger that other rows, or arithmetic, contradict."""

    def run(self) -> list[nodes.Node]:
        """Make the table; generated, so that it cannot fall behind the ledger."""
        quotes = ledger(self.env)["quote"]
        compared = claims.compare(None, results_folders(self.env))
        rows = []
        for claim in compared[compared["verdict"] == INCONSISTENT].itertuples():
            shown = nodes.Text(f"\u201c{quotes[claim.id]}\u201d")
            quote: nodes.Node = nodes.inline("", "", shown)
            if PAGE in self.env.found_docs:
                quote = link_to(self.env, PAGE, anchor(claim.id), shown)
            rows.append([claim.where, quote, claim.reason])
        return [table(["Place", "Printed", "Against it"], rows, ["contradictions"])]
