"""What only MkDocs can do: lab pages without their inlined style, downloads, and live recording."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import logging
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from jinja2.bccache import Bucket, FileSystemBytecodeCache
from mkdocs.config.config_options import ExtraScriptValue
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

from toolkit import archive, live, paper, publish, render
from toolkit.book import Book, BookError
from toolkit.outputs import follow_scheme, move_media, players

log = logging.getLogger("mkdocs.live")

_recorder: subprocess.Popen[bytes] | None = None
_live: Path | None = None
"""What runs in the page, if this machine can build it."""
_chapter: list[str] = []
_whole: dict[str, str] = {}
"""The pages whose search entry is still to be made, by their source."""
_UNSEARCHED = re.compile(r"<section [^>]*\bdata-search-exclude>.*?</section>", re.DOTALL)


def on_startup(*, command: str, dirty: bool) -> None:
    render.site.serving = command == "serve"
    render.site.reports = True
    # It reports each notebook of each build, twice.
    logging.getLogger("mkdocs.plugins.mkdocs_jupyter").setLevel(logging.WARNING)


def on_config(config: Any) -> None:
    """Build the demos and let every page load their script.

    A GitHub address in `repo_url` makes the Colab links open the record itself, and names the site's own
    address on GitHub Pages where `SITE_URL` gives none.
    """
    global _live
    _live = _demos()
    if _live is not None:
        script = ExtraScriptValue(f"{live.ADDRESS}/{live.loader(_live)}")
        script.type = "module"
        config.extra_javascript.append(script)
    found = re.match(r"https://github\.com/([^/]+/[^/]+?)/?$", config.repo_url or "")
    if found:
        owner, _, name = found[1].partition("/")
        if "SITE_URL" not in os.environ and not render.site.serving:
            config.site_url = f"https://{owner.lower()}.github.io/{name}/"
        branch = config.extra.get("branch", "main")
        config.edit_uri = f"edit/{branch}/docs/"
        render.site.colab = f"https://colab.research.google.com/github/{found[1]}/blob/{branch}/"


def _demos() -> Path | None:
    book = Book.locate()
    if not live.possible(book):
        if (book.root / "web").is_dir():
            log.info(
                "Recorded outputs stand in for the demos in the page: `make setup` installs what they need"
            )
        return None
    try:
        return live.build(book)
    except BookError as error:
        if not render.site.serving:
            raise PluginError(str(error)) from None
        log.warning("The pages are served without their demos: %s", error)
        return None


def on_pre_build(config: Any) -> None:
    render.begin_build()


def on_files(files: Any, config: Any) -> None:
    """Offer the snippets and their data for download under `snippets/`, and add what runs in the page."""
    book = Book.locate()
    downloads = [*book.snippet_files(), *sorted((book.snippets / "data").glob("*.*"))]
    for file in downloads:
        files.append(File.generated(config, book.relative(file), abs_src_path=str(file)))
    packed = File.generated(config, archive.NAME, content=archive.archive(book, render.kept()))
    files.append(packed)
    for file in sorted(_live.glob("[!.]*")) if _live else []:
        files.append(File.generated(config, f"{live.ADDRESS}/{file.name}", abs_src_path=str(file)))


@event_priority(-100)  # when all else is done to the page
def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Take mkdocs-jupyter's 590 KB of style out of a lab page; `stylesheets/lab.css` serves them all.

    The search plugin gets the other pages without what it leaves out, which is code and figures: to read past
    them, element by element, takes a third of a build.
    """
    if not page.file.src_uri.endswith(".ipynb"):
        _whole[page.file.src_uri] = html
        return _UNSEARCHED.sub("", html)
    if page.edit_url:  # what is to be edited is the snippet, never its record
        page.edit_url = page.edit_url.replace("docs/lab/", "snippets/").removesuffix(".ipynb") + ".py"
    # Every visit loads the whole search index. The chapter's pages are found by it, and they lead to these.
    page.meta["search"] = {"exclude": True}
    html = render.kept().get(partial(_lab, html), "lab", html)
    return render.lab_header(page.file.src_uri, page.url) + html


@event_priority(-100)  # when the search plugin has read it
def on_page_context(context: Any, page: Any, config: Any, nav: Any) -> Any:
    page.content = _whole.pop(page.file.src_uri, page.content)
    return context


