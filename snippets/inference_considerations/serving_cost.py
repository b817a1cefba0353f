"""API, own server, or a small fine-tuned model: which bill is smallest, and from when on.

Needs: pip install numpy matplotlib
"""

# %% write down your prices
# Change these. Each is dated, and none is a quotation for you.
PRICES = {
    "input": 0.15,  # $ a million tokens, GPT-4o mini: OpenAI, July 2024
    "output": 0.60,  # the same
    "server": 2.21,  # $ an hour, one A100: Portes et al. 2023, abstract
    "training": 600,  # $ once, data and a 7B model: Stanford CRFM, Alpaca post, 2023
    "large": 975,  # tokens a second, an 8B model: the next line, scaled by size, a guess
    "small": 7094.5,  # tokens a second, TinyLlama 1.1B, batched, on an A40: its README
}
HOURS = 730  # in a month

# %% compare three bills
import math
from numbers import Real


def number(name: str, value: float, low: float = 0, high: float = 1e15) -> float:
    """The value, or a ValueError that says what it should be."""
    fine = isinstance(value, Real) and not isinstance(value, bool)
    if not fine or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"`{name}` is {value!r}: it is a number from {low:g} to {high:g}")
    return value


def monthly_bill(requests: float, read: float, written: float, prices: dict) -> dict:
    """$ of one month for each way; `read` and `written` are tokens of one request.

    A server is rented whole, and another one when the first is full. The fine-tuned model
    bears the price of its training in the first month.
    """
    number("requests", requests), number("read", read), number("written", written, 1)
    price = {name: number(name, prices[name]) for name in PRICES}
    servers = {}
    for size in ("large", "small"):
        most = number(size, price[size], 0.001) * HOURS * 3600  # tokens a month
        servers[size] = (
            max(1, math.ceil(requests * written / most)) * price["server"] * HOURS
        )
    return {
        "API": requests * (read * price["input"] + written * price["output"]) / 1e6,
        "own server": servers["large"],
        "fine-tuned": servers["small"] + price["training"],
    }


def break_even(way: str, read: float, written: float, prices: dict) -> float | None:
    """Requests a month from which `way` costs no more than the API; None if never."""
    if way not in ("own server", "fine-tuned"):
        raise ValueError(f"there is no way {way!r}: take own server or fine-tuned")
    bills = monthly_bill(1, read, written, prices)
    each = bills["API"]
    size = "large" if way == "own server" else "small"
    room = math.floor(prices[size] * HOURS * 3600 / written)  # requests that a server holds
    for servers in range(1, 1001):
        fixed = bills[way] + (servers - 1) * prices["server"] * HOURS
        if each > 0 and (needed := math.ceil(fixed / each)) <= servers * room:
            return max(needed, (servers - 1) * room + 1)
    return None


# %% see when serving has cost as much compute as training
def requests_until_serving_overtakes(tokens: float, tokens_per_request: float) -> float:
    """Training takes 6 FLOP a weight and token, an answer 2: Kaplan et al. 2020."""
    number("tokens", tokens, 1, 1e18), number("tokens_per_request", tokens_per_request, 1)
    return 3 * tokens / tokens_per_request


for tokens, request in ((2e12, 1_000), (15e12, 1_000), (3e11, 100)):
    needed = requests_until_serving_overtakes(tokens, request)
    print(f"{tokens:.0e} tokens read, {request:,} a request: {needed / 1e9:,.0f} billion")

# %% find where the bills cross
READ, WRITTEN = 500, 200
for way in ("own server", "fine-tuned"):
    needed = break_even(way, READ, WRITTEN, PRICES)
    print(f"{way}: from {needed:,} requests a month" if needed else f"{way}: never")
for requests in (1e4, 1e6, 1e7, 1e8):
    bills = monthly_bill(requests, READ, WRITTEN, PRICES)
    print(f"{requests:>12,.0f}  " + "  ".join(f"{w} ${b:,.2f}" for w, b in bills.items()))

# %% draw it
import matplotlib.pyplot as plt
import numpy as np

alt = "Monthly bills against requests: the API is cheapest first, then the own servers"
figure, axes = plt.subplots(label=alt)
counts = np.geomspace(1e4, 1e9, 400)
for way, color in {
    "API": "#2a5db0",
    "own server": "#d9531e",
    "fine-tuned": "#1f6f78",
}.items():
    bills = [monthly_bill(float(n), READ, WRITTEN, PRICES)[way] for n in counts]
    axes.plot(counts, bills, color=color, label=way)
    if way != "API" and (needed := break_even(way, READ, WRITTEN, PRICES)):
        cost = monthly_bill(needed, READ, WRITTEN, PRICES)["API"]
        axes.plot(needed, cost, "o", color=color)
        where = (8, -14) if way == "fine-tuned" else (-40, 8)
        text = f"{needed / 1e6:.1f} M"
        axes.annotate(text, (needed, cost), where, textcoords="offset points")
axes.set(xscale="log", yscale="log", xlabel="requests a month", ylabel="$ a month")
axes.legend()
plt.show()

# %% ask for what can't be
for wrong in (0, float("nan"), 1e30):
    try:
        requests_until_serving_overtakes(2e12, wrong)
    except ValueError as error:
        print(error)
