"""Six FLOP for each weight and token, held against published training runs.

Needs: pip install pandas matplotlib, and the book's training_runs.csv and gpus.csv
"""

# %% read what was published
from pathlib import Path

import pandas as pd

folder = Path("docs/data")
for name in ("training_runs.csv", "gpus.csv"):
    if not (folder / name).exists():
        raise SystemExit(
            f"{folder / name} is missing: download it from the book's page and put it there"
        )
runs = pd.read_csv(folder / "training_runs.csv")
gpus = pd.read_csv(folder / "gpus.csv").set_index("gpu")
chip = gpus.loc[runs.gpu.str.split("-").str[0]].reset_index()

# %% predict the hours of each
ideal = 6 * runs.parameters * runs.tokens / (chip.peak_tflops * 1e12) / 3600
for share in ("low", "mid", "high"):
    runs[share] = ideal / chip[share]  # a low share of the peak means many hours
runs["off"] = runs.gpu_hours / runs.mid
runs["inside"] = runs.gpu_hours.between(runs.high, runs.low)
shown = runs[["name", "gpu", "gpu_hours", "mid", "off", "inside"]].sort_values("off")
form = {"gpu_hours": "{:,.0f}".format, "mid": "{:,.0f}".format, "off": "{:.2f}".format}
print(shown.to_string(index=False, formatters=form))
twice = runs.off.between(0.5, 2).sum()
print(f"\nwithin 2x: {twice} of {len(runs)}; inside the band: {runs.inside.sum()}")

# %% draw prediction against report
import matplotlib.pyplot as plt

outside = ", ".join(runs.name[~runs.inside])
alt = (
    f"Published against predicted GPU-hours, {len(runs)} runs; outside the band: {outside}"
)
figure, axes = plt.subplots(figsize=(7.2, 5.6), label=alt)
reach = [runs.gpu_hours.min() / 3, runs.gpu_hours.max() * 3]
axes.plot(reach, reach, color="#888888", linewidth=1, zorder=0)
colors = {"V100": "#b8860b", "A100": "#1f6f78", "H100": "#d9531e", "H800": "#7a4fa3"}
for gpu, color in colors.items():
    some = runs[chip.gpu == gpu]
    band = [some.mid - some.high, some.low - some.mid]
    axes.errorbar(some.mid, some.gpu_hours, xerr=band, fmt="o", color=color, label=gpu)
axes.set(xscale="log", yscale="log", xlabel="predicted GPU-hours, middle and band")
axes.set(ylabel="published GPU-hours", xlim=reach, ylim=reach)
axes.legend(loc="upper left")
for place, (_, run) in enumerate(runs.sort_values("gpu_hours").iterrows()):
    axes.annotate(
        run["name"],
        (run.low, run.gpu_hours),
        (1.1, (place + 0.5) / len(runs)),  # a column of names, as high as the picture
        textcoords="axes fraction",
        va="center",
        fontsize=8,
        arrowprops={"arrowstyle": "-", "color": "#88888866", "linewidth": 0.8},
    )
plt.show()

# %% explain the misses
for _, run in runs[~runs.inside].iterrows():
    print(f"{run['name']}: {run.off:.1f} times the middle; {run.note}")
