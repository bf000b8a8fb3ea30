"""Each check on runs that are right, and on runs that are wrong in the way that it looks for."""

import dataclasses

import numpy as np
import pytest
import torch

from vaerun.config.compose import compose
from vaerun.data.image_set import DataShape
from vaerun.evaluation.checks.checked_run import neighbours
from vaerun.evaluation.checks.converged import converged
from vaerun.evaluation.checks.finding import Finding, summary_line
from vaerun.evaluation.checks.invariances import invariances
from vaerun.evaluation.checks.latents_used import explained_share, latents_used, used_dimensions
from vaerun.evaluation.checks.noise_left import noise_left
from vaerun.evaluation.checks.one_orientation import one_orientation
from vaerun.evaluation.checks.pose_follows import _finer, pose_follows
from vaerun.evaluation.checks.pose_leak import pose_leak
from vaerun.geometry import rotate
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.runs.config import validate

from .conftest import N, shapes

RNG = np.random.default_rng(5)


def test_a_right_run_passes_all(checked):
    run = checked()
    made = [converged, invariances, one_orientation, pose_leak, latents_used, noise_left]
    findings = [check(run) for check in made]
    assert all(finding.passed for finding in findings), [f.text for f in findings]


@pytest.mark.parametrize(
    ("left", "lag"),
    [((0.5, 0.0), 0), ((0.9, 0.7, 0.5, 0.3, 0.15, 0.0), 0), ((0.5, 0.1, 0.01, 0, 0, 0), 0.4)],
    ids=["two_epochs", "still_falling", "by_heart"],
)
def test_too_short_or_by_heart(checked, left, lag):
    finding = converged(checked(left=left, lag=lag))
    assert finding.passed is False
    assert ("by heart" in finding.text) is bool(lag)


def test_a_lag_within_its_error_is_none(checked):
    left = (0.5, 0.1, 0.01, 0, 0, 0)
    assert converged(checked(left=left, lag=0.4, uncertain=0.1)).passed is False
    assert converged(checked(left=left, lag=0.4, uncertain=1.0)).passed is True


def test_a_run_that_learned_nothing_has_no_shares_of_it(checked):
    finding = converged(checked(left=(1.4, 1.3, 1.2, 1.1, 1.05)))
    assert finding.passed is False
    assert "no better than by their mean" in finding.text
    assert finding.value == 1.0


def test_images_without_a_log_say_nothing_of_the_training(checked):
    run = dataclasses.replace(checked(), rows=())
    run.plain["trainer"] = {"max_epochs": 7}
    assert converged(run) is None
    assert run.epochs == 7
    assert "trainer.max_epochs=14" in one_orientation(run).mend


def test_longer_training_is_no_mend_where_the_best_epoch_came_early(checked):
    falling, early = (0.5, 0.1, 0.02, 0.0), (0.5, 0.0, 0.1, 0.2)
    mends = []
    for left in (falling, early):
        run = checked(left=left)
        run.__dict__["moved"] = dataclasses.replace(
            run.encodings, z_mean=run.encodings.z_mean[::-1].copy()
        )
        mends.append(pose_follows(run).mend)
    assert "max_epochs=12" in mends[0]
    assert "max_epochs" not in mends[1]
    assert "objective.beta_end=2" in mends[1]


def test_what_the_last_third_gained_is_a_share_of_the_whole(checked):
    left = (0.5, 0.2, 0.1, 0.04, 0.02, 0.0)
    assert converged(checked(left=left)).value == pytest.approx(0.04, rel=1e-3)


def test_two_orientations_of_one_kind_are_counted(checked):
    for share in (0.0, 0.3, 0.5):
        flipped = np.where(np.arange(N) < share * N, np.pi, 0)
        kind = np.arange(N) % 2  # the first share of each
        finding = one_orientation(checked(kinds=kind, offset=flipped))
        assert finding.value == pytest.approx(share, abs=1e-9)
        assert finding.passed is (share == 0)


def test_rotation_that_the_model_lacks(checked):
    assert invariances(checked(model="vae")).passed is False
    assert "model=rvae" in invariances(checked(model="vae")).mend
    assert invariances(checked(model="vae", turned=False)).passed


