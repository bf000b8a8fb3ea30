"""What Hydra composes of what is typed."""

import pytest

from vaerun.config.compose import compose, expand_sweep
from vaerun.config.groups import choices


@pytest.mark.parametrize(("data", "n"), [("cards_iv", 64), ("particles", 64), ("graphene", 0)])
def test_an_rvae_is_aligned_before_training_unless_images_fill_their_field(data: str, n: int):
    assert compose(["model=rvae", f"data={data}"])["model"]["clustering"]["templates"] == n


def test_what_is_typed_wins_over_what_is_composed():
    plain = compose(["data=rotated_mnist", "data.rotation_deg=60", "model.invariances=[r,t]"])
    assert plain["data"]["rotation_deg"] == 60
    assert plain["data"]["angle_range_deg"] == 60  # an interpolation, resolved
    assert plain["model"]["invariances"] == ["r", "t"]


def test_data_are_looked_for_where_the_environment_says(monkeypatch):
    monkeypatch.setenv("VAERUN_DATA", "/somewhere")
    assert compose(["data=mnist"])["data"]["root"] == "/somewhere"


def test_combinations_come_in_the_order_of_a_nested_loop():
    assert expand_sweep(["seed=2", "model=rvae,vae", "model.latent_dim=range(2,4)"]) == [
        ["seed=2", "model=rvae", "model.latent_dim=2"],
        ["seed=2", "model=rvae", "model.latent_dim=3"],
        ["seed=2", "model=vae", "model.latent_dim=2"],
        ["seed=2", "model=vae", "model.latent_dim=3"],
    ]


def test_a_glob_runs_through_the_choices_it_fits():
    assert [one for (one,) in expand_sweep(["data=glob(cards_*)"])] == [
        f"data={name}" for name in choices("data") if name.startswith("cards_")
    ]
