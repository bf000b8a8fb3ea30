"""Reports in a real browser: what a reader sees, points at and selects."""

import csv

import numpy as np
import pytest

from vaerun.evaluation.report import write_report
from vaerun.evaluation.report.explorer import Explorer, Manifold, Pictures
from vaerun.models.encodings import VALIDATION

EVIL = "<script>document.title='owned'</script>"
CLASSES = ["clubs", EVIL, "hearts", "diamonds"]
SELECTED = "Bokeh.documents[0].get_model_by_name('points').selected.indices"
DRAWN = "new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))"
PATIENCE_MS = 120_000  # points are drawn without a GPU here


@pytest.fixture
def opened(browser, tmp_path):
    """Write a report and open it, ready; nothing may fail and nothing be fetched until the end."""
    faults, fetched, contexts = [], [], []

    def open_report(explorer):
        path = tmp_path / "report.html"
        write_report(path, title=EVIL, config={}, metrics={}, manifest={}, figures={},
                     explorer=explorer)  # fmt: skip
        assert path.stat().st_size < 10_000_000
        contexts.append(browser.new_context(viewport={"width": 1200, "height": 1000}))
        page = contexts[0].new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: fetched.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("#explore[data-ready]")
        page.locator("#plot-plane").scroll_into_view_if_needed()
        page.evaluate(DRAWN)
        return page

    yield open_report
    contexts[0].close()
    assert faults == []
    assert [url for url in fetched if not url.startswith(("file:", "data:", "blob:"))] == []


def blobs(n, side):
    """Images (n, 1, side, side) of a bright disc at a place of its own."""
    random = np.random.default_rng(0)
    row, column = random.uniform(0.25, 0.75, (2, n, 1, 1)) * side
    down, across = np.mgrid[:side, :side]
    inside = np.hypot(down - row, across - column) < side / 5
    return inside[:, None].astype(np.float32)


def pictured(encodings, n, side):
    """Pictures of n images, those of validation first."""
    rows = np.argsort(encodings.split != VALIDATION, kind="stable")[:n]
    return Pictures(rows=rows, images=blobs(n, side), reconstructions=0.5 * blobs(n, side))


def decoded(names, z, side, knots=12):
    images = blobs(len(names) * knots**2, side).reshape(len(names), knots, knots, 1, side, side)
    low, high = z.min(0), z.max(0)
    return Manifold(names=names, images=images, dimensions=(0, 1),
                    row_axis=np.linspace(low[1], high[1], knots),
                    column_axis=np.linspace(low[0], high[0], knots))  # fmt: skip


def cards(encodings):
    shown = encodings(12_000, 4_000)
    one_hot = np.eye(4, dtype=np.float32)[shown.label]
    shown = encodings(12_000, 4_000, class_probability=one_hot, predicted=shown.label)
    return Explorer(
        encodings=shown,
        classes=CLASSES,
        predicted_names=CLASSES,
        pictures=pictured(shown, 1500, 48),
        manifold=decoded(CLASSES, shown.z_mean, 48),
        source="0123456789abcdef",
    )


def middle(page, selector, x=0.5, y=0.5):
    box = page.locator(selector).bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page, selector, start, end):
    """Drag a box over a plot until something else is selected than before."""
    page.locator(selector).evaluate("(plot) => plot.scrollIntoView({ block: 'center' })")
    before = selected(page)
    first, last = (np.array(middle(page, selector, *corner)) for corner in (start, end))
    for _ in range(5):
        page.mouse.move(*first)
        page.evaluate(DRAWN)
        page.mouse.down()
        for share in (0.1, 0.4, 0.7, 1):
            page.mouse.move(*(first + share * (last - first)))
            page.evaluate(DRAWN)
        page.mouse.up()
        page.evaluate(DRAWN)
        if selected(page) != before:
            return
        page.wait_for_timeout(1000)
    raise AssertionError(f"a box over {selector} selects nothing")


def at_point(page, row, plot="plane", x="x", y="y"):
    """Where a point is drawn, in pixels of the window."""
    return page.evaluate(
        """([row, name, x, y]) => {
          const plot = Bokeh.documents[0].get_model_by_name(name);
          const { frame } = Object.values(Bokeh.index.roots ?? {}).flat()
            .concat([...Bokeh.index]).find((view) => view.model === plot);
          const { data } = Bokeh.documents[0].get_model_by_name("points");
          const box = document.getElementById(`plot-${name}`).getBoundingClientRect();
          return [box.x + frame.x_scale.compute(data[x][row]),
                  box.y + frame.y_scale.compute(data[y][row])];
        }""",
        [row, plot, x, y],
    )


def selected(page):
    return page.evaluate(SELECTED)


def ink(page, selector):
    """How bright a canvas is, all in all."""
    return page.eval_on_selector(
        selector,
        """(canvas) => canvas.getContext("2d")
          .getImageData(0, 0, canvas.width, canvas.height).data.reduce((sum, v) => sum + v, 0)""",
    )


