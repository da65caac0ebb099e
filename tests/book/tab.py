"""A page in a real browser, opened as a file: `tab.mjs` from Python."""

import json
import subprocess
from pathlib import Path

from book.site.browser import NODE, find_browser

PHONE = {"viewport": {"width": 390, "height": 844}, "hasTouch": True, "isMobile": True}


def open_page(
    page: Path,
    folder: Path,
    installed: Path,
    code: str,
    given: object = None,
    view: dict | None = None,
):
    """Do something on a page; nothing may fail there or be asked for elsewhere.

    Args:
        page: The file.
        folder: Where everything that the page may load lies.
        installed: Folder of what drives the browser.
        code: Body of an async function of (tab, given, axe).
        given: What it gets.
        view: Options of the browser's context, such as `PHONE`.

    Returns:
        What the function returned.
    """
    request = {"executable": find_browser(), "address": page.as_uri()}
    request |= {"view": view or {}, "code": code, "given": given}
    command = [NODE / "bin" / "node", Path(__file__).with_name("tab.mjs")]
    done = subprocess.run(
        [*command, installed.resolve()],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["errors"] == []
    assert all(url.startswith((folder.as_uri(), "data:")) for url in seen["asked"])
    return seen["found"]
