"""The worked examples of a page: files are written, commands run, outputs compared.

An example is a section of a page with commands, those of its blocks ```` ```console ````. Its files
are the blocks with a title, such as ```` ```csv title="products.csv" ````. Photos that these name
are drawn, and a file of SQL becomes a SQLite database.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from worker.sample_catalog.catalog import draw_product
from worker.sample_catalog.kinds import KINDS, Look
from worker.sample_catalog.products import Product

ROOT = Path(__file__).parents[2]

SITE = "https://shop.example"
"""Where the examples' photos are; while they run, a server on this machine takes its place."""

SECTION = re.compile(r"^#{1,4} (?P<title>.+)$", re.MULTILINE)
BLOCK = re.compile(
    r"^```(?P<language>\w+)(?: title=\"(?P<file>[^\"]+)\")?\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
PHOTO = re.compile(r"photos/[\w-]+\.jpg")
BAR = re.compile(r"(?:\S/s|s/ \w+)\]|%\|")
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e-\d+)?")
DURATION = re.compile(r"in [\d.]+ s(?: \(.*\))?|\d+ (?:s|min) ago")
STREAM = re.compile(r"[ \t]+")

COLOURS = {"oak": "#b58a55", "brass": "#c9a227", "grey": "#808080", "wool": "#d8cbb5"}


class Step(NamedTuple):
    """A command as a person types it, and what the page shows below it."""

    command: str
    output: str


class Example(NamedTuple):
    """A section of a page with commands."""

    title: str
    section: str
    """Its text."""
    files: dict[str, str]
    steps: list[Step]


def read_examples(page: Path) -> list[Example]:
    """Return the worked examples of a page."""
    text = page.read_text(encoding="utf-8")
    starts = [found.start() for found in SECTION.finditer(_without_blocks(text))]
    sections = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    examples = [_read_example(section) for section in sections]
    return [example for example in examples if example.steps]


def write_files(example: Example, folder: Path, site: str = SITE) -> None:
    """Write an example's files into a folder, and draw the photos that they name."""
    for name, text in example.files.items():
        (folder / name).write_text(text.replace(SITE, site), encoding="utf-8")
        if name.endswith(".sql"):
            with closing(sqlite3.connect((folder / name).with_suffix(".db"))) as database:
                database.executescript(text)
        for photo in PHOTO.findall(text):
            if "missing" not in photo:
                draw_photo(folder / photo)


def draw_photo(file: Path) -> None:
    """Draw the thing that a file is named after, such as `tshirt-red.jpg` or `sofa-blue.jpg`."""
    file.parent.mkdir(exist_ok=True)
    thing, *words = file.stem.split("-")
    if thing in GARMENTS:
        kind = next(each for each in KINDS if each.article_type == GARMENTS[thing])
        pattern = words.pop() if len(words) > 1 else "plain"
        look = Look("Women", words[0].title(), pattern)
        product = Product(1, len(file.stem), 0, kind, look, "", "", 2026, "", True)
        draw_product(product).save(file, quality=90)
        return
    image = Image.new("RGB", (240, 240), "white")
    colour = next((COLOURS.get(word, word) for word in words if _is_colour(word)), "#a08060")
    draw = ImageDraw.Draw(image)
    for box in SHAPES.get(thing, SHAPES["other"]):
        draw.rounded_rectangle(box, radius=8, fill=colour, outline="#303030", width=2)
    image.save(file, quality=90)


GARMENTS = {"tshirt": "Tshirts", "dress": "Dresses", "shorts": "Shorts", "handbag": "Handbags"}
"""What the sample catalog draws, by the word in a file's name."""

SHAPES: dict[str, list[tuple[int, int, int, int]]] = {
    "sofa": [(30, 90, 210, 150), (20, 130, 220, 190), (20, 110, 50, 190), (190, 110, 220, 190)],
    "chair": [(80, 30, 160, 120), (75, 120, 165, 140), (80, 140, 92, 215), (148, 140, 160, 215)],
    "table": [(25, 90, 215, 108), (40, 108, 54, 205), (186, 108, 200, 205)],
    "mug": [(60, 70, 160, 190), (160, 95, 195, 150)],
    "lamp": [(80, 40, 160, 110), (115, 110, 125, 190), (85, 190, 155, 205)],
    "bin": [(75, 70, 165, 205), (65, 50, 175, 70)],
    "other": [(60, 60, 180, 180)],
}


def shown_lines(output: str) -> str:
    """Return what stays on the screen: bars and blanks at the ends of lines left out."""
    lines: list[str] = []
    for line in output.splitlines():
        if not BAR.search(line):
            lines.append(line.rstrip())
        elif lines and not lines[-1]:
            lines.pop()  # a bar begins with a carriage return
    return "\n".join(lines).strip("\n")


def agree(ours: str, theirs: str) -> bool:
    """Whether two outputs say the same: durations aside, decimals to what processors differ in."""
    ours, theirs = _comparable(ours), _comparable(theirs)
    if NUMBER.sub("#", ours) != NUMBER.sub("#", theirs):
        return False
    pairs = zip(NUMBER.findall(ours), NUMBER.findall(theirs), strict=True)
    return all(a == b or ("." in a + b and abs(_number(a) - _number(b)) <= 0.02) for a, b in pairs)


def renew(page: Path, example: Example, outputs: list[str]) -> None:
    """Put into a page what an example's commands print now, one output a command."""
    given = iter(outputs)

    def filled(block: re.Match[str]) -> str:
        if block["language"] != "console":
            return block[0]
        steps = _read_steps(block["text"])
        return "".join(
            ["```console\n", *(_shown(step.command, next(given)) for step in steps), "```"]
        )

    text = page.read_text(encoding="utf-8")
    section = BLOCK.sub(filled, example.section)
    page.write_text(text.replace(example.section, section), encoding="utf-8")


def _without_blocks(text: str) -> str:
    """Blank out the blocks of code, in which # begins a comment."""
    return BLOCK.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _read_example(section: str) -> Example:
    files: dict[str, str] = {}
    steps: list[Step] = []
    for block in BLOCK.finditer(section):
        if block["file"]:
            files[block["file"]] = block["text"]
        elif block["language"] == "console":
            steps += _read_steps(block["text"])
    title = SECTION.match(section)
    assert title is not None
    return Example(title["title"], section, files, steps)


def _read_steps(text: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        command = [lines.pop(0)]
        while lines and (lines[0].startswith("> ") or command[-1].endswith("\\")):
            command.append(lines.pop(0).removeprefix("> "))
        yield Step("\n".join(command), "\n".join(lines).strip("\n"))


def _shown(command: str, output: str) -> str:
    """Return a command and its output as a terminal shows them."""
    first, *rest = command.splitlines()
    lines = [f"$ {first}", *(f"> {line}" for line in rest), *output.splitlines()]
    return "".join(f"{line}\n" for line in lines)


def _comparable(output: str) -> str:
    return STREAM.sub(" ", DURATION.sub("a while", output)).strip()


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _is_colour(word: str) -> bool:
    return word in COLOURS or word in {"white", "blue", "green", "red", "black", "yellow"}
