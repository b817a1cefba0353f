"""List what the site sends to a reader, and under which licence: the custom fence `licences`.

The list is made from what the build took: the packages that esbuild put into the scripts, the theme, and
the catalog of the models. The fence has no lines.
"""

from __future__ import annotations

import importlib.metadata
import json
from html import escape
from typing import Any

from markdown import Markdown

from toolkit import live, render
from toolkit.hub import read_catalog

OURS = "Apache-2.0"
"""Of the text, the snippets, the data and the weights that were made for this book; see LICENSE."""
_PYTHON = {
    "mkdocs-material": ("the theme: scripts, styles, icons", "https://squidfunk.github.io/mkdocs-material/"),
    "mkdocs-jupyter": ("the styles of the lab pages", "https://github.com/danielfrg/mkdocs-jupyter"),
}


def licences_fence(
    source: str, language: str, css_class: str, options: dict[str, Any], md: Markdown, **_: Any
) -> str:
    """The custom fence's formatter."""
    head = "<thead><tr><th>What</th><th>Version</th><th>Licence</th></tr></thead>"
    body = "".join(
        f"<tr><td>{what}</td><td>{escape(version)}</td><td>{escape(licence)}</td></tr>"
        for what, version, licence in [*_own(), *_packages(), *_models()]
    )
    return f'<div class="md-typeset__scrollwrap"><table>{head}<tbody>{body}</tbody></table></div>'


def _own() -> list[tuple[str, str, str]]:
    version = importlib.metadata.version("the-chapter-that-runs")
    return [("This chapter: text, snippets, data, demos, and the weights that it trained", version, OURS)]


def _packages() -> list[tuple[str, str, str]]:
    found = []
    for name, (what, address) in _PYTHON.items():
        about = importlib.metadata.metadata(name)
        licence = about["License-Expression"] or about["License"] or _classified(about)
        found.append((f'<a href="{address}">{name}</a>, {what}', about["Version"], licence))
    file = render.shelf().book.cache / "live" / "site" / live.PACKAGES
    if file.exists():  # a site without demos has no scripts of theirs
        for package in json.loads(file.read_text(encoding="utf-8")):
            name = f'<a href="{escape(package["address"])}">{escape(package["name"])}</a>'
            found.append((f"{name}, in the scripts of the demos", package["version"], package["licence"]))
    return found


def _classified(about: Any) -> str:
    """The licence as the classifiers of a package name it."""
    names = [each.rpartition(" :: ")[2] for each in about.get_all("Classifier") if "License ::" in each]
    return ", ".join(names)


def _models() -> list[tuple[str, str, str]]:
    return [
        (
            f"<code>{escape(model.id)}</code>, the original weights",
            model.revision[:12],
            str(model.entry["licence"]),
        )
        for model in read_catalog(render.shelf().book).values()
        if model.embedded.get("original")
    ]
