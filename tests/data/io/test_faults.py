"""What keeps a file from being read is told as what it is."""

from pathlib import Path

from vaerun.data.io.faults import explained


def test_a_package_is_named_by_the_words_of_the_one_that_takes_it():
    words = "You attempted to load an Igor file, but this requires igor2.\n Please install it"
    assert str(explained(Path("a.ibw"), ImportError(words))).endswith(
        "a.ibw takes igor2, which is not installed — pip install igor2"
    )
