"""Style of all figures: matplotlib settings, colours, marks for any number of points."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

DPI = 150
INK, FAINT = "#22262b", "#c9ced6"
SETTINGS: dict[Any, Any] = {
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlepad": 6,
    "axes.labelsize": 9,
    "axes.edgecolor": "#8a929c",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": "#5b636d",
    "ytick.color": "#5b636d",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "grid.color": "#e7eaee",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "image.interpolation": "nearest",
    "text.parse_math": False,  # a class may be named "$"
}

# Colour sequences of M. Petroff (arXiv 2107.02270), distinct for every kind of colour vision.
SIX = ("#5790fc", "#f89c20", "#e42536", "#964a8b", "#9c9ca1", "#7a21dd")
TEN = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
UNKNOWN = "#b4bac2"


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib settings for drawing and saving, without an effect on the user's own."""
    with mpl.rc_context(SETTINGS):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches, with constrained layout and without pyplot's global state."""
    return Figure(figsize=(width, height), layout="constrained")


def class_colours(n: int) -> list[str]:
    """Colours of n classes, the same for the same n everywhere."""
    if n <= len(SIX):
        return list(SIX[:n])
    if n <= len(TEN):
        return list(TEN[:n])
    return [mpl.colors.to_hex(c) for c in mpl.colormaps["turbo"](np.linspace(0.03, 0.97, n))]


def colours_of(label: Ints, n_classes: int) -> npt.NDArray[np.str_]:
    """The colour of each image, grey where its class is unknown."""
    return np.array([*class_colours(n_classes), UNKNOWN])[np.where(label < 0, n_classes, label)]


def class_key(figure: Figure, classes: Sequence[str], *, grey: str | None = None) -> None:
    """Add class names and colours beside the panels, with a name for grey points if given."""
    entries = list(zip(classes, class_colours(len(classes)), strict=True))
    entries += [] if grey is None else [(grey, UNKNOWN)]
    marks = [
        Line2D([], [], marker="o", linestyle="", color=c, markersize=6, label=n)
        for n, c in entries
    ]
    figure.legend(handles=marks, loc="outside right upper", handletextpad=0.2)


def cyclic_map() -> Colormap:
    """A cyclic colour map for angles: one turn of hue in Oklab, darkest at ±180°.

    Unlike matplotlib's ``twilight`` it is never near white, so that small points stay visible.
    The lightness has one period a turn, which orders the angles for colour-blind readers.
    """
    turn = np.linspace(-np.pi, np.pi, 360, endpoint=False)
    lightness, chroma = 0.62 + 0.14 * np.cos(turn), 0.125
    oklab = np.stack([lightness, chroma * np.cos(turn + 1.4), chroma * np.sin(turn + 1.4)], axis=1)
    to_lms = [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728],
              [1, -0.0894841775, -1.2914855480]]  # fmt: skip
    to_rgb = [[4.0767416621, -3.3077115913, 0.2309699292], [-1.2684380046, 2.6097574011,
              -0.3413193965], [-0.0041960863, -0.7034186147, 1.7076147010]]  # fmt: skip
    linear = np.clip((oklab @ np.transpose(to_lms)) ** 3 @ np.transpose(to_rgb), 0, 1)
    gamma = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return ListedColormap(gamma, name="turn")


def value_colours(values: Floats, tails: float = 0.005) -> tuple[Colormap, Normalize]:
    """A perceptual colour map over all values but the tails, a share at each end."""
    low, high = np.nanquantile(values, [tails, 1 - tails])
    return mpl.colormaps["viridis"], Normalize(low, max(high, low + 1e-9))


def flag_colours() -> tuple[Colormap, Normalize]:
    """Two colours for 0 and 1."""
    return ListedColormap(SIX[:2]), Normalize(-0.5, 1.5)


def angle_colours(angle_deg: Floats, period_deg: float) -> tuple[Colormap, Normalize]:
    """A cyclic colour map for angles over their whole period; else a perceptual one."""
    if np.nanquantile(np.abs(angle_deg), 0.99) > period_deg / 4:
        return cyclic_map(), Normalize(-period_deg / 2, period_deg / 2)
    return value_colours(angle_deg)


def point_size(n: int) -> float:
    """Area of one of n marks, points²."""
    return float(np.clip(450 / max(n, 1) ** 0.6, 0.5, 22))


def point_alpha(n: int) -> float:
    """Opacity of one of n marks."""
    return float(np.clip(12 / max(n, 1) ** 0.35, 0.3, 0.9))


def scatter(axes: Axes, x: Floats, y: Floats, **colour: object) -> None:
    """Draw points in random order, so that no class hides another, sized for their number."""
    n = len(x)
    order = np.random.default_rng(0).permutation(n)
    colour = {k: v[order] if isinstance(v, np.ndarray) else v for k, v in colour.items()}
    axes.scatter(
        x[order],
        y[order],
        s=point_size(n),
        alpha=point_alpha(n),
        linewidths=0,
        rasterized=True,
        **colour,  # type: ignore[arg-type]
    )


def degree_ticks(axis: Any, limit_deg: float = 180.0) -> None:
    """Set about five ticks of an x or y axis, at round angles up to ±limit_deg."""
    steps = (2, 5, 10, 15, 20, 30, 45, 60, 90)
    step = next((s for s in steps if limit_deg / s < 3), steps[-1])
    last = int(limit_deg // step) * step
    ticks = range(-last, last + 1, step)
    axis.set_ticks(list(ticks), labels=[degrees(t) for t in ticks])


def degree_bar(bar: Any, period_deg: float) -> None:
    """Give a colour bar of `angle_colours` its ticks, in degrees."""
    if bar.norm.vmax == period_deg / 2:
        degree_ticks(bar, period_deg / 2)
    else:
        bar.formatter = FuncFormatter(lambda x, _: f"{x:g}°".replace("-", "−"))
        bar.update_ticks()


def degrees(angle_deg: float) -> str:
    """An angle as text."""
    return f"{angle_deg:.0f}°".replace("-", "−")
