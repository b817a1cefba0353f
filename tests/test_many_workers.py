"""Training on many workers: the same losses, a resumed run, and configurations that launch reads."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT, python
from toolkit.book import Book
from toolkit.observe import Observer
from toolkit.record import read_record

BOOK = Book(ROOT)
FOLDER = BOOK.snippets / "builders_lens"
RECORD = read_record(BOOK.record_file(FOLDER / "two_processes.py"), BOOK)


def printed(title: str) -> str:
    return "".join("".join(output["text"]) for output in RECORD.outputs[title])


def test_two_processes_lose_what_one_loses_and_so_does_a_resumed_run() -> None:
    """Under `accelerate launch`, as recorded; the snippet asserts it too."""
    table = re.findall(r"^ *\d+ +([\d.]+) +([\d.]+) +([\d.]+)$", printed("compare the losses"), re.MULTILINE)
    losses = [[float(number) for number in row] for row in table]
    assert len(losses) >= 10 and losses[-1][0] < losses[0][0] - 0.2
    assert all(one == pytest.approx(two, abs=1e-4) for one, two, _ in losses)
    assert all(two == pytest.approx(resumed, abs=1e-6) for _, two, resumed in losses)


def test_a_killed_worker_ends_the_run_and_the_last_whole_checkpoint_carries_on() -> None:
    shown = printed("launch it and sometimes kill a worker")
    assert "one of two killed: exit status 1, and on disk ['step-0004']" in shown
    assert "started again: resumed after 4 steps" in shown


def test_the_record_depends_on_the_script_that_was_launched() -> None:
    assert "snippets/builders_lens/train_on_many.py" in RECORD.about["files"]
    assert {"accelerate", "transformers", "torch"} <= set(RECORD.about["packages"])


def test_what_a_launched_script_imports_counts(tmp_path: Path) -> None:
    script = tmp_path / "snippets" / "script.py"
    script.parent.mkdir()
    script.write_text("import torch\nfrom accelerate.utils import set_seed\n")
    observer = Observer(tmp_path, [tmp_path])
    observer._audit("subprocess.Popen", ("python", ["python", str(script), "gone.py"], None, None))
    observer._audit("subprocess.Popen", ("python", ["python", __file__], None, None))
    assert observer.imports_of_programs() == {"torch", "accelerate"}


TRAIN = """
import os, runpy, shutil
from pathlib import Path
from accelerate import debug_launcher
from accelerate.state import AcceleratorState, GradientState
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

torch.set_num_threads(1)
os.environ["ACCELERATE_USE_CPU"] = "true"
os.chdir(given["folder"])
base = "sentence-transformers/all-MiniLM-L6-v2"
small = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
AutoModel.from_config(AutoConfig.from_pretrained(base, **small)).save_pretrained("small")
AutoTokenizer.from_pretrained(base).save_pretrained("small")

def train(folder, *more):
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    size = ["--batch=8", "--save-every=4", "--model=small", "--data=tiny.csv", "--folder", folder]
    sys.argv = ["train_on_many.py", *size, *more]
    runpy.run_path(given["script"])

def result(folder):
    return json.loads(Path(folder, "result.json").read_text())["losses"]

def resumed(folder):
    shutil.copytree(f"{folder}/step-0004", f"{folder}-again/step-0004")
    return f"{folder}-again"

debug_launcher(train, ("two",), num_processes=2)
train("one")
train("dropout", "--dropout=0.3")
train(resumed("dropout"), "--dropout=0.3")
print(json.dumps({name: result(name) for name in ("one", "two", "dropout", "dropout-again")}))
"""


@pytest.fixture(scope="module")
def losses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    """Of trainings of a tiny network for six steps, three an epoch; a checkpoint stands after the fourth."""
    folder = tmp_path_factory.mktemp("many")
    listings = pd.read_csv(BOOK.snippets / "data" / "products.csv")
    train, test = (listings[listings.split == part] for part in ("train", "test"))
    tiny = [train.groupby("category").head(3)[:24], test[:8]]
    pd.concat(tiny).to_csv(folder / "tiny.csv", index=False)
    return python(TRAIN, {"folder": str(folder), "script": str(FOLDER / "train_on_many.py")})


def test_one_global_batch_is_one_global_batch(losses: dict[str, list[float]]) -> None:
    assert len(losses["one"]) == 6
    assert losses["two"] == pytest.approx(losses["one"], abs=1e-4)


def test_a_resumed_run_throws_the_dice_that_it_would_have_thrown(losses: dict[str, list[float]]) -> None:
    """In the middle of an epoch and with dropout: same rows, same order, same random numbers."""
    assert losses["dropout"] != pytest.approx(losses["one"], abs=1e-3)
    assert losses["dropout-again"] == pytest.approx(losses["dropout"], abs=1e-6)


def launched(name: str, *more: str) -> tuple[argparse.Namespace, dict[str, str]]:
    """What `accelerate launch --config_file name` would start, and in which environment."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_multi_gpu_env

    given = ["--config_file", str(FOLDER / name), *more, "train_on_many.py"]
    arguments, _, _ = _validate_launch_command(launch_command_parser().parse_args(given))
    return arguments, prepare_multi_gpu_env(arguments)


def test_two_machines_find_each_other() -> None:
    from accelerate.utils.launch import _filter_args
    from torch.distributed.run import config_from_args, get_args_parser

    arguments, environment = launched("two_machines.yaml", "--machine_rank", "1")
    script = ["--training_script", arguments.training_script, "--training_script_args", []]
    config, _, _ = config_from_args(_filter_args(arguments, get_args_parser(), script))
    assert (config.min_nodes, config.max_nodes, config.nproc_per_node) == (2, 2, 4)
    assert (config.rdzv_backend, config.rdzv_endpoint) == ("static", "10.0.0.11:29500")
    assert config.rdzv_configs["rank"] == 1
    assert environment["ACCELERATE_MIXED_PRECISION"] == "bf16"


def test_the_flag_for_processors_starts_one_process() -> None:
    """Which the page warns of: without MPI, `--cpu --num_processes 2` is one Python."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_simple_launcher_cmd_env

    given = ["--cpu", "--num_processes", "2", "--num_machines", "1", "train_on_many.py"]
    arguments, _, _ = _validate_launch_command(launch_command_parser().parse_args(given))
    command, environment = prepare_simple_launcher_cmd_env(arguments)
    assert command == [sys.executable, "train_on_many.py"]
    assert "WORLD_SIZE" not in environment


def test_sharding_is_what_the_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from accelerate import FullyShardedDataParallelPlugin

    arguments, environment = launched("fsdp.yaml")
    assert arguments.use_fsdp and arguments.nproc_per_node == "4"
    for name in set(environment) - set(os.environ):
        monkeypatch.setenv(name, environment[name])
    plugin = FullyShardedDataParallelPlugin()
    assert plugin.fsdp_version == 2 and plugin.reshard_after_forward is True
    assert plugin.state_dict_type.name == "SHARDED_STATE_DICT"
    assert plugin.transformer_cls_names_to_wrap == ["BertLayer"]
