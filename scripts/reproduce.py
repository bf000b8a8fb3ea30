"""Runs the experiments behind each result over seeds and sets ours beside the paper's.

python scripts/reproduce.py                                    # every row
python scripts/reproduce.py --list
python scripts/reproduce.py jrvae_cards_iii --seeds 0,1 --jobs 2 --write RESULTS.md
python scripts/reproduce.py -- data.root=data/mnist            # overrides for every run

What is finished is kept in `<out>/runs.json`, so that the same command goes on where it stopped.
"""

import argparse
import dataclasses
import datetime
import json
import operator
import os
import platform
import shlex
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vaerun.analysis.headline import known
from vaerun.dispatch import DONE, FAILED, guarded
from vaerun.errors import UserError
from vaerun.faults import nearest
from vaerun.manifest import read_manifest
from vaerun.provenance import git_revision, package_versions
from vaerun.runs import RunFolder, write_text

Reduction = Callable[[list[float]], float]
REDUCTIONS: dict[str, Reduction] = {"min": min, "max": max, "mean": statistics.mean}
SIGNS = {">=": "≥", "<=": "≤"}
SHOWN = {"": (1, ""), "%": (100, " %"), "°": (1, "°"), "dB": (1, " dB")}  # unit → factor, suffix
OURS = ("experiment", "seed", "out", "resume")  # keys that no further override may set


@dataclass(frozen=True)
class Measure:
    """One number of `metrics.json`, what the paper has for it, and what is to be reached.

    Attributes
    ----------
    path
        Keys with dots between; a list is reduced by ``:min``, ``:max`` or ``:mean`` at the end.
    unit, digits
        How it is shown; ``%`` is for a share.
    target, direction
        The mean over seeds is to be ``>=`` or ``<=`` this; None where it is only reported.
    """

    title: str
    path: str
    unit: str = ""
    digits: int = 2
    paper: str = "–"
    target: float | None = None
    direction: str = ">="


@dataclass(frozen=True)
class Row:
    """One result: an experiment and what is measured of its runs, one run a seed."""

    name: str
    experiment: str
    measures: tuple[Measure, ...]
    n_seeds: int = 3
    overrides: tuple[str, ...] = ()


def _found(target: float | None, paper: str = "–", title: str = "classes found") -> Measure:
    return Measure(f"{title}, one to one", "clustering.hungarian", "%", 2, paper, target)


def _told(target: float, paper: str = "–") -> Measure:
    return Measure("class accuracy", "classification.accuracy", "%", 2, paper, target)


# The results with classes, what is measured of them, and on which harder images once more.
_CLASSES = {"jrvae_cards_iii": _found, "jrvae_cards_iv": _found,
            "ssrvae_cards_iii": _told, "ssrvae_cards_iv": _told}  # fmt: skip
_HARDER = {"noise": ("data.noise_sd=0.3",),
           "shift": ("data.shift_px=4", "model.invariances=[r,t]")}  # fmt: skip
_PSNR = (
    Measure("PSNR gained", "psnr.gain_db", "dB", 2, "figure only", 8),
    Measure("PSNR of the input", "psnr.input_db", "dB"),
    Measure("PSNR of the output", "psnr.output_db", "dB"),
)

