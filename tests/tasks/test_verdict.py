"""The checks of a run, through the real command: in metrics.json, terminal and report."""

import json
import shlex

import numpy as np
import pytest
import torch

from vaerun.config.overrides import split_override
from vaerun.geometry import rotate
from vaerun.tasks.verdict import mended_command

SMALL = ("model.hidden=[32]", "trainer.max_epochs=1", "data.epochs=1", "trainer.progress=false",
         "objective.pseudo_label_steps=20", "model.pose.bins=4")  # fmt: skip


def write_letters(path, sense):
    """200 turned letters with their angle, counter-clockwise times ``sense``."""
    letter = torch.zeros(1, 1, 20, 20)
    letter[..., 4:16, 7:9] = letter[..., 4:6, 7:14] = 1
    angle = np.random.default_rng(0).uniform(-3, 3, 200).astype("f4")
    images = rotate(letter.expand(200, -1, -1, -1), torch.from_numpy(angle))[:, 0].numpy()
    np.savez(path, images=images, angle=sense * angle)


def test_checks_are_written_printed_and_reported(vaerun, here):
    write_letters(here / "letters.npz", 1)
    status, output, _ = vaerun(
        "model=rvae", "data=images", "data.path=letters.npz", "data.factors=[angle]", *SMALL
    )
    assert status == 0
    folder = here / "outputs/rvae/images/version_0"
    checks = json.loads((folder / "metrics.json").read_text())["checks"]
    assert checks["converged"]["passed"] is False  # one epoch
    mend = checks["converged"]["mend"]
    assert shlex.split(mend)[0] == "vaerun"
    typed = {split_override(word)[0]: word for word in shlex.split(mend)[1:]}
    assert typed["trainer.max_epochs"] == "trainer.max_epochs=12"
    assert typed["data.path"] == "data.path=letters.npz"
    text = "\n".join(output)
    assert "Checks" in text
    assert "✗ Converged without overfitting: After 1 epochs" in text.replace("after", "After")
    assert mend in text
    page = (folder / "report.html").read_text()
    assert page.index('id="checks"') < page.index('id="explore"')
    assert "Converged without overfitting" in page
    for name in checks:
        if (folder / f"figures/check_{name}.png").exists():
            assert f'alt="{checks[name]["title"]}"' in page
    made = {name for name, check in checks.items() if check["passed"] is not None}
    assert {"converged", "latents_used", "noise_left", "pose_follows"} <= made


@pytest.mark.parametrize(
    ("typed", "mend", "command"),
    [
        (["model=vae", "seed=1"], ["model=rvae"], "vaerun model=rvae seed=1"),
        (["data=mnist"], ["model.latent_dim=4"], "vaerun data=mnist model.latent_dim=4"),
        (["seed=1", "model=vae", "seed=2"], ["seed=3"], "vaerun seed=3 model=vae"),
        (["resume=auto", "out=a", "task=train"], ["a=1"], "vaerun a=1"),
        (["data.path=a b.npy"], ["model.invariances=[r,t]"],
         "vaerun 'data.path=a b.npy' 'model.invariances=[r,t]'"),
    ],
)  # fmt: skip
def test_a_mend_is_the_runs_own_command_with_what_changes(typed, mend, command):
    assert mended_command(typed, mend) == command