def _lab(html: str) -> str:
    """What mkdocs-jupyter made of a notebook, as the other pages are."""
    html = re.sub(r"<(style|script)\b.*?</\1>", "", html, flags=re.DOTALL)
    html = re.sub(
        r'<div class="zeroclipboard-container">.*?</clipboard-copy>\s*</div>', "", html, flags=re.DOTALL
    )
    html = re.sub(r'<div class="clipboard-copy-txt".*?</div>', "", html, flags=re.DOTALL)
    # Material colours code and adds its copy button where it finds its own markup.
    html = re.sub(
        r'<div class="highlight-ipynb hl-\w+"><pre>(.*?)</pre></div>',
        r'<div class="highlight"><pre><code>\1</code></pre></div>',
        html,
        flags=re.DOTALL,
    )
    # nbconvert wraps an SVG into an image file, whose text could not follow the page's scheme.
    html = re.sub(
        r'<img\b[^>]*src="data:image/svg\+xml;base64,([^"]+)"[^>]*>',
        lambda match: follow_scheme(base64.b64decode(match[1]).decode("utf-8")),
        html,
    )
    html = re.sub(
        r'\s*<div class="jp-(InputPrompt|OutputPrompt|Collapser)[^>]*>.*?</div>', "", html, flags=re.DOTALL
    )
    return players(re.sub(r"(?m)^[ \t]+\n", "", html))


def on_env(env: Any, config: Any, files: Any) -> None:
    """Compile the theme's templates once, not at each build."""
    folder = Book.locate().cache / "templates"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        env.bytecode_cache = _Templates(str(folder))


class _Templates(FileSystemBytecodeCache):
    def dump_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):  # on a full disk the next build compiles them again
            super().dump_bytecode(bucket)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Let pictures and sounds be files, which a browser fetches when they are seen or played."""
    output = _named(output)
    depth = page.url.count("/")
    return move_media(output, Path(config.site_dir), "../" * depth)


def on_post_template(output: str, template_name: str, config: Any) -> str:
    return _named(output)


def _named(html: str) -> str:
    """The theme's search says what it is to the eye alone, and of each `title` its script makes a tooltip,
    those of the header measured on a page that must be laid out for each. There the page's script gives
    them to a reader who begins. No line of the header needs to begin with space.
    """
    html = html.replace(' title="Permanent link"', ' aria-label="Permanent link"')
    start, end = html.find('<header class="md-header'), html.find("</header>")
    header = re.sub(r"\n\s+", "\n", html[start:end].replace(' title="', ' data-title="'))
    html = html[:start] + header + html[end:]
    return html.replace('role="dialog"', 'role="dialog" aria-label="Search"', 1)


def on_post_build(config: Any) -> None:
    if render.site.serving:
        render.kept().save()
        return
    if render.errors:
        raise PluginError("\n".join(render.errors))
    if os.environ.get("BOOK_PDF"):
        _print(Path(config.site_dir))
    publish.publish(Path(config.site_dir), _chapter, _live and _live / live.SERVICE_WORKER, render.kept())
    render.kept().save()


def _print(site: Path) -> None:
    """The chapter as a PDF, and a link to it on the first page; where nothing can print, neither."""
    try:
        file = paper.write(site, [page for page in _chapter if page != "lab/"])
    except BookError as error:
        log.info("No PDF: %s", error)
        return
    size = f"{file.stat().st_size / 1e6:.0f} MB"
    link = f'The whole chapter is also <a href="{paper.NAME}">one PDF</a> ({size}).'
    first = site / "index.html"
    first.write_text(first.read_text(encoding="utf-8").replace(paper.MARK, link), encoding="utf-8")


def on_nav(nav: Any, config: Any, files: Any) -> None:
    """Note the addresses of the chapter's pages; the lab is a section of its own."""
    _chapter[:] = [item.url for item in nav.items if item.is_page]


def on_serve(server: Any, config: Any, builder: Any) -> None:
    """Record in the background what an author changes, where the packages for that are installed."""
    global _recorder
    book = Book.locate()
    if live.possible(book):
        server.watch(str(book.root / "web" / "src"))
    if importlib.util.find_spec("torch") is None or os.environ.get("BOOK_NO_RECORDER"):
        server.watch(str(book.snippets))
        return
    status = book.cache / "status"
    status.mkdir(parents=True, exist_ok=True)
    server.watch(str(status))
    # Five looks a second: MkDocs waits half a second between two, and an author for all of it.
    for emitter in server.observer.emitters:
        emitter._timeout = 0.2
    command = [sys.executable, "-m", "toolkit", "record", "--watch"]
    _recorder = subprocess.Popen(command, cwd=Path(config.config_file_path).parent)


def on_shutdown() -> None:
    if _recorder is not None:
        _recorder.terminate()
        _recorder.wait(timeout=10)
