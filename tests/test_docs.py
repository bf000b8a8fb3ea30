"""README and pages: their commands compose, their keys and extras exist, their links hold.

What costs little is followed word by word in an empty folder, with small models.
"""

import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import vaerun as package
from vaerun.config.compose import compose, expand_sweep
from vaerun.runs.config import keys_affecting, validate
from vaerun.runs.inherited_overrides import with_data_of_run, with_inherited_data
from vaerun.tasks.sweep.settings import parse_sweep

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(
    not (ROOT / "docs").is_dir(), reason="docs/ is not beside the tests"
)
PAGES = sorted(
    page
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
    if page.is_file()
)
QUICK = (
    "data.repeats=1",
    "model.hidden=[12,10]",
    "model.clustering.templates=2",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
)
# Runs that pages name, as if somebody had made them.
RUNS = (
    "model=rvae data=images data.path=particles.h5",
    "model=rvae data=cards_iv",
    "model=ved data=pairs data.path=particles.h5 data.target_path=particles.h5",
)
OTHER_PROGRAMS = {"source", "tensorboard", "mlflow", "wandb", "git", "pre-commit", "torchrun"}
ALL_KEYS = keys_affecting("nothing", "rounding", "training", "images", "selection", "files")


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each piece of code on a page."""
    return re.findall(r"```(\w+)\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """The words of each command on a page, comments left out."""
    lines = [
        line
        for language, text in blocks(page)
        if language == "bash"
        for line in text.replace("\\\n", " ").splitlines()
    ]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def compose_command(words: list[str]) -> None:
    """Compose and validate what `vaerun` is given; `UserError` if that is impossible."""
    if {"--help", "--version", "--report-bug"} & set(words):
        return
    overrides = [word for word in words if word not in ("-m", "--cfg", "job", "--resolve")]
    if "-m" in words:
        request = parse_sweep(overrides)
        first, *_, last = [*expand_sweep(request.runs)] * 2
        for one in (first, last):
            validate(compose(one))
        return
    validate(compose(with_inherited_data(with_data_of_run(overrides))))


def check_command(words: list[str], extras: set[str]) -> None:
    """Fail if a command of a page could not be typed."""
    program, *rest = words
    if program == "vaerun":
        compose_command(rest)
    elif program in ("bash", "python") and not rest[0].startswith("-"):
        assert (ROOT / rest[0]).is_file(), words
        if rest[0] == "scripts/run.sh":
            compose_command(rest[1:])
    elif program == "sbatch":
        script = next(i for i, word in enumerate(rest) if not word.startswith("-"))
        assert (ROOT / rest[script]).is_file(), words
        compose_command(rest[script + 1 :])
    elif program == "pip":
        named = re.findall(r"\[([\w,-]+)\]", " ".join(rest))
        assert {extra for group in named for extra in group.split(",")} <= extras, words
    else:
        assert program in OTHER_PROGRAMS | {"python"}, words


@pytest.fixture(scope="module")
def extras() -> set[str]:
    return set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ])  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_can_be_typed(page, vaerun, here, jobs, extras):
    (here / "particles.h5").touch()
    if re.search("outputs/(rvae|ved)", page.read_text(encoding="utf-8")):
        for overrides in RUNS * 2:
            assert vaerun(*overrides.split())[0] == 0
    for words in commands(page):
        check_command(words, extras)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_keys_in_the_text_exist(page):
    text = page.read_text(encoding="utf-8")
    pattern = r"`'?((?:model|data|trainer|objective|task)\.[a-z_.]+)(?:=[^`]*)?`"
    groups = {key.rpartition(".")[0] for key in ALL_KEYS}
    for key in re.findall(pattern, text):
        assert key in ALL_KEYS | groups, key


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_to_files_and_headings_hold(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if target.startswith(("http", "#")) or "keys.md" in target or target.endswith("ipynb"):
            continue
        assert (page.parent / target.partition("#")[0]).is_file(), target


def test_the_readme_is_short_and_shows_its_two_commands():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 160
    assert {"bash scripts/run.sh", "bash scripts/test.sh"} <= set(lines)


@pytest.mark.slow
def test_pages_on_own_images_and_finished_runs_work_word_by_word(vaerun, here, monkeypatch):
    """But that models are small and see their images once."""
    del here
    train = package.train
    monkeypatch.setitem(package.__dict__, "train", lambda *words: train(*words, *QUICK))
    done, names = 0, {"__name__": "page"}
    for name in ("own_images", "finished_runs"):
        page = ROOT / "docs" / f"{name}.md"
        for words in commands(page):
            if words[0] == "python":
                runpy.run_path(str(ROOT / words[1]))
                continue
            assert words[0] == "vaerun", words
            trains = not any(word.startswith("task=") for word in words)
            status, _, errors = vaerun(*words[1:], *(QUICK if trains else ()))
            assert (status, errors) == (0, []), words
            done += 1
        for language, text in blocks(page):
            if language == "python":
                exec(compile(text, page.name, "exec"), names)
    assert done >= 7


def test_the_page_of_keys_has_every_key_and_choice_once():
    from docsite.keys_page import keys, page

    from vaerun.config.groups import GROUPS, NAMED_BY_GROUP, choices

    text = page()
    listed = re.findall(r"^\| `([\w.]+)` \| .* \| .* \| \w+ \|$", text, flags=re.MULTILINE)
    assert set(listed) == set(ALL_KEYS) - set(NAMED_BY_GROUP)
    assert len({(one.name, one.help, one.values) for one in keys()}) == len(keys())
    for group in GROUPS:
        section = text.split(f"## `{group}=`\n")[1].split("\n## ")[0]
        assert re.findall(r"^\| `(.+?)` \|", section, flags=re.MULTILINE) == list(choices(group))


def test_a_formula_becomes_mathml_and_code_stays():
    from docsite.formulas import with_mathml

    page = r'<p><span class="arithmatex">\(z &lt; 1\)</span> <code>\(z\)</code></p>'
    shown = with_mathml(page)
    assert "<math" in shown
    assert "<mi>z</mi><mo>&#x0003C;</mo><mn>1</mn>" in shown
    assert r"<code>\(z\)</code>" in shown


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built strictly: a warning, such as a broken link, fails."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_no_page_of_the_site_fetches_anything(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|img)[^>]+src="https?:[^"]+', text), page
        assert not re.findall(r'<link[^>]+rel="stylesheet"[^>]+href="https?:', text), page


@pytest.mark.slow
def test_search_finds_rotation_in_a_site_opened_from_disk(site, browser):
    page = browser.new_page()
    errors = []
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("requestfailed", lambda request: errors.append(request.url))
    page.goto(f"file://{site}/reference/keys.html")
    # key by key, since what is typed before the search is ready is not looked for
    page.get_by_role("textbox", name="Search").press_sequentially("rotation", delay=100)
    page.locator(".md-search-result__item").first.wait_for()
    assert "matching documents" in page.locator(".md-search-result__meta").inner_text()
    assert "Glossary" in page.locator(".md-search-result__list").inner_text()
    assert errors == []
    page.close()
