"""`vaerun [task=…] --help`: what there is to choose from, read from the YAML; no torch."""

import itertools
import textwrap

from vaerun.config import schema
from vaerun.config.groups import choices
from vaerun.config.task import CONFIGS
from vaerun.utils.errors import invalid_choice

WIDTH = 98

_HEAD = """\
vaerun: invariant variational autoencoders for images

usage  vaerun [GROUP=CHOICE ...] [KEY=VALUE ...]     one run: outputs/<model>/<data>/version_<k>/
       vaerun -m model=rvae,vae seed=0,1,2           every combination
       vaerun --cfg job [...] [--resolve]            print the composed config; also --version"""

# Long lists of names do with one line each; the others get a phrase for every choice.
_GROUPS = (
    "task",
    "model",
    "model/decoder",
    "model/pose",
    "model/category",
    "data",
    "objective",
    "experiment",
)

_OF_GROUP = {"experiment": "    one result: paper/ with the paper's settings (hours), best/ ours"}

_KEYS = {
    "model.invariances=[r,t,s]": "rotation, translation, scale: any of them",
    "model.latent_dim  model.hidden=[256,256]": "content dimensions; widths of the layers",
    "data.path  run": "your own files; a finished run",
    "data.root  .train_size  .val_size  .batch_size": "folder of data files; numbers of images",
    "trainer.max_epochs  .accelerator  .devices": "how long; cpu or gpu; how many train together",
    "-m  sweep.jobs  .metric  hydra/launcher=slurm": "several runs: at a time, best, on a cluster",
    "seed  out  resume=auto": "of random numbers; folder of runs; go on with a run",
}

_TAIL = """\
examples
  vaerun                                             the main job: model=rvae data=cards_iv
  vaerun model=jrvae data=cards_iii seed=1           the suits found without a label
  vaerun task=encode --help                          more about one task"""

_RUN = "outputs/rvae/cards_iv/version_0"
_OF_TASK = {
    "train": (
        "writes  outputs/<model>/<data>/version_<k>/: report.html, latents.h5, metrics.json, …",
        "vaerun",
        "vaerun model=rvae data=images data.path=particles.h5",
        "vaerun model=rvae data=cards_iv resume=auto",
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
        "writes  outputs/compare/runs/version_<k>/: table.md, table.csv, figures/",
        "vaerun task=compare run='[outputs/*/cards_iv/*]'",
        "vaerun task=compare run='[a/*,b/*]' task.metrics=[knn_accuracy,elbo.loss]",
    ),
    "tune": (
        "writes  outputs/tune/<model>_<data>/study_<digits>/: table.md, figures/, trials/",
        "vaerun task=tune model=jrvae data=cards_iv        the same again goes on, or shares",
        "vaerun task=tune model=rvae task.objective=knn_accuracy trainer.learning_rate=1e-3",
        "vaerun task=tune model=vae data=mnist task.space=mine.yaml task.n_trials=100",
    ),
    "atoms": (
        "writes  outputs/atoms/<data>/version_<k>/: atoms.h5, an overlay of every frame",
        "vaerun task=atoms data=graphene data.path='frames/*.h5'",
    ),
}


def page(task: str | None = None) -> str:
    """The whole help text, or that of one task.

    Raises
    ------
    UserError
        If there is no such task.
    """
    return _whole() if task is None else _of_task(task)


def _of_task(task: str) -> str:
    """What a task does, the keys of its own, examples."""
    phrases = choices("task")
    if task not in phrases:
        raise invalid_choice("task", task, list(phrases))
    writes, *examples = _OF_TASK.get(task, ("",))
    keys = {
        f"task.{name}": help
        for name, help in schema.help_texts(CONFIGS[task]).items()
        if name != "name"
    }
    parts = [f"task={task}: {phrases[task]}", writes]
    parts += ["\n".join(["keys", *_rows(keys, 16)])] if keys else []
    parts += ["\n".join(["examples", *(f"  {line}" for line in examples)])] if examples else []
    return "\n\n".join(filter(None, [*parts, "vaerun --help lists all that can be chosen"]))


def _whole() -> str:
    parts = [_HEAD]
    for group in _GROUPS:
        phrases = choices(group)
        if phrases:
            rows = _names(phrases) if group == "experiment" else _rows(phrases, 16)
            parts.append("\n".join([f"{group}={_OF_GROUP.get(group, '')}", *rows]))
    parts.append("\n".join(["keys (vaerun --cfg job shows them all)", *_rows(_KEYS, 42)]))
    parts.append(_TAIL)
    return "\n\n".join(parts)


def _names(phrases: dict[str, str]) -> list[str]:
    """Names alone, as many to a line as fit, after the folder that they share."""
    rows = []
    for folder, names in itertools.groupby(sorted(phrases), lambda name: name.split("/")[0]):
        mine = "  ".join(name.removeprefix(f"{folder}/") for name in names)
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
