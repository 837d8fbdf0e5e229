"""Pictures of every page, in both languages at both widths: `python tests/app/screenshots.py FOLDER [ADDRESS]`.

Without an address a server is started on four weeks of the sample plant, with a pilot run on it when `--pilot` is given.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

CHROMIUM = "/usr/bin/chromium"
ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-domain-reliability",
    "--no-first-run",
)
PAGES = ("/", "/orders", "/machines", "/defects", "/costs", "/twin", "/pilot", "/import", "/account", "/journal")


def launch(play: Playwright) -> Browser:
    """A browser that talks to nobody of its own accord."""
    return play.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))


def settle(page: Page) -> None:
    """Wait until a page has its title and all that it works out."""
    page.wait_for_selector("h1.zz-title", timeout=30_000)
    page.wait_for_function("!document.querySelector('.zz-skeleton')", timeout=60_000)
    page.wait_for_timeout(700)


def shoot(address: str, folder: Path, *, paths: tuple[str, ...] = PAGES, dark: bool = False) -> list[Path]:
    """Pictures of pages; returns the files."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    out = []
    with sync_playwright() as play:
        browser = launch(play)
        for lang, width in (("en", 1280), ("zh", 1280), ("en", 390), ("zh", 390)):
            context = browser.new_context(
                viewport={"width": width, "height": 844 if width < 600 else 900},
                color_scheme="dark" if dark else "light",
            )
            context.add_cookies([{"name": "zhizao_lang", "value": lang, "url": address}])
            page = context.new_page()
            for path in paths:
                page.goto(address + path)
                settle(page)
                name = re.sub(r"\W+", "-", path).strip("-") or "overview"
                file = folder / f"{name}-{lang}-{width}{'-dark' if dark else ''}.png"
                page.screenshot(path=file, full_page=True)
                out.append(file)
            context.close()
        browser.close()
    return out


def main() -> None:
    """Run from the shell."""
    from serving import serving

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("address", nargs="?")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--pilot", action="store_true")
    asked = parser.parse_args()
    if asked.address:
        files = shoot(asked.address, asked.folder, dark=asked.dark)
    else:
        with serving(pilot=asked.pilot) as address:
            files = shoot(address, asked.folder, dark=asked.dark)
    print("\n".join(str(file) for file in files))


if __name__ == "__main__":
    main()
