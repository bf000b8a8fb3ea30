"""The reproduction script: what it measures, what it runs again, what it writes."""

import json
import sys
from pathlib import Path

import pytest
import reproduce as script
from reproduction import measures, runner
from reproduction import page as pages
from reproduction import rows as results

# Stands for vaerun: seed s reaches an accuracy of 0.9 + s / 100; best/bad fails at seed 1.
FAKE = """
import json, os, pathlib, sys
words = dict(word.split("=", 1) for word in sys.argv[1:])
seed = int(words["seed"])
if words["experiment"] == "best/bad" and seed == 1:
    sys.exit("error: no such thing")
folder, version = pathlib.Path(words["out"]) / "m" / "d" / "version_0", 0
while folder.exists():
    version += 1
    folder = folder.with_name(f"version_{version}")
folder.mkdir(parents=True)
metrics = {"classification": {"accuracy": 0.9 + seed / 100}, "latent_dim": 2}
(folder / "metrics.json").write_text(json.dumps(metrics))
manifest = {"status": "finished", "git_revision": None, "device": "a processor",
            "words": sys.argv[1:], "threads": os.environ.get("OMP_NUM_THREADS")}
(folder / "manifest.json").write_text(json.dumps(manifest))
print("epoch 1")
print(f"run: {folder}", flush=True)
print("a late warning", file=sys.stderr)
"""


@pytest.fixture
def reproduce(tmp_path, monkeypatch, capsys):
    """Runs the script on fake rows: status, lines of output, the page, the JSON."""
    accuracy = results.Measure(
        "accuracy", "classification.accuracy", "%", target=0.9, paper="80 %"
    )
    rows = [results.Row(name, f"best/{name}", (accuracy,)) for name in ("good", "bad")]
    monkeypatch.setattr(script, "ROWS", rows)
    monkeypatch.setattr(runner, "command", lambda words: [sys.executable, "-Sc", FAKE, *words])
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = script.main(["--out", "here", *arguments])
        page, table = Path("here/results.md"), Path("here/results.json")
        return (
            status,
            capsys.readouterr().out.splitlines(),
            page.read_text() if page.exists() else "",
            json.loads(table.read_text()) if table.exists() else {},
        )

    return run


def made():
    """The words of each run made so far, in the order of the folders."""
    manifests = sorted(Path("here/m/d").glob("version_*/manifest.json"))
    return [json.loads(path.read_text())["words"] for path in manifests]


METRICS = {
    "knn_accuracy": 0.5,
    "angle": {
        "resultant": [0.9, None, 0.7],
        "ground_states": [1, 2, None],
        "mae_deg": [None, None, None],
        "symmetry": [1, 2, 4],
    },
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("knn_accuracy", 0.5),
        ("angle.resultant:min", 0.7),
        ("angle.resultant:mean", 0.8),
        ("angle.ground_states:max", 2),
        ("angle.resultant[asymmetric]:min", 0.9),
        ("angle.ground_states[asymmetric]:max", 1),
        ("angle.mae_deg[asymmetric]:max", None),
        ("angle.nothing[asymmetric]:max", None),
        ("angle.mae_deg:max", None),
        ("angle.nothing:max", None),
        ("angle.nothing", None),
        ("knn_accuracy.deeper", None),
        ("psnr.gain_db", None),
    ],
)
def test_a_path_leads_to_a_number_or_to_none(path, value):
    assert measures.extract(METRICS, path) == pytest.approx(value)


@pytest.mark.parametrize(
    ("values", "direction", "target", "mean", "sd", "passed"),
    [
        ([1.0, 2.0, 6.0], ">=", 3, 3.0, 7**0.5, True),
        ([1.0, 2.0, 6.0], ">=", 3.1, 3.0, 7**0.5, False),
        ([1.0, 2.0, 6.0], "<=", 3, 3.0, 7**0.5, True),
        ([1.0, 2.0, 6.0], "<=", 2.9, 3.0, 7**0.5, False),
        ([1.0, 2.0, 6.0], ">=", None, 3.0, 7**0.5, None),
        ([0.995] * 5, ">=", 0.995, 0.995, 0.0, True),
        ([4.0], ">=", 3, 4.0, None, True),
        ([4.0, None], ">=", 3, 4.0, None, False),
        ([None, None], "<=", 3, None, None, False),
        ([None], ">=", None, None, None, None),
    ],
)
def test_the_mean_over_seeds_is_what_is_judged(values, direction, target, mean, sd, passed):
    measure = results.Measure("a", "a", target=target, direction=direction)
    row = results.Row("name", "best/name", (measure,))
    outcomes = [
        runner.Outcome(row=row, seed=i, said="", metrics={"a": value})
        for i, value in enumerate(values)
    ]
    line = pages.over_seeds(row, measure, outcomes)
    assert (line.mean, line.sd) == (pytest.approx(mean), pytest.approx(sd))
    assert line.passed is passed


