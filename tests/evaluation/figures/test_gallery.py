import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import colors
from matplotlib.figure import Figure

from vaerun.evaluation.figures import curve_arrays, draw, encoding_arrays, png, save_figures
from vaerun.evaluation.figures.images import mosaic
from vaerun.evaluation.figures.style import class_colours, colours_of, cyclic_map, point_size
from vaerun.models.latent_traversal import class_maps, latent_maps

CLASSES = ["clubs", "spades", "hearts", "diamonds"]


def blobs(channels, size=6):
    """A decoder that makes grey squares as bright as the content is long."""

    def decode(z):
        bright = np.tanh(np.linalg.norm(z, axis=1)).astype(np.float32)
        return np.broadcast_to(bright[:, None, None, None], (len(z), channels, size, size))

    return decode


@pytest.fixture
def arrays(encodings):
    """All arrays of a run."""

    def make(channels=1, epochs=4, **replaced):
        made = encodings(**replaced)
        val, decode = made.val, blobs(channels)
        examples = decode(val.z_mean[:20])
        curve = np.linspace(500.0, 70.0, epochs)
        return {
            "inputs": examples,
            "reconstructions_input": examples,
            "reconstructions_output": examples,
            "curve_epoch": np.arange(1, epochs + 1),
            "curve_train_loss": curve,
            "curve_val_loss": np.where(np.arange(epochs) == 1, np.nan, curve),
            "curve_val_kl_content": curve / 100,
            "latent_z": val.z_mean,
            "latent_label": val.label,
            "latent_angle": val.angle,
            "shift_px": np.random.default_rng(0).normal(size=(len(val), 2)),
            "confusion": np.eye(4) * 7,
            **{f"factor_{name}": values for name, values in val.factors.items()},
            **latent_maps(decode, made),
        }

    return make


EVERY = {
    "inputs", "reconstructions", "learning_curve", "confusion", "latent_distribution",
    "latent_density", "manifold", "manifold_data", "traversal_z1", "traversal_z2",
    "angle_vs_truth", "angle_histogram", "shift_histogram",
}  # fmt: skip


def test_every_figure_is_drawn_and_is_a_png(arrays, tmp_path):
    paths = save_figures(draw(arrays(), CLASSES), tmp_path / "figures")
    assert set(paths) == EVERY
    assert sorted(p.name for p in (tmp_path / "figures").iterdir()) == sorted(
        f"{name}.png" for name in EVERY
    )
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in paths.values())


def test_only_those_are_drawn_whose_arrays_are_there(arrays):
    made = arrays()
    assert draw({}, []) == {}
    assert set(draw({"inputs": made["inputs"]}, [])) == {"inputs"}
    still = made | {"latent_angle": np.zeros(200), "shift_px": np.zeros((200, 2))}
    lost = EVERY - set(draw(still, CLASSES))
    assert lost == {"angle_vs_truth", "angle_histogram", "shift_histogram"}


def test_corrupted_images_are_above_the_output_and_the_truth(arrays):
    pairs = {k: v for k, v in arrays().items() if k.startswith("reconstructions_")}

    def shown(arrays):
        axes = draw(arrays, [])["reconstructions"].axes[0]
        return [t.get_text() for t in axes.get_yticklabels()], axes.get_title(loc="left")

    assert shown(pairs) == (["input", "model"], "")
    truth = pairs["reconstructions_input"]
    psnr_db = np.array([10.06, 21.54])
    rows, title = shown(pairs | {"reconstructions_truth": truth, "psnr_db": psnr_db})
    assert rows == ["input", "model", "truth"]
    assert title.endswith("input 10.1 dB → output 21.5 dB")


@pytest.mark.parametrize("channels", [2, 3])
def test_colour_and_many_channels_are_drawn(arrays, channels):
    made = arrays(channels)
    for name in ("inputs", "manifold", "traversal_z1"):
        part = {k: v for k, v in made.items() if k.startswith(name)}
        assert png(draw(part, CLASSES)[name])


@pytest.mark.parametrize("d", [1, 5])
def test_any_number_of_content_dimensions_is_drawn(arrays, d):
    z = np.random.default_rng(0).normal(size=(600, d)).astype(np.float32)
    made = arrays(z_mean=z, z_sd=z, label=np.full(600, -1))
    figures = draw(made, [])
    assert {"latent_distribution", "latent_density", f"traversal_z{d}"} <= set(figures)
    assert png(figures["latent_distribution"])
    assert png(figures["manifold"])


def test_a_collapsed_content_and_a_single_epoch_are_drawn(arrays):
    made = arrays(epochs=1, z_mean=np.zeros((600, 2), np.float32))
    figures = draw(made, CLASSES)
    assert all(png(figures[name]) for name in ("latent_density", "learning_curve", "manifold"))


def test_one_map_for_each_class_is_drawn(encodings):
    maps = class_maps([blobs(1)] * 4, encodings())
    figures = draw(maps, CLASSES)
    assert {f"manifold_class_{j}" for j in range(4)} | {"traversal_z1", "traversal_z2"} == set(
        figures
    )
    rows = [t.get_text() for t in figures["traversal_z1"].axes[0].get_yticklabels()]
    assert rows == CLASSES


