"""The scaling series: what each point runs, its gaps, the figure; nothing is trained."""

import json
from pathlib import Path

import numpy as np
import pytest
from bench import __main__ as command
from bench import scaling, scaling_figure
from bench.scaling import PEER, Training, points
from bench.session import Ended, Session, Unavailable
from bench.sizes import FULL, QUICK, Scales
from PIL import Image

from vaerun.config.compose import compose
from vaerun.runs.config import validate
from vaerun.training.context import load_splits

SMALL = Scales(
    images=20, peer_images=10, sides=(32, 48), peer_sides=(32,), counts=(20, 40),
    peer_counts=(10,), bins=(1, 8), classes=(1, 3), latents=(2, 5), peer_latents=(2, 5),
)  # fmt: skip


@pytest.fixture
def session(tmp_path):
    """A session whose peers' interpreter exists."""
    (tmp_path / "python").touch()
    return Session(tmp_path, peers_python=tmp_path / "python", threads=1, sizes=QUICK)


@pytest.fixture
def run_words(session, monkeypatch):
    """The arguments that a training hands to its process, by the process's module."""

    def run(training):
        words = {}

        def noted(_, name, command, path):
            words[command[command.index("-m") + 1]] = command[command.index("-m") + 2 :]
            for file in command:
                if file.endswith(".json"):
                    Path(file).parent.mkdir(parents=True, exist_ok=True)
                    epochs = [{"began": 0.0, "ended": s, "steps_seconds": s} for s in (9, 2)]
                    notes = {"epochs": epochs, "training_began": 0.0, "fingerprint": "same",
                             "versions": {}}  # fmt: skip
                    Path(file).write_text(json.dumps(notes))
            return Ended(0.0, 11.0, 500.0)

        monkeypatch.setattr(Session, "_run", noted)
        reading = training(session)
        assert reading["images_per_second"] == training.n_images / 2  # the first is left out
        return words

    return run


@pytest.mark.parametrize(
    ("training", "model", "found"),
    [
        (Training(model="vae", n_images=30, side=64), "vae", (30, 64, 2, None, None)),
        (Training(model="rvae", n_images=30), "rvae", (30, 48, 2, 8, None)),
        (Training(model="rvae", n_images=30, bins=16), "rvae", (30, 48, 2, 16, None)),
        (Training(model="rvae", n_images=30, classes=5), "jrvae", (30, 48, 2, 8, 5)),
        (Training(model="vae", n_images=30, latents=32), "vae", (30, 48, 32, None, None)),
    ],
)
def test_a_point_of_ours_becomes_overrides_that_vaerun_understands(
    run_words, training, model, found
):
    _, _, *words = run_words(training)["bench.probe"]
    config = validate(compose(words))
    n_classes = getattr(config.model.category, "n_classes", None)
    bins = getattr(config.model.pose, "bins", None)
    assert config.model.name == model
    assert (
        config.data.train_size,
        config.data.size,
        config.model.latent_dim,
        bins,
        n_classes,
    ) == (found)
    assert (config.data.batch_size, config.trainer.max_epochs) == (100, QUICK.speed_epochs)


@pytest.mark.parametrize("sizes", [FULL, QUICK])
def test_vaerun_takes_the_least_and_the_most_of_every_number(run_words, sizes):
    ends = {}
    for point in points(sizes.scales):
        if point.series in ("rvae", "jrvae"):
            ends.setdefault(point.axis, []).append(point.training)
    assert len(ends) == 5
    for training in {of for line in ends.values() for of in (line[0], line[-1])}:
        _, _, *words = run_words(training)["bench.probe"]
        assert validate(compose(words)).data.size == training.side


def test_all_else_of_a_point_is_the_default_of_the_model(run_words):
    _, _, *words = run_words(Training(model="rvae", n_images=30))["bench.probe"]
    mine, default = (validate(compose(w)) for w in (words, ["model=rvae", "data=cards_iv"]))
    assert mine.model == default.model
    assert mine.objective == default.objective
    assert (mine.data.size, mine.data.batch_size) == (default.data.size, default.data.batch_size)


def test_a_point_of_the_peer_is_the_first_of_the_same_images(run_words):
    theirs = run_words(Training(model=PEER, n_images=10, side=32, latents=5))
    assert theirs["bench.peers"][0] == "pyroved"
    assert {"--images=10", "--latents=5", "--held-out=0"} <= set(theirs["bench.peers"])
    file, _, *drawn = theirs["bench.draw"]
    assert file == theirs["bench.peers"][1]
    mine = run_words(Training(model="rvae", n_images=12, side=32))["bench.probe"][2:]
    small = ["data.train_size=10", "data.val_size=4"]
    of_peer, of_ours = (
        load_splits(validate(compose(words))).train.images[:10]
        for words in ([*drawn, *small], [*mine, "data.train_size=12"])
    )
    assert of_peer.shape == (10, 1, 32, 32)
    assert np.array_equal(of_peer, of_ours)