@pytest.mark.parametrize(
    ("over", "target", "text", "passed"),
    [
        ("min", 0.9, "90.00 % (min of n = 2)", True),
        ("min", 0.905, "90.00 % (min of n = 2)", False),
        ("max", 0.95, "96.00 % (max of n = 2)", True),
    ],
)
def test_the_least_or_largest_value_is_judged_where_asked(over, target, text, passed):
    measure = results.Measure("a", "a", "%", target=target, over=over)
    row = results.Row("name", "best/name", (measure,))
    outcomes = [
        runner.Outcome(row=row, seed=i, said="", metrics={"a": value})
        for i, value in enumerate((0.96, 0.9))
    ]
    line = pages.over_seeds(row, measure, outcomes)
    assert line.passed is passed
    assert f"| {text} |" in pages.markdown(pages.about([], []), [line])


def test_a_row_may_have_overrides_by_seed(reproduce, monkeypatch):
    row = results.Row("good", "best/good", (), 2, ("a=1",), lambda seed: (f"b={seed + 7}",))
    monkeypatch.setattr(script, "ROWS", [row])
    *_, table = reproduce()
    runs = [["experiment=best/good", "a=1", f"b={s + 7}", f"seed={s}"] for s in (0, 1)]
    assert [words[:-1] for words in made()] == runs
    assert [run["overrides"] for run in table["runs"]] == runs


def test_rows_can_be_chosen_by_a_pattern(reproduce):
    *_, table = reproduce("b*", "good", "*", "--seeds", "0")
    assert [run["result"] for run in table["runs"]] == ["bad", "good"]


def test_the_page_has_the_mean_the_spread_and_the_verdict(reproduce):
    status, output, page, _ = reproduce("good", "--seeds", "0,2,1")
    assert status == 0
    assert len(output) == 4
    assert output[0].startswith("1/3 good seed 0: ")
    assert output[0].endswith("accuracy 90.00 %")
    assert output[3] == "1 of 1 targets reached, 0 failed runs; here/results.md"
    (line,) = [line for line in page.splitlines() if line.startswith("| `good`")]
    assert line == (
        "| `good` (2) | accuracy | 80 % | ≥ 90 % | 91.00 ± 1.00 % (n = 3) | 90.00, 91.00, 92.00"
        " | 0.0 | ✓ |"
    )
    assert "python scripts/reproduce.py --out here good --seeds 0,2,1" in page
    assert "run on a processor" in page


def test_the_json_has_every_seed_and_every_run(reproduce):
    *_, table = reproduce("good", "--seeds", "0,1")
    (result,) = table["results"]
    assert (result["result"], result["seeds"], result["n"]) == ("good", [0, 1], 2)
    assert result["values"] == pytest.approx([0.9, 0.91])
    assert result["mean"] == pytest.approx(0.905)
    assert (result["passed"], result["target"], result["direction"]) == (True, 0.9, ">=")
    assert [run["folder"] for run in table["runs"]] == ["here/m/d/version_0", "here/m/d/version_1"]
    assert all(isinstance(run["seconds"], float) for run in table["runs"])


def test_a_page_can_have_the_figures_of_an_earlier_one(reproduce):
    reproduce("good", "--seeds", "0")
    Path("earlier.md").write_text(Path("here/results.md").read_text())
    *_, page, _ = reproduce("--seeds", "1,2", "--before", "earlier.md")
    assert "| to reach | before | ours (mean ± sd over n seeds) |" in page
    assert "| ≥ 90 % | 90.00 % (n = 1) | 91.50 ± 0.71 % (n = 2) |" in page
    (bad,) = [line for line in page.splitlines() if line.startswith("| `bad`")]
    assert bad.split(" | ")[4] == "–"
    # A page with two columns is an earlier page, too, and may be the one to be written.
    *_, page, _ = reproduce("good", "--seeds", "0", "--before", "here/results.md")
    assert "| ≥ 90 % | 91.50 ± 0.71 % (n = 2) | 90.00 % (n = 1) |" in page


