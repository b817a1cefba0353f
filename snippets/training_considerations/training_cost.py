"""What a training run costs: GPU-hours as a band, then money, energy and carbon.

Needs: nothing but Python
"""

# %% know your hardware
# Dense 16-bit peak in FLOP a second, the share of it that whole published runs kept busy
# (low, middle, high), watts. The laptop is one of four cores, in 32 bit.
GPUS = {
    "V100": (125e12, (0.12, 0.25, 0.45), 300),
    "A100": (312e12, (0.15, 0.38, 0.58), 400),
    "H100": (989e12, (0.125, 0.25, 0.48), 700),
    "H800": (989e12, (0.125, 0.25, 0.48), 700),
    "laptop CPU": (0.4e12, (0.15, 0.30, 0.55), 45),
}
LEAVES_OUT = (
    "tokenising and loading data, runs that failed, evaluation, attention over long "
    "contexts, teachers whose answers a small model learns from, and people"
)

# %% estimate the hours
import math
from numbers import Real


def number(name: str, value: float, low: float, high: float, unit: str) -> float:
    """The value as a float, or a ValueError that says what it should be."""
    fine = isinstance(value, Real) and not isinstance(value, bool)
    if not fine or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"`{name}` is {value!r}: it is {unit}, from {low:g} to {high:g}")
    return float(value)


def find_gpu(name: str) -> str:
    """The entry for names such as "a100-80GB" or "H100 SXM"; a ValueError if none fits."""
    words = str(name).lower().replace("-", " ").removeprefix("nvidia ").split()
    first = words[0].replace("cpu", "laptop") if words else ""
    for known in GPUS:
        if first == known.lower().split()[0]:
            return known
    raise ValueError(f"there is no figure for the GPU {name!r}: take {', '.join(GPUS)}")


def training_gpu_hours(
    parameters: float, tokens: float, gpu: str, utilisation: float | None = None
) -> tuple[float, float, float]:
    """GPU-hours (low, middle, high) to train a transformer once.

    `parameters` counts weights that work on each token (7e9, not 7), `tokens` what it reads
    in all. 6 FLOP for each pair: Kaplan et al. 2020, arXiv:2001.08361, section 2.1. Give
    the share of the peak that your code reaches as `utilisation`, and the band closes.
    Raises ValueError for what is not a finite count, and for a GPU without figures.
    """
    parameters = number("parameters", parameters, 1, 1e15, "a count of weights")
    tokens = number("tokens", tokens, 1, 1e18, "a count of tokens")
    peak, (low, middle, high), _ = GPUS[find_gpu(gpu)]
    if utilisation is not None:
        low = middle = high = number("utilisation", utilisation, 0.001, 1, "a share")
    hours = 6 * parameters * tokens / peak / 3600
    return hours / high, hours / middle, hours / low


# %% turn hours into a bill
def training_bill(
    gpu_hours: float,
    gpu: str,
    price: float = 2.21,
    pue: float = 1.1,
    carbon: float = 0.385,
) -> dict[str, float]:
    """Dollars, kWh, and kg of CO2eq. Change what you pay and where you plug in.

    `price` in $ a GPU-hour: an A100 in 2023, Portes et al. `pue`, power drawn around the
    GPU, and `carbon` in kg a kWh, average of the United States: Touvron et al. 2023.
    """
    hours = number("gpu_hours", gpu_hours, 0, 1e15, "hours")
    price = number("price", price, 0, 1e6, "$ an hour")
    pue = number("pue", pue, 1, 10, "a factor")
    kwh = hours * GPUS[find_gpu(gpu)][2] / 1000 * pue
    kg = kwh * number("carbon", carbon, 0, 10, "kg a kWh")
    return {"dollars": hours * price, "kwh": kwh, "kg_co2eq": kg}


# %% price three runs
def say(value: float) -> str:
    """Three digits that a reader can take in, such as 94.2 thousand."""
    for size, word in ((1e9, " billion"), (1e6, " million"), (1e3, " thousand")):
        if value >= size:
            return f"{value / size:.3g}{word}"
    return f"{value:.3g}"


for name, parameters, tokens, gpu in [
    ("LLaMA 7B, again", 6.7e9, 1e12, "A100-80GB"),
    ("a 124M GPT-2, again", 124e6, 295e9, "A100-40GB"),
    ("a 1M GPT on 5M tokens", 1e6, 5e6, "laptop CPU"),
]:
    low, middle, high = map(say, (hours := training_gpu_hours(parameters, tokens, gpu)))
    print(f"{name}: {middle} hours of {gpu}, from {low} to {high}")
    if gpu != "laptop CPU":
        bill = {unit: say(value) for unit, value in training_bill(hours[1], gpu).items()}
        print(f"  ${bill['dollars']}, {bill['kwh']} kWh, {bill['kg_co2eq']} kg of CO2eq")
print(f"left out: {LEAVES_OUT}")

# %% ask for what can't be
for wrong in [(7e9, 0, "A100"), (float("nan"), 1e12, "A100"), (7e9, 1e12, "RTX 9")]:
    try:
        training_gpu_hours(*wrong)
    except ValueError as error:
        print(error)
