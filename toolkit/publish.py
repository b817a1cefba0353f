"""What is done to a site once all its pages are written: its styles, a content security policy, and offline
reading.

All need every page to be there: the policy of each holds the hashes of all inline scripts of the site,
since instant navigation shows one page under the policy of another, and the service worker holds a
list of what the chapter consists of. A site that is only served to its author gets none of it: MkDocs
adds a script of its own to reload, and a cache would show yesterday's page.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from toolkit import styles
from toolkit.kept import Kept

WORKER = "service-worker.js"
_INLINE = re.compile(r"<script\b(?![^>]*\bsrc=)([^>]*)>(.*?)</script>", re.DOTALL)
_ADDRESSES = re.compile(r'\b(?:src|href)="([^"#?:]+)(?:[#?][^"]*)?"')
_BUNDLE = re.compile(r'<script src=(?="[^"]*/bundle\.\w+\.min\.js")')
_HEAD = '<meta charset="utf-8">'


def publish(site: Path, chapter: Iterable[str], worker: Path | None, kept: Kept) -> None:
    """Finish a built site. `chapter` names its pages that are kept for reading offline, as addresses from its
    root; `worker` is the compiled service worker, None where the scripts could not be built;
    `kept` is what the last build computed.
    """
    pages = {file: file.read_text(encoding="utf-8") for file in sorted(site.rglob("*.html"))}
    styles.inline(pages, site, kept)
    rule = policy(pages.values())
    for file, html in pages.items():
        depth = len(file.relative_to(site).parts) - 1
        added = f'<meta http-equiv="content-security-policy" content="{rule}">'
        if worker and file.name != "404.html":  # which is shown at any depth
            added += f'<meta name="{WORKER}" content="{"../" * depth}{WORKER}">'
        assert _HEAD in html, f"{file} has no {_HEAD}"
        html = html.replace(_HEAD, _HEAD + added, 1)
        # The theme's script stands at the end; deferred, it does not hold up the first look at the page.
        pages[file] = _BUNDLE.sub(r"<script defer src=", html)
        file.write_text(pages[file], encoding="utf-8")
    if worker:
        chosen = offline_files(site, chapter)
        version = hashlib.sha256()
        for name in chosen:
            version.update((site / name / "index.html" if _is_page(name) else site / name).read_bytes())
        book = {"version": version.hexdigest()[:16], "files": chosen}
        text = f"self.BOOK={json.dumps(book)};\n{worker.read_text(encoding='utf-8')}"
        (site / WORKER).write_text(text, encoding="utf-8")


def policy(pages: Iterable[str]) -> str:
    """Content Security Policy Level 3 for these pages: nothing of anybody else, no inline script but theirs.

    Styles may stand inline: figures are SVG with style attributes, and a style can't run.
    """
    scripts = {
        text for page in pages for attributes, text in _INLINE.findall(page) if "json" not in attributes
    }
    hashes = sorted(base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(["script-src 'self' 'wasm-unsafe-eval'", *(f"'sha256-{each}'" for each in hashes)]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'none'",
        )
    )


def offline_files(site: Path, chapter: Iterable[str]) -> list[str]:
    """The chapter's pages with all that they show, as addresses from the site's root; no model."""
    pages = list(chapter)
    found = set()
    for page in pages:
        folder = site / page
        html = (folder / "index.html").read_text(encoding="utf-8")
        for address in _ADDRESSES.findall(html):
            file = (folder / unquote(address)).resolve()
            if file.is_file() and file.suffix in (".css", ".js", ".svg", ".png", ".webp", ".flac", ".wav"):
                found.add(file)
    found |= {file.resolve() for file in (site / "assets" / "live").glob("*.js")}
    found |= {file.resolve() for file in (site / "assets" / "javascripts" / "workers").glob("*.js")}
    found |= {file.resolve() for file in (site / "snippets").glob("*/*.py")}
    found.add((site / "search" / "search_index.json").resolve())
    root = site.resolve()
    return pages + sorted(file.relative_to(root).as_posix() for file in found if file.exists())


def _is_page(name: str) -> bool:
    return name == "" or name.endswith("/")
