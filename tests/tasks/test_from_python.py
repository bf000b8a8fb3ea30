"""`vaerun.train` is the command line in Python: same run, same answers to wrong words."""

import pytest

import vaerun as package
from vaerun.utils.errors import UserError

SMALL = (
    "data=cards_iv",
    "data.train_size=60",
    "data.val_size=40",
    "data.repeats=1",
    "model.hidden=[12,10]",
    "model.clustering.templates=0",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
)


def test_training_returns_the_run_that_a_notebook_shows(here, vaerun):
    run = package.train(*SMALL, "out=from python")
    assert run.path.relative_to("from python").as_posix() == "rvae/cards_iv/version_0"
    assert vaerun(*SMALL)[0] == 0
    typed = package.load(here / "outputs/rvae/cards_iv/version_0")
    assert run.metrics["elbo"] == typed.metrics["elbo"]
    assert "<img" in run._repr_html_()
    assert f"{run.metrics['elbo']['loss']:.1f} nats per image" in run._repr_html_()
    assert "40 validation" in run._repr_html_()
    assert "plot-plane" in run.explore()._repr_html_()
    assert "<iframe" in run.explore(height_px=300)._repr_html_()
    assert len(run.latents.to_dataframe()) == 100


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["model=rvea"], "model=rvea is not a choice — did you mean rvae"),
        (["task=compare"], "task=compare does not train — type it in a terminal"),
    ],
)
def test_wrong_words_are_answered_as_on_the_command_line(words, answer):
    with pytest.raises(UserError, match=answer) as raised:
        package.train(*words)
    (line,) = raised.value._render_traceback_()
    assert line.startswith(f"error: {answer[:20]}")
