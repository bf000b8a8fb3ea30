"""Sets of images: what is chosen from them, and their objects drawn unposed."""

import torch

from vaerun.data.image_set import ImageSet, without_pose


def numbered(n: int = 6) -> ImageSet:
    """Images of one value, their number; unposed, less 0.5."""
    number = torch.arange(n).float()

    def unposed(index: torch.Tensor) -> torch.Tensor:
        return (number[index] - 0.5)[:, None, None, None].expand(-1, 1, 2, 2)

    return ImageSet(
        images=number[:, None, None, None].expand(-1, 1, 2, 2),
        label=torch.arange(n) % 2,
        index=100 + torch.arange(n),
        factors={"angle": 1 + number, "shift_row": 1 + number, "shear": 1 + number},
        unposed=unposed,
    )


def test_a_part_has_its_own_objects_unposed() -> None:
    part = numbered().select(torch.tensor([5, 1, 4])).select(torch.tensor([2, 0]))
    assert part.images[:, 0, 0, 0].tolist() == [4, 5]
    unposed = part.select_unposed(torch.tensor([1, 0, 1]))
    assert unposed is not None
    assert unposed.images[:, 0, 0, 0].tolist() == [4.5, 3.5, 4.5]
    assert unposed.index.tolist() == [105, 104, 105]
    assert unposed.label.tolist() == [1, 0, 1]


def test_of_the_factors_only_the_pose_is_gone() -> None:
    factors = without_pose(numbered().factors, torch.tensor([3, 0]))
    assert {name: values.tolist() for name, values in factors.items()} == {
        "angle": [0, 0],
        "shift_row": [0, 0],
        "shear": [4, 1],
    }


def test_sets_together_are_not_drawn_unposed() -> None:
    both = ImageSet.concatenate([numbered(), numbered()])
    assert both.select_unposed(torch.tensor([0])) is None
