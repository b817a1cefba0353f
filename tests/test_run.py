"""What a recording captures, and that both runners capture the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.conftest import SmallBook
from toolkit.record import read_record

RICH = """
'''Show everything that can be shown.'''

# %% text
import os, sys
print("printed")
print("and more")
print("warned", file=sys.stderr)
import warnings
warnings.warn("not for the record")

# %% table
import pandas as pd
pd.DataFrame({"a": [1, 2]})

# %% figure
import matplotlib.pyplot as plt
plt.plot([1, 2, 3], label="rising")
plt.xlabel("step"); plt.ylabel("loss"); plt.legend()
plt.show()

# %% labelled figure
plt.figure(label="A flat line")
plt.plot([1, 1]);

# %% picture
import numpy as np
from PIL import Image
from IPython.display import display
display(Image.fromarray(np.zeros((2, 2), "uint8")))

# %% sound
from IPython.display import Audio
Audio(np.zeros(100), rate=8000)

# %% time tags=["measured"]
import time
print(f"{time.perf_counter():.3f} seconds")

# %% error tags=["raises-exception"]
def inner():
    return {}["missing"]

inner()

# %% after
print(__name__, __file__)
quiet = 5
quiet;
"""


def outputs_of(small: SmallBook, name: str) -> dict[str, list[dict]]:
    return read_record(small.record(name), small.book).outputs


@pytest.fixture(scope="module", params=["fork", "notebook"])
def rich(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("rich")
    (root / "snippets" / "data").mkdir(parents=True)
    (root / "docs").mkdir()
    small = SmallBook(root)
    small.snippet("rich", RICH)
    result = small.toolkit("record", "--runner", request.param)
    assert result.returncode == 0, result.stderr
    return small, outputs_of(small, "rich")


def test_text_keeps_its_order_and_loses_standard_error(rich) -> None:
    _, outputs = rich
    text = "".join(outputs["text"][0]["text"])
    assert text.splitlines()[:2] == ["printed", "and more"]
    assert "warned" not in text and "not for the record" not in text


def test_a_last_expression_shows_as_a_table(rich) -> None:
    _, outputs = rich
    (table,) = outputs["table"]
    assert table["output_type"] == "execute_result"
    assert "<table" in "".join(table["data"]["text/html"])


def test_figures_are_svg_with_a_text_alternative(rich) -> None:
    _, outputs = rich
    (figure,) = [output for output in outputs["figure"] if output["output_type"] == "display_data"]
    svg = "".join(figure["data"]["image/svg+xml"])
    assert svg.startswith("<svg") and 'aria-label="loss against step: rising"' in svg
    (labelled,) = outputs["labelled figure"]
    assert labelled["metadata"]["image/svg+xml"]["alt"] == "A flat line"


def test_pictures_and_sound(rich) -> None:
    _, outputs = rich
    assert "image/png" in outputs["picture"][0]["data"]
    assert "<audio" in "".join(outputs["sound"][0]["data"]["text/html"])


def test_an_expected_error_shows_the_authors_frames_only(rich) -> None:
    small, outputs = rich
    (error,) = outputs["error"]
    assert error["ename"] == "KeyError"
    line = small.snippet("rich", RICH).read_text().splitlines().index('    return {}["missing"]') + 1
    assert f'File "snippets/page/rich.py", line {line}' in "\n".join(error["traceback"])
    assert "site-packages" not in "\n".join(error["traceback"])


def test_the_snippet_thinks_it_is_a_script(rich) -> None:
    _, outputs = rich
    assert "".join(outputs["after"][0]["text"]) == "__main__ snippets/page/rich.py\n"
    assert len(outputs["after"]) == 1, "a line that ends in a semicolon shows nothing"


def test_the_record_says_what_it_took(rich) -> None:
    small, _ = rich
    about = read_record(small.record("rich"), small.book).about
    assert about["seconds"] > 0 and about["machine"]
    notebook = json.loads(small.record("rich").read_text())
    import nbformat

    nbformat.validate(nbformat.from_dict(notebook))


def test_bytes_written_to_standard_output(small: SmallBook) -> None:
    text = """
    # %% write
    import os, sys
    print(1)
    sys.stdout.buffer.write(b'two\\n')
    os.system('echo three')
    print(4)
    """
    small.snippet("raw", text)
    assert small.toolkit("record").returncode == 0
    assert "".join(outputs_of(small, "raw")["write"][0]["text"]) == "1\ntwo\nthree\n4\n"


def test_one_snippet_does_not_see_another(small: SmallBook) -> None:
    small.snippet("first", "# %% set\nimport math\nmath.pi = 3\nshared = 1\n")
    small.snippet("second", "# %% look\nimport math\nprint(math.pi > 3.1, 'shared' in globals())\n")
    assert small.toolkit("record", "--jobs", "1").returncode == 0
    assert "".join(outputs_of(small, "second")["look"][0]["text"]) == "True False\n"


def test_observed_files_make_a_record_stale(small: SmallBook) -> None:
    data = small.root / "snippets" / "data" / "rows.csv"
    data.write_text("a\n1\n")
    small.snippet("reads", "# %% read\nprint(open('snippets/data/rows.csv').read())\n")
    small.snippet("apart", "# %% nothing\nprint(1)\n")
    assert small.toolkit("record").returncode == 0
    data.write_text("a\n2\n")
    check = small.toolkit("record", "--check")
    assert check.returncode == 1
    assert check.stdout.splitlines() == ["snippets/page/reads.py: `snippets/data/rows.csv` changed"]
    again = small.toolkit("record")
    assert again.returncode == 0
    assert "reads.py" in again.stderr and "apart.py" not in again.stderr, "only what is stale runs"


def test_a_path_that_only_native_code_opens_counts(small: SmallBook) -> None:
    (small.root / "snippets" / "data" / "rows.txt").write_text("1\n")
    small.snippet("native", "# %% read\nimport os\nos.system('cat ' + 'snippets/data/rows.txt')\n")
    assert small.toolkit("record").returncode == 0
    (small.root / "snippets" / "data" / "rows.txt").write_text("2\n")
    assert "`snippets/data/rows.txt` changed" in small.toolkit("record", "--check").stdout


def test_a_changed_pin_makes_a_record_stale(small: SmallBook) -> None:
    small.snippet("uses", "# %% use\nimport numpy\nprint(numpy.ones(2))\n")
    small.snippet("apart", "# %% nothing\nprint(1)\n")
    assert small.toolkit("record").returncode == 0
    (small.root / "requirements.txt").write_text("numpy==9.9.9\n")
    check = small.toolkit("record", "--check")
    assert check.stdout.splitlines() == [
        "snippets/page/uses.py: `numpy` is pinned to 9.9.9, recorded with 2.4.6"
    ]


def test_verify_finds_output_that_differs(small: SmallBook) -> None:
    file = small.snippet(
        "tells", "# %% tell\nprint('one')\n\n# %% time tags=['measured']\nimport time\nprint(time.time())\n"
    )
    assert small.toolkit("record").returncode == 0
    assert small.toolkit("record", "--verify").returncode == 0, "a measurement may differ"
    file.write_text(file.read_text().replace("'one'", "'two'"))
    result = small.toolkit("record", "--verify")
    assert result.returncode == 1
    assert "snippets/page/tells.py:2: cell `tell` now shows" in result.stderr


def test_who_measures_time_has_the_machine_alone(small: SmallBook) -> None:
    """And who measures what others do not change shares it."""
    code = "import time\nprint(time.time())\ntime.sleep(1)\nprint(time.time())\n"
    for name, tags in {"memory": '["measured", "untimed"]', "plain": "[]", "timed": '["measured"]'}.items():
        small.snippet(name, f"# %% look at the clock tags={tags}\n{code}")
    assert small.toolkit("record", "--jobs", "3").returncode == 0
    begun, ended = {}, {}
    for name in ("memory", "plain", "timed"):
        text = outputs_of(small, name)["look at the clock"][0]["text"]
        begun[name], ended[name] = map(float, "".join(text).split())
    assert begun["memory"] < ended["plain"] and begun["plain"] < ended["memory"]
    assert begun["timed"] > max(ended["memory"], ended["plain"])


def test_run_is_a_plain_script(small: SmallBook) -> None:
    file = small.snippet("says", "# %% say\nimport sys\nprint(sys.argv[1:], __name__)\n")
    result = small.toolkit("run", str(file), "--", "a b")
    assert result.stdout.strip() in ("['--', 'a b'] __main__", "['a b'] __main__")
    missing = small.toolkit("run", "nowhere.py")
    assert missing.returncode == 1 and missing.stderr == "error: nowhere.py is no file\n"


def test_a_path_that_is_no_snippet_is_refused(small: SmallBook) -> None:
    result = small.toolkit("record", "README.md")
    assert result.returncode == 1
    assert "README.md is no snippet" in result.stderr and "Traceback" not in result.stderr


def test_what_is_saved_during_a_run_is_not_taken_for_executed(small: SmallBook) -> None:
    # The record belongs to the text that ran; the newer text makes it stale at once.
    data = small.root / "snippets" / "data" / "rows.csv"
    data.write_text("old")
    text = "# %% wait\nimport time\nprint(open('snippets/data/rows.csv').read())\ntime.sleep(2)\n"
    file = small.snippet("slow", text)
    other = small.snippet("reads", text.replace("wait", "read"))
    process = subprocess.Popen(
        [sys.executable, "-m", "toolkit", "record"], env={**os.environ, "BOOK_ROOT": str(small.root)}
    )
    sandboxes = small.root / ".cache" / "sandboxes"
    while not (sandboxes.exists() and len(list(sandboxes.iterdir())) == 2):
        time.sleep(0.05)
    time.sleep(1)
    file.write_text(text.replace("old", "new") + "print('later')\n")
    data.write_text("new")
    assert process.wait(timeout=30) == 0
    check = small.toolkit("record", "--check").stdout
    assert "`snippets/page/slow.py` changed" in check
    assert f"`{other.relative_to(small.root)}`" not in check and "`snippets/data/rows.csv` changed" in check


def test_a_pin_that_is_not_installed_makes_a_stale_record(small: SmallBook) -> None:
    (small.root / "requirements.txt").write_text("NumPy==9.9.9\nscikit_learn==1.9.1\n")
    small.snippet("uses", "# %% use\nimport numpy\nimport sklearn\nprint(1)\n")
    assert small.toolkit("record").returncode == 0
    check = small.toolkit("record", "--check").stdout
    assert "`numpy` is pinned to 9.9.9, recorded with 2.4.6" in check
    about = read_record(small.record("uses"), small.book).about
    assert about["packages"]["scikit-learn"] == "1.9.1"


def test_a_socket_has_room_in_the_temporary_folder(small: SmallBook) -> None:
    """Its path may have 107 bytes; Ray's end in some 66 below the temporary folder."""
    small.snippet(
        "listens",
        """
        # %% listen
        import socket
        import tempfile
        path = tempfile.gettempdir() + "/" + "s" * 66
        socket.socket(socket.AF_UNIX).bind(path)
        print(tempfile.gettempdir())
        """,
    )
    result = small.toolkit("record")
    assert result.returncode == 0, result.stderr
    (output,) = read_record(small.record("listens"), small.book).outputs["listen"]
    folder = Path("".join(output["text"]).strip())
    assert folder.is_relative_to(tempfile.gettempdir()) and not folder.exists()


