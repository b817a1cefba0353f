"""Should I train this, or just use it: a table of rules that answers, and says why.

Needs: nothing but Python
"""

# %% ask these questions
QUESTIONS = {  # answer -> the question, in the order in which to ask
    "model_exists": "Is there a model for this already?",
    "works_on_my_input": "Does it work well on my input?",
    "prompt_or_wrapper": "Could a prompt, wrapper, or UI fix the gap?",
    "learning": "Does this need learning at all?",
    "missing": "What is still missing?",
    "labelled_examples": "How many labelled examples do you have?",
    "unlabelled_examples": "How many examples without labels?",
    "budget": "How long may it take?",
}
ANSWERS = {  # answer -> its legal values, and what each of them says
    "model_exists": {
        "yes": "somebody has trained a model for this",
        "distant": "there is a model, made for other inputs or labels",
        "no": "nobody offers a model for this",
    },
    "works_on_my_input": {
        "untried": "nobody has tried it on your input",
        "no": "it fails on your input",
        "partly": "it is right on some of your input",
        "yes": "it works on your input",
    },
    "prompt_or_wrapper": {
        "untried": "nobody has tried a prompt or a wrapper",
        "not_enough": "prompts and wrappers were tried and leave a gap",
        "fixes_it": "a prompt, wrapper or UI closes the gap",
        "not_applicable": "such a model takes no prompt",
    },
    "learning": {
        "rules_suffice": "a pattern, a list or a formula does it",
        "no_data_yet": "there is nothing to learn from yet",
        "needed": "the task has to be learnt from examples",
    },
    "missing": {  # any number of these
        "facts": "facts that are private, fresh or many",
        "behaviour": "a style, a format, or a skill easier shown than told",
        "labels": "classes that the model does not know",
        "domain": "inputs unlike those that the model saw",
        "cost_or_latency": "answers that are cheaper or faster",
        "privacy": "data that stays in the house",
    },
    "budget": {
        "hours": "an answer is wanted within hours",
        "weeks": "there are weeks",
        "months": "there are months, and the machines for them",
    },
}
COUNTS = ("labelled_examples", "unlabelled_examples")