def test_shift_that_the_model_lacks_and_objects_that_turn_about_another_point(checked):
    run = checked()
    drawn = torch.as_tensor(run.images.images)
    assert invariances(run).passed
    rng = np.random.default_rng(1)
    moved = torch.stack(
        [torch.roll(x, tuple(rng.integers(-4, 5, 2).tolist()), (1, 2)) for x in drawn]
    )
    finding = invariances(checked(images=moved))
    assert finding.passed is False
    assert "no latent of shift" in finding.text
    beside = rotate(torch.roll(shapes()[:1], (4, 3), (2, 3)).expand(N, -1, -1, -1),
                    torch.from_numpy(rng.uniform(-3, 3, N)).float())  # fmt: skip
    assert invariances(checked(images=beside)).passed


@pytest.mark.parametrize(
    ("follows", "stays", "passes"), [(1, 1, True), (0, 1, False), (1, 0, False)]
)
def test_pose_follows_known_changes(checked, follows, stays, passes):
    def again(run):
        def encode(images):
            n = len(images)
            # the change is found by the images themselves, as an oracle would
            turn = _turns(run, images)
            z = run.encodings.z_mean if stays else run.encodings.z_mean[::-1]
            angle = run.encodings.angle + (turn if follows else RNG.uniform(-3, 3, n))
            return dataclasses.replace(
                run.encodings, angle=np.asarray(angle, np.float32), z_mean=z.copy()
            )

        return encode

    finding = pose_follows(checked(again=again))
    assert finding.passed is passes, finding.text


def test_turns_that_leave_a_lattice_as_it_is_are_one_orientation(checked):
    run = checked(offset=2 * np.pi / 3 * np.random.default_rng(3).integers(0, 3, N))
    assert one_orientation(run).passed is False
    lattice = dataclasses.replace(run, symmetry=3)
    assert one_orientation(lattice).passed


def test_z_that_holds_hardly_anything_does_not_move(checked):
    run = checked(z=0.01 * RNG.normal(size=(N, 2)))  # of a posterior sd of 0.1
    run.__dict__["moved"] = dataclasses.replace(
        run.encodings, z_mean=run.encodings.z_mean[::-1].copy()
    )
    assert run.z_moves.mean() == pytest.approx(0.01**2 / (0.01**2 + 0.1**2), rel=0.3)


def _turns(run, images):
    """Angle by which each image was turned, from its correlation with the old one."""
    from vaerun.evaluation.checks.rotation_match import match_rotations

    both = match_rotations(torch.cat([run.x, images]), np.zeros((2 * N, 2))).correlation
    i = np.arange(N)
    return both[i, i + N].argmax(1) * 2 * np.pi / both.shape[2]


def of_angle(angle):
    return np.stack([np.cos(angle), np.sin(angle)], 1).astype("f4")


def test_z_that_tells_the_angle_and_moves_with_it_leaks(checked):
    def again(run):
        moved = run.encodings.angle + run.move.turn.numpy()
        return lambda images: dataclasses.replace(run.encodings, z_mean=of_angle(moved))

    z = of_angle(checked().encodings.angle)
    finding = pose_leak(checked(z=z, again=again))
    assert finding.value > 0.9
    assert finding.passed is False
    # kinds that come in one orientation each: z tells it, but does not move
    assert pose_leak(checked(z=z)).passed


def test_unused_and_repeated_dimensions(checked):
    rng = np.random.default_rng(3)
    own = rng.normal(size=(N, 1))
    twice = np.concatenate([own, np.sin(own / 3), 0.01 * rng.normal(size=(N, 2))], 1)
    finding = latents_used(checked(z=twice, d=4))
    assert finding.value == 1
    assert finding.passed is False
    assert finding.mend == "model.latent_dim=1"
    assert latents_used(checked(z=rng.normal(size=(N, 4)), d=4)).value == 4


def test_two_clusters_do_not_make_a_dimension_repeat_another(checked):
    rng = np.random.default_rng(3)
    cluster = np.where(np.arange(N) % 2, 5.0, -5.0)[:, None]
    own = rng.normal(size=(N, 1))
    apart = cluster + rng.normal(size=(N, 2))
    assert latents_used(checked(z=apart)).value == 2
    within = cluster + np.concatenate([own, np.sin(own / 3)], 1)
    assert latents_used(checked(z=within)).value == 1


