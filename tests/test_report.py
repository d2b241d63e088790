"""The report: real tables, alone in its file, and in a browser it sorts and filters."""

from __future__ import annotations

import base64
import hashlib
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import chromium
import pytest

from irwinhall import approximations, tables
from irwinhall.approximations import Certificate
from irwinhall.tables import report
from irwinhall.tables.plots import Plot

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'


@pytest.fixture(scope="module")
def made():
    """Return the four tables, small."""
    with pytest.MonkeyPatch.context() as patch:
        by_decree = Certificate(0.0123, 4, "by decree & <proof>")
        patch.setattr(approximations, "certify", lambda form, map: by_decree)
        forms = tables.closed_forms_table()
    return [forms, tables.standard_table(120), tables.normalized_table(7), tables.article_table()]


@pytest.fixture(scope="module")
def page(made):
    plots = [Plot("dot", 'A caption with <, & and ".', 'A text with <, & and ".', SVG)]
    return report.page(made, plots)


class Reader(HTMLParser):
    """Elements and texts of a page, and whether every element is closed."""

    EMPTY = ("meta", "img", "input", "wbr", "br")

    def __init__(self, page):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def test_every_element_is_closed_and_every_id_is_its_own(page):
    ids = [found["id"] for _, found in Reader(page).elements if "id" in found]
    assert len(ids) == len(set(ids)) > 10


def test_every_reference_has_its_target(page):
    elements = Reader(page).elements
    ids = {found["id"] for _, found in elements if "id" in found}
    for _, found in elements:
        for name in ("for", "aria-labelledby", "aria-describedby"):
            assert found.get(name, "main") in ids
        if found.get("href", "").startswith("#"):
            assert found["href"][1:] in ids


def test_nothing_is_fetched_from_elsewhere(page):
    elements = Reader(page).elements
    assert {found["src"].partition(",")[0] for _, found in elements if "src" in found} == {
        "data:image/svg+xml;base64"
    }
    assert [found["href"] for tag, found in elements if tag == "link"] == []
    assert not re.search(r"url\(|@import|fetch\(|https?://", page.replace("http-equiv", ""))


def test_the_policy_allows_its_own_style_and_script_and_nothing_else(page):
    (policy,) = (m["content"] for m in Reader(page).of("meta") if "http-equiv" in m)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert (rules.pop("default-src"), rules.pop("img-src")) == ("'none'", "data:")
    for element, rule in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules.pop(rule) == f"'sha256-{digest}'"
    assert rules == {}
    assert not any("style" in found for _, found in Reader(page).elements)


def test_tables_have_captions_and_heads_of_columns_and_rows(page, made):
    reader = Reader(page)
    assert len(reader.of("caption")) == len(reader.of("table")) == 4
    scopes = [found["scope"] for found in reader.of("th")]
    assert scopes.count("row") == sum(len(table.rows) for table in made)
    names = [found["data-column"] for found in reader.of("th") if "data-column" in found]
    assert names == [*report._SUMMARY, *(c for table in made[1:] for c in table.columns)]


def test_images_have_their_texts_and_captions(page):
    (image,) = Reader(page).of("img")
    assert image["alt"] == 'A text with <, & and ".'
    assert base64.b64decode(image["src"].partition(",")[2]).decode() == SVG
    assert "<figcaption>A caption with &lt;, &amp; and &quot;.</figcaption>" in page


def test_formulas_are_mathml(page):
    formulas = re.findall(r"<math>.*?</math>", page)
    assert len(formulas) == 2 * len(approximations.FORMS)
    for formula in formulas:
        ElementTree.fromstring(formula)


def test_a_long_table_says_where_the_rest_is():
    rows = [(i,) for i in range(1, report._MOST_ROWS + 2)]
    page = report.page([tables.Table("count", "Counts.", ("n",), rows)], [])
    assert page.count('<th scope="row"') == report._MOST_ROWS
    assert "The first 2,000 of 2,001 rows; count.csv has all." in page


def test_the_report_holds_the_plots_of_the_certified_errors(made):
    pytest.importorskip("matplotlib")
    files = report.report(made)
    assert sorted(files) == ["errors.svg", "heat-maps.svg", "magnitude.svg", "report.html"]
    assert files["errors.svg"].count("at most 0.0123") >= len(
        approximations.closed_forms("magnitude")
    )
    assert files["report.html"].count("data:image/svg+xml") == 3


