"""The advisor: what published guides recommend, and what must hold for every combination of answers."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import re
import runpy
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT

FILE = ROOT / "snippets" / "use_before_you_train" / "should_i_train.py"
with contextlib.redirect_stdout(io.StringIO()):
    ADVISOR = runpy.run_path(str(FILE))
advise, decide, rules = ADVISOR["advise"], ADVISOR["decide"], ADVISOR["rules"]
ANSWERS, COUNTS, PRICES = ADVISOR["ANSWERS"], ADVISOR["COUNTS"], ADVISOR["PRICES"]
APPROACHES = ["rules", "use_as_is", "prompt", "rag", "transfer_head", "finetune", "train_small", "scratch"]


def limits(count: str) -> list[int | None]:
    """One value for each stretch between the limits that the rules name, and not given."""
    tables = [*rules, *ADVISOR["contradictions"]]
    named = {c[2] for row in tables for c in row[-1] if c[0] == count and c[1] in ("<", ">=")}
    return [None, *sorted({0, *named})]


def axes() -> list[tuple[str, list[Any]]]:
    """Each answer with all that it can be; a count stands for its whole stretch."""
    parts = ANSWERS["missing"]
    some = [list(c) for n in range(len(parts) + 1) for c in itertools.combinations(parts, n)]
    return [
        (key, [None, *some] if key == "missing" else limits(key) if key in COUNTS else [None, *ANSWERS[key]])
        for key in ADVISOR["QUESTIONS"]
    ]


AXES = axes()


def every_decision() -> np.ndarray:
    """Number of the deciding rule for every combination, -1 where it is refused; an axis an answer.

    A condition looks at one answer, so the advisor's own `holds` tells each axis once; what is left
    is to combine, which numpy does for two million combinations at once.
    """

    def fits(conditions: list[tuple]) -> np.ndarray:
        together = np.ones([1] * len(AXES), bool)
        for condition in conditions:
            axis = next(i for i, (key, _) in enumerate(AXES) if key == condition[0])
            shape = [1] * len(AXES)
            shape[axis] = -1
            told = [ADVISOR["holds"](condition, {condition[0]: value}) for value in AXES[axis][1]]
            together = together & np.reshape(told, shape)
        return together

    decided = np.full([len(values) for _, values in AXES], -2, np.int8)
    for _, conditions in ADVISOR["contradictions"]:
        decided[np.broadcast_to(fits(conditions), decided.shape)] = -1
    for number, rule in enumerate(rules):
        decided[np.broadcast_to(fits(rule[3]), decided.shape) & (decided == -2)] = number
    return decided


DECIDED = every_decision()


def combination(place: int) -> dict[str, Any]:
    """The answers of one place in the flat array."""
    where = np.unravel_index(place, DECIDED.shape)
    answers = {key: values[int(i)] for (key, values), i in zip(AXES, where, strict=True)}
    return {key: value for key, value in answers.items() if value is not None}


def read_answers(text: str) -> dict[str, Any]:
    """`model_exists=yes; missing=facts/domain; labelled_examples=8` as a dict."""
    found: dict[str, Any] = {}
    for part in text.split(";"):
        key, _, value = part.strip().partition("=")
        found[key] = value.split("/") if key == "missing" else int(value) if key in COUNTS else value
    return found


def cases() -> list[dict[str, str]]:
    with (ROOT / "docs" / "data" / "cases.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_it_agrees_with_published_guides() -> None:
    exact, accepted, seen = Counter[str](), Counter[str](), Counter[str]()
    wrong = []
    for case in cases():
        approach = advise(read_answers(case["answers"]))["approach"]
        seen[case["recommended"]] += 1
        exact[case["recommended"]] += approach == case["recommended"]
        fine = approach in {case["recommended"], *case["also_accepted"].split()}
        accepted[case["recommended"]] += fine
        if not fine:
            wrong.append(f"{case['need']}: {approach}, not {case['recommended']}")
    for name in seen:
        print(f"{name:14} exact {exact[name]}/{seen[name]}, with alternatives {accepted[name]}/{seen[name]}")
    assert accepted.total() >= 0.85 * seen.total(), wrong
    assert exact.total() >= 0.70 * seen.total(), wrong


def test_every_combination_gets_a_legal_approach() -> None:
    """And each rule is the first that holds for some combination: none is dead."""
    assert DECIDED.size > 1_000_000
    assert set(np.unique(DECIDED).tolist()) == {-1, *range(len(rules))}
    assert {rule[0] for rule in rules} == set(APPROACHES)
    for approach, also, principle, _ in rules:
        assert approach in PRICES and principle in ADVISOR["PRINCIPLES"]
        assert also and set(also.split()) < set(APPROACHES) - {approach}


def test_the_array_of_all_decisions_is_what_the_advisor_says() -> None:
    for place in range(0, DECIDED.size, 1999):
        answers = combination(place)
        try:
            assert decide(answers) == DECIDED.flat[place]
        except ValueError:
            assert DECIDED.flat[place] == -1


def sample(count: int) -> Iterator[dict[str, Any]]:
    """Legal combinations, drawn evenly."""
    legal = np.flatnonzero(DECIDED.ravel() >= 0)
    for place in np.random.default_rng(0).choice(legal, count, replace=False):
        yield combination(int(place))


def every(**wanted: Any) -> np.ndarray:
    """The approaches of all legal combinations in which the named answers are these."""
    index = tuple(values.index(wanted[key]) if key in wanted else slice(None) for key, values in AXES)
    part = DECIDED[index]
    return np.array(["refused", *(rule[0] for rule in rules)])[part + 1]


def test_reasons_name_only_answers_that_were_given() -> None:
    for answers in sample(500):
        advice = advise(answers)
        assert advice["approach"] in APPROACHES and advice["approach"] not in advice["also"]
        assert advice["because"]
        for sentence in advice["because"]:
            named = set(re.findall(r"`(\w+)`", sentence)) & set(ADVISOR["QUESTIONS"])
            assert named <= set(answers), (sentence, answers)
            for value in set(re.findall(r"`(\w+)`", sentence)) - named:
                assert value in [*answers.values(), *answers.get("missing", [])]
        for band in ("effort", "time", "cost"):
            assert advice[band]["band"] and advice[band]["source"]


def test_the_first_step_names_a_snippet_that_exists() -> None:
    for first_step, snippet, *_ in PRICES.values():
        assert first_step.endswith(".")
        assert (ROOT / "snippets" / snippet).is_file()


def test_more_labels_never_lead_back_to_using_a_model_as_it_is() -> None:
    """Nor from fine-tuning down to a head: labels are what training lacks."""
    level = {"transfer_head": 1, "train_small": 1, "finetune": 2, "scratch": 2}
    levels = np.array([-1, *(level.get(rule[0], 0) for rule in rules)])[DECIDED + 1]
    keys = [key for key, _ in AXES]
    counts = np.moveaxis(levels, keys.index("labelled_examples"), -1)[..., 1:]
    # Where no model exists, few labels of a large corpus mean pre-training; many mean a small model.
    exists = dict(AXES)["model_exists"].index("no")
    counts = np.delete(counts, exists, axis=keys.index("model_exists"))
    legal = (counts >= 0).all(axis=-1)
    assert legal.any()
    assert (np.diff((counts[legal] > 0).astype(int), axis=-1) >= 0).all()
    # Without any label, weights may still move on unlabelled text; with a few, a head is enough.
    assert (np.diff(counts[legal][:, 1:], axis=-1) >= 0).all()


def test_the_three_questions_come_first() -> None:
    """Yes to any of them, and nothing else lacking, means that no training is advised."""
    use = {"rules", "prompt", "use_as_is", "refused"}
    for lacking in dict(AXES)["missing"]:
        found = set(np.unique(every(prompt_or_wrapper="fixes_it", missing=lacking)))
        assert found <= use | ({"finetune"} if "cost_or_latency" in (lacking or []) else set())
    for nothing in (None, []):
        assert set(np.unique(every(works_on_my_input="yes", missing=nothing))) <= use
    assert set(np.unique(every(learning="rules_suffice"))) == {"rules", "refused"}
    facts = every(prompt_or_wrapper="not_enough", missing=["facts"])
    assert set(np.unique(facts)) == {"rules", "rag", "refused"}
    assert "scratch" not in every(model_exists="yes") and "scratch" not in every(model_exists=None)


def test_unknown_is_a_legal_answer() -> None:
    plain = advise({})
    assert plain["approach"] == "use_as_is" and plain["ask"][0] == ADVISOR["QUESTIONS"]["model_exists"]
    assert advise(dict.fromkeys(ADVISOR["QUESTIONS"], "unknown")) == plain
    assert advise(dict.fromkeys(ADVISOR["QUESTIONS"])) == plain
    for key, choices in ANSWERS.items():
        for value in choices:
            assert advise({key: [value] if key == "missing" else value})["approach"] in APPROACHES


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        ({"model_exist": "yes"}, "no answer `model_exist`; did you mean model_exists?"),
        ({"labeled_examples": 3}, "did you mean labelled_examples?"),
        ({"model_exists": "maybe"}, "`model_exists` can't be 'maybe'; it is yes, distant, no"),
        ({"model_exists": True}, "`model_exists` can't be True"),
        ({"missing": "facts"}, "`missing` is 'facts'; it is a list, as in ['facts']"),
        ({"missing": ["facts", "style"]}, "`missing` can't be 'style'"),
        ({"missing": [["facts"]]}, "`missing` can't be ['facts']"),
        ({"labelled_examples": -1}, "`labelled_examples` is -1; it is a count, 0 or more"),
        ({"labelled_examples": float("nan")}, "`labelled_examples` is nan"),
        ({"labelled_examples": 1e30}, "`labelled_examples` is 1e+30"),
        ({"unlabelled_examples": "many"}, "`unlabelled_examples` is 'many'"),
        ({"labelled_examples": True}, "`labelled_examples` is True"),
        ({"labelled_examples": 2.5}, "`labelled_examples` is 2.5"),
        ({"model_exists": "no", "works_on_my_input": "yes"}, "`model_exists` and `works_on_my_input`"),
        ({"model_exists": "no", "prompt_or_wrapper": "fixes_it"}, "`model_exists` and `prompt_or_wrapper`"),
        ({"learning": "no_data_yet", "labelled_examples": 9}, "`learning` and `labelled_examples`"),
        ({"learning": "no_data_yet", "unlabelled_examples": 9}, "`learning` and `unlabelled_examples`"),
        ({"works_on_my_input": "yes", "missing": ["labels"]}, "`works_on_my_input` and `missing`"),
    ],
)
def test_a_wrong_answer_is_refused_by_name(answers: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError) as error:
        advise(answers)
    assert named in str(error.value) and "\n" not in str(error.value)


def test_what_would_change_the_answer_does() -> None:
    for answers in sample(60):
        for key, value, approach in ADVISOR["changes"](answers):
            other = sorted(set(answers.get("missing", [])) ^ {value}) if key == "missing" else value
            assert advise({**answers, key: other})["approach"] == approach


def test_it_stands_alone(tmp_path: Path) -> None:
    copy = tmp_path / "copied.py"
    copy.write_text(FILE.read_text())
    assert runpy.run_path(str(copy))["advise"]({})["approach"] == "use_as_is"
