"""How soon pages are seen: `python tests/app/paint.py ADDRESS` prints first paint and title of each page, seen before."""

from __future__ import annotations

import statistics
import sys
import time


def main() -> None:
    """Median of five loads, each page warm: figures worked out, scripts in the browser's cache."""
    from playwright.sync_api import sync_playwright
    from screenshots import PAGES, launch

    address = sys.argv[1]
    with sync_playwright() as play:
        page = launch(play).new_page(viewport={"width": 1280, "height": 900})
        for path in PAGES:
            paints, titles = [], []
            for turn in range(6):
                began = time.perf_counter()
                page.goto(address + path)
                page.wait_for_selector("h1.zz-title", timeout=60_000)
                page.wait_for_function("!document.querySelector('.zz-skeleton')", timeout=60_000)
                seen = time.perf_counter() - began
                paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null")
                if turn and paint is not None:
                    paints.append(paint)
                    titles.append(1000 * seen)
            print(
                f"{path:10s} first paint {statistics.median(paints):5.0f} ms, whole {statistics.median(titles):5.0f} ms"
            )


if __name__ == "__main__":
    main()