def test_arrays_of_a_model_without_pose_have_none(encodings):
    made = encodings(angle=np.zeros(600, np.float32))
    arrays = encoding_arrays(made, {"classes": CLASSES})
    assert set(arrays) == {"latent_z", "latent_label", "factor_angle", "factor_shear"}
    assert len(arrays["latent_z"]) == 200
    assert {"latent_angle", "shift_px"} <= set(
        encoding_arrays(encodings(shift=np.ones((600, 2))), {})
    )


def test_the_log_becomes_the_learning_curve():
    log = {"epoch": [1, 2], "val/loss": [9.0, 8.0], "train/loss": [9.5, np.nan], "lr": [1, 1]}
    arrays = curve_arrays(log)
    assert set(arrays) == {"curve_epoch", "curve_val_loss", "curve_train_loss"}
    key = draw(arrays, [])["learning_curve"].axes[0].get_legend()
    assert {t.get_text() for t in key.get_texts()} == {"validation  8", "training  9.5"}


def test_a_narrow_range_of_angles_fills_its_panel(arrays):
    made = arrays() | {"factor_angle": np.linspace(-0.2, 0.2, 200)}
    made["latent_angle"] = made["factor_angle"] + 0.01
    figures = draw(made, CLASSES)
    assert figures["angle_vs_truth"].axes[0].get_ylim()[1] < 20
    assert figures["angle_histogram"].axes[0].get_xlim()[1] < 20


def test_a_dollar_in_a_class_name_is_a_dollar(arrays):
    assert png(draw(arrays(), ["$a_$", "b", "c", "$"])["confusion"])


def test_drawing_leaves_the_users_matplotlib_alone(arrays):
    before = dict(mpl.rcParams)
    save = draw({"inputs": arrays()["inputs"]}, [])
    png(save["inputs"])
    assert dict(mpl.rcParams) == before


def test_the_mosaic_puts_each_image_in_its_place():
    images = np.arange(6, dtype=np.float32).reshape(2, 3, 1, 1, 1) * np.ones((1, 1, 1, 10, 20))
    picture = mosaic(images / 5)
    assert picture.shape == (2 * 10 + 1, 3 * 20 + 2, 1)
    assert picture[5, [5, 26, 47], 0] == pytest.approx([0, 0.2, 0.4])
    assert picture[16, [5, 26, 47], 0] == pytest.approx([0.6, 0.8, 1])
    assert (picture[10] == 1).all()


def test_classes_keep_their_colours_and_the_unknown_are_grey():
    for n in (4, 10, 23):
        assert len(set(class_colours(n))) == n
    got = colours_of(np.array([2, -1, 0]), 4)
    assert got[0] == class_colours(4)[2]
    assert np.ptp(colors.to_rgb(got[1])) < 0.1
    assert got[1] not in class_colours(4)


def test_the_cyclic_map_closes_and_is_nowhere_near_white():
    rgb = np.array(cyclic_map()(np.linspace(0, 1, 360)))[:, :3]
    steps = np.linalg.norm(np.diff(rgb, axis=0, append=rgb[:1]), axis=1)
    assert steps.max() < 0.06  # no seam, neither inside nor at ±180°
    assert rgb.min(axis=1).max() < 0.75


def test_marks_shrink_with_their_number():
    sizes = [point_size(n) for n in (1, 300, 4_000, 70_000)]
    assert sizes == sorted(sizes, reverse=True)


def found_classes(encodings, predicted, label, n_groups):
    """Encodings of a model that found these classes in these validation images."""
    n = len(label)
    return encodings(
        n_train=0,
        n_val=n,
        label=np.array(label),
        predicted=np.array(predicted),
        class_probability=np.full((n, n_groups), 1 / n_groups, np.float32),
    )


def test_columns_of_predicted_classes_follow_the_true_classes_that_they_match(encodings):
    """Then those that stand for none; an image is coloured as the class its group stands for."""
    label = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]
    predicted = [3, 3, 1, 0, 0, 0, 4, 4, 1, 4]
    arrays = encoding_arrays(
        found_classes(encodings, predicted, label, 5), {"classes": ["a", "b", "c"]}
    )
    assert arrays["confusion_columns"].tolist() == [3, 0, 4, 1, 2]
    assert arrays["confusion"].tolist() == [[2, 0, 0, 1, 0], [0, 3, 0, 0, 0], [0, 0, 3, 1, 0]]
    assert arrays["latent_predicted"].tolist() == [0, 0, -1, 1, 1, 1, 2, 2, -1, 2]


def test_fewer_predicted_classes_than_true_ones_have_fewer_columns(encodings):
    label, predicted = [0, 0, 1, 2, 2, 2, 3], [1, 1, 1, 0, 0, 0, 0]
    arrays = encoding_arrays(found_classes(encodings, predicted, label, 2), {"classes": CLASSES})
    assert arrays["confusion_columns"].tolist() == [1, 0]
    assert arrays["confusion"].tolist() == [[2, 0], [1, 0], [0, 3], [0, 1]]
    assert arrays["latent_predicted"].tolist() == [0, 0, 0, 2, 2, 2, 2]


