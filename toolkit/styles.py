"""The style sheets of a built site, in one piece within each page: only the rules that some page can use.

A browser shows nothing before it has every style sheet that a page names, and each is a request of its own.
The theme brings rules for all that any site may contain; those for what no page of this one has, and no
script of it makes, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import tinycss2

from toolkit.kept import Kept

_LINK = re.compile(r'[ \t]*<link rel="stylesheet" href="([^"]+)">\n?')
_CLASSES = re.compile(r'\bclass="([^"]*)"')
_VALUES = re.compile(r'\b(?:dir|data-md-color-\w+)="([^"]*)"')
_HYPHENED = re.compile(r"[A-Za-z]\w*-[\w-]+")
_MOTION = re.compile(r"@keyframes\s+([\w-]+)\s*\{(?:[^{}]*\{[^{}]*\})*\s*\}")
_MOVES = re.compile(r"\banimation(?:-name)?:([^;}\"]*)")
_VARIABLE = re.compile(r"var\((--[\w-]+)")
_UNUSED = re.compile(r"(?<=[{;])(--md-[\w-]+):(?:url\((?:'[^']*'|\"[^\"]*\"|[^'\")]*)\)|[^;{}\"']*);")
_ELSEWHERE = re.compile(r"url\((?!['\"]?(?:data:|#))|@import")
"""A sheet with this names other files, beside which it must stay."""
_COSTLY = ("[data-md-color-switching]", ".md-typeset table:not([class])+*")
"""Rules for every element, for which a browser looks at all of them again while a page opens. The first stops
transitions while colours change, which no script of this site asks for, the second sets apart what follows a
table that the theme's script is about to wrap.
"""
_SWITCHED = {
    "md-annotation": ("content.code.annotate", 'class="annotate'),
    "md-tag": ('class="md-tag',),
    "md-version": ('"version": {',),
}
"""What the theme's script makes only where a page asks for it: notes in code, tags, versions of the site."""
_TABS = re.compile(r'\bdata-tabs="\d+:(\d+)"')
_TAB = re.compile(r"\.tabbed-.*:nth-child\((\d+)\)", re.DOTALL)
_NESTED = ("media", "supports", "container", "layer")


@dataclass(frozen=True)
class Known:
    """What a site can show."""

    names: frozenset[str]
    """Classes and values of attributes."""
    tabs: int = 0
    """The most that any set of tabs has: the theme brings rules for twenty."""


def inline(pages: dict[Path, str], site: Path, kept: Kept) -> None:
    """Put the rules of their style sheets into `pages`, in the order of the links that they replace.

    Instant navigation goes on with the styles of the page that it began on, so all get the same.
    """
    files = {file.relative_to(site).as_posix(): file for file in site.rglob("*.css")}
    # A page may name its sheet at any depth, and 404.html below the site's own address.
    sheets = {
        name: path
        for name in {name for html in pages.values() for name in _LINK.findall(html)}
        for path in files
        if f"/{name}".endswith(f"/{path}")
    }
    written = {path: files[path].read_text(encoding="utf-8") for path in set(sheets.values())}
    scripts = [*site.glob("assets/javascripts/bundle.*.js"), *site.glob("assets/live/*.js")]
    shown = _known(pages.values(), scripts)
    pruned = {}
    for path, css in written.items():
        if not _ELSEWHERE.search(css):
            known = shown if path.startswith("assets/stylesheets/") else None
            made_from = [str(known.tabs), *sorted(known.names)] if known else ["all styles"]
            pruned[path] = kept.get(partial(prune, css, known), *made_from, css)
    whole = "".join([*pruned.values(), *pages.values()])
    used = set(_VARIABLE.findall(whole))
    moves = set(re.findall(r"[\w-]+", " ".join(_MOVES.findall(whole))))
    for path, css in pruned.items():
        css = _UNUSED.sub(lambda set_: set_[0] if set_[1] in used else "", css)
        pruned[path] = _MOTION.sub(lambda motion: motion[0] if motion[1] in moves else "", css)
    styles = {name: pruned[path] for name, path in sheets.items() if path in pruned}
    for file, html in pages.items():
        links = [link for link in _LINK.finditer(html) if link[1] in styles]
        if links:
            start = links[0].start()
            rules = "".join(styles[link[1]] for link in links)
            rest = _LINK.sub(lambda link: "" if link[1] in styles else link[0], html[start:])
            pages[file] = f"{html[:start]}<style>{rules}</style>\n{rest}"


def _known(pages: Iterable[str], scripts: Iterable[Path]) -> Known:
    """Every class of the pages, the names of their colour schemes and directions of writing, and of the
    scripts all words that may be a class of the theme that they add: those have a hyphen.
    """
    found, on, tabs = {"js"}, set(), 0
    for html in pages:
        for classes in _CLASSES.findall(html):
            found.update(classes.split())
        found.update(_VALUES.findall(html))
        tabs = max(tabs, *map(int, _TABS.findall(html)), 0)
        on |= {name for name, marks in _SWITCHED.items() if any(mark in html for mark in marks)}
    off = tuple(_SWITCHED.keys() - on)
    for script in scripts:
        words = _HYPHENED.findall(script.read_text(encoding="utf-8"))
        found.update(word for word in words if not word.startswith(off))
    return Known(frozenset(found), tabs)


def prune(css: str, known: Known | None) -> str:
    """The style sheet without its comments, and without the rules whose selectors all ask for what is not
    `known`; None knows all.
    """
    return _kept(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True), known)


def _kept(rules: Iterable[Any], known: Known | None) -> str:
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


def _possible(selector: list[Any], known: Known) -> bool:
    """Whether each class it asks for is known, and each value of `dir` and of the theme's own attributes, and
    there are as many tabs as it counts.

    What stands in `:not()`, `:is()`, `:where()` and `:has()` asks for nothing here.
    """
    text = tinycss2.serialize(selector)
    if text.strip().startswith(_COSTLY):
        return False
    if (tab := _TAB.search(text)) and int(tab[1]) > known.tabs:
        return False
    for before, token in zip([None, *selector], selector, strict=False):
        if before == "." and token.type == "ident" and not _may_be(token.value, known.names):
            return False
        if token.type == "[] block" and re.match(r"data-md-color|dir=", tinycss2.serialize(token.content)):
            values = [part.value for part in token.content[1:] if part.type in ("ident", "string")]
            if not known.names.issuperset(values):
                return False
    return True


def _may_be(name: str, known: frozenset[str]) -> bool:
    """Whether a class is known, or begins as a script begins one that it puts together."""
    return name in known or any(
        name[:end] in known for end in range(1, len(name)) if name[end - 1] in "-_" and name[end] not in "-_"
    )
