"""The book's own Sphinx extension: numbers come from files, never from typing.

Roles `claim` and `result` print one number each, `level` a badge, `verdict` what this
build says of a claim; the directives `comparison`, `results-table`, `claims`,
`contradictions`, `decisions`, `errata`, `damage`, `evidence`, `deviations`, `hero`,
`actions` and `verdicts` print what belongs together. All tell Sphinx which files they
read, and an unknown id or key fails a build with `-W`.
"""

import os

from sphinx.application import Sphinx

from book.extensions.directives import (
    banner,
    claims_page,
    fuzzing,
    landing,
    pipeline,
    provenance,
    register_pages,
    roles,
    tables,
)
from book.extensions.html import (
    downloads,
    equations,
    films,
    frames,
    heads,
    pages,
    paper,
    search_terms,
)


def setup(app: Sphinx) -> dict:
    """Register everything with Sphinx."""
    profile = os.environ.get("CHEXNOMALY_PROFILE", "demo")
    app.add_config_value("chexnomaly_profile", profile, "env")
    app.add_role("claim", roles.ClaimRole())
    app.add_role("result", roles.ResultRole())
    app.add_role("level", roles.LevelRole())
    app.add_role("verdict", landing.VerdictRole())
    app.add_directive("comparison", tables.ComparisonDirective)
    app.add_directive("results-table", tables.ResultsTableDirective)
    app.add_directive("deviations", tables.DeviationsDirective)
    app.add_directive("claims", claims_page.ClaimsDirective)
    app.add_directive("decisions", register_pages.DecisionsDirective)
    app.add_directive("errata", register_pages.ErrataDirective)
    app.add_directive("contradictions", register_pages.ContradictionsDirective)
    app.add_directive("damage", fuzzing.DamageDirective)
    app.add_directive("evidence", banner.EvidenceDirective)
    app.add_directive("hero", pages.HeroDirective)
    app.add_directive("pipeline", pipeline.PipelineDirective)
    app.add_directive("actions", landing.ActionsDirective)
    app.add_directive("verdicts", landing.VerdictsDirective)
    app.add_transform(search_terms.SearchTerms)
    app.connect("builder-inited", equations.configure)
    app.connect("builder-inited", paper.configure)
    app.connect("doctree-read", banner.add_missing_banner)
    app.connect("html-page-context", claims_page.add_script)
    app.connect("build-finished", claims_page.write)
    app.connect("doctree-read", provenance.add_provenance)
    app.connect("build-finished", downloads.write_downloads)
    app.connect("config-inited", pages.configure, priority=400)
    app.connect("html-page-context", heads.add_tags)
    app.connect("html-page-context", films.unpack)
    app.connect("html-page-context", frames.set_tables)
    app.connect("html-page-context", pages.add_evidence)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
