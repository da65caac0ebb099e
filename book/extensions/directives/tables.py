"""Directives that print tables: claims against measurements, systems, deviations."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from book.extensions.sources import (
    ledger,
    load_result,
    result_files,
    results_folders,
    root_of,
)
from book.extensions.words import (
    badge,
    hint,
    interval,
    is_missing,
    link_to,
    number,
    slug,
    table,
    words,
)
from chexnomaly import claims
from chexnomaly.errors import InputError
from chexnomaly.profiles import load_profile

logger = logging.getLogger(__name__)


class TableDirective(SphinxDirective):
    """What the directives below share."""

    has_content = True
    required_arguments = 0
    optional_arguments = 1
    final_argument_whitespace = True

    def names(self) -> list[str]:
        """Split the argument and the content into names."""
        return " ".join([*self.arguments, *self.content]).split()

    def warn(self, problem: object) -> None:
        """Report a problem where the directive stands; `-W` makes it fatal."""
        logger.warning("%s", problem, location=self.get_location())


def measured_cell(claim: Mapping) -> nodes.inline:
    """Show what was measured of a claim, or what was computed, with its interval."""
    value, bounds = claim["measured"], interval(claim["low"], claim["high"])
    if claim["low"] == claim["high"]:
        bounds = ""  # computed without chance
    if not bounds and not is_missing(value) and float(value).is_integer():
        value = int(value)  # a count
    measured = nodes.inline("", number(value), classes=["value"])
    if claim["measured_as"]:
        measured.insert(0, nodes.inline("", f"{claim['measured_as']} ", classes=["as"]))
    if bounds:
        measured += nodes.inline("", f" {bounds}", classes=["interval"])
    return measured


def verdict_cell(claim: Mapping) -> nodes.paragraph:
    """Show a verdict and its reason."""
    slugged = slug(str(claim["verdict"]))
    verdict = words(nodes.inline("", claim["verdict"], classes=["verdict", slugged]))
    if not is_missing(claim["reason"]):
        reason = str(claim["reason"])
        verdict += nodes.inline("", f" {reason}", classes=["reason"])
    return verdict


class ComparisonDirective(TableDirective):
    """Claims as printed and as measured, with their verdicts.

    Takes ids or patterns such as `t1-*`, as argument or content.
    """

    def run(self) -> list[nodes.Node]:
        """Make the table; an id or pattern that fits no claim is a warning."""
        known = list(ledger(self.env).index)
        ids: list[str] = []
        for pattern in self.names():
            matches = [i for i in known if fnmatch(i, pattern)]
            if not matches:
                self.warn(f"unknown claim {pattern!r}")
            ids += [i for i in matches if i not in ids]
        if not ids:
            return []
        for path in result_files(self.env).values():
            self.env.note_dependency(str(path))
        try:
            compared = claims.compare(ids, results_folders(self.env))
        except (InputError, KeyError) as error:
            self.warn(error)
            return []
        heads = ["Quantity", "Printed", "Measured", "n", "Evidence", "Verdict"]
        rows = [self.row(claim) for claim in compared.to_dict("records")]
        return [table(heads, rows, ["comparison"])]

    @staticmethod
    def row(claim: dict) -> list[nodes.Node | str]:
        """Lay one claim out as cells."""
        level = "" if is_missing(claim["evidence"]) else badge(claim["evidence"])
        return [
            hint(str(claim["quantity"]), f"The paper, {claim['where']}", "quantity"),
            number(claim["printed"]),
            measured_cell(claim),
            number(claim["n"]),
            level,
            verdict_cell(claim),
        ]


class ResultsTableDirective(TableDirective):
    """Systems by values on one set: ```` ```{results-table} vindr_test ````.

    Options: `keys`, the values, in order; `systems`, the rows, in order (all there
    are, by name).
    """

    required_arguments = 1
    optional_arguments = 0
    option_spec = {
        "keys": directives.unchanged_required,
        "systems": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """Make the table; a missing system or key is a warning."""
        dataset = self.arguments[0].strip()
        keys = self.options.get("keys", "").replace(",", " ").split()
        results = list(self.results(dataset))
        if not results:
            self.warn(f"no results on {dataset!r}")
            return []
        for key in keys:
            if not any(key in result["values"] for result in results):
                self.warn(f"no result on {dataset!r} has a value {key!r}")
        keys = keys or sorted({key for result in results for key in result["values"]})
        rows = [self.row(result, keys) for result in results]
        return [table(["System", *keys, "n", "Evidence"], rows, ["results"])]

    def results(self, dataset: str) -> Iterator[dict]:
        """Read the results on a set, of the systems asked for or all."""
        there = [k for k in result_files(self.env) if k.endswith(f"__{dataset}")]
        wanted = self.options.get("systems", "").replace(",", " ").split()
        for key in [f"{system}__{dataset}" for system in wanted] or there:
            try:
                yield load_result(self.env, key)
            except (KeyError, InputError) as error:
                self.warn(error.args[0])

    @staticmethod
    def row(result: dict, keys: list[str]) -> list[nodes.Node | str]:
        """Lay one system out as cells."""
        cells: list[nodes.Node | str] = [nodes.literal("", result["system"])]
        for key in keys:
            entry = result["values"].get(key, {})
            value = nodes.inline("", number(entry.get("value")), classes=["value"])
            bounds = interval(entry.get("low"), entry.get("high"))
            if bounds:
                value += nodes.inline("", f" {bounds}", classes=["interval"])
            cells.append(value)
        return [*cells, number(result["n"]), badge(result["evidence"])]


class DeviationsDirective(TableDirective):
    """Where a profile leaves the decision register; the built profile by default."""

    def run(self) -> list[nodes.Node]:
        """Make the table; a profile that cannot be read is a warning."""
        name = (self.names() or [self.config.chexnomaly_profile])[0]
        path = root_of(self.env) / "notebooks" / "profiles" / f"{name}.yml"
        self.env.note_dependency(str(path))
        try:
            profile = load_profile(path)
        except InputError as error:
            self.warn(error)
            return []
        if not profile.deviations:
            return [words(f"Profile {name} keeps every default of the register.")]
        heads = ["No.", "Register item", "Register", "Here", "Why"]
        rows = [
            [
                str(n),
                self.item(d["item"]),
                *(str(d[k]) for k in ("register", "here", "why")),
            ]
            for n, d in enumerate(profile.deviations, 1)
        ]
        return [words(profile.about), table(heads, rows, ["deviations"])]

    def item(self, number_of_item: int) -> nodes.Node | str:
        """Link an item to the page of the register, where the book has one."""
        if "decisions" not in self.env.found_docs:
            return str(number_of_item)
        shown, anchor = nodes.Text(str(number_of_item)), f"item-{number_of_item}"
        return link_to(self.env, "decisions", anchor, shown)
