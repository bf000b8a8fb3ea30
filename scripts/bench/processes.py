"""The measured processes, each a function of the session that is called once a round.

To measure something else, add a function here and a row in `bench.rows` that names it.
"""

import json
import statistics
from collections.abc import Callable

from bench.session import Reading, Session, Unavailable

# pyroVED's network and optimiser
SPATIAL = (
    "model/decoder=spatial",
    "model/pose=amortized",
    "model.hidden=[256,256]",
    "objective=elbo",
    "trainer.learning_rate=1e-3",
    "trainer.schedule=constant",
)
FLOAT, BFLOAT = "trainer.precision=32-true", "trainer.precision=bf16-mixed"
SUBSET = "model.decoder.pixel_subset=256"  # a ninth of the pixels
N_HELP = 5
N_HELD_OUT = 1000  # patches


def pyroved_speed(session: Session) -> Reading:
    """The rVAE of pyroVED, all pixels, fp32."""
    sizes = session.sizes
    return session.peer("pyroved_speed", "pyroved", sizes.speed_images, sizes.speed_epochs)


def atomai_speed(session: Session) -> Reading:
    """The rVAE of AtomAI, all pixels, fp32."""
    sizes = session.sizes
    return session.peer("atomai_speed", "atomai", sizes.speed_images, sizes.speed_epochs)


def spatial_speed(session: Session) -> Reading:
    """The spatial decoder of vaerun, all pixels, fp32."""
    return _speed(session, "spatial_speed", FLOAT)


def bf16_speed(session: Session) -> Reading:
    """The spatial decoder of vaerun, all pixels, bf16."""
    return _speed(session, "bf16_speed", _bfloat(session))


def subset_speed(session: Session) -> Reading:
    """The spatial decoder of vaerun on a ninth of the pixels, in its fastest precision here."""
    return _speed(session, "subset_speed", SUBSET)


def _speed(session: Session, name: str, *words: str) -> Reading:
    sizes = session.sizes
    epochs = f"trainer.max_epochs={sizes.speed_epochs}"
    words = (*SPATIAL, f"data.batch_size={sizes.batch}", epochs, *words)
    return session.training(name, words, n_images=sizes.speed_images)


def _bfloat(session: Session) -> str:
    if not session.machine()["bfloat16"]:
        raise Unavailable("this processor has no bf16")
    return BFLOAT


def pyroved_large_batch(session: Session) -> Reading:
    """The rVAE of pyroVED with large batches."""
    sizes = session.sizes
    return session.peer(
        "pyroved_large_batch",
        "pyroved",
        sizes.speed_images,
        sizes.speed_epochs,
        batch=sizes.large_batch,
    )


def orbit_speed(session: Session) -> Reading:
    """Orbit pose with K = 8 and canonical decoder, as many layers as pyroVED, large batches."""
    return _orbit(session, "orbit_speed", session.sizes.large_batch, "model.hidden=[256,256]")


def orbit_default(session: Session) -> Reading:
    """The default model, with one more layer, and its default batches."""
    return _orbit(session, "orbit_default", session.sizes.batch)


def _orbit(session: Session, name: str, batch: int, *words: str) -> Reading:
    sizes = session.sizes
    words = (f"data.batch_size={batch}", f"trainer.max_epochs={sizes.speed_epochs}", *words)
    return session.training(name, words, n_images=sizes.quick_images)


def pyroved_quality(session: Session) -> Reading:
    """The rVAE of pyroVED, with bound and angles after `sizes.epochs` epochs."""
    sizes = session.sizes
    return session.peer(
        "pyroved_quality", "pyroved", sizes.images, sizes.epochs, held_out=sizes.held_out
    )


def quality(session: Session) -> Reading:
    """The default model on the images of pyroVED: bound and angles after each epoch."""
    return session.training("quality", (), n_images=session.sizes.images, angles=True)


def all_pixels_bound(session: Session) -> Reading:
    """Final bound of the spatial decoder of vaerun, trained on all pixels."""
    return _bound(session, "all_pixels_bound")


def subset_bound(session: Session) -> Reading:
    """Final bound, on all pixels, of a spatial decoder trained on a ninth of them."""
    return _bound(session, "subset_bound", SUBSET)


def _bound(session: Session, name: str, *words: str) -> Reading:
    """The bound of the last epoch; the learning rate falls to zero, as by default."""
    sizes = session.sizes
    words = (*SPATIAL, f"data.batch_size={sizes.batch}", f"trainer.max_epochs={sizes.epochs}",
             "trainer.schedule=cosine", *words)  # fmt: skip
    return session.training(name, words, n_images=sizes.images)


