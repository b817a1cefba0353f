"""Numbers in the prose: each stands in a record on its page, or in a row with a source."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from toolkit.book import Book
from toolkit.record import read_record
from toolkit.tables import read_rows

BOOK = Book(ROOT)
PAGES = sorted(BOOK.docs.glob("*.md"))

NUMBER = re.compile(r"(?<![\w.,/-])\d[\d,]*(?:\.\d+)?(?:e\d+)?(?![\w-]|[.,]\d)")
CITED = re.compile(r"https?://|arXiv|et al\.|\b(?:19|20)\d\d\b")
"""A paragraph that names its source beside the number."""

PLAIN = {
    "0": "nothing",
    "1": "a count that needs no source",
    "2": "bytes of a 16-bit weight, by definition; a count",
    "16": "bits of a format, and what 8 billion parameters take in it, by multiplication",
    "32": "bits of a format",
    "4": "bits of a format; a count",
    "5": "a count",
    "6": "FLOP for a weight and token, cited on the page",
    "8": "bits of a format, an example of a model's size",
    "90": "the author's rule of thumb, marked as that",
    "100": "a round number of labels or percent",
    "1,000": "a round number of requests, or the table's own limit for few labels",
    "50": "a guess that its sentence calls one",
    "57": "the subjects of MMLU, by its definition",
}
"""Numbers that need no source anywhere, each with the reason."""

NAMES = re.compile(
    r"\b(?:Llama|GPT|LLaMA|CLIP|BLOOMz?|SST|Python|UTF|CS|[Rr]ule|page|[Ss]ection|step)[ -]?[\d.]+\w*"
    r"|\b9\.\d\b|Chapter 9|\b\d+ ?[×x] ?\d+\b"
)
"""Names of models and of sections, and sizes of pictures."""


def prose(text: str) -> list[str]:
    """Paragraphs without fences, code, HTML, targets of links, front matter, and the author's tables."""
    text = re.sub(r"\A---.*?---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^( *)(```+|~~~+).*?^\1\2", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<[^>]+>|`[^`]*`|\]\([^)]*\)|\{[^}]*\}", " ", text)
    text = re.sub(r"^#+ .*$|^\s*\|.*$|^\s*>.*$", "", text, flags=re.MULTILINE)
    return [re.sub(r"\s+", " ", part) for part in re.split(r"\n\s*\n|\n\s*[*-] |\n\d+\. ", text)]


def numbers(text: str) -> set[str]:
    return {match[0] for match in NUMBER.finditer(NAMES.sub(" ", text))}


def values(text: str) -> set[float]:
    """All numbers in a text, as values; also as percent and as millions."""
    found = {float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", text) if n.strip(",")}
    percent = {round(value * 100, 6) for value in found if value < 1}
    return found | percent | {round(value / 1e6, 1) for value in found if value >= 1e6}


def recorded(page: str) -> set[float]:
    """What the records printed whose snippets the page shows, or that explain what answered there."""
    found: set[float] = set()
    for name in set(re.findall(r"\b(\w+/\w+\.py)\b", page)):
        record = read_record(BOOK.record_file(BOOK.snippets / name), BOOK)
        for outputs in record.outputs.values():
            for output in outputs:
                data = output.get("data", {})
                parts = [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
                found |= values(" ".join("".join(part) for part in parts))
        found |= values(" ".join(record.sources.values()))
    return found


def sourced() -> set[float]:
    rows = [row for file in sorted((BOOK.docs / "data").glob("*.csv")) for row in read_rows(file)]
    return values(" ".join(cell for row in rows for cell in row.values()))


def unfounded(page: str) -> list[str]:
    """`number: paragraph` of each number that nothing on the page bears out."""
    known = recorded(page) | sourced()
    found = []
    for part in prose(page):
        for number in sorted(numbers(part)):
            value = float(number.replace(",", ""))
            if number not in PLAIN and value not in known and not CITED.search(part):
                found.append(f"{number}: {part.strip()[:90]}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_number_in_the_prose_is_measured_or_sourced(page) -> None:
    assert unfounded(page.read_text(encoding="utf-8")) == []


def test_a_number_from_nowhere_is_found() -> None:
    """And one from a table, a record, or a cited sentence is not."""
    page = (
        "# T\n\nIt took 4,711 steps.\n\nAlpaca took 600 dollars.\n\nIt has 777 layers (Kaplan et al. 2020).\n"
    )
    assert [line.partition(":")[0] for line in unfounded(page)] == ["4,711"]
    page += "\n``` snippet\nwhat_is_training/compare.py\n```\n\nIt reached 0.74, or 74 %, in Llama 3.1 8B.\n"
    assert [line.partition(":")[0] for line in unfounded(page)] == ["4,711"]


def test_the_list_of_plain_numbers_is_short() -> None:
    assert len(PLAIN) <= 15 and all(PLAIN.values())