ROWS = (
    Row("jrvae_cards_iii", "best/jrvae_cards_iii", (
        _found(0.995, "82.11 % (majority)"),
        Measure("classes found, majority", "clustering.majority", "%", 2, "82.11 %"),
    ), 5),
    Row("jrvae_cards_iv", "best/jrvae_cards_iv", (_found(0.99),), 5),
    Row("ssrvae_cards_iii", "best/ssrvae_cards_iii", (_told(0.995, "98.4 %"),), 5),
    Row("ssrvae_cards_iv", "best/ssrvae_cards_iv", (_told(0.99, "82.9 %"),), 5),
    *(Row(f"{name}_{kind}", f"best/{name}", (measure(0.97),), overrides=overrides)
      for kind, overrides in _HARDER.items() for name, measure in _CLASSES.items()),
    Row("rvae_cards_iii", "best/rvae_cards_iii", (
        Measure("ground states, most of any suit", "angle.ground_states:max", "", 1,
                "hearts 2", 1, "<="),
        Measure("angle agreement R, least of any suit", "angle.resultant:min", "", 3, "–", 0.98),
    ), 5),
    Row("crvae_cards_iv", "best/crvae_cards_iv", (
        Measure("shear told by z, R²", "factors.shear.r2_within_class", "", 3,
                "figure only", 0.98),
        Measure("angle error, shear allowed for", "angle.mae_deg_given_factors:mean", "°", 1,
                "–", 8, "<="),
    )),
    Row("rvae_graphene", "best/rvae_graphene", (
        Measure("sublattices told by the angle", "lattice.sublattice_accuracy", "%", 2,
                "figure only", 0.98),
        Measure("peaks of the angle apart", "lattice.peak_separation_deg", "°", 1, "60°"),
        Measure("defects told by z, ROC area", "lattice.defect_auc", "", 3, "–", 0.95),
    )),
    *(Row(f"ssrvae_graphene{kind}", "best/ssrvae_graphene", (
        Measure("class accuracy", "classification.accuracy", "%", 2, "74.6 %", 0.92),
        Measure("mean of the classes", "classification.balanced_accuracy", "%", 2, "–", 0.85),
    ), overrides=other) for kind, other in (("", ()), ("_movie", ("data.val_movies=[100]",)))),
    Row("jrvae_graphene", "best/jrvae_graphene", (
        Measure("ideal or defective, by two classes", "lattice.two_class_accuracy", "%", 2,
                "figure only", 0.90),
    )),
    Row("jrvae_mnist", "best/jrvae_mnist", (_found(0.90),)),
    Row("vae_mnist", "best/vae_mnist", (_found(None, title="k-means on z"),)),
    Row("ae_mnist_noise", "best/ae_mnist_noise", _PSNR),
    Row("ae_mnist_mask", "best/ae_mnist_mask", _PSNR),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one run ended; a run that failed has no folder, no metrics and an empty manifest."""

    row: Row
    seed: int
    said: str
    folder: Path | None = None
    seconds: float | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One measure over the seeds of its row: a line of the table.

    A value is None where the run failed or has no such number, and `passed` then False; `sd` is
    that of the sample, None below two values; `passed` is None where there is no target.
    """

    row: Row
    measure: Measure
    outcomes: Sequence[Outcome]
    values: Sequence[float | None]
    mean: float | None
    sd: float | None
    passed: bool | None


def over_seeds(row: Row, measure: Measure, outcomes: Sequence[Outcome]) -> Line:
    """The values of a measure, their mean and spread, and whether the mean reaches the target."""
    values = [extract(outcome.metrics, measure.path) for outcome in outcomes]
    numbers = known(values)
    mean = statistics.mean(numbers) if numbers else None
    sd = statistics.stdev(numbers) if len(numbers) > 1 else None
    passed = None if measure.target is None else False
    if measure.target is not None and mean is not None and None not in values:
        reaches = operator.ge if measure.direction == ">=" else operator.le
        passed = reaches(mean, measure.target)
    return Line(row, measure, outcomes, values, mean, sd, passed)


def extract(metrics: Mapping[str, Any], path: str) -> float | None:
    """The number at a path such as ``angle.resultant:min``, None where there is none.

    Examples
    --------
    >>> extract({"angle": {"resultant": [0.9, None, 0.7]}}, "angle.resultant:min")
    0.7
    """
    keys, _, reduction = path.partition(":")
    found: Any = metrics
    for key in keys.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    if reduction:
        numbers = known(found)
        found = REDUCTIONS[reduction](numbers) if numbers else None
    return None if found is None else float(found)


def command(words: Sequence[str]) -> list[str]:
    """The process that makes a run of these overrides."""
    return [sys.executable, "-m", "vaerun", *words]


@dataclass
class Runner:
    """Makes runs, each in a process of its own, and remembers those that finished."""

    out: Path
    extra: tuple[str, ...] = ()
    jobs: int = 1
    fresh: bool = False
    _children: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run_all(self, asked: Sequence[tuple[Row, int]]) -> list[Outcome]:
        """The outcome of every row and seed asked for, in that order; a line for each."""
        with ThreadPoolExecutor(self.jobs) as pool:
            futures: list[Future[Outcome]] = [pool.submit(self._run, *pair) for pair in asked]
            try:
                for i, future in enumerate(as_completed(futures), start=1):
                    print(f"{i}/{len(futures)} {future.result().said}", flush=True)
            except BaseException as stop:
                pool.shutdown(wait=False, cancel_futures=True)
                # Ctrl-C reaches the runs by itself, SIGTERM does not.
                for child in self._children.copy() if isinstance(stop, SystemExit) else ():
                    child.terminate()
                raise
        return [future.result() for future in futures]

    def _run(self, row: Row, seed: int) -> Outcome:
        """One run, made or found among those that finished."""
        words = [f"experiment={row.experiment}", *row.overrides, f"seed={seed}", *self.extra]
        key = shlex.join(words)
        log = self.out / "logs" / f"{row.name}_seed{seed}.log"
        kept = {} if self.fresh else self._ledger().get(key, {})
        folder, seconds = self.out / kept.get("folder", ""), kept.get("seconds")
        made_now = not kept or read_manifest(RunFolder(folder)).get("status") != "finished"
        if made_now:
            begin = time.monotonic()
            status = self._process([*words, f"out={self.out}"], log)
            seconds = round(time.monotonic() - begin, 1)
            named = _named_folder(log)
            if status != 0 or named is None:
                said = f"{row.name} seed {seed}: failed with status {status}, see {log}"
                return Outcome(row=row, seed=seed, said=said)
            folder = named
            self._remember(key, folder, seconds)
        metrics = json.loads(RunFolder(folder).metrics_json.read_text(encoding="utf-8"))
        measured = [f"{m.title} {_shown(m, extract(metrics, m.path))}" for m in row.measures]
        how = f"{seconds:.0f} s" + ("" if made_now else ", kept from before")
        said = f"{row.name} seed {seed}: {how}; {', '.join(measured)}"
        return Outcome(row=row, seed=seed, said=said, folder=folder, seconds=seconds,
                       metrics=metrics, manifest=read_manifest(RunFolder(folder)))  # fmt: skip

    def _process(self, words: list[str], log: Path) -> int:
        """Exit status of a run whose output goes to a log."""
        environment = dict(os.environ)
        if self.jobs > 1:
            environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // self.jobs))
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as stream, subprocess.Popen(
            command(words), stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
            env=environment,
        ) as child:  # fmt: skip
            self._children.add(child)
            status = child.wait()
            self._children.discard(child)
        return status

    def _ledger(self) -> dict[str, dict[str, Any]]:
        """Command of each finished run → its folder, as seen from `out`, and its seconds."""
        path = self.out / "runs.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def _remember(self, key: str, folder: Path, seconds: float) -> None:
        entry = {"folder": os.path.relpath(folder, self.out), "seconds": seconds}
        with self._lock:
            text = json.dumps(self._ledger() | {key: entry}, indent=2, ensure_ascii=False)
            write_text(self.out / "runs.json", text + "\n")


def _named_folder(log: Path) -> Path | None:
    """The folder in the last line that begins with ``run:``; warnings may follow it."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    named = [line.removeprefix("run: ") for line in lines if line.startswith("run: ")]
    return Path(named[-1]) if named else None


def _shown(measure: Measure, value: float | None, *, unit: bool = True) -> str:
    """A value as people read it."""
    if value is None:
        return "–"
    factor, suffix = SHOWN[measure.unit]
    number = f"{factor * value:.{measure.digits}f}".replace("-", "−")
    return number + suffix if unit else number


def _goal(measure: Measure) -> str:
    if measure.target is None:
        return "–"
    factor, suffix = SHOWN[measure.unit]
    return f"{SIGNS[measure.direction]} {factor * measure.target:g}{suffix}"


def _ours(line: Line) -> str:
    """Mean ± sd with the number of seeds, and of how many where some have no value."""
    if line.mean is None:
        return "–"
    mean = _shown(line.measure, line.mean, unit=line.sd is None)
    spread = "" if line.sd is None else f" ± {_shown(line.measure, line.sd)}"
    n, asked = len(known(line.values)), len(line.values)
    return f"{mean}{spread} (n = {n}{'' if n == asked else f' of {asked}'})"


def _cells(line: Line) -> list[str]:
    """A line of the table; the order is that of its head in `markdown`."""
    each = [
        "failed" if outcome.folder is None else _shown(line.measure, value, unit=False)
        for outcome, value in zip(line.outcomes, line.values, strict=True)
    ]
    dims = known([outcome.metrics.get("latent_dim") for outcome in line.outcomes])
    seconds = known([outcome.seconds for outcome in line.outcomes])
    return [
        f"`{line.row.name}` ({dims[0] if dims else '–'})",
        line.measure.title,
        line.measure.paper,
        _goal(line.measure),
        _ours(line),
        ", ".join(each),
        f"{statistics.mean(seconds) / 60:.1f}" if seconds else "–",
        {True: "✓", False: "✗", None: "–"}[line.passed],
    ]


def about(words: Sequence[str], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """When, from what, on what and by which command the comparison was made."""
    versions = package_versions()
    manifests = [outcome.manifest for outcome in outcomes if outcome.manifest]
    return {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "vaerun": versions["vaerun"],
        "revision": _short(git_revision()),
        "revisions_of_runs": sorted({_short(m.get("git_revision")) for m in manifests}),
        "python": versions["python"],
        "torch": versions.get("torch"),
        "cores": os.cpu_count(),
        "devices": sorted({m["device"] for m in manifests}) or [platform.machine()],
        "command": shlex.join(["python", "scripts/reproduce.py", *words]),
    }


def _short(revision: str | None) -> str:
    """A revision in seven digits, still saying whether files differed from it."""
    commit, dash, state = (revision or "none").partition("-")
    return commit[:7] + dash + state


def markdown(about: Mapping[str, Any], lines: Sequence[Line]) -> str:
    """The comparison as a page."""
    head = ["result", "measure", "paper", "to reach", "ours (mean ± sd over n seeds)", "each seed",
            "min a run", ""]  # fmt: skip
    table = [head, ["---"] * len(head), *map(_cells, lines)]
    others = ", ".join(r for r in about["revisions_of_runs"] if r != about["revision"])
    page = [
        "# The paper's results and ours",
        "",
        f"{about['date']} (UTC). vaerun {about['vaerun']}, revision {about['revision']}"
        + (f" (there are runs of revision {others})" if others else "")
        + f"; Python {about['python']}, torch {about['torch']}; {about['cores']} cores, run on "
        + f"{'; '.join(about['devices'])}.",
        "",
        "```bash",
        about["command"],
        "```",
        "",
        *("| " + " | ".join(cells) + " |" for cells in table),
        "",
        "How to read it: in brackets after a result stands the dimension of its latent z. All"
        " numbers are of validation images, which are drawn independently of the training"
        " images (for MNIST, its test file). Ours is the mean ± the sample standard deviation"
        " over seeds. ✓: the mean reaches what is to be reached; ✗: it does not, or a run failed"
        " or lacks the number; –: nothing is asked. The paper's cards are scanned, ours drawn.",
    ]
    return "\n".join(page) + "\n"


def as_json(about: Mapping[str, Any], lines: Sequence[Line], outcomes: Sequence[Outcome]) -> str:
    """The comparison for programs: every line of the table, every run."""
    results = [
        {"result": line.row.name, "experiment": line.row.experiment,
         "overrides": line.row.overrides, **dataclasses.asdict(line.measure),
         "seeds": [outcome.seed for outcome in line.outcomes], "values": line.values,
         "n": len(known(line.values)), "mean": line.mean, "sd": line.sd, "passed": line.passed}
        for line in lines
    ]  # fmt: skip
    runs = [
        {"result": outcome.row.name, "seed": outcome.seed, "failed": outcome.folder is None,
         "folder": None if outcome.folder is None else str(outcome.folder),
         "seconds": outcome.seconds, "latent_dim": outcome.metrics.get("latent_dim"),
         "git_revision": outcome.manifest.get("git_revision"),
         "device": outcome.manifest.get("device")}
        for outcome in outcomes
    ]  # fmt: skip
    whole = {**about, "results": results, "runs": runs}
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for; 0 done, 1 a run failed, 2 wrong input, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _reproduce(words))


def _reproduce(words: list[str]) -> int:
    end = words.index("--") if "--" in words else len(words)
    asked = _parser().parse_intermixed_args(words[:end])
    extra = tuple(words[end + 1 :])
    rows = _chosen(asked.rows)
    for word in extra:
        if word.partition("=")[0] in OURS:
            raise UserError(f"{word} is for this script to set", "see --help for its options")
    if asked.list:
        _list(rows)
        return DONE
    pairs = [(row, seed) for row in rows for seed in asked.seeds or range(row.n_seeds)]
    runner = Runner(asked.out.expanduser(), extra, max(1, asked.jobs), asked.fresh)
    outcomes = runner.run_all(pairs)
    lines = [over_seeds(row, measure, [o for o in outcomes if o.row is row])
             for row in rows for measure in row.measures]  # fmt: skip
    page = (asked.write or asked.out / "results.md").expanduser()
    provenance = about(words, outcomes)
    write_text(page, markdown(provenance, lines))
    write_text(page.with_suffix(".json"), as_json(provenance, lines, outcomes))
    verdicts = known([line.passed for line in lines])
    n_failed = sum(outcome.folder is None for outcome in outcomes)
    print(f"{sum(verdicts)} of {len(verdicts)} targets reached, {n_failed} failed runs; {page}")
    return FAILED if n_failed else DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/reproduce.py",
        usage="%(prog)s [ROW ...] [options] [-- KEY=VALUE ...]",
        description="Run the experiments behind each result over seeds and write the comparison"
        " with the paper, as Markdown and as JSON. What has finished is not run again.",
        epilog="What follows -- goes to every run, such as: -- data.root=data/mnist",
    )
    add = parser.add_argument
    add("rows", nargs="*", metavar="ROW", help="results to reproduce; all if none is named")
    add("--list", action="store_true", help="show the rows and run nothing")
    add("--seeds", type=_seeds, metavar="0,1,2", help="default: as --list shows, from 0 on")
    add("--jobs", type=int, default=1, metavar="N", help="runs at once; they share the cores")
    add("--out", type=Path, default=Path("outputs/reproduce"), metavar="FOLDER",
        help="where runs, logs and runs.json go (default: %(default)s)")  # fmt: skip
    add("--write", type=Path, metavar="PAGE.md",
        help="the comparison, and beside it PAGE.json (default: results.md in --out)")  # fmt: skip
    add("--fresh", action="store_true", help="run again what has finished, too")
    return parser


def _seeds(text: str) -> list[int]:
    return sorted({int(word) for word in text.split(",")})


def _chosen(names: Sequence[str]) -> list[Row]:
    """The rows of these names in that order, all rows if there are none."""
    rows = {row.name: row for row in ROWS}
    for name in names:
        if name not in rows:
            raise UserError(f"{name} is not a row", f"did you mean {nearest(name, rows)}")
    return [rows[name] for name in dict.fromkeys(names or rows)]


def _list(rows: Sequence[Row]) -> None:
    width = max(len(row.name) for row in rows)
    for row in rows:
        goals = [f"{m.title} {_goal(m)}".removesuffix(" –") for m in row.measures]
        what = " ".join([row.experiment, *row.overrides])
        print(f"{row.name:{width}}  {row.n_seeds} × {what}: {'; '.join(goals)}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
