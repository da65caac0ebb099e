# One rule per notebook, a gate, and the site. `make book` runs it on one machine; the
# same file runs on a cluster through one of Snakemake's executor plugins:
#
#     snakemake site --config profile=demo --cores all
#
# Further settings after --config:
#   limit_min  minutes that a cell, and on a cluster a job, may take (a day)
#   gpus       GPUs of this machine, one per training job; on a cluster 1 asks for
#              one per such job. Without it nothing is hidden or assigned.
#
# To add a notebook: one entry here, one line in book/_toc.yml, and, where a profile
# changes its defaults, one section in notebooks/profiles/<profile>.yml.
#   needs    notebooks that must have run before
#   outputs  files below _build/ it rewrites at each run; Snakemake deletes them
#            before it, so name no store, checkpoint or anything that is resumed
#   reads    environment variables that change what it does
#   gpu      whether it trains, so that it takes a GPU where there are some
#   reference  folders of book/reference/ whose committed results it reads; that of the
#              study is found by reading the notebook
#   sections   sections of the profile that it reads beside its own
# The library modules that a notebook imports are its inputs, found by reading it.

import atexit
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib import metadata
from math import ceil
from pathlib import Path

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT))

from book.pipeline.notebooks import date_now, modules_used
from chexnomaly.errors import MissingInputError, ProfileError
from book.pipeline.profiles import check_profile, parameters_cell
from chexnomaly.profiles import load_profile
from chexnomaly.workspace import real_data

PROFILE = config.get("profile", "demo")

NOTEBOOKS = {
    "01_method_from_zero": {},
    "02_data": {
        "outputs": ["data/{profile}/vindr/findings.csv"],
        "reads": [
            "CHEXNOMALY_REAL_DATA",
            "CHEXNOMALY_VINDR",
            "CHEXNOMALY_RSNA",
            "CHEXNOMALY_COVID",
        ],
    },
    "03_supermodels": {
        "gpu": True,
        "needs": ["02_data"],
        "outputs": ["results/{profile}/supermodel__vindr_test.json"],
        "reads": ["CHEXNOMALY_REAL_DATA"],
    },
    "04_specialized_models": {
        "gpu": True,
        "sections": ["model_ensemble"],
        "needs": ["02_data", "03_supermodels"],
        "reads": ["CHEXNOMALY_REAL_DATA"],
    },
    "05_box_focal_loss": {"needs": ["02_data", "03_supermodels"]},
    "06_siamese_networks": {
        "gpu": True,
        "sections": ["one_film"],
        "needs": ["02_data", "03_supermodels"],
        "reference": ["twins"],
    },
    "07_chexnomaly": {
        "gpu": True,
        "needs": ["02_data", "03_supermodels", "06_siamese_networks"],
        "reads": ["CHEXNOMALY_REAL_DATA"],
    },
    "08_real_films": {
        "gpu": True,
        "sections": ["real_films_twins"],
        "needs": ["02_data"],
        "reads": ["CHEXNOMALY_NIH", "CHEXNOMALY_REAL_DATA"],
        "reference": ["films", "real_films", "twins"],
    },
    "09_comparison": {
        "needs": ["04_specialized_models", "05_box_focal_loss", "07_chexnomaly"],
    },
    "10_errors": {"needs": ["07_chexnomaly", "08_real_films"]},
    "11_beyond_the_paper": {
        "needs": ["02_data", "04_specialized_models", "07_chexnomaly"],
        "outputs": ["results/{profile}/multiverse__vindr_test.json"],
    },
    "12_phantom": {
        "needs": ["02_data", "03_supermodels"],
        "outputs": ["results/{profile}/audit__vindr_phantom.json"],
        "reads": ["CHEXNOMALY_REAL_DATA"],
        "reference": ["phantom", "phantom/features"],
    },
    "13_gallery": {
        "needs": ["08_real_films", "09_comparison"],
        "reads": ["CHEXNOMALY_NIH"],
        "reference": ["films"],
    },
    "14_your_own_xray": {
        "reference": ["pretrained", "study"],
        "reads": ["CHEXNOMALY_REAL_DATA"],
    },
    "16_what_annotations_say": {"needs": ["04_specialized_models", "07_chexnomaly"]},
    "17_claims": {
        "needs": [
            "05_box_focal_loss",
            "08_real_films",
            "09_comparison",
            "10_errors",
            "16_what_annotations_say",
        ],
    },
    "18_speed_and_scale": {"reference": ["bench", "gpu", "study/cells/films", "study/cells/phantoms"]},
}

