"""Runs of the experiments, each in its own process; finished ones are listed in runs.json."""

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reproduction.measures import extract, shown
from reproduction.row import Row
from vaerun.runs.folder import RunFolder
from vaerun.runs.manifest import read_manifest
from vaerun.utils.files import write_text


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Result of one run; a failed run has no folder, no metrics and an empty manifest."""

    row: Row
    seed: int
    said: str
    folder: Path | None = None
    seconds: float | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)


def command(words: Sequence[str]) -> list[str]:
    """The command line of a run with these overrides."""
    return [sys.executable, "-m", "vaerun", *words]


@dataclass
class Runner:
    """Makes runs, each in its own process, and lists those that finished in `out`/runs.json."""

    out: Path
    extra: tuple[str, ...] = ()
    jobs: int = 1
    fresh: bool = False
    _children: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run_all(self, asked: Sequence[tuple[Row, int]]) -> list[Outcome]:
        """The outcome of every row and seed, in that order; prints a line for each."""
        with ThreadPoolExecutor(self.jobs) as pool:
            futures: list[Future[Outcome]] = [pool.submit(self._run, *pair) for pair in asked]
            try:
                for i, future in enumerate(as_completed(futures), start=1):
                    print(f"{i}/{len(futures)} {future.result().said}", flush=True)
            except BaseException as stop:
                pool.shutdown(wait=False, cancel_futures=True)
                # Ctrl-C reaches the runs through the terminal, SIGTERM does not
                for child in self._children.copy() if isinstance(stop, SystemExit) else ():
                    child.terminate()
                raise
        return [future.result() for future in futures]

    def _run(self, row: Row, seed: int) -> Outcome:
        """One run, unless it has finished before."""
        words = [*row.words(seed), *self.extra]
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
        path = RunFolder(folder).metrics_json  # a task that trains nothing has none
        metrics = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        measured = [f"{m.title} {shown(m, extract(metrics, m.path))}" for m in row.measures]
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
        """Overrides of each finished run → its folder, relative to `out`, and its seconds."""
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
