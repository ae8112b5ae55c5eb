# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the fleet report: markup that assistive technology understands, nothing from elsewhere, nothing unescaped."""

from __future__ import annotations

import datetime
import html.parser
import re
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._report import fleet
from made_up import MOMENT, failed, page, stamp, two_reports

VOID: t.Final = {"meta", "link", "br", "col"}
HOSTILE: t.Final = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;{{ 7 * 7 }}"


class Element:
    """An element with what is in it."""

    def __init__(self, tag: str, attributes: dict[str, str | None], parent: Element | None) -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Element] = []
        self.texts: list[str] = []

    def all(self, tag: str | None = None) -> t.Iterator[Element]:
        """The elements below it."""
        for child in self.children:
            if tag in (None, child.tag):
                yield child
            yield from child.all(tag)

    @property
    def text(self) -> str:
        """All text in it."""
        return " ".join(" ".join([*self.texts, *(child.text for child in self.children)]).split())


class Page(html.parser.HTMLParser):
    """Reads a page; fails when an element is not closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = self.here = Element("", {}, None)
        self.feed(text)
        self.close()
        assert self.here is self.root, f"{self.here.tag} is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), self.here)
        self.here.children.append(element)
        if tag not in VOID:
            self.here = element

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag and self.here.parent is not None, f"{tag} closes {self.here.tag}"
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.texts.append(data)


@pytest.fixture(scope="module")
def hundred() -> Page:
    """The page of a hundred stamps."""
    return Page(page(two_reports().data))


def test_tables_say_what_they_are(hundred: Page) -> None:
    tables = list(hundred.root.all("table"))
    assert len(tables) == 6
    for table in tables:
        (caption,) = table.all("caption")
        (head,) = table.all("thead")
        columns = [one.attributes["scope"] for one in head.all("th")]
        assert caption.text and columns and set(columns) == {"col"}
        for row in table.all("tr"):
            (first, *others) = row.children
            assert first.tag == "th" and first.attributes["scope"] in ("row", "col", "rowgroup")
            spanned = int(first.attributes.get("colspan") or 1)
            assert spanned + len(others) == len(columns)
        # Where cells are laid out as cards, browsers forget what they are, unless they are told.
        roles = {
            "table": "table",
            "thead": "rowgroup",
            "tbody": "rowgroup",
            "tfoot": "rowgroup",
            "tr": "row",
            "td": "cell",
        }
        assert all(one.attributes.get("role") == roles[one.tag] for one in [table, *table.all()] if one.tag in roles)


def test_every_stamp_has_its_status_in_words(hundred: Page) -> None:
    made = two_reports().data
    (table,) = [one for one in hundred.root.all("table") if "stamps" in (one.attributes.get("class") or "")]
    lines = {row.children[0].texts[0].strip(): row for row in table.all("tr") if len(row.children) == 7}
    assert len(lines) == 101
    for one in made["stamps"]:
        assert fleet.LABELS[one["status"]] in lines[one["name"]].children[1].text
        for reason in one["reasons"]:
            assert " ".join(reason.split()) in lines[one["name"]].children[2].text
    assert "Look whether" not in table.text and "look whether a firewall lies between" in table.text


def test_everything_comes_along_and_nothing_runs(hundred: Page) -> None:
    text = page(two_reports().data)
    assert not list(hundred.root.all("script")) and "@import" not in text and "url(" not in text
    for element in hundred.root.all():
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href"):
                assert (value or "").startswith(("#", "data:,")), value
    (policy,) = [one.attributes["content"] for one in hundred.root.all("meta") if one.attributes.get("http-equiv")]
    assert policy and policy.startswith("default-src 'none'")


def test_links_within_the_page_lead_somewhere(hundred: Page) -> None:
    ids = [one.attributes["id"] for one in hundred.root.all() if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for link in hundred.root.all("a"):
        assert (link.attributes["href"] or "")[1:] in ids
    labelled = [one.attributes["aria-labelledby"] for one in hundred.root.all() if "aria-labelledby" in one.attributes]
    assert labelled and set(labelled) <= set(ids)


def test_nothing_is_taken_for_markup() -> None:
    given = [
        stamp(
            HOSTILE,
            days=3,
            registration={"billing_model": HOSTILE, "lock": None, "name": HOSTILE, "tenants": 3},
            wanted={"name": HOSTILE},
        ),
        stamp("b", activation_result=failed(HOSTILE, HOSTILE, HOSTILE, HOSTILE)),
    ]
    made = fleet.report(given, moment=MOMENT, within_days=30)
    text = page(made.data, title=HOSTILE)
    found = Page(text)
    assert not list(found.root.all("script")) and not list(found.root.all("img"))
    assert HOSTILE in next(one.text for one in found.root.all("h1"))
    assert "49" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def test_a_fleet_of_nothing_is_a_page() -> None:
    text = page(fleet.report([], moment=MOMENT, within_days=30).data)
    assert "0 stamps" in Page(text).root.text and "No stamp is known to expire" in text


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        (-0.3, "less than a day ago"),
        (-25, "1 day ago"),
        (-49, "2 days ago"),
        (0.3, "in less than a day"),
        (25, "in 1 day"),
        (49, "in 2 days"),
    ],
)
def test_less_than_a_day_is_not_counted_as_one_or_none(hours: float, told: str) -> None:
    expires = (MOMENT + datetime.timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
    made = fleet.report(
        [stamp("a", registration={"expires": expires}, activation={"expires": expires})], moment=MOMENT, within_days=30
    )
    text = " ".join(Page(page(made.data)).root.text.split())
    assert f"{expires[:10]} {told}" in text
    if hours > 0:
        assert made.lines()[-1] == f"a: expires soon: {told}"
        assert f"expires {told}" in text
