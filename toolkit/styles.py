"""The style sheets of a built site, in one piece within each page: only the rules that some page can use.

A browser shows nothing before it has every style sheet that a page names, and each is a request of its own.
The theme brings rules for all that any site may contain; those for what no page of this one has, and no
script of it makes, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tinycss2

_LINK = re.compile(r'[ \t]*<link rel="stylesheet" href="([^"]+)">\n?')
_CLASSES = re.compile(r'\bclass="([^"]*)"')
_COLOURS = re.compile(r'\bdata-md-color-\w+="([^"]*)"')
_HYPHENED = re.compile(r"[A-Za-z]\w*-[\w-]+")
_VARIABLE = re.compile(r"var\((--[\w-]+)")
_UNUSED = re.compile(r"(?<=[{;])(--md-[\w-]+):(?:url\((?:'[^']*'|\"[^\"]*\"|[^'\")]*)\)|[^;{}\"']*);")
_NESTED = ("media", "supports", "container", "layer")


def inline(pages: dict[Path, str], site: Path) -> None:
    """Put the rules of their style sheets into `pages`, in the order of the links that they replace.

    Instant navigation goes on with the styles of the page that it began on, so all get the same.
    """
    names = {name for html in pages.values() for name in _LINK.findall(html)}
    sheets = {name: sheet for name in names if (sheet := _own_sheet(name, site))}
    scripts = [*site.glob("assets/javascripts/bundle.*.js"), *site.glob("assets/live/*.js")]
    known = _names(pages.values(), scripts)
    theme = site / "assets" / "stylesheets"
    pruned = {
        sheet: prune(sheet.read_text(encoding="utf-8"), known if theme in sheet.parents else None)
        for sheet in set(sheets.values())
    }
    used = set(_VARIABLE.findall("".join([*pruned.values(), *pages.values()])))
    pruned = {
        sheet: _UNUSED.sub(lambda set_: set_[0] if set_[1] in used else "", css)
        for sheet, css in pruned.items()
    }
    for file, html in pages.items():
        links = [name for name in _LINK.findall(html) if name in sheets]
        if not links:
            continue
        style = f"<style>{''.join(pruned[sheets[name]] for name in links)}</style>\n"

        def replace(match: re.Match[str], first: str = links[0], style: str = style) -> str:
            return style if match[1] == first else "" if match[1] in sheets else match[0]

        pages[file] = _LINK.sub(replace, html)


def _own_sheet(name: str, site: Path) -> Path | None:
    """The file behind a link at whatever depth, if it can be moved: it names no other file."""
    path = re.sub(r"^(?:\.\.?/)+|^https?://[^/]+/|^/", "", name)
    found = [site / path, *site.glob(f"**/{Path(path).name}")]
    sheet = next((file for file in found if file.is_file()), None)
    if sheet is None or re.search(r"url\((?!['\"]?(?:data:|#))|@import", sheet.read_text(encoding="utf-8")):
        return None
    return sheet


def _names(pages: Iterable[str], scripts: Iterable[Path]) -> set[str]:
    """Every class of the pages, the names of their colour schemes, and of the scripts all words that may be
    a class of the theme that they add: those have a hyphen.
    """
    found = {"js"}
    for html in pages:
        for classes in _CLASSES.findall(html):
            found.update(classes.split())
        found.update(_COLOURS.findall(html))
    for script in scripts:
        found.update(_HYPHENED.findall(script.read_text(encoding="utf-8")))
    return found


def prune(css: str, known: set[str] | None) -> str:
    """The style sheet without its comments, and without the rules whose selectors all name a class that is
    not `known`; None knows all.
    """
    return _kept(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True), known)


def _kept(rules: Iterable[Any], known: set[str] | None) -> str:
    kept = []
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = [part for part in _split(rule.prelude) if known is None or _possible(part, known)]
            if selectors and rule.content:
                prelude = ",".join(tinycss2.serialize(part).strip() for part in selectors)
                kept.append(f"{prelude}{{{tinycss2.serialize(rule.content).strip()}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword in _NESTED and rule.content is not None:
            inner = _kept(
                tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True), known
            )
            if inner:
                prelude = tinycss2.serialize(rule.prelude).rstrip()
                kept.append(f"@{rule.at_keyword}{prelude}{{{inner}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword != "charset":
            kept.append(rule.serialize())
        elif rule.type == "error":
            raise ValueError(f"line {rule.source_line} of a style sheet: {rule.message}")
    return "".join(kept)


def _split(prelude: list[Any]) -> list[list[Any]]:
    parts: list[list[Any]] = [[]]
    for token in prelude:
        if token == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _possible(selector: list[Any], known: set[str]) -> bool:
    """Whether each class it asks for is known, and each value that it asks of the theme's own attributes.

    What stands in `:not()`, `:is()`, `:where()` and `:has()` asks for nothing here.
    """
    for before, token in zip([None, *selector], selector, strict=False):
        if before == "." and token.type == "ident" and not _may_be(token.value, known):
            return False
        if token.type == "[] block" and tinycss2.serialize(token.content).startswith("data-md-color"):
            values = [part.value for part in token.content[1:] if part.type in ("ident", "string")]
            if not known.issuperset(values):
                return False
    return True


def _may_be(name: str, known: set[str]) -> bool:
    """Whether a class is known, or begins as a script begins one that it puts together."""
    return name in known or any(
        name[:end] in known for end in range(1, len(name)) if name[end - 1] in "-_" and name[end] not in "-_"
    )
