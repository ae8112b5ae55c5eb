# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet report of a hundred stamps in Chromium: what it looks like, on paper too, and what assistive technology finds.

The pictures lie in tests/output/browser afterwards, to be looked at.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import http.server
import pathlib
import re
import shutil
import threading
import typing as t

import pytest
from made_up import ROOT, page, two_reports
from playwright import sync_api

PICTURES: t.Final = ROOT / "tests" / "output" / "browser"
OPTIONS: t.Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
A4_LANDSCAPE: t.Final = 1039
"""CSS pixels between the margins."""

CONTRASTS: t.Final = """
() => {
  const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour[3] === 1) return colour;
      if (colour[3] !== 0) throw new Error('a half transparent ground cannot be judged');
    }
    return [255, 255, 255, 1];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [one, other] = [light(parse(style.color)), light(ground(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    found.push([Math.round(ratio * 100) / 100, texts.currentNode.data.trim().slice(0, 40), style.color]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}
"""


@dataclasses.dataclass
class Visit:
    """A page that was opened, and what happened meanwhile."""

    tab: sync_api.Page
    requests: list[str]
    complaints: list[str]

    def width(self) -> tuple[int, int]:
        """How wide the content is, and how wide the window."""
        return tuple(self.tab.evaluate("[document.documentElement.scrollWidth, window.innerWidth]"))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[str]:
    """Where the report is served."""
    directory = tmp_path_factory.mktemp("report")
    (directory / "report.html").write_text(page(two_reports().data), encoding="utf-8")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/report.html"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> t.Iterator[sync_api.Browser]:
    """Chromium."""
    program = shutil.which("chromium")
    assert program, "there is no chromium; on Debian, apt-get install chromium"
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: sync_api.Browser, address: str) -> t.Iterator[t.Callable[..., Visit]]:
    """Opens the report: `visit(1280)`."""
    contexts = []

    def open_it(width: int, **options: t.Any) -> Visit:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        tab = contexts[-1].new_page()
        made = Visit(tab, [], [])
        tab.on("request", lambda request: made.requests.append(request.url))
        tab.on("console", lambda message: made.complaints.append(message.text))
        tab.on("pageerror", lambda error: made.complaints.append(str(error)))
        tab.goto(address, wait_until="networkidle")
        return made

    yield open_it
    for context in contexts:
        context.close()


def picture(name: str) -> str:
    """Path of a picture."""
    return str(PICTURES / name)


@pytest.mark.parametrize("width", [1280, 768, 390, 320])
def test_it_fits_asks_for_nothing_and_has_nothing_to_complain(
    visit: t.Callable[..., Visit], address: str, width: int
) -> None:
    opened = visit(width)
    assert opened.requests == [address] and opened.complaints == []
    content, window = opened.width()
    assert content <= window == width
    opened.tab.screenshot(path=picture(f"{width}.png"), full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_text_stands_out_from_its_ground(visit: t.Callable[..., Visit], width: int, scheme: str) -> None:
    opened = visit(width, color_scheme=scheme)
    found = opened.tab.evaluate(CONTRASTS)
    assert len(found) > 700 and found[0][0] >= 4.5, found[:5]
    opened.tab.screenshot(path=picture(f"{width}-{scheme}.png"))


@pytest.mark.parametrize("width", [1280, 390])
def test_tables_are_tables_for_everybody(visit: t.Callable[..., Visit], width: int) -> None:
    opened = visit(width)
    nodes = opened.tab.context.new_cdp_session(opened.tab).send("Accessibility.getFullAXTree")["nodes"]
    roles = collections.Counter(one["role"]["value"] for one in nodes if not one["ignored"])
    names = [one["name"]["value"] for one in nodes if not one["ignored"] and one["role"]["value"] == "table"]
    assert len(names) == 6 and all(names)
    data = two_reports().data
    assert roles["columnheader"] == 2 + 4 + 7 + 5 + 5 + 3
    assert roles["rowheader"] > len(data["stamps"]) and roles["cell"] > 6 * len(data["stamps"])
    assert roles["main"] == 1 and roles["heading"] == 7


def test_it_can_be_read_without_colour(visit: t.Callable[..., Visit]) -> None:
    opened = visit(1280)
    badges = opened.tab.locator(".stamps .badge").all_inner_texts()
    assert len(badges) == 100 and len(set(badges)) == 6
    assert all(re.fullmatch(r"\S [A-Z][a-z ]+", badge) for badge in badges)


def test_short_words_are_not_broken(visit: t.Callable[..., Visit]) -> None:
    opened = visit(1280)
    words = ".stamps td[data-label='Billing model'] span, .badge"
    assert set(opened.tab.locator(words).evaluate_all("all => all.map(one => one.getClientRects().length)")) == {1}


def test_it_prints(visit: t.Callable[..., Visit]) -> None:
    opened = visit(A4_LANDSCAPE, color_scheme="dark")
    opened.tab.emulate_media(media="print")
    content, window = opened.width()
    assert content <= window
    found = opened.tab.evaluate(CONTRASTS)
    assert found[0][0] >= 4.5, found[:5]
    # Black on white, whatever the reader's screen is set to.
    assert opened.tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    paper = opened.tab.pdf(path=picture("print.pdf"), prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper)
    assert paper.startswith(b"%PDF") and 5 <= len(boxes) <= 12, len(boxes)
    assert {(round(float(one)), round(float(other))) for one, other in boxes} == {(842, 595)}


def test_the_picture_is_a_picture(visit: t.Callable[..., Visit]) -> None:
    """Chromium without fonts draws nothing, and nobody would notice."""
    opened = visit(1280)
    widths = opened.tab.evaluate(
        "[...document.querySelectorAll('h1, .badge')].map(one => one.getBoundingClientRect().width)"
    )
    assert min(widths) > 40
    assert pathlib.Path(picture("1280.png")).stat().st_size > 100_000