LIMIT_MIN = float(config.get("limit_min", 24 * 60))
GPUS = int(config.get("gpus", 0))
EXECUTED = "_build/notebooks/{profile}/{name}.ipynb"

if not metadata.version("jupyter-book").startswith("1.0."):
    raise WorkflowError(
        f"Jupyter Book {metadata.version('jupyter-book')} is installed; this book needs "
        "1.0.4.post1 (2.x is another program). `make book` installs the right one."
    )



def sections(name):
    return [name, *NOTEBOOKS[name].get("sections", [])]


try:
    profile = load_profile(ROOT / f"notebooks/profiles/{PROFILE}.yml")
    check_profile(
        profile,
        {s: ROOT / f"notebooks/{n}.ipynb" for n in NOTEBOOKS for s in sections(n)},
    )
    for variable in {v for about in NOTEBOOKS.values() for v in about.get("reads", [])}:
        real_data(variable)
except (ProfileError, MissingInputError) as error:
    raise WorkflowError(str(error)) from None

# Settings of the user's own (of IPython, Jupyter, Matplotlib) shape no page, and nothing
# is written below a home that may be read-only.
for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "MPLCONFIGDIR"):
    os.environ[variable] = str(ROOT / "_build" / ".user" / variable.lower())
os.environ["XDG_CACHE_HOME"] = str(ROOT / "_build" / ".cache")
# `make timings` names a folder whose code counts what each process spends.
paths = [os.environ.get("CHEXNOMALY_SAMPLER"), str(ROOT)]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
os.environ["PYTHONNOUSERSITE"] = "1"
for variable in (
    "PYTHONSAFEPATH", "PYTHONSTARTUP", "PYTHONOPTIMIZE", "PYTHONWARNINGS",
    "MATPLOTLIBRC", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH",
):
    os.environ.pop(variable, None)

# One thread per job: two processes of one thread do up to twice the work of one of two.
# With MPLBACKEND set, figures would silently vanish from executed notebooks.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
# What no result depends on stands here or in resources: a changed parameter runs anew.
shell.prefix(f"export OMP_NUM_THREADS=1 CHEXNOMALY_GPUS={GPUS}; unset MPLBACKEND; ")


def source(name):
    return f"notebooks/{name}.ipynb"


def executed(name):
    return EXECUTED.format(profile=PROFILE, name=name)


def outputs(name):
    files = NOTEBOOKS[name].get("outputs", [])
    return [f"_build/{file}".format(profile=PROFILE) for file in files]


def gpus_of(name):
    return int(GPUS > 0 and NOTEBOOKS[name].get("gpu", False))


def needs(name):
    parents = NOTEBOOKS[name].get("needs", [])
    return [f for parent in parents for f in (executed(parent), *outputs(parent))]


def waiting_for(name):
    waiting = {n for n, about in NOTEBOOKS.items() if name in about.get("needs", [])}
    return waiting.union(*map(waiting_for, waiting))


def reads_study(name):
    text = (ROOT / source(name)).read_text()  # its verdicts, or its tables, rest on it
    return any(word in text for word in ("results_folders", "held_out.", "practice."))


# Thousands of files would cost seconds as inputs; their hash is a parameter of a rule.
@cache
def committed(folder, whole=False):
    digest, place = hashlib.sha256(), ROOT / "book" / "reference" / folder
    for path in sorted(place.rglob("*") if whole else place.glob("*")):
        if path.is_file() and (whole or ".stamp" not in path.name):
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def folders_read(name):
    return sorted({*NOTEBOOKS[name].get("reference", []), *["study"] * reads_study(name)})


def modules(name):
    return [str(p.relative_to(ROOT)) for p in modules_used(ROOT / source(name), ROOT)]


def surroundings(name):
    return {v: os.environ.get(v, "") for v in NOTEBOOKS[name].get("reads", [])}


def sources_of_the_site():
    built = {ROOT / "book" / "notebooks", ROOT / "book" / "rendered"}
    built.add(ROOT / "book" / "reference")  # see `committed`
    for folder in ("book", "chexnomaly"):
        for path in sorted((ROOT / folder).rglob("*")):
            kept = built.isdisjoint(path.parents) and "__pycache__" not in path.parts
            if path.is_file() and kept:
                yield str(path.relative_to(ROOT))
    yield from ("_config.yml", "pyproject.toml", "requirements.lock", "Snakefile")


def gate_pairs():
    return [file for name in NOTEBOOKS for file in (executed(name), source(name))]


