"""Every page in a browser: no policy refuses anything, axe finds nothing, none scrolls sideways."""

from __future__ import annotations

import pytest

from tests.support.browser import tab

pytestmark = pytest.mark.browser

PAGES = ("/jobs",)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [360, 1024, 1440])
def test_a_page_is_as_wide_as_the_window(browser, console, path, width):
    with tab(browser, console, viewport={"width": width, "height": 800}) as page:
        page.goto(path)

        assert page.evaluate("document.documentElement.scrollWidth") <= width
