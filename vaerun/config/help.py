"""The text of `vaerun [task=…] --help`, with the choices of the YAML; imports no torch."""

import dataclasses
import itertools
import textwrap

from vaerun.config.groups import GROUPS, choices
from vaerun.config.task import CONFIGS
from vaerun.utils.errors import invalid_choice

WIDTH = 98

_HEAD = """\
vaerun: invariant variational autoencoders for images

usage  vaerun [GROUP=CHOICE ...] [KEY=VALUE ...]     one run: outputs/<model>/<data>/version_<k>/
       vaerun -m model=rvae,vae seed=0,1,2           every combination
       vaerun --cfg job [...] [--resolve]            print the composed config; also --version
       vaerun --report-bug [run=...]                 print what a bug report needs"""

_EXPERIMENTS = "experiment=    one result: paper/ with the paper's settings (hours), best/ ours"

_KEYS = {
    "model.latent_dim  model.invariances=[r,t,s,i]": "of content; rotation, shift, scale, gain",
    "data.root  .train_size  .val_size  .batch_size": "folder of data files; numbers of images",
    "trainer.max_epochs  .accelerator  .devices": "how long; cpu or gpu; how many train together",
    "-m  sweep.jobs  .metric  hydra/launcher=slurm": "several runs: at a time, best, on a cluster",
    "seed  out  resume=auto": "of random numbers; folder of runs; continue a run",
}

_TAIL = """\
examples   vaerun: the main job, model=rvae data=cards_iv; vaerun task=encode --help: one task"""

_RUN = "outputs/rvae/cards_iv/version_0"
_OF_TASK = {
    "train": (
        "writes  outputs/<model>/<data>/version_<k>/: report.html, latents.h5, metrics.json, …",
        "vaerun",
        "vaerun model=rvae data=images data.path=particles.h5",
        "vaerun model=rvae data=cards_iv resume=auto",
        f"vaerun data.from_run={_RUN} 'data.drop=error>0.05'",
    ),
    "evaluate": (
        "writes  outputs/evaluate/<data>/version_<k>/: as training, but for checkpoints",
        f"vaerun task=evaluate run={_RUN}",
        f"vaerun task=evaluate run={_RUN} data=cards_iii",
    ),
    "encode": (
        "writes  outputs/encode/<data>/version_<k>/: latents.h5, latents.csv, figures/",
        f"vaerun task=encode run={_RUN} data=images data.path=new.h5",
        f"vaerun task=encode run={_RUN} data=images data.path=new/ task.csv=true",
    ),
    "compare": (
        "writes  outputs/compare/runs/version_<k>/: compare.html, table.md, table.csv, figures/",
        "vaerun task=compare run=outputs                   all trained runs below",
        "vaerun task=compare run='[outputs/*/cards_iv/*]'",
        "vaerun task=compare run='[a/*,b/*]' task.metrics=[knn_accuracy,elbo.loss]",
    ),
    "tune": (
        "writes  outputs/tune/<model>_<data>/study_<digits>/: table.md, figures/, trials/",
        "vaerun task=tune model=jrvae data=cards_iv        given again: continues, or shares",
        "vaerun task=tune model=rvae task.objective=knn_accuracy trainer.learning_rate=1e-3",
        "vaerun task=tune model=vae data=mnist task.space=mine.yaml task.n_trials=100",
    ),
    "atoms": (
        "writes  outputs/atoms/<data>/version_<k>/: atoms.h5, an overlay of every frame",
        "vaerun task=atoms data=graphene data.path='frames/*.h5'",
    ),
}


def page(task: str | None = None) -> str:
    """The help text of the program, or of one task; a `UserError` if there is no such task."""
    return _program_page() if task is None else _task_page(task)


def _task_page(task: str) -> str:
    phrases = choices("task")
    if task not in phrases:
        raise invalid_choice("task", task, list(phrases))
    writes, *examples = _OF_TASK.get(task, ("",))
    keys = {
        f"task.{field.name}": field.metadata["help"]
        for field in dataclasses.fields(CONFIGS[task])
        if field.name != "name"
    }
    parts = [f"task={task}: {phrases[task]}", writes]
    parts += ["\n".join(["keys", *_rows(keys, 16)])] if keys else []
    parts += ["\n".join(["examples", *(f"  {line}" for line in examples)])] if examples else []
    return "\n\n".join(filter(None, [*parts, "vaerun --help lists all that can be chosen"]))


def _program_page() -> str:
    sections = [
        [f"{group}=", *_rows(choices(group), 16)]
        for group in GROUPS
        if group not in ("trainer", "experiment")
    ]
    sections.append([_EXPERIMENTS, *_names(choices("experiment"))])
    sections.append(["keys (vaerun --cfg job shows them all)", *_rows(_KEYS, 42)])
    blocks = ["\n".join(lines) for lines in sections]
    page = "\n\n".join([_HEAD, *blocks, _TAIL])
    for together in ("model/", "objective=", "examples"):  # parts of a model stand with it
        page = page.replace(f"\n\n{together}", f"\n{together}")
    return page


def _names(phrases: dict[str, str]) -> list[str]:
    """Names without phrases, as many to a line as fit, after the folder that they share."""
    rows = []
    for folder, names in itertools.groupby(sorted(phrases), lambda name: name.split("/")[0]):
        mine = " ".join(name.removeprefix(f"{folder}/") for name in names)
        rows += textwrap.wrap(
            mine, WIDTH, initial_indent=f"  {folder + '/':<8}", subsequent_indent=" " * 10
        )
    return rows


def _rows(phrases: dict[str, str], column: int) -> list[str]:
    """One line for each name with its phrase, cut to the width of a terminal."""
    pad = max(column, *(len(name) for name in phrases)) + 2
    return [
        f"  {name:<{pad}}{textwrap.shorten(phrase, WIDTH - pad - 2, placeholder=' ...')}".rstrip()
        for name, phrase in phrases.items()
    ]
