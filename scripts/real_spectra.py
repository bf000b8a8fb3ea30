"""Coffee and fermentation spectra that chemotools ships: ours beside PCA and PLS.

pip download --no-deps chemotools && unzip chemotools-*.whl
python scripts/real_spectra.py --data chemotools/datasets/data --out outputs/real_spectra

Origins of coffee (60 spectra, half of each held out by the seed) from the nearest neighbours in z
and in principal components. Glucose in a fermentation (1,629 spectra, 34 of known glucose): from
21 samples made up in the laboratory, as the data set defines it; and from every second of the 34,
judged on the others. Our model sees all spectra of the fermentation, but none of what it is judged
by. Peers are given what our model is given: curves as `data=spectra` prepares them. Runs that are
in `--out` are not made again.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.model_selection import (
    LeaveOneOut,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from vaerun.config.compose import compose
from vaerun.data.load import load_all
from vaerun.evaluation.metrics.regression import scores
from vaerun.models.encodings import Encodings, read_latents
from vaerun.models.target_readout import TargetReadout
from vaerun.runs.config import validate
from vaerun.utils.format import markdown_table

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

ROOT = Path(__file__).resolve().parents[1]
COFFEE = ("data.bin=4",)
COFFEE_MODELS = {
    "vae": ("model=vae", "trainer.max_epochs=10"),
    "ssrvae": ("model=ssrvae", "model.invariances=[t]", "trainer.max_epochs=10"),
}
FEW = 2  # spectra of each origin
FERMENTATION = ("data.crop=[950,1500]", "data.baseline=linear", "data.derivative=1")
FERMENTATION_MODEL = (
    "model=ssrvae", "model/category=regressed", "model.category.target=glucose",
    "data.factors=[glucose]", "model/pose=none", "model/decoder=mlp", "model.invariances=[]",
    "model.latent_dim=8", "data.val_share=0.02", "trainer.max_epochs=20",
)  # fmt: skip
MINUTES = 1.25  # from one spectrum of the fermentation to the next
MOST_COMPONENTS = 10
HEADER = ("data", "measure", "PCA or PLS", "ours (mean ± sd)", "each seed", "seconds of ours")


class Result(NamedTuple):
    """A measure of one seed: the peer's, None where it has none, ours, and seconds of ours."""

    data: str
    measure: str
    theirs: float | None
    ours: float
    seconds: float


def table(file: Path) -> tuple[list[str], list[list[str]]]:
    """Names of the columns of a CSV, and its rows."""
    names, *rows = (line.split(",") for line in file.read_text(encoding="utf-8").split())
    return names, rows


def numbers(file: Path) -> Floats:
    """The rows of a CSV of numbers."""
    return np.array(table(file)[1], np.float64)


def prepared(file: Path, words: Sequence[str]) -> Floats:
    """Curves (N, L) of a file as a model sees them."""
    config = validate(compose(["model=vae", "data=spectra", f"data.path={file}", *words]))
    images = load_all(config.data, 0).images.images
    return np.asarray(images).reshape(len(images), -1)


