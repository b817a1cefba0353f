"""Reading percent-format files."""

from __future__ import annotations

import pytest

from tests.conftest import SmallBook
from toolkit.snippets import TIME_LIMIT, SnippetError, read


def test_cells_with_their_lines_and_tags(small: SmallBook) -> None:
    file = small.snippet(
        "two",
        """
        '''What it shows.

        More.
        '''
        # %% first
        text = '''
        # %% not a cell
        '''

        # %% second part tags=["measured"] timeout=30
        print(text)
        """,
    )
    snippet = read(file, small.book)
    assert snippet.about == "What it shows."
    assert [(cell.title, cell.line, cell.measured) for cell in snippet.cells] == [
        ("first", 6, False),
        ("second part", 11, True),
    ]
    assert snippet.cells[0].source == "text = '''\n# %% not a cell\n'''"
    assert snippet.time_limit == 30


def test_the_time_limit_is_ten_minutes_unless_a_cell_says_otherwise(small: SmallBook) -> None:
    assert read(small.snippet("a", "# %% x\n1\n"), small.book).time_limit == TIME_LIMIT == 600


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "bad.py:1: no cell; start one with `# %% title`"),
        ("x = 1\n# %% a\ny = 2\n", "bad.py:1: code before the first `# %%` cell"),
        ("# %%\nx = 1\n", "bad.py:1: the cell has no title; write `# %% title`"),
        ("# %% a\nx = 1\n# %% a\ny = 1\n", "bad.py:3: a second cell is titled `a`"),
        ("# %% a\n\n# %% b\ny = 1\n", "bad.py:1: cell `a` is empty"),
        ("# %% a, b\nx = 1\n", "bad.py:1: a title can't hold a comma, a colon, a backtick or `=`"),
        (
            "# %% a tags=['fast']\nx = 1\n",
            "bad.py:1: unknown tag `fast`; known: measured, raises-exception, untimed",
        ),
        (
            "# %% a tags=['untimed']\nx = 1\n",
            'bad.py:1: untimed is said of a measured cell, as in tags=["measured", "untimed"]',
        ),
        (
            "# %% a tags='measured'\nx = 1\n",
            "bad.py:1: a title can't hold a comma, a colon, a backtick or `=`",
        ),
        ("# %% a tags=3\nx = 1\n", 'bad.py:1: tags is a list, as in tags=["measured"]'),
        ("# %% a time=3\nx = 1\n", "bad.py:1: unknown attribute `time`; known: tags, timeout"),
        ("# %% a\nx = = 1\n", "bad.py:2: invalid syntax"),
    ],
)
def test_mistakes_name_file_and_line(small: SmallBook, text: str, message: str) -> None:
    with pytest.raises(SnippetError) as error:
        read(small.snippet("bad", text), small.book)
    assert str(error.value) == f"snippets/page/{message}"
