"""Pages in a real browser: nothing is fetched, nothing fails, tables sort, anybody can use them."""

import shutil

import pytest

from lstm_bench.report.page import page
from lstm_bench.report.write import document_of
from tests.report.folders import every_kind

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

BROWSER = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

KINDS = ("run", "comparison", "choice", "check", "matrix", "proof")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for kind, source in every_kind(folder).items():
        found[kind] = folder / f"{kind}.html"
        found[kind].write_text(page(document_of(source)))
    return found


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def open_page(browser, files):
    """Open a kind's page; returns it and what it asked for and complained of."""
    contexts = []

    def open_(kind, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        opened = context.new_page()
        opened.requests, opened.complaints = [], []
        opened.on("request", lambda request: opened.requests.append(request.url))
        opened.on("console", lambda message: opened.complaints.append(message.text))
        opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.goto(files[kind].as_uri())
        return opened

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize("kind", KINDS)
def test_it_opens_without_a_complaint_or_a_request(open_page, files, kind):
    opened = open_page(kind)
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith("data:")] == [files[kind].as_uri()]
    assert opened.locator("p.answer").is_visible()


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("kind", KINDS)
def test_it_holds_at_the_width_of_a_phone_and_of_a_desk(open_page, kind, width):
    opened = open_page(kind, viewport={"width": width, "height": 800})
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.locator("p.answer").bounding_box()["y"] < 400


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_no_serious_fault(open_page, kind, scheme):
    opened = open_page(kind, color_scheme=scheme)
    opened.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = axe.Axe().run(opened).response["violations"]
    grave = [v for v in found if v["impact"] in ("serious", "critical")]
    assert grave == [], [(v["id"], v["nodes"][0]["html"][:200]) for v in grave]


def test_a_table_sorts_by_numbers_and_by_words_with_the_keyboard(open_page):
    opened = open_page("comparison")
    table = opened.locator("table").first
    head = table.locator("thead th", has_text="ratio").first

    def ratios():
        return [float(t) for t in table.locator("tbody tr td:nth-child(3)").all_inner_texts()]

    head.locator("button").focus()
    opened.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert ratios() == sorted(ratios())
    opened.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert ratios() == sorted(ratios(), reverse=True)
    table.locator("thead th", has_text="verdict").locator("button").click()
    words = table.locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert words == sorted(words) == ["equal", "faster", "slower", "undecided"]


def test_a_table_filters_by_all_words(open_page):
    opened = open_page("run")
    every = opened.locator("table", has=opened.locator("caption", has_text="Every cell"))
    rows = every.locator("tbody tr")
    before = rows.count()
    opened.get_by_label("Rows with").first.fill("torch_nn backward")
    shown = [text for row in rows.all() if row.is_visible() for text in [row.inner_text()]]
    assert 0 < len(shown) < before
    assert all("torch_nn" in text and "backward" in text for text in shown)


@pytest.mark.parametrize("kind", KINDS)
def test_without_script_everything_is_there(open_page, kind):
    with_script = open_page(kind)
    without = open_page(kind, java_script_enabled=False)
    assert (
        without.locator("table tbody tr").count() == with_script.locator("table tbody tr").count()
    )
    assert without.locator("svg").count() == with_script.locator("svg").count()
    assert without.locator("p.answer").is_visible()