# An input dated after now would end a run once its notebook is done, and delete that.
inputs = [file for name in NOTEBOOKS for file in needs(name)]
try:
    date_now([*sources_of_the_site(), *gate_pairs(), *inputs, f"_build/gate-{PROFILE}.passed"])
except OSError as error:
    raise WorkflowError(f"{error.filename}: its date lies ahead, mend it: {error.strerror}") from None


# What a kernel draws with, read as Matplotlib is imported.
INLINE = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}


def watches_processes():
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):  # macOS, a Linux of long ago
        return False
    return True


# Kernels are forks of one process that ends with this one, so that imports are paid once.
onstart:
    if watches_processes():
        folder = tempfile.mkdtemp(prefix="chexnomaly-")
        os.environ["CHEXNOMALY_WARM"] = f"{folder}/server"
        server = subprocess.Popen(
            [sys.executable, "-m", "book.pipeline.warm"], stdin=subprocess.PIPE,
            start_new_session=True, env=os.environ | {"OMP_NUM_THREADS": "1"} | INLINE,
        )
        os.environ["JUPYTER_PATH"] = str(ROOT / "book" / "pipeline" / "jupyter")
        atexit.register(shutil.rmtree, folder)
        atexit.register(server.communicate)


rule notebooks:
    input:
        [executed(name) for name in NOTEBOOKS],


for name in NOTEBOOKS:

    rule:
        name:
            f"run_{name}"
        input:
            source=source(name),
            needs=needs(name),
            modules=modules(name),
        output:
            executed=executed(name),
            files=outputs(name),
        # A notebook that fails stays in its log, traceback and all.
        log:
            notebook=f"_build/logs/{PROFILE}/{name}.ipynb",
            text=f"_build/logs/{PROFILE}/{name}.txt",
        params:
            # A function, since braces in plain text would be read as wildcards.
            parameters=lambda wildcards, name=name: profile.as_yaml(
                name, parameters_cell(ROOT / source(name))
            ),
            # What a notebook reads from the profile by itself: if it changes, it runs anew.
            settings=lambda wildcards, name=name: str(
                [profile.settings(section) for section in sections(name)]
            ),
            surroundings=surroundings(name),
            committed=[committed(folder) for folder in folders_read(name)],
        threads: 1
        priority: len(waiting_for(name))  # what most others wait for goes first
        resources:
            runtime=ceil(LIMIT_MIN),
            limit_s=ceil(60 * LIMIT_MIN),
            gpu=gpus_of(name),
        shell:
            "exec python -m book.pipeline.run_notebook {input.source} {output.executed}"
            " --log {log.notebook} --parameters {params.parameters:q}"
            " --limit-s {resources.limit_s} --gpu {resources.gpu}"


def pages():
    """Copy the executed notebooks to where the book expects its pages."""
    return " && ".join(f"cp {executed(n)} book/notebooks/{n}.ipynb" for n in NOTEBOOKS)


rule gate:
    input:
        notebooks=gate_pairs(),
        script="book/pipeline/gate.py",
    output:
        f"_build/gate-{PROFILE}.passed",
    shell:
        "echo 'gate: looking through the executed notebooks'"
        " && python -m book.pipeline.gate {input.notebooks} && touch {output}"


# What pages include, from results and templates; everything in the folder is rewritten.
rule pieces:
    input:
        gate=rules.gate.output,
        notebooks=[executed(name) for name in NOTEBOOKS],
        results=[file for name in NOTEBOOKS for file in outputs(name)],
        sources=list(sources_of_the_site()),
    output:
        directory("book/rendered"),
    params:
        profile=PROFILE,
        committed=committed("", whole=True),
    shell:
        "echo 'site: building' && python -m book.pieces.render {params.profile} {output}"


rule site:
    input:
        pieces=rules.pieces.output,
        notebooks=[executed(name) for name in NOTEBOOKS],
        sources=list(sources_of_the_site()),
    output:
        "_build/html/index.html",
    log:
        "_build/logs/site.log",
    params:
        profile=PROFILE,
        committed=committed("", whole=True),
        pages=pages(),
    shell:
        "rm -rf _build/html _build/.doctrees _build/jupyter_execute book/notebooks"
        " && mkdir -p book/notebooks && {params.pages}"
        " && if ! NO_COLOR=1 CHEXNOMALY_PROFILE={params.profile} jupyter-book build book"
        "    --all -W --keep-going -n > {log} 2>&1;"
        " then tail -n 20 {log} >&2; grep -aE 'WARNING|ERROR' {log} >&2; exit 1; fi"
