"""Labels and factors of the user's own images, from tables, files and folders."""

import logging
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from vaerun.data.datasets import images
from vaerun.data.datasets.annotations import encode_classes
from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.load import load, load_all
from vaerun.utils.errors import UserError

N = 12
RAMP = np.arange(N * 10 * 14).reshape(N, 10, 14)
Make = Callable[..., ImagesConfig]

LABELS = ["b", "a", "10", "9", "", "NaN", "b", "a", "a", "b", "10", "9"]


def table(tmp_path: Path, lines: list[str], encoding: str = "utf-8") -> str:
    path = tmp_path / "what is known.csv"
    path.write_text("\n".join(lines), encoding=encoding)
    return str(path)


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_labels_and_factors_come_from_a_table(tmp_path: Path, config: Make, sign: str):
    np.save(tmp_path / "x.npy", RAMP)
    lines = [f"kind{sign}dose", *(f"{kind}{sign}{i}" for i, kind in enumerate(LABELS))]
    known = table(tmp_path, lines, "utf-8-sig")
    splits = images.load(config("x.npy", table=known, label="kind", factors=["dose"]), 0)
    assert splits.classes == ["9", "10", "a", "b"]
    assert splits.symmetry == [1] * 4
    names = ["9", "10", "a", "b", "missing"]
    for part in splits.parts:
        assert [names[j] for j in part.label] == [
            LABELS[i] if LABELS[i] not in ("", "NaN") else "missing" for i in part.index
        ]
        assert part.factors["dose"].tolist() == part.index.tolist()


def test_a_table_may_name_files_in_any_order(tmp_path: Path, config: Make):
    for name in ("α b", "c", "d"):
        np.save(tmp_path / f"{name}.npy", RAMP[:4])
    known = table(tmp_path, ["file,kind", "d,2.0", "α b.npy,1", "gone.npy,7"])
    found = load_all(config(table=known, label="kind"), 0).images
    assert found.label.tolist() == [-1] * 4 + [1] * 4 + [0] * 4  # c, d, α b
    renumbered = load_all(config(table=known, label="kind"), 0, classes=["2", "3"]).images
    assert renumbered.label.tolist() == [-1] * 4 + [0] * 4 + [-1] * 4


@pytest.mark.parametrize("ending", ["h5", "npz"])
@pytest.mark.parametrize("kind", ["text", "bytes", "float", "int"])
def test_labels_and_factors_come_from_beside_the_images(
    tmp_path: Path, config: Make, ending: str, kind: str
):
    number = np.arange(N) % 3
    values = {
        "text": np.array(["x", "y", "ü"])[number],
        "bytes": np.array([b"x", b"y", b"z"])[number],
        "float": np.where(np.arange(N) == 5, np.nan, number),
        "int": number.astype(np.int8),
    }[kind]
    angle = np.linspace(-3, 3, N)[:, None]
    if ending == "npz":
        np.savez(tmp_path / "x.npz", images=RAMP, kind=values, angle=angle)
    else:
        with h5py.File(tmp_path / "x.h5", "w") as file:
            file["images"], file["angle"] = RAMP, angle
            file["kind"] = values.astype(object) if kind == "text" else values
    found = load_all(config(f"x.{ending}", label="kind", factors=["angle"]), 0).images
    wanted = number.copy()
    if kind == "float":
        wanted[5] = -1
    assert found.label.tolist() == wanted.tolist()
    np.testing.assert_allclose(found.factors["angle"], angle[:, 0], rtol=1e-6)


def test_folders_are_classes(tmp_path: Path, config: Make):
    for name in ("10", "9", "x y"):
        for i in range(4):
            folder = tmp_path / "all" / name
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(RAMP[i].astype(np.uint8)).save(folder / f"{i}.png")
    for asked in (config("all"), config("all/*/*.png", label="folder")):
        splits = images.load(asked, 0)
        assert splits.classes == ["9", "10", "x y"]
        assert all(splits.train.label[splits.train.index < 4] == 0)
    assert images.load(config("all/*/*.png"), 0).classes == []
    with pytest.raises(UserError, match=r"data\.label=folder, but all images .* lie in one"):
        load_all(config("all/9/*.png", label="folder"), 0)


def test_a_share_of_each_class_is_labelled(tmp_path: Path, config: Make):
    np.savez(
        tmp_path / "x.npz", images=np.tile(RAMP, (9, 1, 1)), kind=[-1, 0, 0, 1] * 26 + [2] * 4
    )
    asked = config("x.npz", label="kind", labelled_share=0.1)
    splits = load(asked, 0, labelled=True)
    counts = splits.labelled.label.bincount().tolist()
    per_class = splits.train.label[splits.train.label >= 0].bincount()
    assert counts == np.ceil(per_class.numpy() * 0.1).tolist()
    everyone = load(config("x.npz", label="kind"), 0, labelled=True)
    assert len(everyone.labelled) == int((everyone.train.label >= 0).sum())
    with pytest.raises(UserError, match=r"has a label — name a column"):
        load(config("x.npz"), 0, labelled=True)
    with pytest.raises(UserError, match=r"have no classes .*data\.label"):
        load(config("x.npz"), 0, classed=True)