class Runs:
    """Runs of vaerun in a folder, on one thread, and their seconds of processor time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.seconds = 0.0

    def __call__(self, name: str, *words: str) -> Path:
        """Folder of a run, made unless it is there."""
        out, notes = self.folder / name, self.folder / f"{name}.json"
        if not notes.exists():
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-m", "vaerun", "data=spectra", f"out={out}", *words]
            before = os.times().children_user
            with (self.folder / f"{name}.log").open("w") as log:
                subprocess.run(command, check=True, env=environment, stdout=log, stderr=log)
            notes.write_text(json.dumps(os.times().children_user - before))
        self.seconds += json.loads(notes.read_text())
        said = (self.folder / f"{name}.log").read_text().splitlines()[-1]
        return Path(said.removeprefix("run: "))


def nearest(known: Floats, label: Ints, asked: Floats, truth: Ints) -> float:
    """Share (%) of spectra whose nearest of the known ones has their label."""
    return 100 * float(KNeighborsClassifier(1).fit(known, label).score(asked, truth))


def components(known: Floats, label: Ints) -> int:
    """Number of principal components by which most known spectra are found from the others."""
    found = [
        cross_val_score(make_pipeline(PCA(d), KNeighborsClassifier(1)), known, label,
                        cv=LeaveOneOut()).mean()
        for d in range(2, MOST_COMPONENTS + 1)
    ]  # fmt: skip
    return 2 + int(np.argmax(found))


def coffee(data: Path, out: Path, seed: int) -> list[Result]:
    """Origins of the spectra held out, by nearest neighbours and as a model infers them."""
    spectra = numbers(data / "coffee_spectra.csv")
    labels = [row[0] for row in table(data / "coffee_labels.csv")[1]]
    names, origin = np.unique(labels, return_inverse=True)
    rows = np.arange(len(origin))
    train, test = train_test_split(rows, train_size=0.5, stratify=origin, random_state=seed)
    few = np.concatenate([train[origin[train] == j][:FEW] for j in range(len(names))])
    folder = out / f"coffee_{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"train": train, "test": test, "all": rows}
    files = {name: folder / f"{name}.npz" for name in parts}
    for name, some in parts.items():
        np.savez(files[name], spectra=spectra[some], origin=names[origin[some]])
    x = prepared(files["all"], COFFEE)
    pca = PCA(components(x[train], origin[train])).fit(x[train]).transform(x)
    results = []
    for model, words in COFFEE_MODELS.items():
        run = Runs(folder / model)
        own = (*COFFEE, "data.label=origin")
        made = run("trained", f"data.path={files['train']}", *own, *words, f"seed={seed}")
        asked = run("encoded", "task=encode", f"run={made}", f"data.path={files['test']}", *own)
        known, held = (read_latents(at / "latents.h5") for at in (made, asked))
        z = np.zeros((len(rows), known.z_mean.shape[1]))
        z[train[known.index]], z[test[held.index]] = known.z_mean, held.z_mean
        for some in (train, few) if model == "vae" else ():
            scored = [nearest(v[some], origin[some], v[test], origin[test]) for v in (pca, z)]
            results.append(Result(f"{model}, nearest in z, {len(some)} known", "origin, %",
                                  *scored, run.seconds))  # fmt: skip
        if model == "ssrvae":
            right = 100 * float((held.predicted == origin[test[held.index]]).mean())
            theirs = nearest(pca[train], origin[train], pca[test], origin[test])
            case = f"{model}, its class, {len(train)} known"
            results.append(Result(case, "origin, %", theirs, right, run.seconds))
    return results


def partial_least_squares(known: Floats, target: Floats, asked: Floats) -> Floats:
    """Targets (n,) by the number of components that is best if each known one is left out."""
    folds = LeaveOneOut()
    errors = [
        np.square(
            cross_val_predict(PLSRegression(d, scale=False), known, target, cv=folds).ravel()
            - target
        ).mean()
        for d in range(1, MOST_COMPONENTS + 1)
    ]
    model = PLSRegression(1 + int(np.argmin(errors)), scale=False).fit(known, target)
    return np.asarray(model.predict(asked)).ravel()


def read_out(
    latents: Encodings, known: Ints, target: Floats, asked: Ints
) -> tuple[Floats, Floats]:
    """Mean and sd of targets by the Gaussian process of `model/category=regressed`."""
    given = replace(latents.select(known), factors={"glucose": target})
    return TargetReadout.fit(given, "glucose").predict(latents.select(asked))


def fermentation(data: Path, out: Path, seed: int) -> list[Result]:
    """Glucose of the fermentation, from samples of the laboratory and from some of its own."""
    laboratory = numbers(data / "train_hplc.csv")[:, 0]
    hours, glucose = numbers(data / "fermentation_hplc.csv")[:, :2].T
    names, rows = table(data / "fermentation_spectra.csv")
    online = np.array(rows, np.float64)
    spectra = np.concatenate([numbers(data / "train_spectra.csv"), online])
    at = len(laboratory) + np.abs(
        MINUTES / 60 * np.arange(len(online)) - hours[:, None]
    ).argmin(1)  # fmt: skip
    run = Runs(out / f"fermentation_{seed}")
    file = run.folder / "all.npz"
    np.savez(file, spectra=spectra, wavenumber=np.array(names, float),
             glucose=np.concatenate([laboratory, np.full(len(online), np.nan)]))  # fmt: skip
    words = (f"data.path={file}", *FERMENTATION, *FERMENTATION_MODEL, f"seed={seed}")
    latents = read_latents(run("trained", *words) / "latents.h5")
    latents = latents.select(np.argsort(latents.index))
    x = prepared(file, FERMENTATION)
    offline = np.arange(len(laboratory))
    cases = {
        "made-up samples": (offline, laboratory, at, glucose),
        "every second": (at[::2], glucose[::2], at[1::2], glucose[1::2]),
    }
    results = []
    for name, (known, target, asked, truth) in cases.items():
        mean, sd = read_out(latents, known, target, asked)
        theirs = partial_least_squares(x[known], target, x[asked])
        ours = scores(truth, mean, sd)
        pls = scores(truth, theirs, np.zeros_like(theirs))
        measures = {
            "R²": (pls["r2"], ours["r2"]),
            "mean error, g/l": (pls["mae"], ours["mae"]),
            "within 1 sd, %": (None, 100 * ours["coverage_68"]),
        }
        results += [
            Result("fermentation", f"glucose from {name}, {measure}", *values, run.seconds)
            for measure, values in measures.items()
        ]
    return results


def spread(values: Sequence[float]) -> str:
    """Mean and sample standard deviation."""
    sd = np.std(values, ddof=1) if len(values) > 1 else 0.0
    return f"{np.mean(values):.3g} ± {sd:.2g}"


def row(results: Sequence[Result]) -> list[str]:
    """Row of the table: one measure of all seeds."""
    theirs = [result.theirs for result in results if result.theirs is not None]
    ours = [result.ours for result in results]
    each = ", ".join(f"{value:.3g}" for value in ours)
    seconds = np.mean([result.seconds for result in results])
    return [results[0].data, results[0].measure, spread(theirs) if theirs else "–", spread(ours),
            each, f"{seconds:.0f}"]  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="chemotools/datasets/data")
    parser.add_argument("--only", choices=("coffee", "fermentation"))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(arguments)
    for judge in (coffee, fermentation):
        if asked.only in (None, judge.__name__):
            by_seed = [judge(asked.data, asked.out.resolve(), seed) for seed in asked.seeds]
            print(markdown_table(HEADER, [row(some) for some in zip(*by_seed, strict=True)]))


if __name__ == "__main__":
    main(sys.argv[1:])
