"""A Chromium for the tests, Playwright's, else the system's, else Debian's, and a server for it."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
]


def find() -> Path | None:
    """The executable, or None if there is none yet. `CHROMIUM` overrides the search."""
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    if own.exists():
        return own
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return Path(found)
    return None


def install() -> Path:
    """Try each source in turn. Exits with one sentence if none works."""
    if "CHROMIUM" not in os.environ:
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(command, capture_output=True, timeout=600, check=False)
    found = find()
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "chromium"]):
            subprocess.run(["apt-get", *arguments], stdout=subprocess.DEVNULL, check=False)
        found = find()
    if found is None:
        sys.exit("No Chromium: install one (on Debian: apt-get install chromium) or set CHROMIUM to its path")
    return found


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address at which the files of a folder are served while the block runs."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A tab that is closed while it loads is none."""

    handler = functools.partial(Quiet, directory=str(folder))
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


if __name__ == "__main__":
    print(f"browser: {install()}")
