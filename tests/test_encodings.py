from dataclasses import fields, replace

import h5py
import numpy as np
import pytest

from vaerun.encodings import Encodings, read_latents, write_latents
from vaerun.errors import UserError

N, D, J = 7, 3, 2


def made_up(n_classes=J):
    rng = np.random.default_rng(0)

    def random(*shape):
        return rng.normal(size=shape).astype(np.float32)

    return Encodings(
        z_mean=random(N, D),
        z_sd=random(N, D),
        angle=random(N),
        angle_sd=random(N),
        shift=random(N, 2),
        scale=random(N),
        class_probability=random(N, n_classes),
        predicted=np.arange(N) % J if n_classes else np.full(N, -1),
        label=np.arange(N) - 1,
        index=np.arange(N) + 10_000_000_000,
        split=(np.arange(N) >= 5).astype(np.uint8),
        factors={"angle": random(N), "shear": random(N)},
    )


def assert_same(a, b):
    for f in fields(Encodings):
        x, y = getattr(a, f.name), getattr(b, f.name)
        for p, q in zip(x.values(), y.values(), strict=True) if f.name == "factors" else [(x, y)]:
            np.testing.assert_array_equal(p, q)


@pytest.mark.parametrize("n_classes", [0, J])
def test_what_is_written_is_read_back(tmp_path, n_classes):
    path = tmp_path / "latents.h5"
    write_latents(path, made_up(n_classes), {})
    assert_same(read_latents(path), made_up(n_classes))


def test_the_file_is_that_of_the_contract(tmp_path):
    path = tmp_path / "latents.h5"
    attributes = {"model": "rvae", "config": "seed: 0\n", "pixel_size_nm": None}
    write_latents(path, made_up(0), attributes)
    with h5py.File(path) as file:
        assert dict(file.attrs) == {"model": "rvae", "config": "seed: 0\n"}
        assert file["z_mean"].shape == (N, D)
        assert file["factors/shear"].dtype == np.float32
        assert file["split"].dtype == np.uint8
        assert file["index"].dtype == np.int64
        assert file.keys().isdisjoint({"class_probability", "predicted"})


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "latents.h5"
    write_latents(path, made_up(), {})
    with pytest.raises(TypeError, match="has no native HDF5 equivalent"):
        write_latents(path, made_up(), {"model": object()})
    assert [p.name for p in tmp_path.iterdir()] == ["latents.h5"]
    assert_same(read_latents(path), made_up())


def test_views_keep_the_images_of_their_split():
    made = made_up()
    assert (len(made.train), len(made.val)) == (5, 2)
    np.testing.assert_array_equal(made.val.index, made.index[5:])
    np.testing.assert_array_equal(made.val.factors["shear"], made.factors["shear"][5:])
    np.testing.assert_array_equal(made.select(made.label == 3).z_mean, made.z_mean[4:5])


def test_arrays_of_different_lengths_are_a_bug():
    with pytest.raises(AssertionError, match="'label': 7"):
        replace(made_up(), index=np.arange(3))


def test_a_file_that_cannot_be_read_is_the_users_to_mend(tmp_path):
    path = tmp_path / "latents.h5"
    with pytest.raises(UserError, match=r"latents.h5 is not there — name a run folder"):
        read_latents(path)
    path.write_text("not HDF5")
    with pytest.raises(UserError, match=r"is not a readable HDF5 file — encode the run again"):
        read_latents(path)
    path.unlink()
    with h5py.File(path, "w") as file:
        file["z_mean"] = np.zeros((2, 2))
    with pytest.raises(UserError, match=r"lacks angle, angle_sd, .* — encode the run again"):
        read_latents(path)
