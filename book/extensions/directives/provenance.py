"""How each page came about, folded at its end: from stamps, never typed."""

import html
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from book.extensions.html.downloads import ARCHIVE, RESULTS, SOURCES
from book.extensions.sources import metadata_of, result_files, results_of_notebook
from book.extensions.words import badge, words
from chexnomaly.evidence import LEVELS

FOLDER = "notebooks/"
DIGITS = 12  # of a hash


def add_provenance(app: Sphinx, doctree: nodes.document) -> None:
    """Put the folded part at the end of a page."""
    section = next(iter(doctree.findall(nodes.section)), None)
    if section is None:
        return
    env, page = app.env, app.env.docname
    rows = [("Profile", env.config.chexnomaly_profile)]
    if source_of(env, page).endswith(".ipynb"):
        rows += list(of_notebook(env, page.removeprefix(FOLDER)))
    else:
        rows.append(("Source", link(env, f"_sources/{source_of(env, page)}")))
    everything = link(env, ARCHIVE, "every result and figure of this build")
    rows.append(("Download", everything))
    section += fold("How this page came about", laid_out(rows))


def of_notebook(env: BuildEnvironment, name: str) -> Iterator[tuple]:
    """Say what is known of the run behind a notebook's page, row by row."""
    results = results_of_notebook(env, name)
    files = result_files(env)
    stamps = [stamp_of(env, files[key_of(result)]) for result in results]
    about = metadata_of(env, env.docname)
    levels = [x for x in LEVELS if x in {result["evidence"] for result in results}]
    if levels:
        yield "Evidence", words(*(badge(level) for level in levels))
    given = about.get("papermill", {}).get("parameters", {})
    yield "Parameters given", nodes.literal("", compact(given))
    for systems, parameters in grouped(results, stamps):
        yield f"Parameters, {systems}", nodes.literal("", compact(parameters))
    for key, what in (("data_hash", "Data"), ("split_hash", "Split")):
        if hashes := by_hash(results, key):
            yield f"{what}, SHA-256", hashes
    for key, describe in (("versions", as_versions), ("hardware", as_hardware)):
        said = distinct(describe(stamp[key]) for stamp in stamps if key in stamp)
        if said:
            yield key.capitalize(), "; or ".join(said)
    duration = about.get("papermill", {}).get("duration")
    if duration is not None:
        yield "Wall time", f"{duration:.0f} s for this notebook"
    commits = distinct(s["commit"] for s in stamps if s.get("commit"))
    if commits:
        yield "Commit", ", ".join(commits)
    source = about.get("chexnomaly", {}).get("source_sha256", "")[:DIGITS]
    yield (
        "Source notebook",
        link(env, f"{SOURCES}/{name}.ipynb", f"{name}.ipynb", source),
    )
    yield "As executed", link(env, f"_sources/{env.docname}.ipynb")
    if results:
        yield "Results", results_list(env, results, stamps)


def stamp_of(env: BuildEnvironment, result: Path) -> dict:
    """Read the stamp beside a results file; empty where there is none."""
    path = result.with_suffix(".stamp.json")
    if not path.is_file():
        return {}
    env.note_dependency(str(path))
    return json.loads(path.read_text(encoding="utf-8"))


def key_of(result: dict) -> str:
    """Give the name of a result's file."""
    return f"{result['system']}__{result['set']}"


def grouped(results: list[dict], stamps: list[dict]) -> Iterator[tuple[str, dict]]:
    """Join systems that ran with the same parameters: their names, the parameters."""
    groups: dict[str, set[str]] = {}
    for result, stamp in zip(results, stamps, strict=True):
        if parameters := stamp.get("parameters"):
            text = json.dumps(parameters, sort_keys=True)
            groups.setdefault(text, set()).add(result["system"])
    for text, systems in groups.items():
        yield ", ".join(sorted(systems)), json.loads(text)


def results_list(
    env: BuildEnvironment, results: list[dict], stamps: list[dict]
) -> nodes.bullet_list:
    """List a page's results files, each with its stamp."""
    items = nodes.bullet_list(bullet="-")
    for result, stamp in zip(results, stamps, strict=True):
        key = key_of(result)
        line = link(env, f"{RESULTS}/{key}.json")
        if stamp:
            line += nodes.Text(", ")
            line += link(env, f"{RESULTS}/{key}.stamp.json", "stamp").children[0]
        items += nodes.list_item("", line)
    return items


def as_versions(versions: dict) -> str:
    """Write versions on one line; a package that is not installed is left out."""
    return ", ".join(f"{name} {v}" for name, v in versions.items() if v)


def as_hardware(hardware: dict) -> str:
    """Write the machine on one line."""
    gpu = hardware.get("gpu") or "no GPU"
    cores = f"{hardware['cores']} cores, {hardware['threads']} thread(s) per run"
    return f"{hardware['system']} {hardware['machine']}, {cores}, {gpu}"


def compact(parameters: dict) -> str:
    """Write parameters as YAML on one line."""
    text = yaml.safe_dump(parameters, default_flow_style=True, width=float("inf"))
    return text.strip().removeprefix("{").removesuffix("}") or "none"


def by_hash(results: list[dict], key: str) -> str:
    """Write each hash once, with the sets that have it."""
    sets: dict[str, dict[str, None]] = {}
    for result in results:
        if result.get(key):
            sets.setdefault(result[key][:DIGITS], {})[result["set"]] = None
    return "; ".join(f"{digest} ({', '.join(names)})" for digest, names in sets.items())


def distinct(texts: Iterator[str]) -> list[str]:
    """Keep the first of each."""
    return list(dict.fromkeys(texts))


def source_of(env: BuildEnvironment, page: str) -> str:
    """Give a page's source file, as the site carries it."""
    return Path(env.doc2path(page)).relative_to(env.srcdir).as_posix()


def link(
    env: BuildEnvironment, target: str, text: str = "", note: str = ""
) -> nodes.paragraph:
    """Link to a file below the site's root, from the page that is being read."""
    up = "../" * env.docname.count("/")
    shown = text or Path(target).name
    paragraph = words(nodes.reference("", shown, refuri=up + target))
    if note:
        paragraph += nodes.Text(f" ({note})")
    return paragraph


def laid_out(rows: Sequence[tuple]) -> nodes.field_list:
    """Make a list of names and what they stand for."""
    fields = nodes.field_list()
    for name, value in rows:
        inline = isinstance(value, str | nodes.Inline)
        body = nodes.field_body("", words(value) if inline else value)
        fields += nodes.field("", nodes.field_name("", name), body)
    return fields


def fold(summary: str, *content: nodes.Node) -> list[nodes.Node]:
    """Fold something below a line to click on."""
    opening = f'<details class="provenance"><summary>{html.escape(summary)}</summary>'
    return [
        nodes.raw("", opening, format="html"),
        *content,
        nodes.raw("", "</details>", format="html"),
    ]
