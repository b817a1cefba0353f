"""Find a Chromium for the tests, or install one: Playwright's, else the system's, else Debian's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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


if __name__ == "__main__":
    print(f"browser: {install()}")