def test_images_without_a_label_are_in_no_confusion_but_in_their_class(encodings):
    label, predicted = [0, 1, -1, -1], [1, 0, 0, 1]
    arrays = encoding_arrays(
        found_classes(encodings, predicted, label, 2), {"classes": ["a", "b"]}
    )
    assert arrays["confusion"].tolist() == [[1, 0], [0, 1]]
    assert arrays["latent_predicted"].tolist() == [0, 1, 1, 0]
    arrays = encoding_arrays(found_classes(encodings, predicted, [-1] * 4, 2), {"classes": []})
    assert arrays["latent_predicted"].tolist() == predicted
    assert "confusion" not in arrays


@pytest.mark.parametrize("classes", [[], CLASSES])
def test_classes_predicted_where_no_image_has_a_label_are_coloured_by_number(encodings, classes):
    """Also where classes have names, which those found have no claim to, and may be more."""
    predicted = np.arange(200) % 6
    made = found_classes(encodings, predicted, [-1] * 200, 6)
    figures = draw(encoding_arrays(made, {"classes": classes}), classes)
    names = [f"class {j}" for j in range(6)]
    for name in ("latent_distribution", "angle_vs_truth", "angle_histogram"):
        (key,) = figures[name].legends
        assert [t.get_text() for t in key.get_texts()] == names
    panel = figures["latent_distribution"].axes[0]
    assert panel.get_title(loc="left") == "Predicted class"
    (points,) = panel.collections
    at, colour = np.asarray(points.get_offsets()), points.get_facecolors()[:, :3]
    in_order = [np.lexsort(z.T) for z in (at, made.val.z_mean)]
    want = colors.to_rgba_array(class_colours(6))[predicted, :3]
    np.testing.assert_allclose(colour[in_order[0]], want[in_order[1]])
    assert [a.get_title(loc="left") for a in figures["angle_vs_truth"].axes[1:7]] == names


def test_without_any_class_nothing_is_coloured_by_one(arrays):
    figures = draw(arrays(label=np.full(600, -1)), [])
    assert not figures["latent_distribution"].legends
    assert not figures["angle_histogram"].legends


def test_supervised_classes_have_the_confusion_of_the_metrics(encodings):
    made = found_classes(encodings, [0, 1, 1], [0, 0, 1], 2)
    arrays = encoding_arrays(made, {"classification": {"confusion": [[1, 1], [0, 1]]}})
    assert arrays["confusion"].tolist() == [[1, 1], [0, 1]]
    assert arrays["latent_predicted"].tolist() == [0, 1, 1]
    assert "confusion_columns" not in arrays


@pytest.mark.parametrize("columns", [[1, 0], [3, 0, 4, 1, 5, 2], list(range(30))])
def test_a_confusion_of_unsupervised_classes_may_have_any_number_of_columns(columns):
    counts = np.zeros((4, len(columns)))
    counts[2, 1], counts[2, 0] = 3, 1
    figure = draw({"confusion": counts, "confusion_columns": np.array(columns)}, CLASSES)
    axes = figure["confusion"].axes[0]
    assert [t.get_text() for t in axes.get_xticklabels()] == [str(j) for j in columns]
    assert [t.get_text() for t in axes.get_yticklabels()] == CLASSES
    assert axes.get_xlabel() == "predicted class number"
    said = {t.get_position(): t.get_text() for t in axes.texts}
    assert said == {(1, 2): "0.75", (0, 2): "0.25"}
    assert png(figure["confusion"])


def test_a_confusion_of_supervised_classes_has_the_same_names_both_ways(arrays):
    axes = draw({"confusion": np.eye(4) * 7}, CLASSES)["confusion"].axes[0]
    assert [t.get_text() for t in axes.get_xticklabels()] == CLASSES
    assert axes.get_xlabel() == "predicted"


def test_maps_have_the_names_they_were_saved_with(encodings):
    maps = class_maps([blobs(1)] * 3, encodings())
    figures = draw(
        {**maps, "map_names": np.array(["0: hearts", "1: hearts", "2: no image"])}, CLASSES
    )
    rows = [t.get_text() for t in figures["traversal_z1"].axes[0].get_yticklabels()]
    assert rows == ["0: hearts", "1: hearts", "2: no image"]
    title = figures["manifold_class_2"].axes[0].get_title(loc="left")
    assert title == "Decoded content of 2: no image"


def test_a_mosaic_of_large_images_is_no_larger_than_is_seen():
    images = np.zeros((13, 13, 1, 400, 300), np.float32)
    images[2, 3, :, 200:] = 1
    picture = mosaic(images)
    assert max(picture.shape) <= 2300  # with gaps
    height, width = (side / 13 for side in picture.shape[:2])
    assert picture[int(2.7 * height), int(3.5 * width), 0] == 1
    assert picture[int(2.2 * height), int(3.5 * width), 0] == 0


def test_a_class_in_letters_without_a_font_is_drawn_without_a_warning():
    figure = Figure()
    figure.text(0.5, 0.5, "日本")
    assert png(figure).startswith(b"\x89PNG")
