"""The scripts of the pages: their types, and their own tests."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT


def test_the_scripts_types_and_their_own_tests() -> None:
    command = [sys.executable, "-m", "toolkit", "live", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