# %% read the rules from the top
# The first row whose conditions all hold decides. In a condition, `=` lists answers that
# satisfy it, `:` what of `missing` must be there, `!` what must not, and `?` stands for an
# answer that was not given. A line that starts with spaces goes on with the row above.
SHORT = {
    "exists": "model_exists",
    "works": "works_on_my_input",
    "prompt": "prompt_or_wrapper",
    "labelled": "labelled_examples",
    "unlabelled": "unlabelled_examples",
}
RULES = """
approach      | also                    | principle | conditions
rules         | use_as_is               | pattern   | learning=rules_suffice
use_as_is     | prompt finetune         | own house | prompt=fixes_it missing:privacy
finetune      | prompt use_as_is        | distil    | prompt=fixes_it
                                                      missing:cost_or_latency
prompt        | use_as_is rag           | three     | prompt=fixes_it
use_as_is     | prompt finetune         | own house | works=yes missing:privacy
                                                      missing!facts/behaviour/domain
finetune      | use_as_is train_small   | distil    | works=yes missing:cost_or_latency
                                                      missing!facts/behaviour/domain
use_as_is     | prompt                  | three     | works=yes
                                                      missing!facts/behaviour/domain
rag           | prompt finetune         | facts     | missing:facts
rules         | use_as_is prompt        | launch    | learning=no_data_yet
                                                      exists=no/distant/?
rules         | prompt finetune         | launch    | learning=no_data_yet prompt=not_enough
rules         | use_as_is finetune      | launch    | learning=no_data_yet works=no/partly
                                                      prompt=not_applicable
prompt        | use_as_is rules         | three     | learning=no_data_yet
                                                      missing:labels/behaviour/domain
train_small   | transfer_head scratch   | simple    | exists=no labelled>=1 budget=hours
scratch       | train_small finetune    | corpus    | exists=no unlabelled>=100000
                                                      labelled<1000?
scratch       | train_small finetune    | corpus    | exists=no labelled>=100000?
                                                      budget=months
scratch       | finetune train_small    | corpus    | exists=no missing:domain labelled=?
                                                      unlabelled=?
rules         | train_small             | launch    | exists=no labelled<1
train_small   | finetune scratch        | simple    | exists=no
use_as_is     | transfer_head           | zero shot | missing:labels missing!behaviour
                                                      labelled<1 prompt=not_applicable
transfer_head | finetune                | few       | missing:labels missing!behaviour
                                                      labelled<1 prompt=not_enough
prompt        | use_as_is               | zero shot | missing:labels missing!behaviour
                                                      labelled<1
prompt        | transfer_head           | three     | missing:labels missing!behaviour
                                                      labelled=? prompt=untried
transfer_head | finetune train_small    | few       | missing:labels missing!behaviour
                                                      labelled<1000
train_small   | transfer_head finetune  | simple    | learning=needed exists=?
                                                      missing:labels missing!behaviour
                                                      labelled>=1000
finetune      | transfer_head           | many      | missing:labels missing!behaviour
prompt        | finetune rag            | three     | missing:behaviour prompt=untried
prompt        | finetune                | pairs     | missing:behaviour labelled<10 prompt=?
finetune      | prompt rag              | behaviour | missing:behaviour
scratch       | finetune                | corpus    | exists=distant unlabelled>=100000
                                                      labelled<1000? budget=months
                                                      prompt=not_enough/not_applicable/?
prompt        | rag finetune            | three     | missing:domain prompt=untried
transfer_head | finetune train_small    | few       | exists=distant labelled>=1
                                                      labelled<1000 prompt=not_applicable/?
finetune      | transfer_head scratch   | many      | exists=distant labelled>=1000
                                                      prompt=not_enough/not_applicable/?
prompt        | rag use_as_is           | pairs     | missing:domain labelled<1
                                                      unlabelled<100000? prompt=?
finetune      | rag transfer_head       | domain    | missing:domain
finetune      | use_as_is train_small   | distil    | missing:privacy prompt=not_enough
prompt        | use_as_is               | three     | missing:privacy works=no/partly
                                                      prompt=untried/?
use_as_is     | prompt finetune         | own house | missing:privacy
use_as_is     | prompt finetune         | three     | missing:cost_or_latency prompt=untried
finetune      | use_as_is train_small   | distil    | missing:cost_or_latency
prompt        | rag use_as_is           | three     | prompt=untried
finetune      | rag prompt              | behaviour | prompt=not_enough
use_as_is     | transfer_head           | zero shot | exists=distant labelled<1
finetune      | transfer_head           | many      | prompt=not_applicable labelled>=1000
                                                      exists=yes/distant
transfer_head | finetune                | few       | prompt=not_applicable labelled>=1
                                                      exists=yes
finetune      | transfer_head           | domain    | works=no/partly prompt=not_applicable
finetune      | transfer_head prompt    | pairs     | works=no/partly labelled>=10
prompt        | rag finetune            | three     | works=no/partly
train_small   | transfer_head finetune  | simple    | learning=needed exists=? labelled>=1
use_as_is     | prompt                  | three     |
"""
CONTRADICTIONS = """
nobody can try a model that does not exist             | exists=no works=partly/yes
no prompt can fix a model that does not exist          | exists=no prompt=fixes_it
labelled examples are data                             | learning=no_data_yet labelled>=1
examples without labels are data too                   | learning=no_data_yet unlabelled>=1
a model that works on your input knows its labels      | works=yes missing:labels
"""

# %% say why with a source
PRINCIPLES = {
    "three": (
        "Using comes before training: search, try it on your own input, prompt it.",
        "the three questions above; Azure OpenAI, When to use fine-tuning, 2023",
    ),
    "pattern": (
        "What a list or a clear pattern describes needs no model.",
        "spaCy, Rule-based matching, Should I use rules or train a model?",
    ),
    "launch": (
        "Without data a heuristic launches, and collects the data.",
        "Google, Rules of Machine Learning, rule 1",
    ),
    "own house": (
        "An open model on your own machines keeps the data, and is used as it is.",
        "Yan et al. 2024, What We Learned from a Year of Building with LLMs",
    ),
    "distil": (
        "Answers of a large model teach a small one that is cheaper to serve.",
        "OpenAI, Model optimization; Azure OpenAI, When to use fine-tuning, 2023",
    ),
    "facts": (
        "Facts are looked up: retrieval holds what weights blur, and shows its source.",
        "AWS Prescriptive Guidance, Comparing RAG and fine-tuning; Ovadia et al. 2024",
    ),
    "behaviour": (
        "How to answer is learnt from examples, once prompts have given what they can.",
        "OpenAI, Optimizing LLM accuracy",
    ),
    "pairs": (
        "Fine-tuning takes 10 examples and shows from 50; fewer go into the prompt.",
        "OpenAI, Fine-tuning, Example count recommendations",
    ),
    "few": (
        "Few labels train a head on frozen features; all of the weights would overfit.",
        "Stanford CS231n, When and how to fine-tune?; Hugging Face blog, SetFit",
    ),
    "many": (
        "With labels enough, all of the pretrained weights may move.",
        "Stanford CS231n, When and how to fine-tune?",
    ),
    "zero shot": (
        "Without one label, name the classes and let a pretrained model choose.",
        "Radford et al. 2021, arXiv:2103.00020, section 3.1",
    ),
    "domain": (
        "A pretrained model is carried over to new inputs by going on with its training.",
        "Hugging Face course, chapter 7, Fine-tuning a masked language model",
    ),
    "simple": (
        "Where no model exists, the first one is simple and learns from your own features.",
        "Google, Rules of Machine Learning, rule 4",
    ),
    "corpus": (
        "A large corpus that no model has seen is where training from scratch begins.",
        "Hugging Face course, chapter 7, Training a causal language model from scratch",
    ),
}

