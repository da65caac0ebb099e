"""The pipeline runs what is out of date, and only that, and publishes nothing bad."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = """NOTEBOOKS = {
    "01_one": {"outputs": ["results/{profile}/one.json"]},
    "02_two": {"needs": ["01_one"], "reads": ["CHEXNOMALY_TRIAL"]},
    "03_three": {},
}
"""
PROFILE = """
profile: demo
about: For a test.
deviations: []
parameters: {01_one: {n: 3}}
"""
pytestmark = pytest.mark.slow


def write_notebook(root, name, parameters, code):
    def cell(source, *tags):
        metadata = {"tags": list(tags)}
        return {"cell_type": "code", "source": source, "metadata": metadata}

    cells = [cell(parameters, "parameters"), cell(code)]
    for number, entry in enumerate(cells):
        entry |= {"outputs": [], "execution_count": None, "id": f"cell-{number}"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (root / "notebooks" / f"{name}.ipynb").write_text(json.dumps(notebook))


@pytest.fixture
def project(tmp_path):
    """A checkout of three small notebooks around this project's own Snakefile."""
    ignore = shutil.ignore_patterns("__pycache__", "notebooks")
    for folder in ("chexnomaly", "book"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignore)
    for file in ("_config.yml", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / file, tmp_path)
    snakefile = (ROOT / "Snakefile").read_text()
    snakefile = re.sub(r"^NOTEBOOKS = \{.*?^\}\n", TABLE, snakefile, flags=re.M | re.S)
    (tmp_path / "Snakefile").write_text(snakefile)
    (tmp_path / "notebooks" / "profiles").mkdir(parents=True)
    (tmp_path / "notebooks" / "profiles" / "demo.yml").write_text(PROFILE)
    profile = 'profile: str = "demo"'
    one = (
        "import json, pathlib\nimport chexnomaly.labels\n"
        "out = pathlib.Path('../_build/results/demo/one.json')\n"
        "out.parent.mkdir(parents=True, exist_ok=True)\n"
        "out.write_text(json.dumps(n));"
    )
    write_notebook(tmp_path, "01_one", f"{profile}\nn: int = 1", one)
    write_notebook(
        tmp_path, "02_two", profile, "import os; os.environ.get('MPLBACKEND')"
    )
    write_notebook(tmp_path, "03_three", profile, "import chexnomaly.boxes")
    return tmp_path


def run(project, target="gate", settings=(), **environment):
    command = [sys.executable, "-m", "snakemake", target, "--cores", "2", "--quiet"]
    command += ["rules", "progress", "host", "--scheduler", "greedy", "--nolock"]
    command += ["--config", "profile=demo", *settings]
    environment = os.environ | {"MPLBACKEND": "agg"} | environment
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True
    )
    ran = sorted(re.findall(r"^(\w+): running$", done.stdout, re.M))
    return done.returncode, ran, done.stdout + done.stderr


def test_only_what_is_out_of_date_runs(project):
    status, ran, said = run(project)
    assert status == 0, said
    assert ran == ["01_one", "02_two", "03_three"]
    assert json.loads((project / "_build/results/demo/one.json").read_text()) == 3
    executed = json.loads((project / "_build/notebooks/demo/02_two.ipynb").read_text())
    assert "agg" not in str(executed["cells"][-1]["outputs"])

    for path in (project / "chexnomaly").rglob("*.py"):
        path.touch()
    assert run(project)[:2] == (0, [])

    with (project / "chexnomaly" / "boxes.py").open("a") as module:
        module.write("\n# changed\n")
    assert run(project)[:2] == (0, ["03_three"])
    assert run(project, CHEXNOMALY_TRIAL="notebooks")[:2] == (0, ["02_two"])
    with (project / "chexnomaly" / "labels.py").open("a") as module:
        module.write("\n# changed\n")
    assert run(project, CHEXNOMALY_TRIAL="notebooks")[:2] == (0, ["01_one", "02_two"])


def test_a_changed_study_runs_those_that_read_it_and_no_others(project):
    path = project / "notebooks" / "03_three.ipynb"
    reads = path.read_text().replace("import chexnomaly.boxes", "results_folders = 1")
    path.write_text(reads)
    study = project / "book" / "reference" / "study"
    study.mkdir(parents=True, exist_ok=True)
    assert run(project)[0] == 0
    (study / "a__b.json").write_text("{}")
    assert run(project)[:2] == (0, ["03_three"])
    (study / "a__b.json").write_text('{"value": 1}')
    (study / "cells").mkdir(exist_ok=True)
    assert run(project)[:2] == (0, ["03_three"])
    (study / "cells" / "a__fold0_seed0.json").write_text("{}")  # no result yet
    (study / "a__b.stamp.json").write_text("{}")
    assert run(project)[:2] == (0, [])


def test_a_notebook_that_fails_is_kept_and_not_published(project):
    write_notebook(project, "03_three", 'profile: str = "demo"', "1 / 0")
    status, _, said = run(project)
    assert status != 0
    assert "ZeroDivisionError" in said
    assert "03_three: FAILED, see _build/logs/demo/03_three.ipynb" in said
    assert (
        "ZeroDivisionError" in (project / "_build/logs/demo/03_three.ipynb").read_text()
    )
    assert not (project / "_build/notebooks/demo/03_three.ipynb").exists()
    assert not (project / "_build/gate-demo.passed").exists()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("{01_one: {m: 3}}", "unknown parameter; expected n, profile"),
        ("{09_none: {n: 3}}", "unknown notebook '09_none'"),
    ],
)
def test_what_no_notebook_knows_is_refused_before_anything_runs(
    project, parameters, message
):
    text = PROFILE.replace("{01_one: {n: 3}}", parameters)
    other = project / "notebooks" / "profiles" / "other.yml"
    other.write_text(text.replace("profile: demo", "profile: other"))
    status, ran, said = run(project, settings=["profile=other"])
    assert (status, ran) == (1, [])
    assert message in said
    assert "Traceback" not in said