def test_images_of_another_size_do_not_pass_for_those_of_the_rows(run_words, session):
    run_words(Training(model=PEER, n_images=10, side=32))
    assert session.about == {}
    assert session.images(32) != session.images()
    assert session.about["fingerprint"] == "same"


def test_one_thing_is_varied_at_a_time_and_the_common_point_is_trained_once():
    found = points(SMALL)
    lines = {}
    for point in found:
        lines.setdefault((point.axis, point.series), []).append(point.x)
        common = SMALL.peer_images if point.series == PEER else SMALL.images
        model = {"jrvae": "rvae"}.get(point.series, point.series)
        expected = {"model": model, "n_images": common, point.axis: point.x}
        assert point.training == Training(**expected)
    assert lines == {
        ("side", "vae"): [32, 48], ("side", "rvae"): [32, 48], ("side", PEER): [32],
        ("n_images", "vae"): [20, 40], ("n_images", "rvae"): [20, 40], ("n_images", PEER): [10],
        ("bins", "rvae"): [1, 8], ("classes", "jrvae"): [1, 3],
        ("latents", "vae"): [2, 5], ("latents", "rvae"): [2, 5], ("latents", PEER): [2, 5],
    }  # fmt: skip
    trainings = [point.training for point in found]
    assert trainings.count(Training(model="rvae", n_images=20)) == 5
    assert len({training.name for training in trainings}) == len(set(trainings))


@pytest.mark.parametrize("sizes", [FULL, QUICK])
def test_the_file_of_a_round_has_the_images_that_the_peer_is_given(sizes):
    for point in points(sizes.scales):
        if point.series == PEER:
            drawn = sizes.images if point.training.side == 48 else sizes.scales.peer_images
            assert point.training.n_images <= drawn


def made_up(training, *, number=0):
    return {"images_per_second": 1e6 / training.side**2 + number, "peak_mb": 10.0 * training.side}


def in_rounds(n=2):
    trainings = {point.training for point in points(SMALL)}
    return [{t: made_up(t, number=i) for t in trainings} for i in range(n)]


def test_every_series_is_drawn_with_labelled_axes_and_finite_numbers():
    figure = scaling_figure.drawn(scaling.over_rounds(SMALL, in_rounds()))
    assert len(figure.axes) == 6
    seen = {}
    for axes, panel in zip(figure.axes, scaling_figure.PANELS, strict=True):
        assert all((axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()))
        for line in axes.get_lines():
            assert np.isfinite(line.get_xydata().astype(float)).all()
            assert (line.get_linestyle() == "--") == ("pyroVED" in line.get_label())
            seen.setdefault((panel.axis, panel.y_label), {})[line.get_label()] = line
    all_three = {"vae", "rvae", "pyroVED's rVAE"}
    assert {key: set(lines) for key, lines in seen.items()} == {
        ("side", "images/s"): all_three, ("side", "peak memory, GB"): all_three,
        ("n_images", "µs an image"): all_three, ("bins", "images/s"): {"rvae"},
        ("classes", "images/s"): {"jrvae"}, ("latents", "images/s"): all_three,
    }  # fmt: skip
    speed = seen["side", "images/s"]["vae"].get_xydata()
    assert speed[:, 1] == pytest.approx([1e6 / 32**2 + 0.5, 1e6 / 48**2 + 0.5])
    memory = seen["side", "peak memory, GB"]["rvae"].get_xydata()
    assert memory[:, 1] == pytest.approx([0.32, 0.48])
    cost = seen["n_images", "µs an image"]["vae"].get_xydata()
    assert cost[:, 1] == pytest.approx([1e6 / (1e6 / 48**2 + 0.5)] * 2)
    [key] = figure.legends
    assert {text.get_text() for text in key.get_texts()} == all_three | {"jrvae"}


def test_a_point_that_failed_is_a_gap_with_its_reason():
    rounds = in_rounds()
    rounds[0][Training(model="rvae", n_images=20, bins=8)] = {"failed": "rvae_x failed with -9"}
    for r in rounds:
        r[Training(model="rvae", n_images=20, bins=1)] = {"failed": "rvae_y failed with -9"}
    found = {(p["axis"], p["x"]): p for p in scaling.over_rounds(SMALL, rounds)
             if p["series"] == "rvae"}  # fmt: skip
    assert found["bins", 1]["images_per_second"] is found["bins", 1]["peak_gb"] is None
    assert found["bins", 1]["missing"] == "rvae_y failed with -9"
    one = 1e6 / 48**2 + 1  # of the other round
    assert found["bins", 8]["images_per_second"] == {"median": one, "least": one, "most": one}
    figure = scaling_figure.drawn(scaling.over_rounds(SMALL, rounds))
    [line] = figure.axes[3].get_lines()
    assert np.isnan(line.get_ydata()).tolist() == [True, False]
    assert figure.axes[3].get_xlim()[0] <= 1  # its place stays
    nothing = [{training: {"failed": "no"} for training in rounds[0]}]
    assert not scaling_figure.drawn(scaling.over_rounds(SMALL, nothing)).axes[0].get_lines()


