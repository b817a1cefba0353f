"""Published figures: every row has a source, and a table shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT, SmallBook
from tests.test_render import CONFIG, build
from toolkit.tables import read_rows, short

DATA = sorted((ROOT / "docs" / "data").glob("*.csv"))

RUNS = """name,parameters,gpu_hours,source
One 7B,7e9,82432,"A, arXiv:2302.13971, table 15"
Two 175B,1.75e11,3552000,"B, github.com/karpathy/nanoGPT, README"
Three <b>,1.1e9,34560,"A, arXiv:2302.13971, table 15"
"""


@pytest.fixture
def site(small: SmallBook) -> SmallBook:
    config = CONFIG.replace(
        "  - toolkit.render\n",
        "        - name: data\n          class: data\n"
        "          format: !!python/name:toolkit.tables.data_fence\n  - toolkit.render\n",
    )
    (small.root / "mkdocs.yml").write_text(config)
    (small.root / "docs" / "data").mkdir()
    (small.root / "docs" / "data" / "runs.csv").write_text(RUNS)
    return small


def table(line: str) -> str:
    return f"``` data\n{line}\n```"


@pytest.mark.parametrize("file", DATA, ids=lambda file: file.stem)
def test_every_published_row_has_its_source(file: Path) -> None:
    assert read_rows(file)


def test_a_row_without_a_source_is_named(tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    file.write_text("name,source\na,somewhere\nb, \n")
    with pytest.raises(ValueError, match=r"runs\.csv`, line 3 has no source"):
        read_rows(file)
    file.write_text("name,source\na\n")
    with pytest.raises(ValueError, match="line 2 has not as many cells"):
        read_rows(file)


def test_a_table_with_its_sources_below(site: SmallBook) -> None:
    result = build(
        site, table("runs.csv: Run = name | Size = parameters (count) | Hours = gpu_hours (whole)")
    )
    assert result.returncode == 0, result.stderr
    html = (site.root / "site" / "index.html").read_text()
    assert '<td class="number" data-title="1.75e11">175 B</td>' in html
    assert '<td class="number" data-title="82432">82,432</td>' in html
    assert "Three &lt;b&gt;" in html
    notes = re.findall(r'<li id="source-1-(\d)">', html)
    assert notes == ["1", "2"], "a source that is shared stands once"
    assert '<a href="https://arxiv.org/abs/2302.13971">arXiv:2302.13971</a>, table 15' in html
    assert '<a href="https://github.com/karpathy/nanoGPT">github.com/karpathy/nanoGPT</a>, README' in html
    assert html.count('href="#source-1-1"') == 2


def test_rows_can_be_chosen_and_two_tables_stand_on_a_page(site: SmallBook) -> None:
    one = "runs.csv: Run = name\nonly: gpu_hours = 34560"
    assert build(site, table(one) + "\n\n" + table("runs.csv: Run = name")).returncode == 0
    html = (site.root / "site" / "index.html").read_text()
    ids = re.findall(r'id="(source-[^"]+)"', html)
    assert len(ids) == len(set(ids)) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("rans.csv: Run = name", "docs/index.md:4: there is no file `docs/data/rans.csv`"),
        ("runs.csv: Run = nome", "`Run = nome` names no column: write `Title = column`, one of `name`"),
        ("runs.csv: Run", "`Run` names no column"),
        ("runs.csv: Run = name\nonly: name = Four", "no row of `docs/data/runs.csv` is left to show"),
    ],
)
def test_a_wrong_line_is_a_build_error_with_its_place(site: SmallBook, line: str, message: str) -> None:
    result = build(site, table(line))
    assert result.returncode == 1
    assert message in result.stderr and "Traceback" not in result.stderr


def test_counts_are_short() -> None:
    assert [short(x) for x in (1.75e11, 1.1e9, 1.24e8, 3e12, 82_432, 12)] == [
        "175 B",
        "1.1 B",
        "124 M",
        "3 T",
        "82.4 k",
        "12",
    ]
