"""The README's sections on one's own images and on finished runs, followed in an empty folder."""

import re
import shlex
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
SECTIONS = ("### Your own images", "## With a finished run")
QUICK = (
    "data.repeats=1",
    "model.hidden=[12,10]",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
)


def blocks(section: str) -> list[tuple[str, str]]:
    """Language and text of each piece of code in a section."""
    text = README.read_text(encoding="utf-8").split(f"\n{section}\n")[1]
    within = re.split(r"^##", text, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"```(\w+)\n(.*?)```", within, flags=re.DOTALL)


@pytest.mark.skipif(not README.is_file(), reason="README.md is not beside the tests")
def test_what_the_readme_says_of_own_images_and_finished_runs_works(vaerun, here):
    """Word by word, but that models are small and see their images once."""
    del here
    done = 0
    for language, text in (block for section in SECTIONS for block in blocks(section)):
        if language == "python":
            exec(compile(text, "README.md", "exec"), {"__name__": "readme"})
            continue
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            assert words[0] == "vaerun", line
            trains = not any(word.startswith("task=") for word in words)
            status, _, errors = vaerun(*words[1:], *(QUICK if trains else ()))
            assert (status, errors) == (0, []), line
            done += 1
    assert done >= 8
