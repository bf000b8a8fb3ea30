import csv
import sys
from dataclasses import fields, replace

import h5py
import numpy as np
import pytest

from vaerun.data.patch_location import PatchLocation
from vaerun.models.encodings import Encodings, read_latents, write_csv, write_latents
from vaerun.utils.errors import UserError

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
        gain=random(N),
        offset=random(N),
        class_probability=random(N, n_classes),
        predicted=np.arange(N) % J if n_classes else np.full(N, -1),
        target_mean=np.full(N, np.nan, np.float32),
        target_sd=np.full(N, np.nan, np.float32),
        error=random(N) ** 2,
        label=np.arange(N) - 1,
        index=np.arange(N) + 10_000_000_000,
        split=(np.arange(N) >= 5).astype(np.uint8),
        factors={"angle": random(N), "shear": random(N)},
    )


def of_patches(**known):
    place = {"frame": np.arange(N) // 3, "centre": np.arange(2.0 * N, dtype=np.float32)}
    place["centre"] = place["centre"].reshape(N, 2)
    return replace(made_up(), place=PatchLocation.from_arrays(place | known))


def flat(encodings):
    nested = {"factors": encodings.factors}
    nested["place"] = {} if encodings.place is None else vars(encodings.place)
    own = {f.name: getattr(encodings, f.name) for f in fields(Encodings) if f.name not in nested}
    return own | nested["factors"] | nested["place"]


def assert_same(a, b):
    x, y = flat(a), flat(b)
    assert x.keys() == y.keys()
    for name in x:
        np.testing.assert_array_equal(x[name], y[name])


@pytest.mark.parametrize("n_classes", [0, J])
def test_what_is_written_is_read_back(tmp_path, n_classes):
    path = tmp_path / "latents.h5"
    write_latents(path, made_up(n_classes), {})
    assert_same(read_latents(path), made_up(n_classes))
    with h5py.File(path) as file:
        assert file.keys().isdisjoint({"target_mean", "target_sd"})
    target = np.arange(N, dtype=np.float32)
    write_latents(path, replace(made_up(n_classes), target_mean=target, target_sd=target), {})
    assert_same(
        read_latents(path), replace(made_up(n_classes), target_mean=target, target_sd=target)
    )


@pytest.mark.parametrize(
    "known", [(), ("species",), ("ring_class",), ("species", "ring_class")], ids=" ".join
)
def test_the_places_of_patches_are_written_as_far_as_they_are_known(tmp_path, known):
    path = tmp_path / "latents.h5"
    made = of_patches(**{name: np.arange(N) - 1 for name in known})
    write_latents(path, made, {})
    assert_same(read_latents(path), made)
    with h5py.File(path) as file:
        assert file.keys() & {"species", "ring_class"} == set(known)
        assert {file[name].dtype for name in ("frame", *known)} == {np.dtype(np.int64)}
        assert (file["centre"].dtype, file["centre"].shape) == (np.float32, (N, 2))


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
        assert file.keys().isdisjoint({"frame", "centre", "species", "ring_class"})


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


def test_places_go_with_their_patches():
    made = of_patches(species=np.arange(N) - 1)
    np.testing.assert_array_equal(made.val.place.centre, made.place.centre[5:])
    np.testing.assert_array_equal(made.val.place.species, [4, 5])
    assert_same(Encodings.concatenate([made.train, made.val]), made)
    with pytest.raises(AssertionError, match="only some sets are patches"):
        Encodings.concatenate([made, made_up()])


def test_arrays_of_different_lengths_are_a_bug():
    with pytest.raises(AssertionError, match="'label': 7"):
        replace(made_up(), index=np.arange(3))
    with pytest.raises(AssertionError, match="'frame': 5"):
        replace(made_up(), place=of_patches().train.place)


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


def test_a_table_has_true_values_beside_encodings_of_the_same_name(encodings):
    found = encodings(n_train=5, n_val=3)
    table = found.to_dataframe()
    np.testing.assert_array_equal(table.angle, found.angle)
    np.testing.assert_array_equal(table.true_angle, found.factors["angle"])
    np.testing.assert_array_equal(table.z_mean_2, found.z_mean[:, 1])
    np.testing.assert_array_equal(table.index, found.index)


def test_a_csv_has_the_columns_of_the_table(encodings, tmp_path):
    found = encodings(n_train=5, n_val=3)
    write_csv(tmp_path / "latents.csv", found)
    with (tmp_path / "latents.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["index", *found.to_dataframe().columns]
    np.testing.assert_allclose([float(row["angle"]) for row in rows], found.angle, rtol=1e-6)


def test_without_pandas_the_extra_is_named(encodings, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        UserError, match=r"pandas is not installed — pip install 'vaerun\[notebook"
    ):
        encodings(n_train=2, n_val=1).to_dataframe()