def few_images(session: Session) -> Reading:
    """Cost of an image for the default model, on its default number of images."""
    return _cost(session, "few_images", session.sizes.quick_images, session.sizes.few_epochs)


def many_images(session: Session) -> Reading:
    """Cost of an image for the default model, on many images."""
    return _cost(session, "many_images", session.sizes.many_images, 1)


def _cost(session: Session, name: str, n_images: int, epochs: int) -> Reading:
    """Microseconds of training an image: mean over the epochs, less the first of several."""
    reading = session.training(name, [f"trainer.max_epochs={epochs}"], n_images=n_images)
    seconds = [epoch["steps_seconds"] for epoch in reading["epochs"]]
    return reading | {"microseconds": statistics.mean(seconds[1:] or seconds) / n_images * 1e6}


def disk_patches(session: Session) -> Reading:
    """A complete run, report included, on more patches than may be in memory."""
    return _patches(session, "disk_patches", 1, f"data.memory_gb={session.sizes.patches_gb}")


def memory_patches(session: Session) -> Reading:
    """A complete run on fewer patches, in memory; four epochs, since one is too short to time."""
    sizes = session.sizes
    words = (f"data.train_size={sizes.patches_in_memory}", "data.memory_gb=100")
    return _patches(session, "memory_patches", 4, *words)


def _patches(session: Session, name: str, epochs: int, *words: str) -> Reading:
    """A run of a vae: the fastest model, so the first to be limited by reading images."""
    notes = session.folder / name / "notes.json"
    held_out = N_HELD_OUT / session.sizes.patches
    words = ("model=vae", "data=images", f"data.path={session.patches()}",
             f"data.val_share={held_out}", f"trainer.max_epochs={epochs}", *words)  # fmt: skip
    ended = session.ours(name, [str(notes), *words], module="bench.probe")
    noted = json.loads(notes.read_text())["epochs"]
    rates = [epoch["n_images"] / epoch["steps_seconds"] for epoch in noted[1:] or noted]
    return {
        "images_per_second": statistics.mean(rates),
        "seconds": ended.seconds,
        "peak_gb": ended.peak_mb / 1000,
    }


def default_run(session: Session) -> Reading:
    """`vaerun model=rvae data=cards_iv`, from the command to the finished report."""
    notes = session.folder / "default_run" / "notes.json"
    words = ["model=rvae", "data=cards_iv", f"seed={session.round_number}"]
    ended = session.ours(
        "default_run", [str(notes), *words, *session.sizes.default], module="bench.probe"
    )
    noted = json.loads(notes.read_text())
    run = notes.parent / "outputs/rvae/cards_iv/version_0"
    if not (run / "report.html").is_file():
        raise Unavailable(f"default_run has left no report in {run}")
    metrics = json.loads((run / "metrics.json").read_text())
    return {
        "seconds": ended.seconds,
        "peak_gb": ended.peak_mb / 1000,
        "start_up": noted["training_began"] - ended.began,
        "first_step": noted["first_step"] - ended.began,
        "epoch": statistics.median(e["ended"] - e["began"] for e in noted["epochs"]),
        "results": ended.began + ended.seconds - noted["training_ended"],
        "loss": metrics["elbo"]["loss"],
        "angle_error_deg": metrics["angle"]["overall_mae_deg"],
    }


def help_page(session: Session) -> Reading:
    """Median duration of `vaerun --help`."""
    times = [session.ours("help_page", ["--help"]).seconds for _ in range(N_HELP)]
    return {"seconds": statistics.median(times)}


# In the order of a round: processes that are compared follow each other.
PROCESSES: dict[str, Callable[[Session], Reading]] = {
    process.__name__: process
    for process in (
        pyroved_speed, spatial_speed, atomai_speed, bf16_speed, subset_speed,
        pyroved_large_batch, orbit_speed, orbit_default,
        pyroved_quality, quality, all_pixels_bound, subset_bound, few_images, many_images,
        disk_patches, memory_patches, default_run, help_page,
    )
}  # fmt: skip


def measured(session: Session, name: str) -> Reading:
    """The reading of a process of `PROCESSES`, or the reason why there is none."""
    return attempt(session, name, PROCESSES[name])


def attempt(session: Session, name: str, process: Callable[[Session], Reading]) -> Reading:
    """The reading of a process, or the reason why there is none; prints either."""
    try:
        reading = process(session)
    except Unavailable as why:
        reading = {"failed": str(why)}
    print(f"round {session.round_number + 1} {name}: {_said(reading)}", flush=True)
    return reading


def _said(reading: Reading) -> str:
    numbers = {k: v for k, v in reading.items() if isinstance(v, (int, float, str))}
    if reading.get("epochs"):
        numbers |= reading["epochs"][-1]
    return ", ".join(
        f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in numbers.items()
    )
