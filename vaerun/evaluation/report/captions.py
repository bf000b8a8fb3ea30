"""How to read each figure: its title and a sentence or two for someone who sees it first here."""

import re

CAPTIONS: dict[str, tuple[str, str]] = {
    "learning_curve": (
        "How training went",
        "Lower is better. A validation curve that rises while the training curve falls means "
        "that the model learns its images by heart. A divergence near zero means that this part "
        "of the encoding is not used.",
    ),
    "inputs": ("What the model sees", "The first validation images, as the encoder gets them."),
    "reconstructions": (
        "What it makes of them",
        "Each image above what comes back from its encoding. Details missing below did not pass "
        "through the few numbers of the encoding. Where there is a third row, the first was "
        "corrupted and the model was to make the third of it: the higher its PSNR over that of "
        "the input, the better.",
    ),
    "latent_distribution": (
        "Where images lie in the latent space",
        "One point for each validation image, coloured by what is known of it. Classes should "
        "keep apart, and a factor that the content carries should run smoothly. The colours of "
        "an angle should be mixed: content that still shows the angle is not invariant. Grey: "
        "not known.",
    ),
    "latent_density": (
        "How densely",
        "Where images crowd. The colours are spread so that thin regions show too.",
    ),
    "manifold": (
        "What the latent space means",
        "Images decoded on a grid of contents, upright. The grid covers the middle of the prior; "
        "where no image lies, what is decoded is a guess.",
    ),
    "manifold_data": (
        "The same over the range of the data",
        "The grid reaches as far as the encodings of the images do.",
    ),
    "angle_vs_truth": (
        "Encoded against true angle",
        "A model that turns with the image gives one line of slope 1 for each class; where it "
        "crosses the axis is its own choice of upright. Two parallel lines are two ground "
        "states. Lines leave at the top and come back at the bottom.",
    ),
    "angle_histogram": (
        "How often each angle",
        "Left, the encoded angles. Where the truth is known, right, their difference from it: "
        "one narrow peak for each class is ideal. Images that look the same after part of a turn "
        "are counted modulo that part.",
    ),
    "shift_histogram": (
        "How far images are shifted",
        "Encoded shifts, and the true ones where they are known. They agree up to a constant.",
    ),
    "confusion": (
        "Which classes are mistaken for which",
        "Each row is a true class and adds up to 1; the diagonal is right.",
    ),
}

_FAMILIES = (
    (
        r"manifold_class_(\d+)",
        "The latent space of class {}",
        "Images decoded on a grid of contents for this class, upright.",
    ),
    (
        r"traversal_(z\d+)",
        "Along {}",
        "One number of the content changes from left to right over the range of the data, the "
        "others are zero.",
    ),
    (
        r"frame_(\d+)_angle",
        "The angle over frame {}",
        "Each patch is a dot where it lies on the micrograph, coloured by its encoded angle; the "
        "colours close, like the angle. On a lattice of two sublattices they alternate from atom "
        "to atom; grains that are turned against each other differ as a whole.",
    ),
    (
        r"frame_(\d+_z\d+)",
        "The content over frame {}",
        "Each patch is a dot, coloured by one number of its content. Alike surroundings should "
        "have like colours wherever they lie, and defects stand out. The last 2 % at either end "
        "share its colour.",
    ),
    (
        r"frame_(\d+)_class",
        "True classes over frame {}",
        "Each patch is a dot in the colour of its class; grey ones are of no class.",
    ),
    (
        r"frame_(\d+)_predicted",
        "Predicted classes over frame {}",
        "Each patch is a dot in the colour of the class that the model gives it.",
    ),
)

_ON_FRAMES = ("angle", "z", "class", "predicted")


def caption(name: str) -> tuple[str, str]:
    """Title and explanation of a figure; the bare name for one that is new here."""
    for pattern, title, text in _FAMILIES:
        match = re.fullmatch(pattern, name)
        if match:
            return title.format(match[1].replace("_", ", ")), text
    return CAPTIONS.get(name, (name.replace("_", " ").capitalize(), ""))


def in_reading_order(names: list[str]) -> list[str]:
    """Figures from images to training, content, frames and pose; what is new here comes last."""
    order = ["inputs", "reconstructions", "learning_curve", "latent_distribution", "manifold",
             "manifold_data", "manifold_class", "traversal", "latent_density", "frame",
             "angle_vs_truth", "angle_histogram", "shift_histogram", "confusion"]  # fmt: skip

    def place(name: str) -> tuple[int, ...]:
        on_frame = re.fullmatch(r"frame_(\d+)_([a-z]+)(\d*)", name)
        if on_frame and on_frame[2] in _ON_FRAMES:
            quantity = _ON_FRAMES.index(on_frame[2])
            return order.index("frame"), int(on_frame[1]), quantity, int(on_frame[3] or 0)
        family = name if name in order else re.sub(r"_z?\d+$", "", name)
        number = re.search(r"\d+$", name)
        rank = order.index(family) if family in order else len(order)
        return rank, int(number[0]) if number else 0

    return sorted(names, key=place)