def test_what_has_finished_is_not_run_again_unless_asked(reproduce):
    first = reproduce("good", "--seeds", "0,1")[3]
    _, output, _, again = reproduce("good", "--seeds", "0,1,2")
    assert [word for words in made() for word in words if word.startswith("seed")] == [
        "seed=0", "seed=1", "seed=2",
    ]  # fmt: skip
    assert "kept from before" in output[0]
    assert again["runs"][:2] == first["runs"]
    reproduce("good", "--seeds", "0", "--fresh")
    assert len(made()) == 4
    reproduce("good", "--seeds", "0", "--", "data.root=x")
    assert len(made()) == 5
    assert "data.root=x" in made()[-1]


def test_a_run_that_did_not_finish_is_run_again(reproduce):
    reproduce("good", "--seeds", "0")
    manifest = Path("here/m/d/version_0/manifest.json")
    manifest.write_text(manifest.read_text().replace("finished", "interrupted"))
    *_, table = reproduce("good", "--seeds", "0")
    assert table["runs"][0]["folder"] == "here/m/d/version_1"


def test_an_interrupted_reproduction_goes_on_where_it_stopped(reproduce, monkeypatch):
    fake = runner.command

    def interrupted(words):
        if "seed=1" in words:
            raise KeyboardInterrupt
        return fake(words)

    monkeypatch.setattr(runner, "command", interrupted)
    status, _, page, _ = reproduce("good")
    assert (status, page) == (130, "")
    n_before = len(made())
    assert 1 <= n_before < 3
    monkeypatch.setattr(runner, "command", fake)
    status, output, page, _ = reproduce("good")
    assert (status, len(made())) == (0, 3)
    assert "kept from before" in output[0]
    assert "`good`" in page


def test_a_failing_run_is_told_and_the_table_is_still_written(reproduce):
    status, output, page, table = reproduce("--seeds", "0,1,2")
    assert status == 1
    assert "5/6 bad seed 1: failed with status 1, see here/logs/bad_seed1.log" in output
    assert Path("here/logs/bad_seed1.log").read_text() == "error: no such thing\n"
    assert "| 91.00 ± 1.41 % (n = 2 of 3) | 90.00, failed, 92.00 | 0.0 | ✗ |" in page
    assert [result["passed"] for result in table["results"]] == [True, False]
    assert [run["failed"] for run in table["runs"]] == [False, False, False, False, True, False]


def test_a_missed_target_is_no_failure(reproduce, monkeypatch):
    measure = results.Measure("accuracy", "classification.accuracy", target=0.99)
    monkeypatch.setattr(script, "ROWS", [results.Row("good", "best/good", (measure,))])
    status, output, page, _ = reproduce()
    assert (status, page.count("✗ |")) == (0, 1)
    assert output[-1].startswith("0 of 1 targets reached")


def test_runs_at_once_share_the_cores_and_one_alone_has_them_all(reproduce, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(runner.os, "cpu_count", lambda: 6)
    for jobs, threads in (("1", None), ("2", "3")):
        *_, table = reproduce("good", "--seeds", jobs, "--jobs", jobs)
        manifest = Path(table["runs"][0]["folder"]) / "manifest.json"
        assert json.loads(manifest.read_text())["threads"] == threads


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--before", "none.md"],
            "error: none.md has no table of results — name a page that --write wrote\n",
        ),
        (["goof"], "error: goof is not a row — did you mean good\n"),
        (
            ["--", "seed=3"],
            "error: seed=3 is for this script to set — see --help for its options\n",
        ),
    ],
)
def test_wrong_input_gives_one_line_and_runs_nothing(reproduce, capsys, arguments, said):
    assert script.main(["--out", "here", *arguments]) == 2
    assert capsys.readouterr().err == said
    assert not Path("here").exists()


def test_a_run_is_the_real_command():
    assert runner.command(["seed=1"]) == [sys.executable, "-m", "vaerun", "seed=1"]


def test_the_rows_are_sound_and_the_list_names_each(capsys):
    assert script.main(["--list"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == [row.name for row in results.ROWS]
    assert len(set(listed)) == len(listed)
    assert len({tuple(row.words(0)) for row in results.ROWS}) == len(listed)
    for measure in [measure for row in results.ROWS for measure in row.measures]:
        assert measure.direction in measures.SIGNS
        assert measure.unit in measures.SHOWN
        assert measure.path.partition(":")[2] in ("", *measures.REDUCTIONS)
        assert measure.over in measures.REDUCTIONS


def test_every_row_is_on_the_page():
    lines = [
        pages.over_seeds(row, measure, []) for row in results.ROWS for measure in row.measures
    ]
    page = pages.markdown(pages.about([], []), lines)
    for row in results.ROWS:
        assert page.count(f"| `{row.name}` (–) |") == len(row.measures)
    assert "| angle error, shear allowed for | – | ≤ 8° |" in page
    assert "| PSNR gained | figure only | ≥ 8 dB |" in page
