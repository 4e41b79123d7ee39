"""The first screen of the demo's page, as README.md shows it.

``bench demo``, then ``python -m tests.references.page_picture`` writes docs/report.png; it needs Chromium.
"""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "results" / "demo" / "report" / "index.html"
PICTURE = ROOT / "docs" / "report.png"
SCREEN = {"width": 1280, "height": 1575}
SHARE = 0.75
"""Of the screen's pixels that the picture has along an edge."""
COLOURS = 160
"""Few, so that the file stays small."""


def page_picture(page: Path, path: Path, chromium: str) -> None:
    """Write a PNG of the top of a page.

    Args:
        page: The page's file, drawn by ``bench demo`` or ``bench compare``.
        path: PNG to write.
        chromium: The browser's program.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport=SCREEN, color_scheme="light")  # type: ignore[arg-type]
        opened.goto(page.resolve().as_uri())
        opened.wait_for_selector("html[data-drawn=all]", timeout=60_000)
        seen = Image.open(io.BytesIO(opened.screenshot())).convert("RGB")
        browser.close()
    size = tuple(round(edge * SHARE) for edge in seen.size)
    seen.resize(size, Image.Resampling.LANCZOS).quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(
        path, optimize=True
    )


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--out", type=Path, default=PICTURE)
    args = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        parser.error("no Chromium on this machine (Debian: apt-get install chromium)")
    page_picture(args.page, args.out, chromium)


if __name__ == "__main__":
    main()
