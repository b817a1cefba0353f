"""The short Python fences of the pages: pytest-markdown-docs runs each, and none is skipped unnoticed."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.conftest import ROOT

FENCES = 2
"""All ```python fences of docs/. Change it when you add one."""


def test_every_inline_fence_runs() -> None:
    written = sum(
        len(
            re.findall(
                r"^\s*(?:```|~~~)\s*\{?\.?(?:python|py)\b", page.read_text(encoding="utf-8"), re.MULTILINE
            )
        )
        for page in (ROOT / "docs").rglob("*.md")
    )
    assert written == FENCES
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--markdown-docs",
        "--markdown-docs-syntax=superfences",
        "docs",
    ]
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-q", "-rA", "-o", "addopts=", "-p", "no:xdist"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert len(re.findall(r"^PASSED ", result.stdout, re.MULTILINE)) == FENCES, result.stdout
