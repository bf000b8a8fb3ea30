"""What TensorBoard shows."""

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from vaerun.training.event_files import write_pngs


def test_a_picture_is_shown_as_its_file_has_it(tmp_path):
    picture = tmp_path / "ramp.png"
    Image.fromarray(np.arange(60, dtype=np.uint8).reshape(6, 10)).convert("RGBA").save(picture)
    write_pngs(tmp_path / "events", {"ramp": picture}, 7)
    (shown,) = EventAccumulator(str(tmp_path / "events")).Reload().Images("ramp")
    assert (shown.step, shown.width, shown.height) == (7, 10, 6)
    assert shown.encoded_image_string == picture.read_bytes()