@pytest.fixture
def bench(monkeypatch, tmp_path, capsys):
    """Runs the command on made-up readings: status, output, page, JSON."""
    monkeypatch.setattr(Training, "__call__", lambda training, _: made_up(training))
    monkeypatch.setattr(Session, "machine", lambda _: {"processor": "A Processor"})
    monkeypatch.setattr("bench.processes.PROCESSES", {"help_page": lambda _: {"seconds": 0.5}})
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = command.main(["--work", "work", *arguments])
        output = "".join(capsys.readouterr())
        data = Path("work/benchmarks.json")
        return (
            status,
            output,
            Path("work/BENCHMARKS.md").read_text() if data.is_file() else "",
            json.loads(data.read_text()) if data.is_file() else {},
        )

    return run


def test_a_quick_run_is_one_round_beside_its_logs_and_its_figure_is_on_the_page(bench):
    status, output, text, table = bench("--quick", "--only", "scaling")
    assert (status, table["runs"][0]["rounds"], table["rows"]) == (0, 1, [])
    assert "round 1 scaling_rvae_n500_side48_K8_J1_z2: images_per_second 434" in output
    assert "](docs/scaling.png)" in text
    assert "A quick run" in text
    assert "A Processor" in text.split("[start:scaling]")[1].split("[end:scaling]")[0]
    with Image.open("work/docs/scaling.png") as figure:
        assert figure.width >= 1000
        assert len(figure.convert("L").getcolors()) > 10
    assert Path("work/docs/scaling.png").stat().st_size < 150_000


def test_the_series_stay_when_a_row_is_measured_and_the_row_when_the_series_are(bench):
    bench("--quick", "--only", "scaling")
    _, _, text, table = bench("--quick", "--only", "help")
    assert (table["scaling"]["run"], table["rows"][0]["run"], len(table["runs"])) == (1, 0, 2)
    assert "](docs/scaling.png)" in text
    assert "run 2.*" in text
    _, _, _, table = bench("--quick", "--only", "scaling")
    assert (table["scaling"]["run"], table["rows"][0]["run"], len(table["runs"])) == (0, 1, 2)
    table["runs"][1]["sizes"]["scales"]["images"] = 7  # what the row never depended on
    Path("work/benchmarks.json").write_text(json.dumps(table))
    _, _, _, table = bench("--quick", "--only", "scaling")
    assert [row["name"] for row in table["rows"]] == ["help"]


def test_page_and_figure_are_drawn_again_without_measuring(bench, monkeypatch):
    _, _, before, _ = bench("--quick", "--only", "scaling")
    for file in ("work/BENCHMARKS.md", "work/docs/scaling.png"):
        Path(file).unlink()
    monkeypatch.setattr(scaling, "measured", lambda _: pytest.fail("it was measured"))
    assert bench("--draw", "--out", "work")[::2] == (0, before)
    assert Path("work/docs/scaling.png").is_file()
    _, _, text, table = bench("--draw", "--out", "work", "--note", "Beside other work")
    assert (text.count(" Beside other work."), table["runs"][0]["note"]) == (
        2,
        "Beside other work",
    )
    status, output, *_ = bench("--draw", "--out", "nowhere")
    assert (status, "nowhere/benchmarks.json is missing" in output) == (2, True)


@pytest.mark.parametrize(
    ("model", "why", "status"),
    [
        (PEER, "pyroVED is not installed", 0),
        (PEER, "scaling_x failed with status -9: no memory", 0),
        ("vae", "scaling_x failed with status 1: error", 1),
    ],
)
def test_a_failed_process_is_a_reason_on_the_page_and_not_a_crash(
    bench, monkeypatch, model, why, status
):
    def fails(training, _):
        if training.model == model:
            raise Unavailable(why)
        return made_up(training)

    monkeypatch.setattr(Training, "__call__", fails)
    found, _, text, table = bench("--quick", "--only", "scaling")
    assert found == status
    assert f"- A gap in the figure: {why}" in text
    missing = {p["series"] for p in table["scaling"]["points"] if p["missing"]}
    assert missing == {model}