# ---- in a browser --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(page, tmp_path_factory):
    if chromium.PROGRAM is None:
        pytest.skip("chromium is not installed")
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page, encoding="utf-8")
    with chromium.Page(path.as_uri()) as browser:
        yield browser


def column(browser, table, index):
    """Return the texts that a column shows."""
    script = (
        f"[...document.querySelectorAll('#{table} tbody tr:not([hidden])')]"
        f".map(row => row.cells[{index}].textContent)"
    )
    return browser.value(script)


def sort_by(browser, table, name):
    """Press Enter on a column's head, and return how it says that it is sorted."""
    head = f"document.querySelector('#{table} th[data-column={name}]')"
    browser.value(f"{head}.querySelector('button').focus()")
    browser.press("Enter", 13)
    return browser.value(f"{head}.getAttribute('aria-sort')")


def filter_by(browser, table, text):
    """Type a filter, and return what it says."""
    browser.value(
        f"{{ let i = document.getElementById('{table}-filter'); i.focus(); i.select(); }}"
    )
    browser.type(text)
    return browser.value(f"document.querySelector('#{table} output').textContent")


def test_the_page_loads_without_a_complaint_or_a_request(browser):
    assert browser.complaints == []
    assert [url.partition(":")[0] for url in browser.requests if url[:5] != "data:"] == ["file"]


def test_a_heads_button_sorts_up_and_down_by_number(browser, made):
    values = [row["bound"] for row in tables.records(made[1])]
    assert sort_by(browser, "standard", "bound") == "ascending"
    assert [float(text) for text in column(browser, "standard", 4)] == sorted(values)
    assert sort_by(browser, "standard", "bound") == "descending"
    assert [float(text) for text in column(browser, "standard", 4)] == sorted(values)[::-1]


def test_errors_sort_without_their_sign(browser):
    index = tables.standard_table(1).columns.index("series_4")
    sort_by(browser, "standard", "series_4")
    errors = [abs(float(text)) for text in column(browser, "standard", index)]
    assert errors == sorted(errors)


def test_names_sort_as_text(browser):
    sort_by(browser, "closed-forms", "form")
    assert column(browser, "closed-forms", 0) == sorted(approximations.FORMS)


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("n>=100", range(100, 121)),
        ("n>10 N<=12", [11, 12]),
        ("13/16", [3]),
        ("n=7 0.", [7]),
        ("series_2<1e-5", None),
        ("nonsense", []),
        ("", range(1, 121)),
    ],
)
def test_a_filter_shows_the_rows_that_fit(browser, text, chosen):
    if chosen is None:
        rows = tables.records(tables.standard_table(120))
        chosen = [row["n"] for row in rows if abs(row["series_2"]) < 1e-5]
    said = filter_by(browser, "standard", text or " ")
    assert sorted(map(int, column(browser, "standard", 0))) == [*chosen]
    assert said == f"{len(chosen)} of 120 rows"


def test_a_link_to_a_form_opens_its_details(browser):
    name = list(approximations.FORMS)[2]
    browser.value(f"document.querySelector('a[href=\"#form-{name}\"]').click()")
    opened = "[...document.querySelectorAll('details[open]')].map(part => part.id)"
    assert browser.value(f"new Promise(f => setTimeout(() => f({opened}), 50))") == [f"form-{name}"]


def test_the_page_is_no_wider_than_a_telephone(browser):
    size = {"height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.call("Emulation.setDeviceMetricsOverride", width=390, **size)
    assert browser.value("document.documentElement.scrollWidth") <= 390


def test_the_first_column_leaves_a_telephone_room(browser):
    size = {"width": 390, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    widths = browser.value(
        "[...document.querySelectorAll('tbody tr:first-child th')].map(h => h.offsetWidth)"
    )
    assert max(widths) < 390 / 3


def test_parentheses_of_arguments_do_not_grow_with_the_row(browser):
    heights = browser.value(
        "[...document.querySelectorAll('#closed-forms td math mo[stretchy=false]')]"
        ".map(mark => mark.getBoundingClientRect().height)"
    )
    assert len(heights) > 50
    assert max(heights) < 40


@pytest.mark.parametrize(("scheme", "least", "most"), [("light", 700, 765), ("dark", 0, 150)])
def test_the_page_is_as_dark_as_the_reader_asks(browser, scheme, least, most):
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.call("Emulation.setEmulatedMedia", features=[feature])
    colour = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert least <= sum(browser.value(colour)) <= most


def test_nothing_has_complained_in_the_end(browser):
    assert browser.complaints == []
