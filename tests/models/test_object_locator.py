"""The object locator: centres and sizes against drawn truth, and images that it leaves alone."""

import math

import pytest
import torch
from torch import Tensor

from vaerun.geometry import Pose, pixel_grid, pixel_size, place
from vaerun.models.object_locator import ObjectLocator, centre_and_size


def uniform(n: int, seed: int, *shape: int) -> Tensor:
    """Numbers in ±1, (n, …)."""
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def ellipses(centre: Tensor, size: Tensor, side: tuple[int, int]) -> Tensor:
    """Soft ellipses (N, 1, H, W) of the centres (N, 2) and root mean square radii (N,) given."""
    points = pixel_grid(*side)[None] - centre[:, None, None]
    row, column = points.unbind(-1)
    away = (row / 1.3).square() + (column * 1.3).square()
    radius = size[:, None, None] * math.sqrt(2)
    return torch.sigmoid((radius - away.sqrt()) / (0.5 * pixel_size(*side)))[:, None]


def scene(n: int, side: tuple[int, int], seed: int, low: float, high: float, noise: float):
    """Images of one ellipse each, with their centres (N, 2), grid units, and sizes (N,)."""
    centre, size = 0.25 * uniform(n, seed, 2), 0.25 * (1 + 0.3 * uniform(n, seed + 1))
    images = low + (high - low) * ellipses(centre, size, side)
    tilt = 0.1 * torch.einsum("ni,hwi->nhw", uniform(n, seed + 2, 2), pixel_grid(*side))
    normal = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
    return images + tilt[:, None] + noise * normal, centre, size


def fitted(images: Tensor) -> ObjectLocator:
    locator = ObjectLocator((images.shape[2], images.shape[3]), centred=True, sized=True)
    locator.fit(images)
    return locator


@pytest.mark.parametrize("side", [(24, 24), (48, 48), (40, 64), (101, 90)])
@pytest.mark.parametrize(
    ("low", "high", "noise"), [(0.0, 1.0, 0.0), (0.2, 0.7, 0.15), (0.8, 0.4, 0.1)]
)
def test_centre_and_size_are_those_of_the_object(
    side: tuple[int, int], low: float, high: float, noise: float
):
    """Bright or dark, on a tilted background, at any shape of the image."""
    images, centre, size = scene(300, side, 0, low, high, noise)
    locator = fitted(images)
    assert locator.constants is not None
    assert locator.constants.sign == math.copysign(1, high - low)
    fresh, centre, size = scene(200, side, 50, low, high, noise)
    at = locator(fresh)
    assert float((at.centre - centre).square().mean().sqrt()) < 0.02
    away = at.size.log() - size.log()
    assert float(away.std()) < 0.05
    assert abs(float(away.mean() + math.log(0.25))) < 0.05


def test_a_neighbour_that_reaches_in_is_not_taken_for_the_object():
    side = (48, 48)
    centre, size = 0.1 * uniform(200, 0, 2), torch.full((200,), 0.25)
    direction = math.pi * uniform(200, 3)
    far = 1.15 * torch.stack([direction.sin(), direction.cos()], dim=1)
    images = torch.maximum(ellipses(centre, size, side), ellipses(far, size, side))
    at = fitted(images)(images)
    away = (at.centre - centre).norm(dim=1)  # of objects with a radius of about 0.35
    assert float(away.square().mean().sqrt()) < 0.06
    assert float(away.max()) < 0.2


def test_images_without_one_object_on_its_own_are_left_alone():
    side, size = (32, 32), torch.full((100,), 0.15)
    several = sum(ellipses(0.6 * uniform(100, s, 2), size, side) for s in range(4)).clamp(max=1)
    row, column = pixel_grid(*side).unbind(-1)
    lattice = 0.5 + 0.5 * torch.cos(12 * row) * torch.cos(12 * column)
    noise = torch.rand(100, 1, *side, generator=torch.Generator().manual_seed(0))
    for images in (several, lattice.expand(100, 1, *side), noise, torch.zeros(100, 1, *side)):
        locator = fitted(images)
        assert locator.constants is None
        at = locator(images)
        assert float(at.centre.abs().max()) == 0
        assert bool((at.size == 1).all())


def test_an_empty_image_among_others_stays_as_it_is():
    images, _, _ = scene(200, (48, 48), 0, 0.1, 0.9, 0.05)
    locator = fitted(images)
    empty = torch.full((2, 1, 48, 48), 0.1)
    at = locator(empty)
    assert float(at.centre.abs().max()) == 0
    torch.testing.assert_close(centre_and_size(empty, at), empty)


def test_images_are_centred_and_brought_to_the_usual_size():
    side = (49, 49)
    centre, size = 0.2 * uniform(60, 0, 2), 0.2 * (1 + 0.2 * uniform(60, 1))
    images = ellipses(centre, size, side)
    locator = fitted(images)
    usual = float(size.median())
    want = ellipses(torch.zeros(60, 2), torch.full((60,), usual), side)
    got = centre_and_size(images, locator(images))
    assert float((got - want).abs().mean()) < 0.02 < float((images - want).abs().mean())


def test_what_is_not_asked_for_is_not_taken_out():
    images, _, _ = scene(100, (32, 32), 0, 0.0, 1.0, 0.0)
    for centred, sized in ((True, False), (False, True)):
        locator = ObjectLocator((32, 32), centred=centred, sized=sized)
        locator.fit(images)
        at = locator(images)
        assert (float(at.centre.abs().max()) > 0) == centred
        assert (float((at.size - 1).abs().max()) > 0) == sized


def test_constants_are_stored_with_the_network(tmp_path):
    images, _, _ = scene(100, (32, 32), 0, 0.2, 0.8, 0.1)
    locator = fitted(images)
    torch.save(locator.state_dict(), tmp_path / "state.pt")
    other = ObjectLocator((32, 32), centred=True, sized=True)
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for ours, theirs in zip(locator(images), other(images), strict=True):
        assert torch.equal(ours, theirs)


def test_a_location_does_not_depend_on_the_batch():
    images, _, _ = scene(60, (48, 48), 0, 0.2, 0.8, 0.1)
    locator = fitted(images)
    alone = [locator(images[i : i + 1]) for i in range(5)]
    for i, at in enumerate(alone):
        torch.testing.assert_close(at.centre[0], locator(images).centre[i])


def test_a_turned_image_is_located_at_the_turned_place():
    images, _, _ = scene(40, (33, 33), 0, 0.1, 0.9, 0.0)
    locator = fitted(images)
    pose = Pose.identity(40)._replace(angle=torch.full((40,), math.pi / 2))
    turned = locator(place(images, pose, (33, 33)))
    at = locator(images)
    want = torch.stack([-at.centre[:, 1], at.centre[:, 0]], dim=1)
    torch.testing.assert_close(turned.centre, want, rtol=0, atol=2e-3)
    torch.testing.assert_close(turned.size, at.size, rtol=2e-3, atol=0)
