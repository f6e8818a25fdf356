"""Chromium for tests of the web UI, watched for what a page must not do."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="The package 'playwright' is not installed.")
from playwright.sync_api import Browser, BrowserContext, Dialog, Request, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCREENSHOTS = Path("test-artifacts/ui")
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000  # a page is there at once, but not on a machine that runs everything else too
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}


@contextmanager
def chromium() -> Generator[Browser]:
    """A headless browser; skips the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("No Chromium in PATH: install the package 'chromium' to test the web UI.")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        expect.set_options(timeout=PATIENCE_MS)
        yield opened
        opened.close()


class Visit:
    """A page, with what it did and must not: log errors, break the content policy, or ask other servers."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.page = context.new_page()
        self.offences: list[str] = []
        self._origin = origin
        context.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error('CSP ' + e.violatedDirective))"
        )
        self.page.on("console", lambda m: self._note(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self._note(str(e)))
        self.page.on("request", self._ask)
        self.page.on("dialog", self._refuse)

    def _note(self, text: str) -> None:
        # The browser logs every answer of 400 and above, the expected 401 before signing in among them.
        if not text.startswith("Failed to load resource"):
            self.offences.append(text)

    def _ask(self, request: Request) -> None:
        if not request.url.startswith(self._origin):
            self._note(f"asked {request.url}")

    def _refuse(self, dialog: Dialog) -> None:
        self._note(f"dialog {dialog.message}")
        dialog.dismiss()

    def shot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


def open_visit(browser: Browser, origin: str, size: str, *, dark: bool = False) -> Visit:
    """A fresh context of one of `SIZES`, restricted to `origin`."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale="en-GB"
    )
    return Visit(context, origin)
