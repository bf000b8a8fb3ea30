"""TensorBoard's event files. Without Lightning, which takes seconds to import."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from vaerun.utils.text import is_text


@contextlib.contextmanager
def event_writer(events: Path) -> Iterator[SummaryWriter]:
    """A writer of TensorBoard's events into a folder.

    TensorBoard takes no path that is not UTF-8, and is given a link to it instead.
    """
    events.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as open_ones:
        path = events
        if not is_text(str(events)):
            path = Path(open_ones.enter_context(tempfile.TemporaryDirectory())) / "events"
            path.symlink_to(events.absolute())
        yield open_ones.enter_context(SummaryWriter(str(path)))


def write_pngs(events: Path, files: Mapping[str, Path], step: int) -> None:
    """Show PNG files in TensorBoard as they are; `add_image` would encode their pixels again."""
    with event_writer(events) as writer:
        for name, file in files.items():
            with Image.open(file) as picture:
                width, height = picture.size
            shown = Summary.Image(
                width=width,
                height=height,
                colorspace=4,  # red, green, blue, opacity
                encoded_image_string=file.read_bytes(),
            )
            summary = Summary(value=[Summary.Value(tag=name, image=shown)])
            writer._get_file_writer().add_summary(summary, step)
