"""Turn matplotlib figures into outputs: SVG with a text alternative, PNG where SVG grows too big."""

from __future__ import annotations

import base64
import io
import re
import sys
from collections.abc import Callable
from typing import Any

SVG_LIMIT = 150_000
"""Characters; a figure whose SVG is longer is stored as PNG."""

_IMAGE = re.compile(r'(xlink:href="data:image/png;base64,)([^"]+)')

STYLE = {
    "svg.hashsalt": "book",  # the same drawing gives the same bytes
    "svg.fonttype": "none",  # letters stay letters: small, searchable, in the reader's font
    "figure.figsize": "6.4, 3.6",
    "figure.dpi": 100,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "savefig.transparent": True,
    "legend.framealpha": 0.0,
}


def figure_bundle(
    figure: Any, include: Any = None, exclude: Any = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """MIME bundle and metadata of a figure, as IPython's formatters give them."""
    alt = describe(figure)
    out = io.BytesIO()
    figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    svg = _IMAGE.sub(
        lambda match: match[1] + _smaller(match[2]).decode("ascii"), out.getvalue().decode("utf-8")
    )
    if len(svg) <= SVG_LIMIT:
        svg = svg[svg.index("<svg") :]
        label = alt.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
        svg = svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
        return {"image/svg+xml": svg, "text/plain": alt}, {"image/svg+xml": {"alt": alt}}
    out = io.BytesIO()
    figure.savefig(
        out, format="png", dpi=144, bbox_inches="tight", transparent=False, metadata={"Software": None}
    )
    data = base64.b64encode(out.getvalue()).decode("ascii")
    return {"image/png": data, "text/plain": alt}, {"image/png": {"alt": alt}}


def _smaller(encoded: str) -> bytes:
    """A picture within a figure, base64; with at most 256 opaque colours a byte a pixel holds it as well."""
    import numpy
    from PIL import Image

    data = base64.b64decode(encoded)
    pixels = numpy.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    colours, index = numpy.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > 256 or (colours[:, 3] < 255).any():
        return encoded.encode()
    picture = Image.fromarray(index.reshape(pixels.shape[:2]).astype("uint8"), "P")
    picture.putpalette(colours[:, :3].tobytes())
    out = io.BytesIO()
    picture.save(out, format="png", optimize=True)
    return base64.b64encode(min(data, out.getvalue(), key=len))


def describe(figure: Any) -> str:
    """The figure's own label, `plt.figure(label=…)`, else what its axes say."""
    label = figure.get_label()
    if label:
        return str(label)
    parts = []
    if figure._suptitle is not None:
        parts.append(figure._suptitle.get_text())
    for axes in figure.axes:
        names = [text for text in axes.get_legend_handles_labels()[1] if not text.startswith("_")]
        what = " against ".join(text for text in (axes.get_ylabel(), axes.get_xlabel()) if text)
        said = [axes.get_title(), what, ", ".join(names)]
        parts.append(": ".join(text for text in said if text))
    return "; ".join(part for part in parts if part) or "figure"


def publish_figures(rich: Callable[[str, dict[str, Any], dict[str, Any]], None]) -> None:
    """Publish all open figures, in the order in which they were made, and close them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    for number in pyplot.get_fignums():
        rich("display_data", *figure_bundle(pyplot.figure(number)))
    pyplot.close("all")
