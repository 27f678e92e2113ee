"""Draws docs/page-light.png and docs/page-dark.png: `make screenshots`."""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from serving import served
from visitor import Visitor

from pagestory import page_table

DOCS = Path(__file__).parents[2] / "docs"

#: Pixels, and colours of a picture: few, so that the repository stays small.
WIDTH, HEIGHT, COLOURS = 1000, 760, 64


def main() -> None:
    with sync_playwright() as playwright, served(page_table()) as url:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, dark in (("light", False), ("dark", True)):
            visitor = Visitor(browser, url, dark=dark)
            visitor.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
            visitor.search("2026/117")
            visitor.page.evaluate("document.activeElement.blur()")
            picture = Image.open(io.BytesIO(visitor.page.screenshot()))
            small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
            small.save(DOCS / f"page-{name}.png", optimize=True)
            visitor.close()
        browser.close()


if __name__ == "__main__":
    main()
