"""A person at a browser: what they open, what they see, and what the browser complains of."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

#: A browser's own line about a page that is answered by 401, 404 or 503, as it should be.
STATUS = "the server responded with a status of"


class Visitor:
    """scale: physical pixels for one of the page's, as at a zoom."""

    def __init__(
        self,
        browser: Browser,
        url: str,
        *,
        width: int = 1280,
        dark: bool = False,
        scripts: bool = True,
        scale: float = 1,
    ) -> None:
        self.url = url
        self.messages: list[str] = []
        self.requests: list[str] = []
        self._context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            device_scale_factor=scale,
        )
        self.page: Page = self._context.new_page()
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def look(self, width: int, *, dark: bool) -> None:
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme="dark" if dark else "light")

    def search(self, text: str) -> None:
        self.open("/")
        self.page.fill("#q", text)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    @property
    def text(self) -> str:
        return " ".join(self.page.inner_text("body").split())

    @property
    def complaints(self) -> list[str]:
        return [each for each in self.messages if STATUS not in each]

    @property
    def foreign_requests(self) -> list[str]:
        return [each for each in self.requests if not each.startswith((self.url, "data:"))]

    @property
    def overflow(self) -> float:
        """Pixels that one must scroll to the side for."""
        return float(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def violations(self) -> list[str]:
        """Of WCAG 2.2 A and AA, and of best practice, as axe finds them."""
        # It is put into a page once, and then asked again.
        is_there = self.page.evaluate("!!window.axe")
        found: list[dict[str, Any]] = (Axe("0") if is_there else Axe()).run(self.page).response["violations"]
        return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]

    def focused(self) -> str:
        """What the keyboard is at, by its text or its name."""
        script = "(e => (e.innerText || e.getAttribute('aria-label') || e.name || e.tagName).trim())"
        return str(self.page.evaluate(f"{script}(document.activeElement)"))

    def close(self) -> None:
        self._context.close()
