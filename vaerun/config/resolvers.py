"""Defaults in the YAML that follow from other keys: the functions behind ``${name:argument}``."""

from omegaconf import OmegaConf


def angle_range(uniform_deg: float, normal_sd_deg: float) -> float:
    """Half-range of the angles, degrees, of images turned uniformly or normally.

    At least 45, since objects are never quite aligned; 180, any angle, for a normal rotation.
    """
    return 180.0 if normal_sd_deg else min(max(float(uniform_deg), 45.0), 180.0)


WITHOUT_CLASS = ("none", "regressed")  # values of model/category=
AUTO = "auto"  # decided once the images are loaded, see `vaerun.training.auto_keys`


def canvas(fills_field: bool | str) -> float | str:
    """Side of the canonical decoder's drawing over the image's longer side.

    Where images fill their field, a rotation brings in what is outside: a factor of √2, and some
    room for shifts.
    """
    if fills_field == AUTO:
        return AUTO
    return 1.5 if fills_field else 1.0


def locate(fills_field: bool | str) -> bool | str:
    """Whether the object is looked for in an image: not where images fill their field."""
    return AUTO if fills_field == AUTO else not fills_field


def n_templates(fills_field: bool | str, category: str = "none") -> int | str:
    """Templates for each class, or of a model without classes to align its objects.

    Of the latter none where images fill their field: patches of a lattice look alike at several
    angles, and were encoded well without.
    """
    if category not in WITHOUT_CLASS:
        return 16
    if fills_field == AUTO:
        return AUTO
    return 0 if fills_field else 64


def beta_start(category: str, fills_field: bool | str) -> float | str:
    """Weight of KL(z) at the start.

    High for objects, so that the decoder first learns one drawing in one orientation. Patches of a
    lattice lie right in many orientations, and some dimensions of z that a high weight has emptied
    are not filled again: on one seed of two, vacancies never got into z. A low weight lets z
    settle on them first.
    """
    if category not in WITHOUT_CLASS:
        return 20.0
    if fills_field == AUTO:
        return AUTO
    return 0.1 if fills_field else 20.0


def pair_invariances(given: str) -> list[str]:
    """What a prediction does not depend on: the angle of images, the shift of curves."""
    return ["t"] if given == "spectra" else ["r"]


def pair_fills_field(given: str) -> bool | str:
    """Whether inputs of pairs fill their field: images are judged, curves have no corners."""
    return False if given == "spectra" else AUTO


def register() -> None:
    """Register the functions with OmegaConf."""
    for function in (
        angle_range,
        beta_start,
        canvas,
        locate,
        n_templates,
        pair_fills_field,
        pair_invariances,
    ):
        OmegaConf.register_new_resolver(function.__name__, function, replace=True)
