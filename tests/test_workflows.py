"""What GitHub runs: pinned actions, least rights, and no command that a stranger can write."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from toolkit import hooks, render

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def workflow(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_actions_are_pinned_and_rights_are_least(file: Path) -> None:
    flow = workflow(file)
    assert flow["permissions"] == {"contents": "read"}
    for name, job in flow["jobs"].items():
        uses = [job["uses"]] if "uses" in job else [step["uses"] for step in job["steps"] if "uses" in step]
        for action in uses:
            assert action.startswith("./") or re.search(r"@[0-9a-f]{40}$", action), f"{name}: {action}"
        assert "uses" in job or job["timeout-minutes"] <= 180
        for step in job.get("steps", []):
            # An expression within a command is text that somebody else may choose.
            assert "${{" not in step.get("run", ""), f"{name}: {step['run']}"
    # Each hash says which version it is.
    pins = re.findall(r"uses: \S+@[0-9a-f]{40}(.*)", file.read_text(encoding="utf-8"))
    assert all(re.fullmatch(r" # v\d+(\.\d+)*", said) for said in pins)


def test_one_action_has_one_version() -> None:
    found: dict[str, set[str]] = {}
    for file in FILES:
        for action, revision in re.findall(r"uses: (\S+)@(\S+)", file.read_text(encoding="utf-8")):
            found.setdefault(action, set()).add(revision)
    assert all(len(revisions) == 1 for revisions in found.values()), found


def test_what_they_call_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for file in FILES:
        for job in workflow(file)["jobs"].values():
            for step in job.get("steps", []):
                run = step.get("run", "")
                assert set(re.findall(r"\bmake ([a-z-]+)", run)) <= targets
                for path in re.findall(r"(?:tests|snippets)/\S+|\.ci/\S+", run):
                    assert (ROOT / path).exists(), path


def test_the_repositorys_address_is_the_one_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SITE_URL", raising=False)
    monkeypatch.setattr(hooks, "_demos", lambda: None)
    monkeypatch.setattr(render.site, "colab", render.site.colab)
    monkeypatch.setattr(render.site, "serving", False)
    config = SimpleNamespace(
        repo_url="https://github.com/Some/book", site_url="http://127.0.0.1:8000/", extra={}
    )
    hooks.on_config(config)
    assert config.site_url == "https://some.github.io/book/"
    assert render.site.colab.endswith("/github/Some/book/blob/main/")
    monkeypatch.setenv("SITE_URL", "https://book.example/")
    config.site_url = "https://book.example/"
    hooks.on_config(config)
    assert config.site_url == "https://book.example/"
