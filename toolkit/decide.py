"""Hand the advisor's rules and the calculators' figures to the page, which computes with the same ones.

A page holds a fence that names one element:

    ``` decide
    should-i-train
    ```

The figures stand in the page as JSON beside the element, taken from the cells of the snippets that
define them, so there is one source: the snippets.
"""

from __future__ import annotations

import json
from typing import Any

from markdown import Markdown

from toolkit import render
from toolkit.book import Book
from toolkit.snippets import defined

_ADVISOR = "use_before_you_train/should_i_train.py"
_HOURS = "training_considerations/training_cost.py"
_MEMORY = "training_considerations/training_memory.py"
_BILLS = "inference_considerations/serving_cost.py"

ELEMENTS = {
    "should-i-train": (_ADVISOR, "answer the questions here, and the advice narrows as you do"),
    "training-cost": (_HOURS, "put in your own model, data and prices"),
    "serving-cost": (_BILLS, "put in your own requests and prices"),
}
"""Element -> the snippet that says the same without scripts, and what the element lets a reader do."""


def figures(book: Book, element: str) -> dict[str, Any]:
    """What the element computes with. Raises SnippetError where a snippet has lost a cell."""
    if element == "should-i-train":
        titles = ["ask these questions", "read the rules from the top", "say why with a source"]
        advisor = defined(book, _ADVISOR, [*titles, "price each approach", "decide"])
        return {
            "questions": advisor["QUESTIONS"],
            "answers": advisor["ANSWERS"],
            "counts": advisor["COUNTS"],
            "rules": [
                {"approach": approach, "also": also.split(), "principle": principle, "when": _plain(when)}
                for approach, also, principle, when in advisor["rules"]
            ],
            "contradictions": [
                {"reason": reason, "when": _plain(when)} for reason, when in advisor["contradictions"]
            ],
            "principles": advisor["PRINCIPLES"],
            "prices": advisor["PRICES"],
        }
    if element == "training-cost":
        hours = defined(book, _HOURS, ["know your hardware"])
        methods = defined(book, _MEMORY, ["add it up"])["METHODS"]
        return {"gpus": hours["GPUS"], "leavesOut": hours["LEAVES_OUT"], "methods": methods}
    bills = defined(book, _BILLS, ["write down your prices"])
    return {"prices": bills["PRICES"], "hours": bills["HOURS"]}


def _plain(conditions: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [
        {"key": key, "operator": operator, "wanted": wanted, "unknown": unknown}
        for key, operator, wanted, unknown in conditions
    ]


def decide_fence(
    source: str, language: str, css_class: str, options: dict[str, Any], md: Markdown, **_: Any
) -> str:
    """The custom fence's formatter: the element, its figures, and where to turn without scripts."""

    def shown(element: str) -> str:
        if element not in ELEMENTS:
            raise ValueError(f"there is no element `{element}`; there are {', '.join(ELEMENTS)}")
        snippet, does = ELEMENTS[element]
        lab = render.address(md, f"lab/{snippet.removesuffix('.py')}/")
        # Within a script nothing but its end tag is special.
        data = json.dumps(figures(render.shelf().book, element), ensure_ascii=False, separators=(",", ":"))
        data = data.replace("</", "<\\/")
        root = render.address(md, "") or "./"
        return (
            f'<div class="decide"><{element} data-root="{root}">'
            f'<script type="application/json">{data}</script>'
            f'<p class="spoke">With scripts you can {does}. '
            f'Without them <a href="{lab}"><code>{snippet.rpartition("/")[2]}</code></a> does the same.</p>'
            f"</{element}></div>"
        )

    return "\n".join(render.each_line(source, md, shown))
