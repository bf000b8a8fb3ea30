"""`vaerun --help`: what there is to choose from, read from the YAML; a second, no torch."""

import itertools
import textwrap

from vaerun.config import choices

WIDTH = 98

_HEAD = """\
vaerun: invariant variational autoencoders for images

usage  vaerun [GROUP=CHOICE ...] [KEY=VALUE ...]     one run: outputs/<model>/<data>/version_<k>/
       vaerun -m model=rvae,vae seed=0,1,2           every combination
       vaerun --cfg job [...] [--resolve]            print the composed config
       vaerun --help | --version"""

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
    "data.root  .train_size  .val_size  .batch_size": "folder of data files; numbers of images",
    "trainer.max_epochs  .accelerator  .precision": "how long; cpu or gpu; 32-true, bf16-mixed",
    "seed  out  resume=auto": "of random numbers; folder of runs; go on with a run",
}

_TAIL = """\
examples
  vaerun                                             the main job: model=rvae data=cards_iv
  vaerun model=jrvae data=cards_iii seed=1           the suits found without a label"""


def page() -> str:
    """The whole help text."""
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
