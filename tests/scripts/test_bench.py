"""The benchmark: its arithmetic, its rows, its page; no peer is needed."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from bench import __main__ as command
from bench import judge, page, probe, processes, rows
from bench.session import Session, Unavailable
from bench.sizes import QUICK

from vaerun.tasks import train


def an_epoch(seconds, loss, **more):
    return {"since_start": 5 + seconds, "since_training": seconds, "loss": loss, **more}


def test_the_first_epoch_warms_up_and_does_not_count():
    epochs = [{"steps_seconds": s} for s in (9.0, 2.0, 1.0, 4.0)]
    assert judge.images_per_second(100, epochs) == 50


@pytest.mark.parametrize(
    ("bound", "seconds"), [(300, 1), (250, 2), (200, 2), (199, 4), (90, None)]
)
def test_a_bound_is_reached_at_the_end_of_the_first_epoch_that_has_it(bound, seconds):
    epochs = [an_epoch(1, 300), an_epoch(2, 200), an_epoch(3, 210), an_epoch(4, 100)]
    found = judge.first_reached(epochs, {"loss": bound}, ["loss"])
    assert (found and found["since_training"]) == seconds


def test_angles_are_judged_after_an_offset_a_class_modulo_its_symmetry_and_of_either_sign():
    rng = np.random.default_rng(0)
    label, truth = np.arange(400) % 2, rng.uniform(-3, 3, 400)
    angle = truth + np.where(label == 0, 1.0, -2.0) + np.pi * (label * rng.integers(0, 2, 400))
    assert judge.angle_error_deg(-angle, truth, label, [1, 2]) == pytest.approx(0, abs=1e-4)
    assert judge.angle_error_deg(angle, truth, label, [1, 1]) > 40
    wrong = angle + np.deg2rad(np.where(np.arange(400) % 4 < 2, 3.0, -3.0))
    assert judge.angle_error_deg(wrong, truth, label, [1, 2]) == pytest.approx(3, abs=1e-3)


def a_row(**more):
    of = {"ours": rows.at("mine", "n"), "other": rows.at("theirs", "n")}
    needs = ("mine", "theirs") if more.get("other", True) else ("mine",)
    return rows.Row(name="a", title="A", needs=needs, against="peer", **{**of, **more})


def in_rounds(*pairs):
    return [{"mine": {"n": mine}, "theirs": {"n": theirs}} for mine, theirs in pairs]


@pytest.mark.parametrize(
    ("more", "ratio", "passed"),
    [
        ({"target": 2, "direction": ">="}, (2, 1, 5), True),
        ({"target": 2.1, "direction": ">="}, (2, 1, 5), False),
        ({"target": 2, "direction": "<="}, (2, 1, 5), True),
        ({"inverse": True, "target": 0.6, "direction": ">="}, (0.5, 0.2, 1), False),
        ({}, (2, 1, 5), None),
    ],
)
def test_the_median_of_the_ratios_within_rounds_is_judged(more, ratio, passed):
    line = rows.over_rounds(a_row(**more), in_rounds((10, 10), (10, 2), (2, 1)))
    assert line.ratio == pytest.approx(ratio)
    assert line.ours == (10, 2, 10)
    assert line.passed is passed


def test_a_row_without_an_other_is_judged_by_itself():
    row = a_row(other=None, target=3)
    assert rows.over_rounds(row, in_rounds((1, 0), (3, 0), (9, 0))).passed is True
    assert rows.over_rounds(row, in_rounds((4, 0))).ratio is None


def test_a_number_that_is_lacking_in_a_round_is_a_failure():
    line = rows.over_rounds(a_row(target=1), in_rounds((1, 2), (None, 2), (1, 2)))
    assert (line.ratio, line.passed) == ((0.5, 0.5, 0.5), False)


def test_a_process_that_is_missing_leaves_its_rows_open_and_says_why():
    rounds = [{"mine": {"n": 1.0}, "theirs": {"failed": "it is not installed"}}]
    line = rows.over_rounds(a_row(target=1), rounds)
    assert (line.passed, line.ours, line.missing) == (None, None, "it is not installed")


def test_time_to_quality_is_that_of_our_first_epoch_with_the_peers_last_bound():
    theirs = {"epochs": [an_epoch(50, 900), an_epoch(100, 250, angle_error_deg=50)]}
    seconds_loss_angle = [(1, 300, 40), (2, 240, 60), (3, 90, 30)]
    mine = {"epochs": [an_epoch(s, x, angle_error_deg=a) for s, x, a in seconds_loss_angle]}
    rounds = [{"pyroved_quality": theirs, "quality": mine}]
    start, training, angle, bound, both = (
        rows.over_rounds(row, rounds) for row in rows.ROWS if row.name == "quality"
    )
    assert (start.ratio.median, training.ratio.median) == (105 / 7, 50)
    assert (angle.ratio.median, angle.passed) == (1.2, False)
    assert (bound.ours.median, bound.other.median, bound.passed) == (240, 250, None)
    assert both.ratio.median == 105 / 8
    never = [{"pyroved_quality": theirs, "quality": {"epochs": [an_epoch(1, 300)]}}]
    assert [rows.over_rounds(row, never).passed for row in rows.ROWS[:3]] == [False] * 3


def test_every_row_has_its_processes_and_every_process_a_row():
    assert command.needed(rows.ROWS) == list(processes.PROCESSES)
    assert command.needed(command.chosen(["help", "bf16"])) == [
        "pyroved_speed", "bf16_speed", "help_page",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234.5, "1,234"), (100.0, "100"), (12.345, "12.3"), (1.0, "1.00"), (0.0904, "0.0904")],
)
def test_numbers_have_three_digits(value, shown):
    assert page.number(value) == shown


@pytest.fixture
def bench(monkeypatch, tmp_path, capsys):
    """Runs the command on made-up readings: status, output, page, JSON."""
    readings = {
        name: lambda _, speed=10.0 * (i + 1): {"images_per_second": speed, "seconds": 0.5}
        for i, name in enumerate(processes.PROCESSES)
    }
    monkeypatch.setattr(processes, "PROCESSES", readings)
    seen = {"processor": "A Processor", "bfloat16": True, "torch": "2"}
    monkeypatch.setattr(Session, "machine", lambda _: seen)
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **replaced):
        readings.update(replaced)
        status = command.main(["--peers", "x", "--out", "out", "--work", "work", *arguments])
        output, errors = capsys.readouterr()
        text, table = Path("out/BENCHMARKS.md"), Path("out/benchmarks.json")
        return (
            status,
            (output + errors).splitlines(),
            text.read_text() if text.exists() else "",
            json.loads(table.read_text()) if table.exists() else {},
        )

    return run


def test_the_page_and_the_json_have_both_sides_the_ratio_and_the_verdict(bench):
    status, output, text, table = bench("--only", "bf16", "help", "--rounds", "2")
    assert status == 0
    assert output[0] == "round 1 pyroved_speed: images_per_second 10, seconds 0.5"
    assert output[-1] == "2 of 2 rounds: 2 of 2 targets reached; out/BENCHMARKS.md"
    assert (
        "| the same with bf16 | 40.0 images/s | 10.0 images/s (pyroVED) | 4.00 × | ≥ 2 × | ✓ | 1 |"
    ) in text
    assert "| `vaerun --help` | 0.500 s | – |  | ≤ 1 s | ✓ | 1 |" in text
    assert "rounds: 2. A Processor" in text
    assert table["runs"][0]["machine"]["bfloat16"] is True
    assert "bash scripts/bench/run.sh --out out --work work --only bf16 help --rounds 2" in text
    bf16, _ = table["rows"]
    assert bf16["ratio"] == {"median": 4, "least": 4, "most": 4}
    assert (bf16["passed"], bf16["target"]) == (True, 2)
    assert len(table["runs"][0]["rounds_measured"]) == 2


def test_rows_that_are_not_measured_again_stay_as_an_earlier_run_found_them(bench):
    bench("--only", "bf16", "help", "--rounds", "2")
    _, _, text, table = bench(
        "--only", "help", "--rounds", "1", help_page=lambda _: {"seconds": 2}
    )
    assert "4.00 × | ≥ 2 × | ✓ | 2 |" in text
    assert "| `vaerun --help` | 2.00 s | – |  | ≤ 1 s | ✗ | 1 |" in text
    assert [(run["rounds"], len(run["rounds_measured"])) for run in table["runs"]] == [
        (1, 1),
        (2, 2),
    ]
    assert text.index("--only help --rounds 1") < text.index("--only bf16 help --rounds 2")
    _, _, _, table = bench("--only", "bf16", "help", "--rounds", "1")
    assert len(table["runs"]) == 1  # of the earlier ones nothing is left
    del table["runs"][0]["sizes"]["few_epochs"]  # as from before there was this size
    Path("out/benchmarks.json").write_text(json.dumps(table))
    _, _, _, table = bench("--only", "help", "--rounds", "1")
    assert [row["run"] for row in table["rows"]] == [1, 0]
    _, _, _, table = bench("--only", "help", "--rounds", "1", "--quick")
    assert [row["name"] for row in table["rows"]] == ["help"]  # other sizes


def test_a_missing_peer_is_named_in_the_page_and_is_no_failure(bench):
    def missing(_):
        raise Unavailable("pyroVED is not installed: x is missing")

    status, _, text, table = bench("--only", "bf16", "--rounds", "1", pyroved_speed=missing)
    assert status == 0
    assert "| the same with bf16 | – | – | – | ≥ 2 × | not measured | 1 |" in text
    assert "- Not measured: pyroVED is not installed: x is missing" in text
    assert table["rows"][0]["missing"] == "pyroVED is not installed: x is missing"


def test_a_failure_of_ours_is_a_failure_after_the_page_is_written(bench):
    def fails(_):
        raise Unavailable("help_page failed with status 1: error")

    status, _, text, _ = bench("--only", "help", "--rounds", "1", help_page=fails)
    assert (status, "help_page failed with status 1: error" in text) == (1, True)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--only", "orbitt"], "--only orbitt names no row — did you mean orbit"),
        (["--rounds", "0"], "--rounds=0 is below 1 — give 1 or more"),
        (["--threads", "0"], "--threads=0 is below 1 — give 1 or more"),
    ],
)
def test_wrong_arguments_are_answered_in_a_line_before_anything_is_run(bench, words, error):
    status, output, text, _ = bench(*words)
    assert (status, output, text) == (2, [f"error: {error}"], "")


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path, peers_python=tmp_path / "python", threads=1, sizes=QUICK)


def test_the_machine_is_known_though_no_row_needs_images(session, monkeypatch):
    def draw(name, words, module):
        assert (name, module) == ("draw", "bench.draw")
        for file in words[:2]:
            Path(file).write_text('{"processor": "A Processor"}')
        drawn.append(name)

    drawn: list[str] = []
    monkeypatch.setattr(session, "ours", draw)
    assert [session.machine()["processor"] for _ in range(2)] == ["A Processor"] * 2
    assert drawn == ["draw"]


def test_a_process_is_measured_from_outside(session, tmp_path):
    code = "import os; x = b'1' * 90_000_000; print(os.environ['OMP_NUM_THREADS'], os.getcwd())"
    ended = session._run("try", [sys.executable, "-c", code], [])
    assert 0 < ended.seconds < 60
    assert 90 < ended.peak_mb < 2000
    assert (tmp_path / "try" / "log.txt").read_text() == f"1 {tmp_path / 'try'}\n"


def test_a_process_that_fails_says_so_in_its_own_last_words(session):
    with pytest.raises(Unavailable, match=r"^try failed with status 3: no such thing$"):
        session._run("try", ["sh", "-c", "echo no such thing; exit 3"], [])


def test_peers_that_are_not_installed_are_unavailable(session):
    with pytest.raises(Unavailable, match=r"^AtomAI is not installed: .*python is missing$"):
        session.peer("speed", "atomai", 100, 2)


def test_the_probe_runs_the_command_and_notes_each_epoch(monkeypatch, tmp_path):
    monkeypatch.setattr(train, "fit", train.fit)
    monkeypatch.setattr("vaerun.tasks.results.write_results", lambda *_: None)
    notes = tmp_path / "notes.json"
    small = [
        "data.train_size=8",
        "data.val_size=4",
        "data.batch_size=4",
        "data.repeats=1",
        "trainer.max_epochs=2",
    ]
    words = ["probe", "--angles", str(notes), "model=rvae", *small, f"out={tmp_path}"]
    monkeypatch.setattr(sys, "argv", words)
    assert probe.main() == 0
    noted = json.loads(notes.read_text())
    began = [epoch["began"] for epoch in noted["epochs"]]
    ended = [epoch["ended"] for epoch in noted["epochs"]]
    times = [noted["training_began"], began[0], noted["first_step"], ended[0], began[1], ended[1],
             noted["training_ended"]]  # fmt: skip
    assert times == sorted(times)
    assert [epoch["steps_seconds"] > 0 for epoch in noted["epochs"]] == [True, True]
    assert np.load(notes.with_suffix(".npy")).shape == (2, 4)
    assert len(noted["fingerprint"]) == 64