def test_unused_z_is_right_where_nothing_is_left(checked):
    nothing = 0.01 * RNG.normal(size=(N, 2))
    assert latents_used(checked(z=nothing)).passed
    assert latents_used(checked(z=nothing, drawn=0.3)).passed is False


def test_structure_that_is_not_drawn_and_noise_alone(checked):
    assert noise_left(checked(drawn=1.0)).value == pytest.approx(1, abs=0.02)
    half = noise_left(checked(drawn=0.5))  # a quarter of the variance is left
    assert half.value == pytest.approx(0.75, abs=0.02)
    assert noise_left(checked(drawn=0.3)).passed is False
    noise = torch.from_numpy(RNG.normal(0.5, 0.1, (N, 1, 32, 32))).float()
    assert "noise alone" in noise_left(checked(images=noise)).text
    assert noise_left(checked(images=noise)).passed is False


def test_images_with_much_of_their_own_need_not_be_drawn_whole(checked):
    smooth = torch.nn.functional.avg_pool2d(
        torch.from_numpy(RNG.normal(0, 1, (N, 1, 36, 36))).float(), 5, stride=1
    )
    own = torch.as_tensor(checked().images.images) + smooth
    finding = noise_left(checked(images=own))
    assert "most like" in finding.text
    assert finding.limits[0] == pytest.approx(0.6)
    # like images are the same but for their pose: then nothing less is asked
    assert noise_left(checked(drawn=0.3)).limits[0] > 0.7


def test_neighbouring_pixels_of_white_noise_are_independent():
    noise = torch.from_numpy(RNG.normal(size=(200, 1, 30, 30))).float()
    assert abs(neighbours(noise)) < 0.01
    ramp = torch.arange(30.0).expand(2, 1, 30, 30) / 30
    assert neighbours(ramp) == pytest.approx(float(ramp.square().mean()), rel=0.05)


def test_explained_share_is_that_of_variance():
    given = RNG.uniform(-1, 1, (400, 1))
    signal = given[:, 0]
    noisy = signal + RNG.normal(0, signal.std(), 400)  # half of the variance
    assert explained_share(given, signal) > 0.99
    assert explained_share(given, noisy) == pytest.approx(0.45, abs=0.1)
    assert explained_share(given, RNG.normal(size=400)) < 0.1


def test_of_a_few_images_all_dimensions_that_vary_are_used():
    z = np.column_stack([RNG.normal(size=6), RNG.normal(size=6), np.zeros(6)])
    assert used_dimensions(z).tolist() == [0, 1]


def test_a_finding_is_judged_by_its_limits():
    assert Finding(value=0.5, limits=(None, 0.4), text="").passed is False
    assert Finding(value=0.3, limits=(None, 0.4), text="").passed is True
    assert Finding(value=0.3, limits=(0.4, None), text="").passed is False
    assert Finding(value=None, limits=(None, 0.4), text="").passed is None
    assert Finding(value=float("nan"), limits=(None, 0.4), text="").passed is None
    entry = Finding(value=0.5, limits=(None, 0.4), text="off", mend="a=1").to_json("Title")
    assert entry == {"title": "Title", "value": 0.5, "limits": [None, 0.4], "passed": False,
                     "text": "Off", "mend": "a=1"}  # fmt: skip
    assert (
        summary_line({"a": entry, "b": entry | {"passed": None}}) == "0 of 1 passed; failed: title"
    )


@pytest.mark.parametrize(
    ("pose", "finer"),
    [
        ("model.pose.bins=8", "model.pose.bins=16"),
        ("model/pose=amortized", "model/pose=orbit"),
        ("model.invariances=[t]", ""),
    ],
)
def test_what_is_advised_is_a_key_of_the_model(pose: str, finer: str):
    plain = compose(["model.likelihood=bernoulli", "model.hidden=[4]", pose])
    network = InvariantVAE(validate(plain).model, DataShape(image=(1, 8, 8), n_classes=0))
    assert _finer(network.search) == finer
