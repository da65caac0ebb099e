"""The files that describe the project agree with each other."""

import json
import os
import re
import shutil
import subprocess
import tomllib
import venv
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from pip._vendor.distlib.scripts import ScriptMaker

import chexnomaly

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
OUTSIDE_THE_LOCK = {"torch", "torchvision", "triton"}


def requirements() -> list[Requirement]:
    groups = PROJECT["optional-dependencies"].values()
    texts = [*PROJECT["dependencies"], *(text for group in groups for text in group)]
    return [Requirement(text) for text in texts]


def locked() -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", LOCK, re.M):
        found.setdefault(canonicalize_name(name), []).append(Version(version))
    return found


@pytest.mark.parametrize("requirement", requirements(), ids=lambda r: r.name)
def test_the_lock_holds_what_the_project_asks_for(requirement):
    name = canonicalize_name(requirement.name)
    if name in OUTSIDE_THE_LOCK:
        return
    assert name in locked(), "run `make lock`"
    assert all(version in requirement.specifier for version in locked()[name])


def test_every_locked_version_is_pinned_by_hash():
    entries = re.split(r"\n(?=[A-Za-z0-9])", LOCK)[1:]
    assert len(entries) > 100
    for entry in entries:
        assert re.match(r"[A-Za-z0-9_.-]+==[^ ;]+", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_torch_and_what_it_brings_stay_out_of_the_lock():
    names = set(locked())
    assert not names & OUTSIDE_THE_LOCK
    assert not [name for name in names if name.startswith(("nvidia-", "cuda-"))]


def test_the_lock_names_no_index():
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", LOCK)


def test_what_drives_the_browser_is_locked_by_hash_and_names_no_registry():
    folder = ROOT / "book" / "site" / "browser"
    asked = json.loads((folder / "package.json").read_text())["dependencies"]
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    assert packages.pop("")["dependencies"] == asked
    assert all(re.fullmatch(r"[0-9.]+", version) for version in asked.values())
    assert {f"node_modules/{name}" for name in asked} <= set(packages)
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name


def test_make_installs_a_torch_that_the_project_accepts():
    pinned = Requirement(re.search(r"^TORCH \?= (.*)$", MAKEFILE, re.M)[1])
    asked = next(r for r in requirements() if r.name == "torch")
    version = str(pinned.specifier).removeprefix("==")
    assert version in asked.specifier


def test_conda_users_get_the_same():
    *conda, pip = ENVIRONMENT["dependencies"]
    assert pip == {"pip": ["--requirement requirements.lock"]}
    wanted = dict((*text.split(maxsplit=1), "")[:2] for text in conda)
    assert wanted["python"] == PROJECT["requires-python"]
    torch = re.search(r"^TORCH \?= torch==(.*)$", MAKEFILE, re.M)[1]
    assert wanted["pytorch"] == f"={torch}"


def test_conda_brings_what_locked_packages_ask_for_beside_the_lock():
    names = {text.split()[0] for text in ENVIRONMENT["dependencies"][:-1]}
    assert {"pytorch", "torchvision", "pip", "make", "git"} <= names


def test_jupyter_book_stays_at_version_one():
    pins = [r for r in requirements() if r.name == "jupyter-book"]
    assert [str(pin.specifier) for pin in pins] == ["==1.0.4.post1"]


def test_the_version_is_one():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == chexnomaly.__version__
    assert citation["license"] == PROJECT["license"] == "Apache-2.0"


def test_make_alone_lists_the_targets():
    alone = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFL"))}
    run = subprocess.run(
        ["make"], cwd=ROOT, env=alone, capture_output=True, text=True, check=True
    )
    listed = {line.split()[1] for line in run.stdout.splitlines() if line.strip()}
    targets = re.findall(r"^([a-z-]+):(?!=)", MAKEFILE, re.M)
    assert listed == set(targets)
    assert {"book", "test", "lab", "lock", "clean"} <= listed


def dry_run(folder: Path, *asked: str, **exported: str) -> str:
    """Say what make would do in a folder that holds the Makefile and an environment."""
    shutil.copy(ROOT / "Makefile", folder)
    for file in ("requirements.lock", "pyproject.toml"):
        (folder / file).touch()
    alone = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFL"))}
    run = subprocess.run(
        ["make", "-n", *asked], cwd=folder, env=alone | exported, capture_output=True
    )
    said = (run.stdout + run.stderr).decode().splitlines(keepends=True)
    # How far ahead a date lies changes with each second.
    return "".join(line for line in said if " s in the future" not in line)


@pytest.fixture
def folder(tmp_path):
    """A project's folder, with a space in its name, whose environment is ready."""
    folder = tmp_path / "my project"
    folder.mkdir()
    dry_run(folder)
    venv.create(folder / ".venv", with_pip=False)
    programs = ScriptMaker(None, folder / ".venv" / "bin")  # what pip uses
    programs.executable = str(folder / ".venv" / "bin" / "python")
    programs.make("papermill = papermill.__main__:papermill")
    (folder / ".venv" / ".installed").touch()
    os.utime(folder / ".venv" / ".installed", times=(2**31, 2**31))
    return folder


UV = """#!/bin/sh
'''exec' '{}/.venv/bin/python3' "$0" "$@"
' '''
"""
RELOCATABLE = """#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")"/'python' "$0" "$@"
' '''
"""


@pytest.mark.parametrize("move", [shutil.copytree, shutil.move, None])
@pytest.mark.parametrize("by", ["pip", "uv", "conda", "uv, relocatable"])
def test_an_environment_of_another_folder_is_made_anew(folder, tmp_path, move, by):
    program = folder / ".venv" / "bin" / "papermill"
    assert f"{folder}/.venv/bin/python" in program.read_text()
    if by == "conda":
        program.write_text(f"#!{folder}/.venv/bin/python3.11\n")
        (folder / ".venv" / "pyvenv.cfg").unlink()
        (folder / ".venv" / "conda-meta").mkdir()
    elif by != "pip":
        program.write_text((UV if by == "uv" else RELOCATABLE).format(folder))
    if move:
        move(folder, tmp_path / "new")
        folder = tmp_path / "new"
    said = dry_run(folder, "book")
    moved = bool(move) and "relocatable" not in by
    assert (".venv belongs to another folder; it is made anew" in said) == moved, said
    if by == "conda" and moved:
        run = subprocess.run(["make", "book"], cwd=folder, capture_output=True)
        assert run.returncode and b"make it anew from environment.yml" in run.stderr
        assert (folder / ".venv" / "conda-meta").exists()
    else:
        assert ("-m venv .venv" in said) == moved, said


def test_a_reader_at_work_in_jupyterlab_keeps_own_settings(folder, tmp_path):
    jupyter = folder / ".venv" / "bin" / "jupyter"
    jupyter.write_text("#!/bin/sh\nenv\n")
    jupyter.chmod(0o755)
    names = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_PATH", "MPLCONFIGDIR")
    names += ("MATPLOTLIBRC", "MPLBACKEND", "PYTHONSTARTUP", "XDG_CACHE_HOME", "HOME")
    own = {name: str(tmp_path / name.lower()) for name in names}
    dry_run(folder)
    run = subprocess.run(
        ["make", "-s", "lab"], cwd=folder, env=os.environ | own, capture_output=True
    )
    seen = dict(line.split("=", 1) for line in run.stdout.decode().splitlines())
    assert own.items() <= seen.items(), run.stderr
    assert seen["PYTHONPATH"] == str(folder)


def test_what_a_shell_exports_for_others_is_not_read(folder):
    plain = dry_run(folder, "book")
    exported = {"CLUSTER": "slurm", "SETTINGS": "x=y", "NAME": "x", "DATA": "/x"}
    assert dry_run(folder, "book", **exported) == plain
    plain = dry_run(folder, "release")
    assert "git archive" in plain
    assert dry_run(folder, "release", COMMIT="0123abc") == plain
    assert "--executor slurm" in dry_run(folder, "book", "CLUSTER=slurm")
    said = dry_run(folder, "book", PROFILE="tiny")
    assert said.startswith("PROFILE=tiny, from the environment\n")


def test_paths_may_hold_spaces_and_be_relative(folder):
    for part in ("vindr", "rsna"):
        (folder / "My Passport" / part).mkdir(parents=True)
    said = dry_run(folder, "paper", "DATA=My Passport")
    seen = re.search(r"^folder=.*?(?= \S+ book PROFILE=paper)", said, re.M | re.S)[0]
    show = f"{seen} sh -c 'echo $CHEXNOMALY_RSNA'"
    run = subprocess.run(show, shell=True, cwd=folder, capture_output=True, text=True)
    assert run.stdout == f"{folder}/My Passport/rsna\n"
    assert '--out "a b"' in dry_run(folder, "data", "NAME=rsna", "OUT=a b")
    assert '--against "a b"' in dry_run(folder, "verify", "AGAINST=a b")
    said = dry_run(folder, "book", "VENV=a b")
    assert "make cannot follow a path with a space" in said


def test_continuous_integration_calls_the_targets_of_everyone():
    script = (ROOT / ".ci" / "run").read_text()
    calls = re.findall(r"^\s*make (\w+)(?: SLOW=trust)?$", script, re.M)
    assert calls[:2] == ["book", "test"]
    assert "check" in calls
    # The slow tests of privacy, damage, faults and equal bytes are part of it.
    assert "\nmake test SLOW=trust\n" in script
    workflow = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text())
    steps = workflow["jobs"]["build"]["steps"]
    assert "bash .ci/run" in [step.get("run") for step in steps]


def test_every_action_is_pinned_by_digest():
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        for action in re.findall(r"uses: (\S+)", workflow.read_text()):
            assert re.search(r"@[0-9a-f]{40}$", action), action
