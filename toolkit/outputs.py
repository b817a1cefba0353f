"""Turn the outputs of a record into HTML."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

_PREFERRED = (
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/html",
    "text/markdown",
    "text/latex",
    "text/plain",
)
CARD_LIMIT = 30_000
"""Characters of SVG that a card of the gallery may hold."""

# Matplotlib's black on transparent follows the page's text colour, in both schemes.
_PLACES = re.compile(r' (?:[dxy]|[cr][xy]?|[xy][12]|width|height|viewBox|points)="[^"]*"')
_DIGITS = re.compile(r"\d+\.\d{3,}")
_PAINT = re.compile(r'\b(?:style|fill|stroke)="[^"]*"')
_BLACK = re.compile(r"#000000|\bblack\b")
_MEDIA = re.compile(
    r"(?P<tag><(?:img|audio|source|image)\b[^>]*?)(?P<attribute>src|(?:xlink:)?href)="
    r'"data:(?P<mime>[\w/+-]+);base64,(?P<data>[^"]+)"'
)
_SUFFIX = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/x-flac": "flac",
}
_AUDIO = re.compile(r'<audio\b.*?<source src="(data:audio/[^"]+)".*?</audio>', re.DOTALL)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def output_html(output: dict[str, Any], narrow: bool = False, label: str = "") -> str:
    """One output. Text is escaped; HTML and SVG come from the book's own snippets and stand as they are.

    `label` says what an audio player plays: the cell's title, since sounds carry no text of their own.
    """
    kind = output["output_type"]
    if kind == "stream":
        text = _as_seen(_text(output["text"]))
        aligned = " out-table" if _is_table(text) else ""
        return f'<pre class="out-text{aligned}" tabindex="0"><samp>{escape(text)}</samp></pre>'
    if kind == "error":
        trace = escape("\n".join(output["traceback"]))
        return f'<pre class="out-text out-error" tabindex="0"><samp>{trace}</samp></pre>'
    data = output["data"]
    mime = next((mime for mime in _PREFERRED if mime in data), None)
    if mime is None:
        return ""
    body = _text(data[mime])
    alt = escape(str(output["metadata"].get(mime, {}).get("alt", "")), quote=True)
    if mime == "image/svg+xml":
        return f'<div class="out-figure">{follow_scheme(body)}</div>'
    if mime.startswith("image/"):
        lazy = ' loading="lazy"' if not narrow else ""
        return (
            f'<div class="out-figure"><img alt="{alt}"{lazy} src="data:{mime};base64,{body.strip()}"></div>'
        )
    if mime == "text/html":
        if sound := _AUDIO.search(body):
            return player(sound[1], label)
        body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
        return f'<div class="out-html" tabindex="0">{re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)}</div>'
    return f'<pre class="out-text" tabindex="0"><samp>{escape(body)}</samp></pre>'


def player(source: str, label: str) -> str:
    """An audio player that fetches nothing before it is asked to play."""
    name = escape(f"Sound: {label}" if label else "Sound", quote=True)
    sound = f'<audio controls preload="none" aria-label="{name}" src="{source}"></audio>'
    return f'<div class="out-audio">{sound}</div>'


def players(html: str) -> str:
    """Put such players in the place of those that a notebook renderer made."""
    return _AUDIO.sub(lambda match: player(match[1], ""), html)


def move_media(html: str, site: Path, up: str) -> str:
    """Write pictures and sounds that stand in a page as base64 into files, named after their content.

    `up` leads from the page to the site's root. A picture gets its size, so that nothing shifts later.
    """

    def moved(match: re.Match[str]) -> str:
        suffix = _SUFFIX.get(match["mime"])
        if suffix is None:
            return match[0]
        data = base64.b64decode(match["data"])
        name = f"assets/outputs/{hashlib.sha256(data).hexdigest()[:20]}.{suffix}"
        file = site / name
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        size = ""
        if suffix == "png" and match["tag"].startswith("<img") and "width=" not in match["tag"]:
            width, height = struct.unpack(">II", data[16:24])
            size = f' width="{width}" height="{height}"'
        return f'{match["tag"]}{match["attribute"]}="{up}{name}"{size}'

    return _MEDIA.sub(moved, html)


@lru_cache(maxsize=1024)  # served to its author, the book is built again at each change
def follow_scheme(svg: str) -> str:
    """Drop what only a file needs, and let black follow the page's text colour."""
    svg = svg[svg.index("<svg") :] if "<svg" in svg else svg
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    # A style element in an inlined picture would apply to the whole page.
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = _PAINT.sub(lambda match: _BLACK.sub("currentColor", match[0]), svg)
    # Text carries no fill of its own in a matplotlib SVG: it would stay black.
    svg = svg.replace("<svg ", '<svg fill="currentColor" stroke-linejoin="round" stroke-linecap="butt" ', 1)
    return re.sub(r"\n\s*", "\n", _slim(svg)).strip()


def _slim(svg: str) -> str:
    """A hundredth of a point is nothing that an eye sees, and digits are what weighs most in a page."""
    svg = _PLACES.sub(lambda match: _DIGITS.sub(lambda digits: f"{float(digits[0]):.2f}", match[0]), svg)
    svg = re.sub(r' transform="rotate\(-?0 [^"]*\)"', "", svg)
    svg = re.sub(r"(?<=font-family: )'DejaVu Sans', [^;\"]*", "'DejaVu Sans', Verdana, sans-serif", svg)
    svg = re.sub(r' d="[^"]*"', lambda match: re.sub(r"\s+", " ", match[0]).replace(' "', '"'), svg)
    # What nothing refers to needs no id, and another figure of the page may have the same.
    named = set(re.findall(r"""(?:href="#|url\(["']?#)([^"')]+)""", svg))
    svg = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in named else "", svg)
    return _without_bare_groups(svg)


def _without_bare_groups(svg: str) -> str:
    """A group that says nothing of what is in it is an element for nothing."""
    bare: list[bool] = []

    def keep(match: re.Match[str]) -> str:
        if match[0] == "</g>":
            return "" if bare.pop() else match[0]
        if match[0].endswith("/>"):
            return match[0]
        bare.append(match[0] == "<g>")
        return "" if bare[-1] else match[0]

    return re.sub(r"<g\b[^>]*>|</g>", keep, svg)


def first_picture(outputs: dict[str, list[dict[str, Any]]]) -> str:
    """The picture of a gallery card: the last figure, else the last lines of text."""
    flat = [output for cell in outputs.values() for output in cell]
    for output in reversed(flat):
        drawn = len(_text(output.get("data", {}).get("image/svg+xml", "")))
        if drawn > CARD_LIMIT:
            continue  # a page of cards would grow too heavy
        if any(mime.startswith("image/") for mime in output.get("data", {})):
            return output_html(output, narrow=True)
    texts = [output for output in flat if output["output_type"] == "stream"]
    if not texts:
        return ""
    lines = _as_seen("".join(_text(output["text"]) for output in texts)).split("\n")
    shown = "\n".join(lines[:9])
    return f'<pre class="out-text"><samp>{escape(shown)}</samp></pre>'


def _is_table(text: str) -> bool:
    """Whether columns are aligned by spaces, which a narrow screen must scroll and not wrap."""
    return sum(bool(re.search(r"\S {2,}\S", line)) for line in text.split("\n")) >= 3


def _as_seen(text: str) -> str:
    """Text as a terminal shows it: without colour codes, and a carriage return overwrites its line."""
    lines = _ANSI.sub("", text).rstrip().replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _text(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "".join(value)