# %% price each approach
# Approach -> what to do this afternoon, the snippet for it, effort, time, cost, source.
PRICES = {
    "rules": (
        "Write the pattern and count what it misses among 50 real inputs.",
        "use_before_you_train/try_it_on_my_input.py",
        "a day of writing and counting",
        "no training",
        "no machine beyond the one that serves your app",
        "Google, Rules of Machine Learning, rule 1",
    ),
    "use_as_is": (
        "Try it on a dozen of your own inputs and read the mistakes.",
        "use_before_you_train/try_it_on_my_input.py",
        "a search and an afternoon",
        "no training",
        "0.002 to 2.9 kWh for 1,000 answers, by task",
        "Luccioni et al. 2023, arXiv:2311.16863, table 2",
    ),
    "prompt": (
        "Write the prompt or the wrapper, and score it on inputs that it was not made for.",
        "real_world_examples/chat_api.py",
        "days, most of them spent on judging answers",
        "no training",
        "what each answer costs, times the tokens that the prompt adds",
        "OpenAI, Optimizing LLM accuracy",
    ),
    "rag": (
        "Embed your passages and see whether search finds the right one.",
        "what_is_inference/embed_and_search.py",
        "days to weeks, most of them spent on cutting and refreshing documents",
        "no training; the index is computed once and at each change",
        "the index, and longer prompts",
        "AWS Prescriptive Guidance, Comparing RAG and fine-tuning",
    ),
    "transfer_head": (
        "Label eight of each class and fit a head on frozen embeddings.",
        "what_is_training/transfer_learning.py",
        "an afternoon of labels",
        "30 seconds on one V100, up to 11 minutes on one A100",
        "$0.03 to $0.70",
        "Hugging Face blog, SetFit, 2022",
    ),
    "finetune": (
        "Collect 50 to 100 good examples, hold a fifth of them back, and train an adapter.",
        "what_is_training/fine_tune_lora.py",
        "weeks, most of them spent on data and on judging answers",
        "11 minutes on one A100 to 24 GPU-hours",
        "$0.70 to about $600, the data included",
        "Hugging Face blog, SetFit, 2022; Stanford CRFM, Alpaca, 2023",
    ),
    "train_small": (
        "Fit a linear model on simple features, and keep it as the score to beat.",
        "what_is_training/tfidf_baseline.py",
        "days, most of them spent on labels and features",
        "seconds on two cores",
        "nothing to speak of",
        "compare.py of page 9.1, measured",
    ),
    "scratch": (
        "Train a small one first and watch its loss on text that it never saw.",
        "use_before_you_train/train_gpt.py",
        "months of a team that has done it before",
        "9 GPU-hours (MosaicBERT) to 3.6 million (GPT-3)",
        "from $20 into the millions",
        "Portes et al. 2023, abstract; Patterson et al. 2021, arXiv:2104.10350, table 4",
    ),
}

# %% decide
import re
from difflib import get_close_matches
from numbers import Real

OPERATORS = re.compile(r"(\w+)(>=|[=<:!])([\w/?]+)")


def read_conditions(text: str) -> list[tuple]:
    """Conditions as (answer, operator, values or limit, whether unknown satisfies it)."""
    found = []
    for key, operator, rest in OPERATORS.findall(text):
        unknown = rest.endswith("?")
        values = tuple(value for value in rest.split("/") if value != "?")
        if operator in ("<", ">="):
            values = int(rest.rstrip("?"))
        found.append((SHORT.get(key, key), operator, values, unknown))
    return found


def read_table(text: str) -> list[tuple]:
    whole_rows = re.sub(r"\n +", " ", text.strip())
    rows = [[cell.strip() for cell in line.split("|")] for line in whole_rows.split("\n")]
    return [(*row[:-1], read_conditions(row[-1])) for row in rows if row[0] != "approach"]


rules, contradictions = read_table(RULES), read_table(CONTRADICTIONS)


def holds(condition: tuple, answers: dict) -> bool:
    key, operator, wanted, unknown = condition
    given = answers.get(key)
    if operator == "!":
        return not given or not any(value in wanted for value in given)
    if given is None:
        return unknown
    if operator == ":":
        return any(value in wanted for value in given)
    if operator == "=":
        return given in wanted
    return given < wanted if operator == "<" else given >= wanted


