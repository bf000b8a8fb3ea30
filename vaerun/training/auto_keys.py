"""Keys whose ``auto`` follows from the loaded images and the machine: their values in a run.

So does ``usual`` of `data.batch_size`. Each is resolved once, before training, and its value is
written to the run's config, so that a resumed run and all that is done with the run afterwards
have the same value.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from vaerun.config import resolvers
from vaerun.data.image_set import Splits
from vaerun.geometry import is_curve
from vaerun.models import field_filling, likelihoods
from vaerun.models.networks.resolution import needed_px
from vaerun.models.reach import reached_px
from vaerun.models.variants import MODELS
from vaerun.runs.config import RunConfig, validate
from vaerun.runs.folder import RunFolder, open_run, read_config
from vaerun.runs.manifest import RunRequest
from vaerun.training.batch_size import USUAL_SIZE, fitting_batch_size, usual_batch_size
from vaerun.training.clustering.find_classes import find_n_classes
from vaerun.training.clustering.settings import clustering_settings
from vaerun.training.hardware import Hardware
from vaerun.utils.errors import UserError

AUTO, USUAL = "auto", "usual"
_ROWS = 32  # of pixels in a training step of large images
_USUAL_CLASSES = 4  # that templates are fitted for while the number of classes is not known
_TITLES = {
    "model.category.n_classes": "classes",
    "data.fills_field": "fills field",
    "model.pose.window_px": "window",
}  # in the opening lines, if not the last word


class Resolved(NamedTuple):
    """Config and request of a run without such words, and reasons for values, by last word."""

    config: RunConfig
    request: RunRequest
    reasons: dict[str, str]


def resolve_auto(
    config: RunConfig,
    request: RunRequest,
    splits: Splits,
    hardware: Hardware,
    resumed: RunFolder | None = None,
) -> Resolved:
    """Replace each such word by a value: that of the resumed run, or one that fits the data.

    What the weights of ``model.start_from`` depend on is as in the run that they are of.

    Raises a `UserError` if not even a training step of a single image fits in GPU memory.
    """
    reasons = {}
    for key, resolve in _RESOLVERS.items():
        path = key.split(".")
        if _at(request.plain, path) not in (AUTO, USUAL):
            continue
        start = config.model.start_from
        if resumed is not None:
            value, reason = _at(read_config(resumed), path), "as when the run began"
        elif start is not None and key != "data.batch_size":
            value, reason = _at(read_config(open_run(start)), path), f"as in {start}"
        else:
            value, reason = resolve(config, splits, hardware)
        plain = _replaced(request.plain, path, value)
        config = validate(plain)
        request = replace(request, plain=plain, resolved_keys=(*request.resolved_keys, key))
        if reason:
            reasons[_TITLES.get(key, path[-1])] = f"{value}: {reason}"
    return Resolved(config, request, reasons)


def with_usual_batch_size(
    plain: Mapping[str, Any], splits: Splits, hardware: Hardware
) -> Mapping[str, Any]:
    """The values of a config with the number that ``data.batch_size=usual`` means, if it does."""
    path = ["data", "batch_size"]
    if _at(plain, path) != USUAL:
        return plain
    return _replaced(plain, path, usual_batch_size(splits.image, hardware.n_ranks))


def _at(plain: Mapping[str, Any], path: Sequence[str]) -> Any:
    """The value at a path of keys, None where there is none."""
    value: Any = plain
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _replaced(plain: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """A copy with another value at a path of keys."""
    first, *rest = path
    return {**plain, first: _replaced(plain[first], rest, value) if rest else value}


def _likelihood(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[str, str]:
    if "i" in config.model.invariances:
        return "gaussian", "gain and offset have closed forms under it"
    if config.data.of_curves:
        return "gaussian", "points of a curve are measured values"
    return likelihoods.choose(splits.pixels)


def _fills_field(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[bool, str]:
    """Whether images have no empty margin, unless they have one object on its own."""
    fills, reason = field_filling.judge(splits.train.images)
    return fills, reason


def _locate(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[bool | str, str]:
    return resolvers.locate(config.data.fills_field), ""


def _window_px(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[int, str]:
    """All but the corners of images that fill their field, else what objects reach."""
    sides, model = splits.image[1:], config.model
    if is_curve(sides[0]):
        return max(sides), ""
    if config.data.fills_field:
        return min(sides), "pixels across the circle that the encoder sees, without the corners"
    centred = model.pose.locate and "t" in model.invariances
    reached = reached_px(splits.train.images, centred=centred, sized="s" in model.invariances)
    return reached, "pixels across the circle that objects reach, which the encoder sees"


def _canvas(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[float | str, str]:
    return resolvers.canvas(config.data.fills_field), ""


def _copies_px(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[int, str]:
    seen, _ = needed_px(splits.train.images)
    whole = config.data.of_curves or seen >= max(splits.image[1:])
    return seen, "" if whole else "the encoder's copies of large images"


def _drawing_px(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[int, str]:
    _, drawn = needed_px(splits.train.images)
    whole = config.data.of_curves or drawn >= max(splits.image[1:])
    return drawn, "" if whole else "finer ones would add next to nothing"


def _every_row(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[int, str]:
    every = max(splits.image[1] // _ROWS, 1)
    return every, "" if every == 1 else "rows of pixels in a training step"


def _every_drawn_row(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[Any, str]:
    return config.data.every_row, ""


def _templates(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[int | str, str]:
    category = config.model.category.name
    return resolvers.n_templates(config.data.fills_field, category), ""


def _beta_start(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[float | str, str]:
    category = config.model.category.name
    return resolvers.beta_start(category, config.data.fills_field), ""


def _n_classes(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[int, str]:
    """Number of classes of a model that infers them, by clustering the training images.

    Raises a `UserError` if they are of one kind.
    """
    if MODELS[config.model.name].learns_labels:
        return splits.shape.n_classes, "as many as are labelled"
    settings = clustering_settings(config.model, _USUAL_CLASSES)
    if settings is None:
        raise UserError(
            "model.category.n_classes=auto needs the clustering that model.clustering.templates=0 "
            "leaves out",
            "give the number, as in model.category.n_classes=2",
        )
    found = find_n_classes(
        splits.train.images,
        settings,
        config.seed,
        hardware.torch_device,
        mixed=hardware.precision != "32-true",
    )
    if found.n_classes < 2:
        raise UserError(
            "model.category.n_classes=auto finds only one class in the images",
            "use model=rvae, or give their number, as in model.category.n_classes=2",
        )
    return found.n_classes, found.reason


def _batch_size(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[int, str]:
    if config.data.batch_size == USUAL:
        n = usual_batch_size(splits.image, hardware.n_ranks)
        return n, "" if n == USUAL_SIZE else "images are large"
    return fitting_batch_size(config, splits, hardware), ""


# a batch is tried on a network, which has its likelihood by then
_RESOLVERS: dict[str, Callable[[RunConfig, Splits, Hardware], tuple[Any, str]]] = {
    "data.fills_field": _fills_field,
    "data.every_row": _every_row,
    "model.decoder.every_row": _every_drawn_row,
    "model.decoder.drawing_px": _drawing_px,
    "model.pose.copies_px": _copies_px,
    "model.pose.locate": _locate,
    "model.pose.window_px": _window_px,
    "model.decoder.canvas": _canvas,
    "model.clustering.templates": _templates,
    "objective.beta_start": _beta_start,
    "model.likelihood": _likelihood,
    "model.category.n_classes": _n_classes,
    "data.batch_size": _batch_size,
}
