"""Score the pages with Lighthouse: `make benchmark-pages`. Mobile, simulated throttling, served compressed.

Beside them, in the same run: the chapter's first page as Material for MkDocs gives it with its defaults, and
a notebook as mkdocs-jupyter gives it with its own. Both get the same text; neither gets this book's theme,
hooks or policy.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import json
import os
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit import browser, live
from toolkit.book import Book
from toolkit.record import machine

BOOK = Book.locate()
LIGHTHOUSE = BOOK.root / "benchmarks" / "lighthouse" / "node_modules" / "lighthouse" / "cli" / "index.js"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
PACKED = (".html", ".css", ".js", ".json", ".svg", ".xml", ".txt")


@contextmanager
def serve_compressed(folder: Path) -> Iterator[str]:
    """As a host serves a static site: gzip for text, and an age for what has its hash in its name."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = Path(self.translate_path(self.path))
            path = path / "index.html" if path.is_dir() else path
            if not path.is_file():
                self.send_error(404)
                return
            data = path.read_bytes()
            self.send_response(200)
            if path.suffix in PACKED:
                data = gzip.compress(data, 6)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Type", self.guess_type(str(path)))
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Cache-Control", "max-age=600")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def score(address: str) -> dict[str, Any]:
    """Lighthouse's report on one page."""
    flags = " ".join(["--headless=new", *browser.ARGUMENTS])
    command = [
        live.node(),
        str(LIGHTHOUSE),
        address,
        "--quiet",
        "--output=json",
        f"--chrome-flags={flags}",
        f"--only-categories={','.join(CATEGORIES)}",
    ]
    environment = {**os.environ, "CHROME_PATH": str(browser.find())}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"Lighthouse failed on {address}: {done.stderr.strip()[-500:]}")
    return dict(json.loads(done.stdout))


def row(name: str, address: str) -> str:
    report = score(address)
    points = [round(100 * (report["categories"][each]["score"] or 0)) for each in CATEGORIES]
    audits = report["audits"]
    largest = audits["largest-contentful-paint"]["numericValue"] / 1000
    shift = audits["cumulative-layout-shift"]["numericValue"]
    kilobytes = audits["total-byte-weight"]["numericValue"] / 1000
    failed = [
        name
        for each in CATEGORIES
        for name in (ref["id"] for ref in report["categories"][each]["auditRefs"] if ref["weight"])
        if (audits[name]["score"] or 0) < 0.9 and audits[name]["scoreDisplayMode"] in ("binary", "numeric")
    ]
    cells = [name, *map(str, points), f"{largest:.2f}", f"{shift:.3f}", f"{kilobytes:.0f}", ", ".join(failed)]
    return "| " + " | ".join(cells) + " |"


def peers(folder: Path) -> Path:
    """A site of two pages as the tools give it: one of prose, one notebook."""
    docs = folder / "docs"
    docs.mkdir()
    text = (BOOK.docs / "summary.md").read_text(encoding="utf-8").partition("``` quiz")[0]
    (docs / "index.md").write_text(text.replace("](", "](#"), encoding="utf-8")
    shutil.copyfile(BOOK.lab / "what_is_training" / "four_steps.ipynb", docs / "notebook.ipynb")
    config = (
        "site_name: peers\ntheme: {name: material}\nplugins: [search, {mkdocs-jupyter: {execute: false}}]\n"
    )
    (folder / "mkdocs.yml").write_text(config, encoding="utf-8")
    build(folder, folder / "site")
    return folder / "site"


def build(project: Path, target: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(target)],
        cwd=project,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="addresses below the root; all of the chapter if none")
    options = parser.parse_args()
    if not LIGHTHOUSE.exists():
        sys.exit("first: npm ci --ignore-scripts --prefix benchmarks/lighthouse")
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site")
        build(BOOK.root, site)
        peer = Path(folder, "peer")
        peer.mkdir()
        others = peers(peer)
        known = json.loads((site / "service-worker.js").read_text().split(";\n")[0].partition("=")[2])
        names = options.pages or [
            *(name for name in known["files"] if name == "" or name.endswith("/")),
            "lab/what_is_training/four_steps/",
        ]
        print(machine(), "\n")
        print(
            "| page | performance | accessibility | best practices | SEO | LCP, s | shift | kB | below 0.9 |"
        )
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        with serve_compressed(site) as address:
            for name in names:
                print(row(name or "first page", address + name), flush=True)
        with serve_compressed(others) as address:
            print(row("Material's defaults", address), flush=True)
            print(row("mkdocs-jupyter's defaults", address + "notebook/"), flush=True)


if __name__ == "__main__":
    main()
