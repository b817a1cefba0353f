"""Python executes this before a program when its folder is on PYTHONPATH; `toolkit.hub` puts it there."""

import importlib.util
import sys
from pathlib import Path

_file = Path(__file__).parents[1] / "downloads.py"
_spec = importlib.util.spec_from_file_location("toolkit.downloads", _file)
assert _spec is not None and _spec.loader is not None
_downloads = importlib.util.module_from_spec(_spec)
sys.modules["toolkit.downloads"] = _downloads
_spec.loader.exec_module(_downloads)
_downloads.watch()
_downloads.say_it_in_one_sentence()
