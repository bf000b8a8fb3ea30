"""The page of many runs: what it says of them, and how it sorts and filters in a real browser."""

import json
import re

import numpy as np
import pytest

from vaerun.evaluation.report.comparison_page import ComparedRun, checks, write_comparison
from vaerun.evaluation.report.run_thumbnails import manifold_thumbnail, plane_thumbnail

EVIL = "</script><script>document.title='owned'</script>"
N = 500
SETTINGS = ("model.name", "model.latent_dim", "seed")
METRICS = ("elbo.loss", "knn_accuracy", "train.seconds")
CHECKS = {
    "collapsed": {"value": 0.01, "limits": [0.02, None], "passed": False,
                  "title": "z carries much", "evidence": "KL(z) is 0.01 nats",
                  "mend": "train longer"},
    "pose": {"value": 0.9, "limits": [0.5, 1], "passed": True, "title": "one orientation",
             "evidence": "", "mend": ""},
    "labels": {"value": 0, "limits": [0, 1], "passed": None, "title": "labels", "evidence": "",
               "mend": ""},
}  # fmt: skip


def made_up_runs(n: int) -> list[ComparedRun]:
    """Runs of two models, of which every tenth has no accuracy and every third fails a check."""
    rng = np.random.default_rng(0)
    images = rng.random((12, 12, 1, 24, 24), np.float32)
    runs = []
    for i in range(n):
        model, z = ("rvae", "vae")[i % 2], rng.normal(size=(300, 2))
        label = rng.integers(0, 4, 300)
        metrics = {"elbo": {"loss": 100 + (i * 37 % 101)}, "train": {"seconds": 10.0}}
        metrics |= {} if i % 10 == 0 else {"knn_accuracy": round(0.5 + i / (3 * n), 4)}
        judged = {name: one for name, one in CHECKS.items() if one["passed"] is not None}
        passed = {k: one | {"passed": one["passed"] or i % 3 > 0} for k, one in judged.items()}
        runs.append(
            ComparedRun(
                name=f"outputs/{model}/cards_iv/version_{i}" + EVIL * (i == 7),
                report=f"../{model}/version_{i}/report.html" if i else "",
                settings={"model.name": model, "model.latent_dim": str(2 + i % 9), "seed": str(i)},
                metrics=metrics | {"checks": CHECKS | passed},
                pictures={
                    "manifold": manifold_thumbnail(np.roll(images, i, 3), 71),
                    "plane": plane_thumbnail({"latent_z": z + i % 5, "latent_label": label}, 71),
                },
            )
        )
    return runs


