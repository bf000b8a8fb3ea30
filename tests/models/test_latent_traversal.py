import numpy as np
import pytest

from vaerun.models.latent_traversal import class_maps, data_range, latent_maps, widest_dimensions

H, W = 2, 3


def show_z(z):
    """A decoder whose images are 1 × H × W and hold the content itself in their first pixels."""
    images = np.zeros((len(z), 1, H, W), np.float32)
    flat = images.reshape(len(z), -1)
    flat[:, : min(z.shape[1], H * W)] = z[:, : H * W]
    return images


def with_content(encodings, z):
    n = len(z)
    made = encodings(n_train=n, n_val=0)
    return type(made)(**{**vars(made), "z_mean": z, "z_sd": np.ones_like(z)})


def content(n, widths, centre=0.0, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 1, (n, len(widths))) * widths + centre).astype(np.float32)


def test_z1_runs_to_the_right_and_z2_upwards(encodings):
    maps = latent_maps(show_z, with_content(encodings, content(500, [1, 1])))
    z1, z2 = maps["manifold"][:, :, 0, 0, 0], maps["manifold"][:, :, 0, 0, 1]
    np.testing.assert_allclose(z1, np.broadcast_to(maps["manifold_column_axis"], z1.shape))
    np.testing.assert_allclose(z2, np.broadcast_to(maps["manifold_row_axis"][:, None], z2.shape))
    assert maps["manifold_column_axis"][[0, -1]].tolist() == [-1.5, 1.5]
    assert maps["manifold_row_axis"][[0, -1]].tolist() == [1.5, -1.5]


def test_the_data_map_covers_the_data_and_holds_other_dimensions_at_their_median(encodings):
    z = content(20_000, [1, 4, 0.1, 2], centre=7.0)
    maps = latent_maps(show_z, with_content(encodings, z))
    assert maps["manifold_data_dimensions"].tolist() == [1, 3]
    axis = maps["manifold_data_column_axis"]
    assert axis[[0, -1]] == pytest.approx([7 - 4 * 2.58, 7 + 4 * 2.58], abs=0.8)  # 0.5 %, 99.5 %
    flat = maps["manifold_data"].reshape(*maps["manifold_data"].shape[:2], -1)
    np.testing.assert_allclose(flat[..., 0], np.median(z[:, 0]), rtol=1e-6)
    assert not maps["manifold"].reshape(13, 13, -1)[..., [0, 2]].any()


def test_one_dimension_gives_a_strip(encodings):
    maps = latent_maps(show_z, with_content(encodings, content(50, [1])))
    assert maps["manifold"].shape == (1, 25, 1, H, W)
    np.testing.assert_allclose(maps["manifold"][0, :, 0, 0, 0], np.linspace(-1.5, 1.5, 25))


@pytest.mark.parametrize("d", [1, 2, 5])
def test_a_walk_changes_one_dimension_and_leaves_the_rest_at_zero(encodings, d):
    maps = latent_maps(show_z, with_content(encodings, content(300, [1.0] * d)))
    for i in range(d):
        walk = maps[f"traversal_z{i + 1}"].reshape(13, -1)
        np.testing.assert_allclose(walk[:, i], maps[f"traversal_z{i + 1}_axis"])
        assert not np.delete(walk, i, axis=1).any()
    assert f"traversal_z{d + 1}" not in maps


def test_class_maps_decode_each_class_with_its_own_decoder(encodings):
    made = with_content(encodings, content(300, [1, 1]))
    maps = class_maps([show_z, lambda z: show_z(z) + 100, lambda z: show_z(z) + 200], made)
    assert maps["traversal_z2"].shape == (3, 13, 1, H, W)
    np.testing.assert_allclose(maps["traversal_z2"][2] - maps["traversal_z2"][0], 200, rtol=1e-6)
    np.testing.assert_allclose(maps["manifold_class_1"].mean(), 100 + 0, rtol=1e-4)
    assert "manifold" not in maps


def test_widest_dimensions_are_named_in_their_own_order():
    assert widest_dimensions(content(1_000, [1, 5, 0.1, 9])) == [1, 3]
    assert widest_dimensions(content(1_000, [9, 5])) == [0, 1]


def test_a_collapsed_content_still_has_a_range():
    low, high = data_range(np.zeros((10, 2), np.float32))
    assert (high > low).all()