def test_what_is_known_must_fit(tmp_path: Path, config: Make):
    np.savez(tmp_path / "x.npz", images=RAMP, dose=np.arange(N) + 0.5, deg=np.arange(N) * 30.0)
    (tmp_path / "more").mkdir()
    short = table(tmp_path, ["kind,angle,mixed", *["a,200,1", "b,3,x"] * 3])
    full = table(tmp_path / "more", ["file,angle,mixed", "x.npz,200,one"])
    for changes, line in [
        ({"table": short}, r"6 rows for 12 images"),
        ({"table": short, "label": "kid"}, r"did you mean kind"),
        ({"label": "dos"}, r"data\.label=dos is neither .*did you mean dose"),
        ({"label": "dose"}, r"no classes, such as 0\.5 — name it in data\.factors"),
        ({"label": None, "factors": ["angle"], "table": full}, r"goes up to 200: .*radians"),
        ({"label": None, "factors": ["mixed"], "table": full}, r"holds one, which is no number"),
        ({"label": "kind", "table": "nowhere.csv"}, r"data\.table=nowhere\.csv cannot be read"),
    ]:
        with pytest.raises(UserError, match=line):
            images.load(config("x.npz", **({"label": "kind"} | changes)), 0)


@pytest.mark.parametrize(
    ("values", "names", "missing"),
    [
        (["none", "vacancy", ""], ["none", "vacancy"], {"": 1}),
        (["null", "wild", "NaN"], ["null", "wild"], {"NaN": 1}),
        (["-1", "1", "-1"], ["-1", "1"], {}),  # a sign, not a code
        (["-1.0", "1.0"], ["-1", "1"], {}),
        (["-1", "0", "1", "-1"], ["0", "1"], {"-1": 2}),
        (["-2", "-1", "1"], ["-2", "-1", "1"], {}),
        (["-1", "a", "b"], ["-1", "a", "b"], {}),  # a code would be of numbers, too
        (["-1", "0", "1", ""], ["-1", "0", "1"], {"": 1}),  # missing ones have another mark
        (np.array([-1, 0, 1, np.nan]), ["-1", "0", "1"], {"nan": 1}),
        (["1_0", "10"], ["1_0", "10"], {}),  # words, of which the first is no number
        (np.array([np.nan, 0, 1, 1]), ["0", "1"], {"nan": 1}),
        (np.array([-1, 5, 7]), ["5", "7"], {"-1": 1}),
    ],
)
def test_only_empty_values_and_codes_are_missing(values, names: list[str], missing: dict):
    found = encode_classes(np.asarray(values), "data.label=x")
    assert (found.names, dict(found.missing)) == (names, missing)
    assert int((found.label < 0).sum()) == sum(missing.values())


def test_classes_that_a_run_does_not_know_are_counted():
    found = encode_classes(np.array(["a", "b", "c", "b"]), "data.label=x", ["a"])
    assert (found.label.tolist(), found.missing) == ([0, -1, -1, -1], {"b": 2, "c": 1})


def test_what_is_dropped_is_named(tmp_path: Path, config: Make, caplog):
    np.save(tmp_path / "x.npy", RAMP)
    known = table(tmp_path, ["kind,x", *(f"{kind},0" for kind in ["none", "b", "", "NaN"] * 3)])
    with caplog.at_level(logging.INFO):
        load_all(config("x.npy", table=known, label="kind"), 0)
    assert "classes b 3, none 3, without one 6 (empty 3, 'NaN' 3) (none counted as classes" \
        in caplog.text  # fmt: skip
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        load_all(config("x.npy", table=known), 0)
    assert "is not used: name its columns (kind, x) by data.label" in caplog.text


def test_a_class_is_one_line():
    assert encode_classes(np.array(["a\nb", " a\r\nb ", "c"]), "data.label=k").names == [
        "a b",
        "c",
    ]


def test_folders_are_classes_whatever_their_names():
    found = encode_classes(np.array(["-1", "nan", "1", "null"]), "folder", may_miss=False)
    assert (sorted(found.names), found.missing) == (["-1", "1", "nan", "null"], {})


def test_numbers_that_differ_in_zeros_alone_are_names():
    assert encode_classes(np.array(["01", "1", "10"]), "x").names == ["01", "1", "10"]
    assert encode_classes(np.array(["01", "02", "02"]), "x").names == ["1", "2"]
    assert encode_classes(np.array(["1.0", "1", "2"]), "x").names == ["1", "2"]


def test_what_a_comma_was_taken_for_is_in_the_log(tmp_path: Path, config: Make, caplog):
    np.save(tmp_path / "x.npy", RAMP)
    known = table(tmp_path, ["n;dose", *(f"{i};1,{100 + i}" for i in range(N))])
    with caplog.at_level(logging.INFO):
        found = images.load(config("x.npy", table=known, factors=["dose"]), 0)
    assert "1,100 in column 'dose' was read as 1.1" in caplog.text
    assert found.train.factors["dose"].max() < 2
