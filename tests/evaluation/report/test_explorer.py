"""What a report's explorer is made of: columns, packed numbers, sheets of pictures, frames."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from vaerun.evaluation.report.explorer import Explorer, Pictures
from vaerun.evaluation.report.explorer_data import decode_manifold
from vaerun.evaluation.report.json_payload import payload, pictures, points
from vaerun.evaluation.report.micrograph_images import frames_to_show, micrographs
from vaerun.evaluation.report.packing import embedded_json, pack, recoded
from vaerun.evaluation.report.point_columns import columns
from vaerun.evaluation.report.thumbnails import LONGEST_SIDE, sheet, tiles

TYPES = {"u1": "<u1", "u2": "<u2", "u4": "<u4"}


def unpacked(packed):
    codes = np.frombuffer(base64.b64decode(packed["data"]), TYPES[packed["type"]])
    values = packed["low"] + packed["step"] * codes.astype(float)
    return np.where(codes == packed.get("nan", -1), np.nan, values)


@pytest.mark.parametrize("values", [[3, -1, 200], [0, 70_000], [-40_000, 20_000], [7]])
def test_whole_numbers_are_packed_exactly(values):
    np.testing.assert_array_equal(unpacked(pack(np.array(values))), values)


def test_quantities_keep_a_sixty_thousandth_of_their_range_and_what_is_unknown():
    values = np.append(np.random.default_rng(0).normal(5, 3, 1000), np.nan)
    found = unpacked(pack(values))
    assert np.isnan(found[-1])
    np.testing.assert_allclose(found[:-1], values[:-1], atol=np.nanmax(values) / 30_000)
    assert np.isnan(unpacked(pack(np.array([np.nan])))).all()
    assert unpacked(pack(np.array([2.5, 2.5]))) == pytest.approx([2.5, 2.5])


def test_json_in_a_page_cannot_end_its_element():
    text = embedded_json({"</script><script>": "&<!--"})
    assert not {"<", ">", "&"} & {*text}
    assert json.loads(text) == {"</script><script>": "&<!--"}


def test_columns_are_labels_and_quantities_that_vary(encodings):
    shown = encodings()
    known = {c.name: c for c in columns(Explorer(encodings=shown, classes=list("abcd")))}
    assert [*known] == ["label", "split", "z1", "z2", "angle", "error", "true_angle",
                        "true_shear"]  # fmt: skip
    assert [known[name].kind for name in ("label", "z1", "angle")] == ["class", "value", "angle"]
    assert known["angle"].limits == (-180, 180)
    np.testing.assert_allclose(known["true_shear"].values, np.rad2deg(shown.factors["shear"]))
    nothing = encodings(error=np.full(600, np.nan, "f4"), label=np.full(600, -1), factors={})
    names = [c.name for c in columns(Explorer(encodings=nothing, classes=[]))]
    assert names == ["split", "z1", "z2", "angle"]


def test_angles_are_shown_modulo_the_symmetry_and_flags_by_name(graphene):
    frames, shown = graphene()
    explorer = Explorer(encodings=shown, classes=["no", "yes"], symmetry=3, frames=frames)
    known = {c.name: c for c in columns(explorer)}
    assert np.abs(known["angle"].values).max() <= 60
    assert known["true_ideal"].kind == "class"
    assert {*np.unique(known["true_ideal"].values)} == {-1, 0, 1}


def test_an_image_encoded_twice_is_one_point(encodings):
    once = encodings(index=np.arange(600))
    twice = once.select(np.r_[0:600, 0:50])
    rows = points(Explorer(encodings=twice, classes=[]))
    assert sorted(rows) == [*range(600)]
    assert list(rows) != sorted(rows)


def test_points_are_as_many_as_fit_validation_first(encodings, monkeypatch):
    explorer = Explorer(encodings=encodings(), classes=[])
    everything = points(explorer)
    n_val = int((explorer.encodings.split == 1).sum())
    whole = len(json.dumps(payload(explorer)))
    monkeypatch.setattr("vaerun.evaluation.report.json_payload.POINTS_BUDGET", 10_000)
    some = points(explorer)
    assert n_val < len(some) < len(everything)
    assert len({*some}) == len(some)
    assert (explorer.encodings.split[some] == 1).sum() == n_val
    assert whole - len(json.dumps(payload(explorer))) == pytest.approx(
        10_000 * (len(everything) / len(some) - 1), rel=0.2
    )


def test_figures_shrink_until_they_fit():
    noise = np.random.default_rng(0).integers(0, 255, (600, 1600, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    pngs = {name: buffer.getvalue() for name in "abc"}
    as_they_are = recoded(pngs, 10**9)
    small = recoded(pngs, 600_000)
    assert (small["a"].width, small["a"].height) == (1600, 600)  # as drawn, whatever is kept
    assert sum(len(one.address) for one in as_they_are.values()) > 1_200_000
    assert 300_000 < sum(len(one.address) for one in small.values()) < 750_000


def test_as_many_pictures_as_there_is_room_for(encodings):
    images = np.random.default_rng(0).random((400, 1, 20, 20)).astype("f4")
    given = Pictures(rows=np.arange(200, 600), images=images, reconstructions=images)
    explorer = Explorer(encodings=encodings(), classes=[], pictures=given)
    counts = [pictures(explorer, budget)["pictures"]["images"]["n"] for budget in (1, 9e4, 9e6)]
    assert counts[0] == 1
    assert 1 < counts[1] < 400 == counts[2]
    assert len(json.dumps(pictures(explorer, 90_000))) < 100_000
    packed = unpacked(pictures(explorer, 90_000)["pictures"]["rows"]).astype(int)
    order = points(explorer)
    np.testing.assert_array_equal(order[packed], np.arange(200, 200 + counts[1]))


def test_tiles_fill_their_sheet_row_by_row_and_are_no_larger_than_is_shown():
    images = np.linspace(0, 1, 7, dtype="f4")[:, None, None, None] * np.ones(
        (1, 1, 100, 200), "f4"
    )
    some = tiles(images)
    assert some.shape == (7, LONGEST_SIDE // 2, LONGEST_SIDE, 1)
    made = sheet(some)
    raw = base64.b64decode(made["url"].removeprefix("data:image/webp;base64,"))
    whole = np.asarray(Image.open(io.BytesIO(raw)).convert("L")).astype(float)
    for i in range(7):
        row, column = divmod(i, made["columns"])
        here = whole[row * 32 :, column * 64 :][:32, :64]
        assert here.mean() == pytest.approx(255 * i / 6, abs=6)


def test_frames_for_validation_come_first(graphene):
    frames, shown = graphene(n_frames=6)
    assert [*frames_to_show(shown, 8)][:2] == [4, 5]
    assert {*frames_to_show(shown, 8)} == {*range(6)}
    best = micrographs(frames, shown, budget=1)
    assert [frame["number"] for frame in best] == [4]
    assert best[0]["title"] == "frame 4, validation"
    data = payload(Explorer(encodings=shown, classes=[], frames=frames))
    assert data["unit"] == "nm"
    assert data["frame"] == 4


def test_the_manifold_spans_the_data_with_other_dimensions_at_zero():
    z = np.random.default_rng(0).normal([5, 5, 0], [1, 0.1, 2], (5000, 3))
    seen = []

    def decode(content):
        seen.append(content)
        return content[:, None, :, None]

    made = decode_manifold({"a": decode, "b": decode}, z)
    assert made.dimensions == [0, 2]
    assert made.images.shape[:3] == (2, len(made.row_axis), len(made.column_axis))
    assert (seen[0][:, 1] == 0).all()
    np.testing.assert_allclose(made.images[1, :, 3, 0, 2, 0], made.row_axis, rtol=1e-6)
    np.testing.assert_allclose(made.images[1, 3, :, 0, 0, 0], made.column_axis, rtol=1e-6)
    line = decode_manifold({"": decode}, z[:, :1])
    assert line.images.shape[:3] == (1, 1, 32)
    assert len(line.dimensions) == 1
