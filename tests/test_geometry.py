"""Signs and resampling: one bright pixel tells which way things go."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vaerun import geometry
from vaerun.geometry import Pose

SIZE = 21
CENTRE = SIZE // 2


def dot(row: int, column: int, height: int = SIZE, width: int = SIZE) -> torch.Tensor:
    image = torch.zeros(1, 1, height, width)
    image[0, 0, row, column] = 1
    return image


def brightest(image: torch.Tensor) -> tuple[int, int]:
    width = image.shape[-1]
    at = int(image.flatten().argmax())
    return at // width, at % width


def pose(angle: float = 0.0, shift: tuple[float, float] = (0.0, 0.0), scale: float = 1.0) -> Pose:
    return Pose(torch.tensor([angle]), torch.tensor([shift]), torch.tensor([scale]))


def test_a_quarter_turn_takes_the_right_to_the_top():
    turned = geometry.rotate(dot(CENTRE, CENTRE + 6), torch.tensor([math.pi / 2]))
    assert brightest(turned) == (CENTRE - 6, CENTRE)


def test_a_shift_moves_down_and_right_by_pixels():
    step = geometry.pixel_size(SIZE, SIZE)
    placed = geometry.place(dot(5, 5), pose(shift=(3 * step, 2 * step)), (SIZE, SIZE))
    assert brightest(placed) == (8, 7)


def test_an_object_is_scaled_then_turned_then_shifted():
    step = geometry.pixel_size(SIZE, SIZE)
    drawing = dot(CENTRE, CENTRE + 3)
    placed = geometry.place(drawing, pose(math.pi / 2, (step, 0.0), 2.0), (SIZE, SIZE))
    assert brightest(placed) == (CENTRE - 6 + 1, CENTRE)


def test_rotation_is_rigid_on_a_field_that_is_not_square():
    turned = geometry.rotate(dot(10, 20 + 8, 21, 41), torch.tensor([math.pi / 2]))
    assert brightest(turned) == (10 - 8, 20)


def test_a_larger_canvas_keeps_the_size_of_a_pixel():
    canvas = dot(15 + 4, 15, 31, 31)
    placed = geometry.place(canvas, pose(), (SIZE, SIZE), extent=30 / 20)
    torch.testing.assert_close(placed, dot(CENTRE + 4, CENTRE))


def test_the_longer_side_spans_minus_one_to_one():
    grid = geometry.pixel_grid(5, 9)
    torch.testing.assert_close(grid[0, 0], torch.tensor([-0.5, -1.0]))
    torch.testing.assert_close(grid[-1, -1], torch.tensor([0.5, 1.0]))


@settings(deadline=None)
@given(
    angle=st.floats(-7, 7),
    row=st.floats(-0.5, 0.5),
    column=st.floats(-0.5, 0.5),
    scale=st.floats(0.5, 2.0),
)
def test_to_object_undoes_the_pose(angle: float, row: float, column: float, scale: float):
    p = pose(angle, (row, column), scale)
    points = torch.randn(7, 2, generator=torch.Generator().manual_seed(0))
    forward = scale * geometry.apply(geometry.rotation(p.angle), points) + p.shift
    torch.testing.assert_close(geometry.to_object(forward, p)[0], points, rtol=1e-4, atol=1e-4)


@settings(deadline=None)
@given(angle=st.floats(-50, 50))
@example(angle=math.nextafter(-math.pi, -4))
def test_wrap_keeps_the_direction(angle: float):
    wrapped = geometry.wrap(torch.tensor(angle, dtype=torch.float64))
    assert -math.pi <= wrapped < math.pi
    assert math.cos(angle - float(wrapped)) == pytest.approx(1.0)


def test_apply_is_a_matrix_product_at_full_precision_under_autocast():
    matrix, points = torch.rand(3, 2, 2), torch.rand(3, 2)
    want = torch.einsum("nij,nj->ni", matrix, points)
    with torch.autocast("cpu", torch.bfloat16):
        got = geometry.apply(matrix, points)
    torch.testing.assert_close(got, want)


def test_the_gradient_of_a_placed_drawing_with_respect_to_the_pose():
    drawing = torch.rand(1, 1, 6, 6, dtype=torch.float64)

    def placed(angle: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return geometry.place(drawing, geometry.Pose(angle, shift, scale), (6, 6))

    angle = torch.tensor([0.31], dtype=torch.float64, requires_grad=True)
    shift = torch.tensor([[0.05, -0.07]], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([1.1], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(placed, (angle, shift, scale))


def bump(at: torch.Tensor, middle: float, width: float = 0.2) -> torch.Tensor:
    return torch.exp(-0.5 * ((at - middle) / width) ** 2)


def test_a_curve_is_stretched_about_the_middle_then_shifted():
    at = geometry.pixel_grid(1, 401)[0, :, 1]
    curve = bump(at, 0.2)[None, None, None]
    placed = geometry.place(curve, pose(shift=(0.0, 0.1), scale=1.5), (1, 401))
    want = bump(at, 1.5 * 0.2 + 0.1, 1.5 * 0.2)  # closed form; linear interpolation is off by
    torch.testing.assert_close(placed[0, 0, 0], want, rtol=0, atol=(0.005 / 0.2) ** 2 / 8)


def test_bins_of_shift_are_even_whole_points_over_the_range():
    points = geometry.shift_bins(4, 0.5, 101)  # ± 25 points
    assert points.tolist() == [-19, -6, 6, 19]
    assert geometry.shift_bins(9, 0.02, 101).tolist() == [-1, 0, 1]  # none twice


def test_a_copy_shifted_back_undoes_the_shift_and_goes_on_at_its_ends():
    curve = torch.arange(7.0).expand(1, 2, 1, 7)
    copies = geometry.shifted_back(curve, torch.tensor([0, 2, -3]))
    assert copies.shape == (1, 3, 2, 7)
    assert copies[0, :, 1].tolist() == [
        [0, 1, 2, 3, 4, 5, 6],
        [2, 3, 4, 5, 6, 6, 6],
        [0, 0, 0, 0, 1, 2, 3],
    ]
