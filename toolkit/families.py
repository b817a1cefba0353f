"""The small models of page 9.4 -> two files each: the weights as they are stored, and all settings.

The page computes these networks itself (`web/src/numerics/`): none has more than a million weights, so what
onnxruntime would save in milliseconds it would cost many times over in megabytes. The weights travel in the
8 or 16 bits that they are embedded in, and are single precision again before the first answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from toolkit import hub
from toolkit.book import Book, BookError
from toolkit.snippets import defined

FAMILIES = {
    "docstring-gpt": "openai-community/gpt2",
    "digit-diffusion": "google/ddpm-cifar10-32",
    "scene-blip": "Salesforce/blip-image-captioning-base",
    "scene-clip": "openai/clip-vit-base-patch32",
    "number-whisper": "openai/whisper-tiny.en",
}
"""Name in the page -> id in the catalog."""

Write = Callable[[str, bytes], str]
"""Stem and content -> the file's name."""

_BITS = {"float32": 32, "float16": 16, "int8": 8}

_SCENES = "use_before_you_train/train_clip.py"
"""The snippet whose first cell draws scenes."""

SAMPLE = "snippets/data/spoken-sum.flac"
"""The recording of `transcribe_speech.py`; the page gets its samples, which no browser has to decode."""


def sources(book: Book) -> list[str]:
    """What decides the files' content besides the weights."""
    sample = hashlib.sha256((book.root / SAMPLE).read_bytes()).hexdigest()
    texts = (Path(__file__), book.snippets / _SCENES)
    return [*(file.read_text(encoding="utf-8") for file in texts), sample]


def export(book: Book, write: Write) -> dict[str, Any]:
    """Write the files and return their part of the manifest, name -> entry.

    Raises HubError if weights are missing or not those that the catalog names.
    """
    catalog = hub.read_catalog(book)
    models = {name: catalog[id_] for name, id_ in FAMILIES.items()}
    hub.lay_out(book, models.values())  # compares every file with its SHA-256
    return {name: _entry(name, model, book, write) for name, model in models.items()}


def _entry(name: str, model: hub.Model, book: Book, write: Write) -> dict[str, Any]:
    source = model.source(book)
    (weights,) = (file for file in model.sha256 if file.endswith(".safetensors"))
    settings = {
        file.removesuffix(".json"): json.loads((source / file).read_text(encoding="utf-8"))
        for file in sorted(model.sha256)
        if file.endswith(".json")
    }
    if "tokenizer" in settings:
        # Cutting and padding are the caller's, as in Python.
        settings["tokenizer"]["truncation"] = settings["tokenizer"]["padding"] = None
    return {
        "weights": write(f"{name}-weights", (source / weights).read_bytes()),
        "settings": write(f"{name}-settings", json.dumps(settings, separators=(",", ":")).encode()),
        "id": model.id,
        "parameters": model.embedded["parameters"],
        "bits": _BITS[model.stored],
    }


def extras(book: Book, write: Write) -> dict[str, str]:
    """Write what the demos need besides models; name -> file."""
    import soundfile

    sound, rate = soundfile.read(book.root / SAMPLE, dtype="int16")
    if (sound.ndim, rate) != (1, 16_000):
        raise BookError(f"{SAMPLE} has {rate} samples a second: record it as one channel of 16,000")
    return {
        "scene": write("scene", json.dumps(scene(book), separators=(",", ":")).encode()),
        "spoken-sum": write("spoken-sum", sound.astype("<i2").tobytes()),
    }


def scene(book: Book) -> dict[str, Any]:
    """The snippets' world, the shapes as outlines, so that they look alike whatever fonts a reader has.

    Pillow centres a text by its advance and by the middle between the font's ascent and descent.
    """
    from fontTools.pens.svgPathPen import SVGPathPen
    from fontTools.ttLib import TTFont

    world = defined(book, _SCENES, ["draw a scene"])
    font = TTFont(world["FONT"])
    glyphs, names = font.getGlyphSet(), font.getBestCmap()
    shapes = {}
    for kind, character in world["SHAPES"].items():
        glyph, pen = glyphs[names[ord(character)]], SVGPathPen(glyphs)
        glyph.draw(pen)
        shapes[kind] = {"path": pen.getCommands(), "advance": glyph.width}
    lines = font["hhea"]
    return {
        "side": 224,
        "paper": 235,  # the middle of what the snippets draw at random
        "colours": world["COLOURS"],
        "sizes": world["SIZES"],
        "places": world["PLACES"],
        "shapes": shapes,
        "units": font["head"].unitsPerEm,
        "drop": (lines.ascent + lines.descent) / 2,
    }
