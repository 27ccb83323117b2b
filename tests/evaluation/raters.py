"""A rater of a study, in a real Chromium without network access."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.comfyui.browser import CHROMIUM, QUIET

NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND"
VIEWPORT: Any = {"width": 1280, "height": 900}
PATIENCE = 15_000  # milliseconds


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, NOWHERE])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Rater:
    """A rater at the page. complaints: errors in the console; asked: URLs that it loaded."""

    page: Page
    folder: Path
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @classmethod
    def sits_down(cls, browser: Browser, html: Path) -> "Rater":
        """Open the page from disk in a new browser profile."""
        rater = cls(browser.new_context(viewport=VIEWPORT, accept_downloads=True).new_page(), html.parent)
        rater.page.set_default_timeout(PATIENCE)
        rater.page.on("pageerror", lambda error: rater.complaints.append(str(error)))
        rater.page.on(
            "console",
            lambda message: rater.complaints.append(message.text) if message.type == "error" else None,
        )
        rater.page.on("request", lambda request: rater.asked.append(request.url[:60]))
        rater.opens(html)
        return rater

    def opens(self, html: Path) -> None:
        """Open a page from the disk."""
        self.page.goto(html.as_uri())

    def click(self, name: str) -> None:
        """Click a button by its name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def choose(self, question: int, answer: str) -> None:
        """Click an answer to a question, counted from 0."""
        self.page.get_by_role("group").nth(question).get_by_role("radio", name=answer, exact=True).click()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def heading(self) -> str:
        return self.page.get_by_role("heading").inner_text()

    def saves(self, button: str = "Save my votes") -> Path:
        """Save the votes and return the file."""
        with self.page.expect_download() as saving:
            self.click(button)
        target = self.folder / saving.value.suggested_filename
        saving.value.save_as(target)
        return target

    def pictured(self, name: str) -> None:
        """Take a screenshot for inspection if $STUDY_PICTURES is set to a folder."""
        folder = os.environ.get("STUDY_PICTURES")
        if folder:
            self.page.screenshot(path=Path(folder) / f"{name}.png")
