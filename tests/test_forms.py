"""The elements that ask and compute, driven as a reader would."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from tests.conftest import ROOT
from tests.live import visit
from tests.test_calculators import BILLS, TRAINING
from tests.test_should_i_train import advise
from toolkit.quiz import read_quiz

pytestmark = pytest.mark.xdist_group("forms")
ADVISOR, TRAIN, SERVE, QUIZ = "should-i-train", "training-cost", "serving-cost", "quiz-set"
PAGES = {
    ADVISOR: "use-before-you-train/",
    TRAIN: "training-considerations/",
    SERVE: "inference-considerations/",
    QUIZ: "summary/",
}
TITLES = {
    "transfer_head": "Train a head on a frozen model",
    "rag": "Retrieve, then generate",
    "use_as_is": "Use a model as it is",
}
NOT_NUMBERS = re.compile(r"\b(?:NaN|Infinity|undefined|null)\b")


def verdict(element) -> str:
    return element.locator(".verdict").inner_text()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_they_appear_by_themselves_and_fit(width: int, scheme: str, address: str, chromium) -> None:
    with visit(chromium, address, width, scheme) as reader:
        for name, page in PAGES.items():
            element = reader.demo(name, page)
            element.locator("button").first.wait_for()
            assert reader.fits
            shown = element if name == QUIZ else element.locator(".panel")
            assert not NOT_NUMBERS.search(shown.inner_text())
        assert not reader.asked_for(".bin"), "nothing is downloaded"
        assert reader.quiet


def test_the_advice_narrows_and_is_in_the_address(address: str, chromium) -> None:
    with visit(chromium, address) as reader:
        element = reader.demo(ADVISOR, PAGES[ADVISOR])
        assert verdict(element) == TITLES["use_as_is"]
        element.get_by_label("Classes that the model does not know").check()
        element.get_by_label("How many labelled examples do you have?").fill("80")
        assert verdict(element) == TITLES["transfer_head"]
        fragment = reader.tab.evaluate("location.hash")
        assert fragment == "#should-i-train:missing=labels&labelled_examples=80"
        says = advise({"missing": ["labels"], "labelled_examples": 80})
        shown = element.locator(".answer").inner_text()
        assert says["principle"] in shown and says["cost"]["band"] in shown
        element.get_by_role("button", name="Facts that are private, fresh or many").click()
        assert verdict(element) == TITLES["rag"], "what would change the answer does"
    with visit(chromium, address) as other:
        element = other.demo(ADVISOR, PAGES[ADVISOR] + fragment)
        assert verdict(element) == TITLES["transfer_head"], "a link leads to the same answer"
        assert element.get_by_label("Classes that the model does not know").is_checked()
        element.get_by_role("button", name="Start over").click()
        assert verdict(element) == TITLES["use_as_is"] and other.tab.evaluate("location.hash") == ""


def test_contradictions_are_said_by_their_questions(address: str, chromium) -> None:
    with visit(chromium, address) as reader:
        element = reader.demo(ADVISOR, PAGES[ADVISOR])
        element.get_by_label("Nobody offers a model for this").check()
        element.get_by_label("It works on your input").check()
        said = element.locator(".wrong:visible").last.inner_text()
        assert "“Is there a model for this already?” and “Does it work well on my input?” contradict" in said


def test_one_question_at_a_time_by_keyboard(address: str, chromium) -> None:
    with visit(chromium, address) as reader:
        element = reader.demo(ADVISOR, PAGES[ADVISOR])
        element.get_by_role("button", name="One question at a time").press("Enter")
        assert element.locator("fieldset").count() == 1
        reader.tab.keyboard.press("Tab")
        for _ in range(10):
            if element.evaluate("host => host.shadowRoot.activeElement?.type") == "radio":
                break
            reader.tab.keyboard.press("Tab")
        reader.tab.keyboard.press("ArrowDown")
        assert "model_exists=yes" in reader.tab.evaluate("location.hash")
        for number in range(2, 9):
            element.get_by_role("button", name="Next").press("Enter")
            assert f"Question {number} of 8" in element.locator(".panel").inner_text()
        assert element.get_by_role("button", name="Next").is_disabled()
        assert reader.quiet


HOSTILE = [
    "#should-i-train:model_exists=<img src=x onerror=document.title='hacked'>",
    "#should-i-train:model_exists=__proto__&missing=constructor,toString,facts,facts",
    "#should-i-train:labelled_examples=1e999&unlabelled_examples=-1&budget=%E0%A4%A",
    "#should-i-train:labelled_examples=" + "9" * 5000,
    "#training-cost:parameters=<script>document.title='hacked'</script>&gpu=__proto__&tokens=NaN",
    "#training-cost:parameters=1e30&tokens=0&share=Infinity",
    "#serving-cost:requests=-1&read=1e400&input=%22%3E%3Cscript%3E",
    "#serving-cost:" + quote("\u202e\x00]\"'"),
]


@pytest.mark.parametrize("fragment", HOSTILE, ids=[str(number) for number in range(len(HOSTILE))])
def test_hostile_fragments_are_harmless(fragment: str, address: str, chromium) -> None:
    name = fragment[1:].partition(":")[0]
    with visit(chromium, address) as reader:
        reader.tab.goto(address + PAGES[name] + fragment)
        element = reader.tab.locator(name)
        element.locator("button").first.wait_for()
        assert element.locator(".answer").inner_text().strip()
        assert not NOT_NUMBERS.search(element.locator(".answer").inner_text())
        assert reader.tab.title() != "hacked"
        assert [said for said in reader.said if "SyntaxError" not in said] == []


def test_calculators_follow_what_is_typed(address: str, chromium) -> None:
    with visit(chromium, address) as reader:
        element = reader.demo(TRAIN, PAGES[TRAIN])
        element.get_by_label("Parameters that work on a token").fill("175B")
        element.get_by_label("Tokens that it reads").fill("300 billion")
        element.get_by_label("Hardware").select_option("V100")
        middle = TRAINING["training_gpu_hours"](175e9, 300e9, "V100")[1]
        assert verdict(element) == "2.8 million GPU-hours"
        assert element.locator(".verdict .number").get_attribute("title") == f"{middle:,.0f} GPU-hours"
        for wrong in ("0", "-3", "nan", "1e30", "", "seven"):
            element.get_by_label("Tokens that it reads").fill(wrong)
            said = element.locator(".answer").inner_text()
            assert said == "“Tokens” takes a number from 1 to 1e18."
        element = reader.demo(SERVE, PAGES[SERVE])
        element.get_by_label("Requests a month").fill("10M")
        assert verdict(element).startswith("own server: $1.61 thousand")
        needed = BILLS["break_even"]("own server", 500, 200, BILLS["PRICES"])
        assert element.locator(f'[title="{needed:,} requests"]').count() == 1
        assert element.locator("svg polyline").count() == 3
        assert reader.quiet


def test_every_question_of_the_quiz(address: str, chromium) -> None:
    questions = read_quiz(ROOT / "docs" / "data" / "quiz.toml")
    with visit(chromium, address, width=390) as reader:
        element = reader.demo(QUIZ, PAGES[QUIZ])
        progress = element.locator(".progress")
        for number, question in enumerate(questions, 1):
            item = element.locator(f"#question-{number}")
            assert item.locator(".ask").inner_text() == question.ask
            assert not item.locator("details p").is_visible()
            wrong = 1 + question.right % len(question.options)
            item.locator(".option").nth(wrong - 1).press("Enter")
            assert item.get_by_role("status").inner_text().startswith("Not quite: it is")
            assert question.because in item.locator("details p").inner_text()
            item.locator(".option").nth(question.right - 1).press("Space")
            assert item.get_by_role("status").inner_text() == "Right."
            assert f"{number} of {len(questions)} answered, {number} of them right." == progress.inner_text()
            link = item.locator("details a").evaluate("link => link.href")
            assert reader.tab.request.get(link).ok
        reader.tab.reload()
        element.locator(".progress").wait_for()
        assert progress.inner_text().startswith(f"{len(questions)} of {len(questions)}"), (
            "the browser keeps it"
        )
        element.get_by_role("button", name="Start again").click()
        assert progress.inner_text().startswith("0 of")
        assert reader.quiet


def test_without_scripts_everything_can_still_be_read(address: str, chromium) -> None:
    with visit(chromium, address, java_script_enabled=False) as reader:
        element = reader.demo(QUIZ, PAGES[QUIZ])
        summaries = element.locator("summary")
        summaries.first.click()
        assert element.locator("details p").first.is_visible()
        for name in (ADVISOR, TRAIN, SERVE):
            assert "Without them" in reader.demo(name, PAGES[name]).inner_text()


def test_the_advice_can_be_printed(address: str, chromium) -> None:
    with visit(chromium, address) as reader:
        page = PAGES[ADVISOR] + "#should-i-train:missing=facts"
        element = reader.demo(ADVISOR, page)
        element.locator(".verdict").wait_for()
        reader.tab.emulate_media(media="print")
        assert element.locator(".verdict").is_visible()
        assert not element.get_by_role("button", name="Start over").is_visible()
        assert element.get_by_label("Facts that are private").is_visible()
        assert not element.get_by_label("Answers that are cheaper").is_visible()
