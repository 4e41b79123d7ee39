"""What is wrong with a page as a browser laid it out: cut, overprinted, unnamed, out of order, too faint."""

from pathlib import Path

KINDS = ("wide", "overprinted", "unreadable", "unnamed")
"""Functions of page_faults.js, which says what each finds."""
OPEN_ALL = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"
FILLED = """() => [...document.querySelectorAll('.plot')].every(
    (plot) => !plot.clientWidth || plot.querySelector('.main-svg'))"""


def page_faults(page):
    """All that is wrong, by kind."""
    script = Path(__file__).with_suffix(".js").read_text("utf-8")
    script = script[script.index("({") :]
    return {kind: found for kind in KINDS if (found := page.evaluate(f"{script.strip()}.{kind}()"))}


def open_folds(page):
    """Open all folds and wait until their figures are drawn."""
    page.evaluate(OPEN_ALL)
    page.wait_for_function(FILLED, timeout=120_000)
    page.wait_for_selector("html[data-drawn=all]", timeout=120_000)


def open_page(browser, path, address="", **settings):
    """The page with everything in sight drawn; what it said or asked for is in ``page.heard``."""
    page = browser.new_context(**settings).new_page()
    page.heard = []
    page.on("console", lambda message: page.heard.append(message.text))
    page.on("pageerror", lambda error: page.heard.append(str(error)))
    page.on("dialog", lambda dialog: (page.heard.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: _local(request.url) or page.heard.append(request.url))
    page.goto(path.as_uri() + address, timeout=120_000)
    page.wait_for_selector("html[data-drawn=all]", timeout=120_000)
    return page


def _local(url):
    return url.startswith(("file:", "data:", "blob:"))
