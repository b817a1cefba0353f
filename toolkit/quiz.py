"""Show a quiz of `docs/data/` as plain questions whose answers unfold, which need no script.

A page holds a fence, whose line names the file:

    ``` quiz
    quiz.toml
    ```
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from markdown import Markdown

from toolkit import render


@dataclass(frozen=True)
class Question:
    """One question; `right` counts its options from 1."""

    ask: str
    options: list[str]
    right: int
    because: str
    proof: str
    """A page of `docs/`, with an anchor or without."""
    shows: str
    """What the reader finds there."""


def read_quiz(file: Path) -> list[Question]:
    """The questions of a file; a ValueError names the question that is not right."""
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8")).get("question", [])
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"`{file.name}`: {error}") from error
    questions = []
    for number, entry in enumerate(entries, 1):
        place = f"`{file.name}`, question {number}"
        try:
            question = Question(**entry)
        except TypeError as error:
            needed = ", ".join(Question.__dataclass_fields__)
            raise ValueError(f"{place} needs {needed}, and nothing else") from error
        if len(question.options) < 2 or len(set(question.options)) < len(question.options):
            raise ValueError(f"{place} needs two options or more, and no option twice")
        if not 1 <= question.right <= len(question.options):
            raise ValueError(f"{place} has no option {question.right}")
        page = file.parent.parent / question.proof.partition("#")[0]
        if page.suffix != ".md" or not page.is_file():
            raise ValueError(f"{place}: there is no page `{question.proof}`")
        questions.append(question)
    if not questions:
        raise ValueError(f"`{file.name}` asks nothing")
    return questions


def quiz_fence(
    source: str, language: str, css_class: str, options: dict[str, Any], md: Markdown, **_: Any
) -> str:
    """The custom fence's formatter; what is wrong with the file is a build error."""

    def shown(line: str) -> str:
        file = render.shelf().book.docs / "data" / line
        if not file.is_file():
            raise ValueError(f"there is no file `docs/data/{line}`")
        questions = read_quiz(file)
        items = "".join(_item(number, question, md) for number, question in enumerate(questions, 1))
        # Whoever searches shall not find an answer before the question.
        asked = f'<quiz-set><ol class="questions">{items}</ol></quiz-set>'
        return f'<div class="quiz" data-search-exclude>{asked}</div>'

    return "\n".join(render.each_line(source, md, shown))


def _item(number: int, question: Question, md: Markdown) -> str:
    page, _, anchor = question.proof.partition("#")
    link = render.address(md, page.removesuffix(".md") + "/" + (f"#{anchor}" if anchor else ""))
    choices = "".join(f"<li>{escape(option)}</li>" for option in question.options)
    letter = "ABCDEFGH"[question.right - 1]
    answer = escape(question.options[question.right - 1])
    return (
        f'<li class="question" id="question-{number}" data-right="{question.right}">'
        f'<p class="ask">{escape(question.ask)}</p><ol class="options" type="A">{choices}</ol>'
        f"<details><summary>Show the answer</summary>"
        f"<p><strong>{letter}. {answer}.</strong> {escape(question.because)} "
        f'<a href="{escape(link)}">Shown by {escape(question.shows)}</a>.</p></details></li>'
    )
