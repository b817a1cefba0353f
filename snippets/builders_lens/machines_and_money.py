"""From rows a second to machines, hours and money: a million rows, a billion, a trillion.

Needs: pip install matplotlib, the book's prices.csv, and its record of rows_per_second.py
"""

# %% read what was measured
import csv
import json
import re
from pathlib import Path

record = Path("docs/lab/builders_lens/rows_per_second.ipynb")
prices = Path("docs/data/prices.csv")
if not prices.exists():
    raise SystemExit(
        f"{prices} is missing: download it from the book's page and put it there"
    )
if not record.exists():
    raise SystemExit(
        f"{record} is missing: download rows_per_second.ipynb from its lab page"
    )
cells = {
    cell["metadata"].get("title"): "".join(
        "".join(output.get("text", "")) for output in cell.get("outputs", [])
    )
    for cell in json.loads(record.read_text(encoding="utf-8"))["cells"]
}
number = r"\s+([\d,.]+)"
LINE = re.compile(rf"^(\S.*?){number * 4}$", re.MULTILINE)
speed, most = {}, {}  # rows a second on the most rows of each engine
for engine, *numbers in LINE.findall(cells["time them all"]):
    rows, _, a_second, _ = (float(n.replace(",", "")) for n in numbers)
    if rows > most.get(engine, 0):
        speed[engine], most[engine] = a_second, rows
light = max(speed, key=speed.get)
whole = re.search(r"whole MiniLM.*?([\d,]+) rows", cells["compare with the whole MiniLM"])
ways = {
    f"word vectors, {light}": speed[light],
    "word vectors, Ray Data": speed["Ray Data"],
    "whole MiniLM": float(whole[1].replace(",", "")),
}
price = {row["what"]: float(row["price"]) for row in csv.DictReader(prices.open())}
AN_HOUR = price["Two CPU cores and 4 GB, one machine"]
for way, rows in ways.items():
    print(f"{way:24} {rows:8,.0f} rows a second on one machine of two cores")

# %% turn rows into hours and money and machines
import math

KEPT = 0.8  # a guess: of each machine's speed, what is left when many work; change it
DEADLINE = 24  # hours
READ, WRITTEN = 85, 3  # tokens of a row with a short prompt, and of its label: a guess


def plan(rows: float, a_second: float, deadline: float) -> tuple[float, float, int]:
    """Machine-hours, $ and machines, so that all is done in `deadline` hours."""
    hours = rows / a_second / 3600
    if hours <= deadline:
        return hours, hours * AN_HOUR, 1
    hours /= KEPT
    return hours, hours * AN_HOUR, math.ceil(hours / deadline)


COUNTS = {"a million": 1e6, "a billion": 1e9, "a trillion": 1e12}
print(f"{'rows':12}{'way':24}{'machine-hours':>14}{'$':>16}{'machines, 1 day':>18}")
for name, rows in COUNTS.items():
    for way, a_second in ways.items():
        hours, dollars, machines = plan(rows, a_second, DEADLINE)
        print(f"{name:12}{way:24}{hours:14,.2f}{dollars:16,.3f}{machines:18,}")
    tokens = READ * price["GPT-4o mini, input"] + WRITTEN * price["GPT-4o mini, output"]
    print(f"{name:12}{'a prompt to GPT-4o mini':24}{'':14}{rows * tokens / 1e6:16,.3f}")

# %% turn a deadline into machines
import matplotlib.pyplot as plt

alt = (
    "Machines needed against the deadline in hours: half the time takes twice the machines"
)
figure, axes = plt.subplots(label=alt)
hours = [1, 2, 4, 8, 24, 72, 168, 720]
styles = ["-", "--", ":"]
for (name, rows), color in zip(list(COUNTS.items())[1:], ["#1f6f78", "#d9531e"]):
    for (way, a_second), style in zip(ways.items(), styles):
        needed = [plan(rows, a_second, deadline)[2] for deadline in hours]
        label = f"{name} rows, {way}"
        axes.plot(hours, needed, style, color=color, label=label)
axes.axvline(24, color="#888888", linewidth=1)
axes.set(xscale="log", yscale="log", xlabel="deadline, hours", ylabel="machines")
axes.set_xticks(hours, hours)
axes.minorticks_off()
axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
