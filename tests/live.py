"""What the tests of the demos share: a page, its demo, and all that the browser said and asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 90_000
"""Milliseconds that a slow machine may take to load a model."""

NO_SERVICE_WORKER = "delete Navigator.prototype.serviceWorker"
"""JavaScript: a browser that has none, as some in a private window. To fetch all pages for reading offline
takes longer than most tests.
"""

TYPE = """const field = root.querySelector("textarea");
field.value = given;
field.dispatchEvent(new Event("input", { bubbles: true }));"""
"""JavaScript for `after`: type what is given."""

HOSTILE = [
    "<img src=x onerror=\"document.title='hacked'\">",
    "<script>document.title='hacked'</script>",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd \U0001f1eb\U0001f1f7",
    "شحن سريع والبطارية ممتازة",
    "[SEP] [CLS] \x07 \u200b \u202e reversed",
    "word " * 20_000,
    "x" * 100_000,
    "   ",
    "",
]


def shown(element: Any, text: Any) -> Any:
    """What a sighted reader sees of a demo: not the same again in its live region."""
    return element.locator("section > div").get_by_text(text).first


def after(element: Any, event: str, does: str, given: Any = None) -> Any:
    """Run `does`, JavaScript over `host`, its `root` and `given`; returns the detail of the next `event`."""
    # The code stands in the function's text: the site's policy forbids to make functions of strings.
    return element.evaluate(
        """async (host, [event, given, patience]) => {
            const told = new Promise((done, never) => {
                host.addEventListener(event, ({ detail }) => done(detail), { once: true });
                setTimeout(() => never(new Error(`no ${event} came`)), patience);
            });
            const root = host.shadowRoot;
            {"""
        + does
        + """}
            return JSON.parse(JSON.stringify(await told, (_, value) =>
                ArrayBuffer.isView(value) ? Array.from(value) : value));
        }""",
        [event, given, PATIENCE],
    )


@dataclass
class Visit:
    """One reader's tab."""

    tab: Any
    address: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """What the service worker asked for, to keep it for reading offline."""

    def demo(self, name: str, page: str = "") -> Any:
        """The element on a page, which is opened first if it is named."""
        if page:
            self.tab.goto(self.address + page)
        element = self.tab.locator(name)
        element.scroll_into_view_if_needed()
        return element

    def start(self, name: str, page: str = "") -> Any:
        """The element, its button pressed and its demo ready."""
        element = self.demo(name, page)
        element.locator("button.main").first.click()
        element.locator("progress[aria-label=Download]").wait_for(state="detached", timeout=PATIENCE)
        return element

    @property
    def workers(self) -> list[str]:
        """Of the demos; the site's search has one too."""
        found = [worker.url for worker in self.tab.workers if "/assets/live/" in worker.url]
        assert len(found) == len(set(found)), found
        return found

    @property
    def workers_ended(self) -> bool:
        """The browser tells of a worker's end a moment after the page has ended it."""
        for _ in range(50):
            if not self.workers:
                return True
            self.tab.wait_for_timeout(100)
        return False

    @property
    def fits(self) -> bool:
        """Whether nothing sticks out to the right."""
        return bool(self.tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))

    def asked_for(self, part: str) -> list[str]:
        return [url for url in self.asked if part in url]

    @property
    def quiet(self) -> bool:
        """Whether the console is clean and no request left the site; shows what is not so."""
        assert self.said == []
        assert [
            url for url in self.asked + self.kept if not url.startswith((self.address, "data:", "blob:"))
        ] == []
        assert self.tab.title() != "hacked"
        return True


@contextmanager
def visit(
    chromium: Any,
    address: str,
    width: int = 1280,
    scheme: str = "light",
    *,
    keeps: bool = False,
    **options: Any,
) -> Iterator[Visit]:
    """A reader in a browser that is new, and that `keeps` the chapter for reading offline or can't."""
    viewport = {"width": width, "height": 900}
    context = chromium.new_context(viewport=viewport, color_scheme=scheme, **options)
    if not keeps:
        context.add_init_script(NO_SERVICE_WORKER)
    visited = Visit(context.new_page(), address)
    tab = visited.tab
    tab.set_default_timeout(PATIENCE)
    tab.on("console", lambda message: visited.said.append(f"{message.type}: {message.text}"))
    tab.on("pageerror", lambda error: visited.said.append(str(error)))

    def note(request: Any) -> None:
        (visited.kept if request.service_worker else visited.asked).append(request.url)

    context.on("request", note)
    try:
        yield visited
    finally:
        context.close()
