"""Take the pictures of the pages that README and the docs show, while `make demo` serves them.

    python docs/screenshots.py http://127.0.0.1:8000

It needs the packages of the extra `dev`, and chromium.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent
PAGES = {
    "browse.png": ("/?article_type=Dresses&article_type=Tshirts", 800),
    "similar.png": ("/items/10001", 1500),
}
"""What to open for each picture, and the picture's height."""

WIDTH = 1200


def main() -> None:
    """Open each page of the server that is named and save what it shows."""
    base = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page()
        for name, (path, height) in PAGES.items():
            page.set_viewport_size({"width": WIDTH, "height": height})
            page.goto(base + path, wait_until="networkidle")
            page.screenshot(path=FOLDER / name)
        browser.close()


if __name__ == "__main__":
    main()