def test_pointing_shows_image_reconstruction_and_numbers_and_what_is_decoded(opened, encodings):
    page = opened(cards(encodings))
    page.mouse.move(*at_point(page, 0))
    card = page.locator(".card")
    card.wait_for(state="visible")
    assert card.locator("figcaption").all_text_contents() == ["image", "reconstruction"]
    bright, half = (ink(page, f".card figure:nth-child({k}) canvas") for k in (1, 2))
    opaque = 255 * 48 * 48
    assert bright - opaque == pytest.approx(2 * (half - opaque), rel=0.1)
    names = card.locator("th").all_text_contents()
    assert {"index", "True class", "Split", "z1", "Encoded angle θ", "True shear (°)"} <= {*names}
    assert card.locator("td").nth(names.index("Encoded angle θ")).text_content().endswith("°")
    page.mouse.move(2, 2)
    card.wait_for(state="hidden")

    said = page.locator(".where").text_content()
    page.mouse.move(*middle(page, "#plot-plane", 0.75, 0.5))
    page.wait_for_function("(said) => document.querySelector('.where').textContent !== said",
                           arg=said)  # fmt: skip
    assert len(page.locator(".classes button").all()) == 4
    page.locator("input[name=follow]").uncheck()
    page.locator(".classes button").nth(2).click()
    assert page.locator(".where").text_content().startswith("hearts")
    assert ink(page, ".decoded .large") > 255 * 48 * 48

    page.locator("select[name=y]").select_option("error")
    label = "Bokeh.documents[0].get_model_by_name('plane').left[0].axis_label"
    assert page.evaluate(label) == "Reconstruction error"


def test_a_box_lists_its_images_and_colours_change(opened, encodings):
    page = opened(cards(encodings))
    drag(page, "#plot-plane", (0.15, 0.1), (0.5, 0.9))
    n = len(selected(page))
    assert 100 < n < 16_000
    assert page.locator(".count").text_content().startswith(f"{n:,} images selected")
    assert 0 < page.locator(".thumbnails canvas").count() <= 200
    assert EVIL in page.locator(".kinds").text_content()
    with page.expect_download() as saved:
        page.locator("button.save").click()
    lines = saved.value.path().read_text().splitlines()
    assert lines[0].startswith('index,"True class"')
    assert len(lines) == n + 1
    rows = list(csv.DictReader(lines))
    assert {row["source"] for row in rows} == {"sha256:0123456789ab"}
    shown = {int(row["index"]) for row in rows}
    assert len(shown) == n
    assert shown <= set(range(16_000))

    mapper = "Bokeh.documents[0].get_model_by_name('mapper').palette.length"
    assert page.evaluate(mapper) == 4
    assert page.locator(".colour-key .entry").all_text_contents() == CLASSES
    page.locator("select[name=colour]").select_option(label="True shear (°)")
    assert page.evaluate(mapper) > 4
    assert page.locator(".colour-key .bar").count() == 1
    page.locator("button.clear").click()
    assert selected(page) == []
    assert page.title() == EVIL


def test_a_report_of_seventy_thousand_points(opened, encodings):
    shown = encodings(60_000, 10_000)
    page = opened(
        Explorer(
            encodings=shown,
            classes=CLASSES,
            pictures=pictured(shown, 8000, 28),
            manifold=decoded([""], shown.z_mean, 28, knots=32),
        )
    )
    page.mouse.move(*at_point(page, 0))
    page.locator(".card").wait_for(state="visible")
    drag(page, "#plot-turn", (0.2, 0.2), (0.7, 0.7))
    assert page.evaluate("Bokeh.documents[0].get_model_by_name('points').data.x.length") == 70_000
    assert page.locator(".thumbnails canvas").count() == 200


def test_atoms_selected_on_a_frame_are_selected_in_the_latent_plane_and_back(opened, graphene):
    frames, shown = graphene(n_frames=16, side=512)
    assert 20_000 < len(shown) < 40_000
    page = opened(
        Explorer(
            encodings=shown,
            classes=["ideal", "defect"],
            symmetry=3,
            pictures=pictured(shown, 2000, 40),
            manifold=decoded([""], shown.z_mean, 40),
            frames=frames,
        )
    )
    chosen = page.locator("select[name=frame]")
    assert "validation" in chosen.locator("option:checked").text_content()
    assert page.locator(".scale").text_content().endswith("nm")
    frame = int(chosen.input_value())
    drag(page, "#plot-map", (0.3, 0.3), (0.6, 0.6))
    number = np.array(shown.place.frame)
    of_point = page.evaluate("Bokeh.documents[0].get_model_by_name('on_frame').indices")
    taken = selected(page)
    assert taken
    assert {*taken} < {*of_point}
    assert len(of_point) == (number == frame).sum()
    assert f"({len(taken)} selected)" in chosen.locator("option:checked").text_content()
    with page.expect_download() as saved:
        page.locator("button.save").click()
    with saved.value.path().open() as file:
        rows = list(csv.DictReader(file))
    scale = frames[frame].scale
    for row in rows:  # where the patch of that number is, in pixels of the file
        there = np.flatnonzero(shown.index == int(row["index"]))[0]
        centre = (shown.place.centre[there] + 0.5) / scale - 0.5
        assert int(row["frame"]) == frame
        assert np.allclose([float(row["row"]), float(row["column"])], centre, atol=0.02)

    drag(page, "#plot-plane", (0.1, 0.1), (0.7, 0.9))
    assert {*selected(page)} & {*of_point}
    assert {*selected(page)} - {*of_point}
    chosen.select_option(index=0)
    others = page.evaluate("Bokeh.documents[0].get_model_by_name('on_frame').indices")
    assert not {*others} & {*of_point}
