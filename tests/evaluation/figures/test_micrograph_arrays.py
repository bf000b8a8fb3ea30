from dataclasses import replace

import numpy as np
import pytest

from vaerun.evaluation.figures.micrograph_arrays import frame_arrays, shown_frames
from vaerun.models.encodings import Encodings

OF_A_FRAME = {"image", "title", "pixel_nm", "centre", "angle", "z1", "z2", "class"}


def of_frame(arrays, number):
    prefix = f"frame_{number}_"
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


@pytest.mark.parametrize(
    ("frames", "shown"),
    [
        ([3, 3, 1, 2, 2, 2], [2, 3]),
        ([4, 0, 2], [0, 2]),
        ([5, 1, 1], [1, 5]),
        ([7], [7]),
    ],
    ids=str,
)
def test_the_frames_with_the_most_validation_patches_are_shown(graphene, frames, shown):
    """Of equal ones the first; training patches do not count."""
    made = graphene()[1]
    made = made.select(np.arange(len(frames) + 9))
    split = np.repeat([1, 0], [len(frames), 9]).astype(np.uint8)
    place = replace(made.place, frame=np.array(frames + [6] * 9))
    assert shown_frames(replace(made, split=split, place=place)) == shown


def test_all_arrays_of_a_frame_are_there(graphene):
    frames, made = graphene()
    arrays = frame_arrays(frames, made, [])
    own = of_frame(arrays, 2)
    assert own.keys() == OF_A_FRAME
    assert len(arrays) == 2 * len(OF_A_FRAME)
    rows = made.place.frame == 2
    np.testing.assert_array_equal(own["centre"], made.place.centre[rows])
    np.testing.assert_array_equal(own["z2"], made.z_mean[rows, 1])
    np.testing.assert_array_equal(own["class"], made.label[rows])
    assert (own["image"].dtype, own["image"].shape) == (np.uint8, (200, 200))
    assert (own["image"].min(), own["image"].max()) == (0, 255)
    assert (str(own["title"]), float(own["pixel_nm"])) == ("frame 2", 0.014)


def test_rings_counted_from_found_atoms_are_not_called_classes(graphene):
    frames, made = graphene()
    counted = replace(made, place=replace(made.place, ring_class=made.label))
    own = of_frame(frame_arrays(frames, counted, []), 2)
    assert own.keys() == OF_A_FRAME - {"class"} | {"rings"}
    np.testing.assert_array_equal(own["rings"], made.label[made.place.frame == 2])


def test_inferred_classes_come_with_their_names(graphene):
    frames, made = graphene(n_classes=2)
    arrays = frame_arrays(frames, made, ["0: hole", "1: ideal"])
    np.testing.assert_array_equal(
        arrays["frame_1_predicted"], made.predicted[made.place.frame == 1]
    )
    assert arrays["predicted_names"].tolist() == ["0: hole", "1: ideal"]


def test_what_a_model_or_a_frame_lacks_is_left_out(graphene):
    frames, made = graphene()
    frames = [replace(frame, pixel_nm=None) for frame in frames]
    n = len(made)
    bare = replace(made, angle=np.zeros(n, "f4"), label=np.full(n, -1))
    own = of_frame(frame_arrays(frames, bare, []), 1)
    assert own.keys() == {"image", "title", "centre", "z1", "z2"}


@pytest.mark.parametrize(
    ("spread", "names"),
    [((1,), {"z1"}), ((0.1, 3, 2), {"z2", "z3"})],
    ids=["one dimension", "the widest of three"],
)
def test_the_widest_dimensions_go_by_their_own_numbers(graphene, spread, names):
    frames, made = graphene()
    z = np.random.default_rng(0).normal(size=(len(made), len(spread))) * spread
    own = of_frame(frame_arrays(frames, replace(made, z_mean=z, z_sd=z), []), 1)
    assert {name for name in own if name.startswith("z")} == names


def test_training_patches_of_the_frame_are_there_and_labelled_ones_once(graphene):
    frames, made = graphene()
    whole = frame_arrays(frames, made, [])
    on_frame = made.place.frame == 2
    split = np.where(on_frame & (np.arange(len(made)) % 3 == 0), 0, made.split).astype("u1")
    mixed = replace(made, split=split)
    labelled = mixed.train.select(mixed.train.place.frame == 2)
    twice = frame_arrays(frames, Encodings.concatenate([mixed, labelled]), [])
    np.testing.assert_array_equal(twice["frame_2_centre"], whole["frame_2_centre"])


def test_images_that_are_no_patches_have_no_maps(encodings, graphene):
    assert frame_arrays([], encodings(), []) == {}
    assert frame_arrays(graphene()[0], encodings(), []) == {}


def test_the_change_of_an_atom_is_that_of_its_content_until_the_next_frame(graphene):
    frames, made = graphene()
    made = made.select(np.arange(12))
    place = replace(
        made.place, frame=np.repeat([1, 2, 3], 4), track=np.array([0, 1, 2, 3] * 2 + [0, 9, 2, 8])
    )
    arrays = frame_arrays(frames, replace(made, place=place, split=np.ones(12, np.uint8)), [])
    change = of_frame(arrays, 2)["change"]
    expected = np.linalg.norm(made.z_mean[8:] - made.z_mean[4:8], axis=1)
    np.testing.assert_allclose(change[[0, 2]], expected[[0, 2]], rtol=1e-5)
    assert np.isnan(change[[1, 3]]).all()  # lost