def test_reads_of_forked_workers_and_weights_count(small: SmallBook) -> None:
    (small.root / "snippets" / "data" / "rows.csv").write_text("a")
    model = small.root / "models" / "tiny"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"weights")
    small.snippet(
        "works",
        """
        # %% work
        from multiprocessing import get_context
        from pathlib import Path

        def read(name):
            return Path("snippets", "data", name).read_text()

        with get_context("fork").Pool(1) as pool:
            print(pool.map(read, ["rows.csv"]), Path("models", "tiny", "config.json").read_text())
        """,
    )
    result = small.toolkit("record")
    assert result.returncode == 0, result.stderr
    files = read_record(small.record("works"), small.book).about["files"]
    assert set(files) >= {
        "snippets/data/rows.csv",
        "models/tiny/config.json",
        "models/tiny/model.safetensors",
    }


def test_lines_are_counted_as_python_counts_them(small: SmallBook) -> None:
    small.snippet(
        "odd", "'''One\u2028two.'''\n# %% one\nx = 1\nprint('kept')\n\n# %% データ\nprint('\x0c', x)\n"
    )
    assert small.toolkit("record").returncode == 0
    outputs = outputs_of(small, "odd")
    assert "".join(outputs["one"][0]["text"]) == "kept\n"
    notebook = json.loads(small.record("odd").read_text())
    names = [cell["id"] for cell in notebook["cells"]]
    assert len(set(names)) == len(names) and all(names)


def test_a_pool_without_a_with_ends_as_in_a_script(small: SmallBook) -> None:
    text = """
    # %% ask
    from concurrent.futures import ThreadPoolExecutor
    print(ThreadPoolExecutor().submit(pow, 2, 3).result())
    """
    small.snippet("pool", text)
    result = small.toolkit("record")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("runner", ["fork", "notebook"])
def test_a_record_is_made_without_the_authors_accounts(
    small: SmallBook, monkeypatch: pytest.MonkeyPatch, runner: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("REPLICATE_API_TOKEN", "secret")
    small.snippet(
        "accounts",
        """
        # %% look for them
        import os
        print([name for name in os.environ if name.startswith(("OPENAI", "REPLICATE"))])
        """,
    )
    result = small.toolkit("record", "--runner", runner)
    assert result.returncode == 0, result.stderr
    assert "[]" in small.record("accounts").read_text()