@pytest.mark.parametrize(
    ("data", "less"), [(("mnist", "mnist"), True), (("mnist", "cards_iv"), None)]
)
def test_losses_of_different_images_have_no_best(data, less, tmp_path):
    runs = [
        ComparedRun(
            name=f"run {i}",
            report="",
            settings={"data.name": name} if len(set(data)) > 1 else {},
            metrics={"elbo": {"loss": 70.0 + i}, "knn_accuracy": 0.9},
            pictures={},
        )
        for i, name in enumerate(data)
    ]
    path, names = tmp_path / "compare.html", ["elbo.loss", "knn_accuracy"]
    write_comparison(
        path, runs, shown_settings=[], shown_metrics=names, metrics=names, title="two runs"
    )
    text = re.search('id="runs-data">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)
    columns = {column["key"]: column for column in json.loads(text[1])["columns"]}
    assert columns["elbo.loss"]["less"] is less
    assert columns["knn_accuracy"]["less"] is False


@pytest.fixture(scope="module")
def page_of_many(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "compare.html"
    write_comparison(
        path,
        made_up_runs(N),
        shown_settings=SETTINGS,
        shown_metrics=METRICS[:2],
        metrics=METRICS,
        title="500 runs",
    )
    return path


@pytest.fixture
def opened(browser, page_of_many):
    """The page of 500 runs; nothing may fail, and nothing be fetched."""
    faults, fetched = [], []
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(page_of_many.as_uri())
    page.wait_for_selector("body[data-ready]")
    yield page
    context.close()
    assert faults == []
    assert [url for url in fetched if not url.startswith(("file:", "data:"))] == []


def column(page, number: int) -> list[str]:
    cells = "[...document.querySelectorAll('tbody tr')].map((row) => row.children[k].innerText)"
    return page.evaluate(f"(k) => {cells}", number)


def head(page) -> list[str]:
    return page.locator("thead th").all_text_contents()


def test_checks_are_counted_and_those_that_failed_are_named() -> None:
    counted = checks({"checks": CHECKS})
    assert (counted["passed"], counted["judged"], counted["all"]) == (1, 2, 3)
    (failed,) = counted["failed"]
    assert failed == {"title": "z carries much", "evidence": "KL(z) is 0.01 nats",
                      "mend": "train longer"}  # fmt: skip
    assert checks({}) is None
    assert checks({"checks": {"x": 3, "y": {"passed": True}}})["judged"] == 1


def test_the_page_is_one_file_of_bearable_size_and_escapes_what_it_shows(page_of_many) -> None:
    text = page_of_many.read_text(encoding="utf-8")
    assert page_of_many.stat().st_size < 10_000_000
    assert EVIL not in text
    assert not re.search(r"""(src|href)=["']?https?:""", text)
    data = json.loads(re.search(r'id="runs-data">(.*?)</script>', text, re.S)[1])
    assert [one["key"] for one in data["columns"]] == [*SETTINGS, *METRICS]
    assert data["columns"][4]["values"][0] is None


def test_rows_sort_by_any_column_and_what_is_missing_comes_last(opened) -> None:
    assert head(opened) == ["run", "checks", "model", "model.latent_dim", "seed",
                            "validation loss", "neighbour accuracy of z"]  # fmt: skip
    assert len(column(opened, 0)) == N
    opened.get_by_role("button", name="validation loss").click()
    loss = [float(text) for text in column(opened, 5)]
    assert loss == sorted(loss)
    opened.get_by_role("button", name="neighbour accuracy").click()  # more is better
    texts = column(opened, 6)
    accuracy = [float(text) for text in texts if text != "–"]
    assert accuracy == sorted(accuracy, reverse=True)
    assert set(texts[len(accuracy) :]) == {"–"}
    assert opened.locator("th[aria-sort=descending]").count() == 1
    opened.locator(".turn").click()
    assert [float(t) for t in column(opened, 6) if t != "–"] == sorted(accuracy)
    opened.locator("select[name=sort]").select_option("checks")
    assert column(opened, 1)[0].startswith("1 of 2, 1 not judged\nz carries much")
    assert column(opened, 1)[-1].startswith("2 of 2")


def test_words_and_comparisons_filter_and_the_best_is_bold(opened) -> None:
    box = opened.locator("input[name=filter]")
    box.fill("rvae model.latent_dim<5 loss>=150 ")
    shown = column(opened, 0)
    want = [i for i in range(0, N, 2) if 2 + i % 9 < 5 and 100 + (i * 37 % 101) >= 150]
    assert [int(text.split("version_")[1].split("\n")[0]) for text in shown] == want
    assert opened.locator(".count").text_content() == f"{len(want)} of 500 runs"
    best = opened.locator("td.best")
    assert {float(t) for t in best.all_text_contents()} == {
        min(float(t) for t in column(opened, 5)),
        max(float(t) for t in column(opened, 6) if t != "–"),
    }
    box.fill("nonesuch=3")
    assert opened.locator(".hint").text_content() == "No column is called nonesuch."
    box.fill("model=vae z")
    assert len(column(opened, 0)) < N / 2
    assert opened.title() == "500 runs"
    opened.locator(".choose summary").click()
    opened.get_by_label("training, s").check()
    assert head(opened)[-1] == "training, s"


def test_pictures_are_decoded_as_they_come_near_and_reports_are_linked(opened) -> None:
    loaded = "[...document.querySelectorAll('tbody img')].filter((img) => img.src).length"
    opened.wait_for_function(f"{loaded} > 0")
    assert opened.evaluate(loaded) < 100
    last = opened.locator("tbody tr").last
    last.scroll_into_view_if_needed()
    opened.wait_for_function("document.querySelector('tbody tr:last-child img').naturalWidth > 0")
    assert last.locator(".name a").get_attribute("href") == "../vae/version_499/report.html"
    assert opened.locator("tbody tr").first.locator("a").count() == 0


@pytest.mark.parametrize("width", [1400, 390])
def test_five_hundred_runs_open_in_three_seconds_and_fit_the_window(browser, page_of_many, width):
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()

    def milliseconds() -> float:
        page.goto(page_of_many.as_uri())
        page.wait_for_selector("body[data-ready]")
        return page.evaluate("performance.getEntriesByType('navigation')[0].domInteractive")

    assert min(milliseconds() for _ in range(3)) < 3000  # the processor is not ours alone
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
