"""A real browser that tells what it refused to load or to run."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
# Runs before every page's own scripts, and keeps what the policy forbade and what a payload managed to do.
WATCH = """
window.refused = [];
document.addEventListener('securitypolicyviolation', e =>
  window.refused.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile || ''}:${e.lineNumber} ${e.sample}`));
window.alert = window.confirm = window.prompt = () => { window.pwned = true; };
"""


class Tab:
    """One page at a time; `complaints` are the policy's refusals and the errors of the scripts on them."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        self.seen: set[str] = set()
        page.add_init_script(WATCH)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self._hear(said.type, said.text))

    def open(self, path: str) -> Any:
        answer = self.page.goto(self.address + path, wait_until="load")
        self.look()
        return answer

    def look(self) -> None:
        """Takes down what was refused on this page, and what a payload did."""
        self.page.wait_for_timeout(100)
        self.seen.add(self.page.url)
        self.complaints += [f"{self.page.url}: {line}" for line in self.page.evaluate("window.refused || []")]
        if self.page.evaluate("Boolean(window.pwned)"):
            self.complaints.append(f"{self.page.url}: a payload ran")

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and "Content Security Policy" in text:
            self.complaints.append(f"{self.page.url}: {text}")


def browse(address: str, visit: Callable[[Tab], T]) -> T:
    """What `visit` returns, run in a thread of its own: the browser's event loop and Django's database do not mix."""
    found: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with _tab(address) as tab:
                found.append(visit(tab))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return found[0]


@contextmanager
def _tab(address: str) -> Iterator[Tab]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield Tab(browser.new_page(), address)
        finally:
            browser.close()