def check(answers: dict) -> dict:
    """The answers that were given, each legal; a ValueError names the one that is not."""
    given = {k: v for k, v in answers.items() if v is not None and v != "unknown"}
    for key, value in given.items():
        near = get_close_matches(str(key), QUESTIONS, 1) or [", ".join(QUESTIONS)]
        if key not in QUESTIONS:
            raise ValueError(f"there is no answer `{key}`; did you mean {near[0]}?")
        if key in COUNTS:
            whole = isinstance(value, Real) and not isinstance(value, bool)
            if not whole or not 0 <= value < 1e15 or value != int(value):
                raise ValueError(f"`{key}` is {value!r}; it is a count, 0 or more")
            continue
        if key == "missing" and not isinstance(value, (list, tuple, set, frozenset)):
            raise ValueError(f"`missing` is {value!r}; it is a list, as in ['facts']")
        for one in value if key == "missing" else [value]:
            if not isinstance(one, str) or one not in ANSWERS[key]:
                raise ValueError(
                    f"`{key}` can't be {one!r}; it is {', '.join(ANSWERS[key])}"
                )
    for reason, conditions in contradictions:
        if all(holds(condition, given) for condition in conditions):
            named = " and ".join(f"`{c[0]}`" for c in conditions if c[1] != "!")
            raise ValueError(f"{named} contradict each other: {reason}")
    return given


def decide(answers: dict) -> int:
    """Number of the first rule that holds; the last one always does."""
    given = check(answers)
    return next(i for i, rule in enumerate(rules) if all(holds(c, given) for c in rule[3]))


# %% explain
def reason(condition: tuple, given: dict) -> str:
    """A sentence on the answer that satisfied a condition, empty if it was not given."""
    key, operator, wanted, _ = condition
    if given.get(key) is None or operator == "!":
        return ""
    if operator in ("<", ">="):
        side = "fewer than" if operator == "<" else "at least"
        return f"`{key}` is {int(given[key]):,}: {side} {wanted:,}."
    if operator == ":":
        found = [value for value in ANSWERS[key] if value in given[key] and value in wanted]
        return " ".join(f"`{key}` names `{v}`: {ANSWERS[key][v]}." for v in found)
    return f"`{key}` is `{given[key]}`: {ANSWERS[key][given[key]]}."


def changes(answers: dict) -> list[tuple]:
    """(answer, value, approach) of each single other answer that would move the advice."""
    given, found = check(answers), []
    before, named = rules[decide(given)][0], set(given.get("missing", ()))
    for key in QUESTIONS:
        others = [0, 1, 10, 1000, 100_000] if key in COUNTS else list(ANSWERS[key])
        for value in others:
            other = sorted(named ^ {value}) if key == "missing" else value
            try:
                after = rules[decide({**given, key: other})][0]
            except ValueError:  # contradicts what else was said
                continue
            if after != before:
                found.append((key, value, after))
    return found


def advise(answers: dict) -> dict:
    """What to do about a need. Unknown answers are left out, None or "unknown".

    Raises ValueError, naming the answer, where one is misspelt or contradicts another.
    """
    given = check(answers)
    approach, also, principle, conditions = rules[decide(answers)]
    first_step, snippet, effort, time, cost, source = PRICES[approach]
    why = [text for c in conditions if (text := reason(c, given))]
    open_questions = dict.fromkeys(k for k, _, _ in changes(answers) if k not in given)
    return {
        "approach": approach,
        "also": also.split(),
        "because": why or ["Nothing that you answered points away from using a model."],
        "principle": " Source: ".join(PRINCIPLES[principle]) + ".",
        "first_step": f"{first_step} See snippets/{snippet}.",
        "effort": {"band": effort, "source": source},
        "time": {"band": time, "source": source},
        "cost": {"band": cost, "source": source},
        "ask": [QUESTIONS[key] for key in open_questions],
    }


# %% ask it about three needs
needs = {
    "sort support mail into our own ten queues": {
        "model_exists": "yes",
        "missing": ["labels"],
        "labelled_examples": 80,
    },
    "answer questions about our manuals": {
        "model_exists": "yes",
        "prompt_or_wrapper": "not_enough",
        "missing": ["facts"],
    },
    "make the chatbot better": {"model_exists": "yes", "prompt_or_wrapper": "untried"},
}
for need, answers in needs.items():
    advice = advise(answers)
    print(f"{need}: {advice['approach']} (or {', '.join(advice['also'])})")
    for line in [*advice["because"], advice["principle"], advice["first_step"]]:
        print(f"  {line}")
    print(f"  time: {advice['time']['band']}; cost: {advice['cost']['band']}\n")

# %% see what would change the answer
answers = needs["sort support mail into our own ten queues"]
for key, value, approach in changes(answers):
    print(f"{approach:13} if {key} were {value}")

# %% contradict yourself
try:
    advise({"model_exists": "no", "works_on_my_input": "yes"})
except ValueError as error:
    print(error)
