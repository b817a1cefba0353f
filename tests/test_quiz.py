"""The quiz: each question has an answer, a reason and a proof, and works without scripts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT, SmallBook
from tests.test_render import CONFIG, build
from toolkit.quiz import read_quiz

QUIZ = ROOT / "docs" / "data" / "quiz.toml"

ONE = """
[[question]]
ask = "Is 1 < 2?"
options = ["<b>no</b>", "yes"]
right = 2
because = "It is."
proof = "index.md"
shows = "arithmetic"
"""


def test_at_least_twelve_questions_each_with_its_proof() -> None:
    questions = read_quiz(QUIZ)
    assert len(questions) >= 12
    assert len({question.ask for question in questions}) == len(questions)
    for question in questions:
        assert question.because.endswith(".") and len(question.options) == 3
    # Nobody passes by always choosing the same letter.
    places = [question.right for question in questions]
    assert max(map(places.count, (1, 2, 3))) <= 0.6 * len(places) and min(map(places.count, (1, 2, 3))) >= 2


@pytest.fixture
def site(small: SmallBook) -> SmallBook:
    fence = "        - name: quiz\n          class: quiz\n"
    fence += "          format: !!python/name:toolkit.quiz.quiz_fence\n  - toolkit.render\n"
    (small.root / "mkdocs.yml").write_text(CONFIG.replace("  - toolkit.render\n", fence))
    (small.root / "docs" / "data").mkdir()
    return small


def test_a_question_unfolds_without_scripts(site: SmallBook) -> None:
    (site.root / "docs" / "data" / "quiz.toml").write_text(ONE)
    result = build(site, "``` quiz\nquiz.toml\n```")
    assert result.returncode == 0, result.stderr
    html = (site.root / "site" / "index.html").read_text()
    assert html.count("<details><summary>Show the answer</summary>") == 1
    assert "Is 1 &lt; 2?" in html and "&lt;b&gt;no&lt;/b&gt;" in html
    assert re.search(r"<strong>B\. yes\.</strong> It is\. <a href=\"[^\"]+\">Shown by arithmetic", html)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ONE.replace("right = 2", "right = 3"), "`quiz.toml`, question 1 has no option 3"),
        (
            ONE.replace('because = "It is."\n', ""),
            "question 1 needs ask, options, right, because, proof, shows",
        ),
        (ONE.replace('"yes"]', '"<b>no</b>"]'), "question 1 needs two options or more, and no option twice"),
        (ONE.replace("index.md", "nowhere.md"), "question 1: there is no page `nowhere.md`"),
        ("ask =", "`quiz.toml`: Invalid value"),
        ("", "`quiz.toml` asks nothing"),
    ],
)
def test_a_broken_quiz_is_a_build_error(site: SmallBook, text: str, message: str) -> None:
    (site.root / "docs" / "data" / "quiz.toml").write_text(text)
    (site.root / "docs" / "index.md").write_text("# Page\n")
    with pytest.raises(ValueError) as error:
        read_quiz(Path(site.root / "docs" / "data" / "quiz.toml"))
    assert message in str(error.value)
