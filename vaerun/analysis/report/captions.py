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
        "an angle should be mixed: content that still shows the angle is not invariant.",
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
        "one narrow peak for each class is ideal.",
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
)


def caption(name: str) -> tuple[str, str]:
    """Title and explanation of a figure; the bare name for one that is new here."""
    for pattern, title, text in _FAMILIES:
        match = re.fullmatch(pattern, name)
        if match:
            return title.format(match[1]), text
    return CAPTIONS.get(name, (name.replace("_", " ").capitalize(), ""))


def in_reading_order(names: list[str]) -> list[str]:
    """Figures from images to training, content and pose; what is new here comes last."""
    order = ["inputs", "reconstructions", "learning_curve", "latent_distribution", "manifold",
             "manifold_data", "manifold_class", "traversal", "latent_density", "angle_vs_truth",
             "angle_histogram", "shift_histogram", "confusion"]  # fmt: skip

    def place(name: str) -> tuple[int, int]:
        family = name if name in order else re.sub(r"_z?\d+$", "", name)
        number = re.search(r"\d+$", name)
        rank = order.index(family) if family in order else len(order)
        return rank, int(number[0]) if number else 0

    return sorted(names, key=place)