def test_dates_ahead_of_the_clock_run_nothing_and_cost_nothing(project):
    assert run(project)[0] == 0
    for path in project.rglob("*.*"):
        os.utime(path, times=(2**32, 2**32))
    assert run(project)[:2] == (0, [])
    module = project / "chexnomaly" / "boxes.py"
    module.write_text(module.read_text() + "\n# changed\n")
    os.utime(module, times=(2**32, 2**32))
    status, ran, said = run(project)
    assert (status, ran) == (0, ["03_three"]), said
    assert (project / "_build/notebooks/demo/03_three.ipynb").exists()


def test_the_users_own_settings_change_nothing(project, tmp_path_factory):
    write_notebook(project, "03_three", 'profile: str = "demo"', SETTINGS)
    home = tmp_path_factory.mktemp("home")
    (home / ".ipython" / "profile_default").mkdir(parents=True)
    config = "c = get_config()\nc.InteractiveShell.ast_node_interactivity = 'all'\n"
    (home / ".ipython/profile_default/ipython_config.py").write_text(config)
    (home / ".config" / "matplotlib").mkdir(parents=True)
    (home / ".config/matplotlib/matplotlibrc").write_text("lines.linewidth: 9\n")
    (home / "start.py").write_text("print('started')\n")
    (home / "book").mkdir()
    (home / "book" / "__init__.py").write_text("1 / 0\n")
    before = {p: p.stat().st_mtime_ns for p in home.rglob("*")}
    status, ran, said = run(
        project,
        HOME=str(home),
        PYTHONSTARTUP=str(home / "start.py"),
        PYTHONPATH=os.pathsep.join([str(project), str(home)]),
        MATPLOTLIBRC=str(home / ".config/matplotlib"),
        XDG_CACHE_HOME=str(project / "_build" / ".cache"),
    )
    assert status == 0, said
    executed = project / "_build/notebooks/demo/03_three.ipynb"
    outputs = json.loads(executed.read_text())["cells"][-1]["outputs"]
    assert [o.get("data", {}).get("text/plain") for o in outputs] == [["1.5"]]
    assert {p: p.stat().st_mtime_ns for p in home.rglob("*")} == before


SETTINGS = "import matplotlib, book\n1\nmatplotlib.rcParams['lines.linewidth']"


def test_a_folder_that_is_none_is_named_before_anything_runs(project):
    status, ran, said = run(project, CHEXNOMALY_TRIAL="my data")
    assert (status, ran) == (1, [])
    assert "my data: is not a folder" in said
    (project / "my data").mkdir()
    # Nor does it need a home; `make` gives the cache this place.
    missing = {"HOME": "/proc/none", "XDG_CACHE_HOME": str(project / "_build/.cache")}
    status, _, said = run(project, CHEXNOMALY_TRIAL="my data", **missing)
    assert status == 0, said


FAULTS = {
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)": "its kernel was killed",
    "import time; time.sleep(100)": "a cell ran over the time limit",
    "open('../_build/big', 'wb').write(bytes(2**25))": "the disk is full",
    "import chexnomaly.errors as e; raise e.StoreError('bad', file='_build/data/x')": (
        "StoreError: _build/data/x: bad"
    ),
}


@pytest.mark.trust
@pytest.mark.parametrize("code", FAULTS, ids=["killed", "late", "full", "damaged"])
def test_a_fault_gives_one_message_and_the_next_run_goes_on(project, code):
    small = "full" in FAULTS[code]
    built = project / "_build"
    built.mkdir()
    if small and not mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", built):
        pytest.skip("no right to make a small disk")
    try:
        assert run(project, "_build/notebooks/demo/01_one.ipynb")[0] == 0
        write_notebook(project, "03_three", 'profile: str = "demo"', code)
        # A minute is ample for the notebook that must not be stopped.
        limit = "limit_min=0.1" if "time" in FAULTS[code] else "limit_min=1"
        status, ran, said = run(project, settings=[limit, "--keep-going"])
        assert status != 0
        assert said.count(f"03_three: {FAULTS[code]}") == 1, said
        assert "Traceback" not in said
        assert json.loads((built / "results/demo/one.json").read_text()) == 3

        write_notebook(project, "03_three", 'profile: str = "demo"', "1")
        (built / "big").unlink(missing_ok=True)
        status, ran, said = run(project)
        assert status == 0, said
        assert "03_three" in ran and ("01_one" in ran) == ("StoreError" in code)
    finally:
        if small:
            subprocess.run(["umount", "--lazy", built], check=True)


def mount(*arguments):
    done = subprocess.run(["mount", *arguments], capture_output=True)
    return done.returncode == 0


def test_only_what_trains_asks_for_a_gpu_and_what_others_wait_for_goes_first(project):
    snakefile = project / "Snakefile"
    text = snakefile.read_text()
    snakefile.write_text(text.replace('"03_three": {}', '"03_three": {"gpu": True}'))
    for settings, wanted in (["gpus=2"], "0 0 1"), ([], "0 0 0"):
        command = [sys.executable, "-m", "snakemake", "notebooks", "--dry-run"]
        command += ["--cores", "2", "--config", "profile=demo", *settings]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True)
        assert " ".join(sorted(re.findall(r"gpu=(\d)", done.stdout))) == wanted
        # and what another waits for goes first
        assert re.findall(r"priority: (\d+)", done.stdout) == ["1"]
