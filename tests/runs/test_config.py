"""Full configs: those of the YAML are valid, those of other files are checked."""

import copy

import pytest

from vaerun.config.compose import compose
from vaerun.config.groups import choices
from vaerun.config.schema import effects
from vaerun.config.task import CONFIGS
from vaerun.runs.config import INCIDENTAL, NOT_OF_IMAGES, RunConfig, validate
from vaerun.tasks.registry import TASKS
from vaerun.utils.errors import UserError


@pytest.fixture
def plain():
    """The main job's config."""
    return compose([])


def test_the_main_job_is_an_rvae_on_cards_iv(plain):
    run = validate(plain)
    assert (run.model.name, run.data.name, run.task.name) == ("rvae", "cards_iv", "train")
    assert (run.seed, run.out, run.run, run.resume) == (0, "outputs", None, None)


@pytest.mark.parametrize(
    ("model", "data"),
    # only `pairs` have what `ved` predicts
    [(m, d) for m in choices("model") for d in choices("data") if m != "ved" or d == "pairs"],
)
def test_every_model_and_data_set_compose_to_a_valid_config(model, data):
    run = validate(compose([f"model={model}", f"data={data}"]))
    assert (run.model.name, run.data.name) == (model, data)


@pytest.mark.parametrize("experiment", choices("experiment"))
def test_every_experiment_composes_to_a_valid_config(experiment):
    validate(compose([f"experiment={experiment}"]))


@pytest.mark.parametrize(
    ("typed", "range_deg"),
    [
        (["data=mnist"], 45),
        (["data=rotated_mnist"], 90),
        (["data=rotated_mnist", "data.rotation_deg=12"], 45),
        (["data=rotated_mnist", "data.rotation_deg=0", "data.rotation_sd_deg=45"], 180),
        (["data=mnist_u"], 180),
        (["data=cards_i"], 180),
    ],
)
def test_the_orbit_covers_the_angles_that_are_drawn(typed: list[str], range_deg: float):
    assert validate(compose(typed)).model.pose.angle_range_deg == range_deg


def test_every_task_offered_is_there():
    assert set(choices("task")) == set(TASKS) == set(CONFIGS)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("task.name", "dance", "task.name=dance is not a choice — did you mean"),
        ("model.name", "os.system", "model.name=os.system is not a choice — did you mean"),
        (
            "model.pose.name",
            "orbits",
            "model.pose.name=orbits is not a choice — did you mean orbit",
        ),
        ("data.kind", "card", "data.kind=card is not a choice — did you mean cards"),
        ("model._target_", "os.system", "model._target_ is not a key of model — did you mean"),
        ("model.decoder._target_", "x", "model.decoder._target_ is not a key of model.decoder"),
        ("extra", 1, "extra is not a key of the config — did you mean"),
        ("model", 3, "model=3 is not a group of keys — give its keys: model.name"),
        ("data.kind", ["cards"], "data.kind=[cards] is not a choice — did you mean cards"),
        ("data", [], "data=[] does not say its kind — give data.kind, one of cards"),
        ("trainer", None, "trainer=null is not a group of keys — give its keys: "),
    ],
)
def test_a_config_from_elsewhere_is_proved_in_full(path, value, line, plain):
    *groups, name = path.split(".")
    part = plain
    for group in groups:
        part = part[group]
    part[name] = value
    with pytest.raises(UserError) as caught:
        validate(plain)
    assert line in str(caught.value)


def test_whatever_is_left_out_is_named(plain):
    for name in ("model", "data", "objective", "trainer", "task", "seed"):
        part = copy.deepcopy(plain)
        del part[name]
        with pytest.raises(UserError, match=rf"(^|; ){name} is missing — give "):
            validate(part)


@pytest.mark.parametrize("data", choices("data"))
def test_every_key_has_one_word_for_what_it_affects(data):
    effect = effects(RunConfig)

    def walk(values, where):
        for name, value in values.items():
            if isinstance(value, dict):
                walk(value, f"{where}{name}.")
            else:
                assert f"{where}{name}" in effect

    walk(compose([f"data={data}"]), "")
    assert effect["trainer.progress"] == effect["data.root"] == "nothing"
    assert effect["data.batch_size"] == "training"
    assert {"out", "trainer.devices"} <= INCIDENTAL < NOT_OF_IMAGES
    assert not NOT_OF_IMAGES & {"data.kind", "data.size", "data.train_size", "data.corrupt"}
