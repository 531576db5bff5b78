"""`lookalike plot`: pictures of what is stored, and one line where there is nothing to draw."""

import os
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from app.database import Database
from tests.conftest import Cli, cli_environment
from tests.support.commands import run_apart
from worker.plots.neighbours import draw_neighbours

pytestmark = pytest.mark.slow


def first_skus(url: str, count: int) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT sku FROM item_embeddings JOIN items USING (item_id) ORDER BY item_id LIMIT %s",
            [count],
        ).fetchall()
    return [sku for (sku,) in rows]


def test_neighbours_are_drawn_with_name_and_similarity(
    catalog_url: str, catalog_database: Database, cli: Cli, tmp_path: Path
) -> None:
    (sku,) = first_skus(catalog_url, 1)
    with psycopg.connect(catalog_url) as connection:
        # What matplotlib would take for a formula, and letters that its font lacks.
        connection.execute(
            "UPDATE items SET product_display_name = '$5 shirt_{x} $ 連衣裙' WHERE sku = %s", [sku]
        )
        connection.execute(
            "UPDATE photos SET reference = 'images/gone.jpg' WHERE item_id ="
            " (SELECT item_id FROM similar_items(%s, 1))",
            [sku],
        )
    file = tmp_path / "neighbours.png"
    file.write_text("an older picture")
    done = cli(catalog_url, "plot", "neighbours", sku, "-o", file, "--top-n", 7)
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(file) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 300
    assert sorted(tmp_path.iterdir()) == [file]

    figure = draw_neighbours(catalog_database, sku, 7)
    query, nearest, *rest = figure.axes
    assert query.get_title().startswith(f"{sku}: $5 shirt_{{x}} $")
    assert len(query.images) == 1
    assert nearest.texts[0].get_text() == "photo can't be read"
    similarities = [float(axes.get_title().split()[0]) for axes in (nearest, *rest)]
    assert len(similarities) == 7
    assert similarities == sorted(similarities, reverse=True)


def test_stored_figures_are_drawn_in_every_format(
    catalog_url: str, cli: Cli, tmp_path: Path
) -> None:
    for kind, options in (("precision", []), ("robustness", ["--robustness"])):
        early = cli(catalog_url, "plot", kind, "-o", tmp_path / "early.png")
        assert early.returncode == 1
        command = " ".join(["lookalike", "evaluate", *options])
        assert f"no figures of any model are stored: run `{command}` first" in early.stderr
        assert list(tmp_path.glob("early*")) == []
        measured = cli(catalog_url, "evaluate", "--sample", 5, *options)
        assert measured.returncode == 0, measured.stderr
        for ending, start in (
            (".png", b"\x89PNG"), (".SVG", b"<?xml"), (".pdf", b"%PDF"), (".jpg", b"\xff\xd8"),
        ):  # fmt: skip
            file = tmp_path / f"{kind}{ending}"
            done = cli(catalog_url, "plot", kind, "-o", file, "--model", "compact")
            assert (done.returncode, done.stdout) == (0, f"drew {file}\n"), done.stderr
            assert file.read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["neighbours", "nobody", "-o", "x.png"], "no product has the id nobody"),
        (["precision", "-o", "x.png", "--model", "nobody"], "no model called 'nobody'"),
        (["robustness", "-o", "x.png", "--model", "compact"], "no figures of compact are stored"),
        (
            ["precision", "-o", "missing/x.png"],
            "can't write missing/x.png: make the folder missing",
        ),
        (["precision", "-o", "x.doc"], "can't draw x.doc: it has to end in .png or .svg"),
        (["precision", "-o", "x"], "can't draw x: it has to end in .png or .svg"),
    ],
)
def test_what_cant_be_drawn_is_one_line(
    catalog_url: str, cli: Cli, arguments: list[str], message: str
) -> None:
    done = cli(catalog_url, "plot", *arguments)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert message in line


def test_a_model_without_vectors_is_one_line(empty_url: str, cli: Cli, tmp_path: Path) -> None:
    for arguments in (
        ["plot", "neighbours", "1", "-o", tmp_path / "x.png"],
        ["evaluate", "--robustness"],
        ["evaluate", "--compare", "compact", "again"],
    ):
        for add in (
            [],
            ["models", "add", "compact"],
            ["models", "add", "compact", "--as", "again"],
        ):
            if add:
                cli(empty_url, *add)
            done = cli(empty_url, *arguments)
            assert done.returncode == 1
            (line,) = done.stderr.splitlines()
            assert line.startswith("lookalike: ")


def test_without_matplotlib_it_names_the_extra(empty_url: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('as if it were not there')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = cli_environment(empty_url, home, PYTHONPATH=path)
    done = run_apart(["plot", "precision", "-o", str(tmp_path / "x.png")], environment)
    assert done.returncode == 1
    assert done.stderr == (
        "lookalike: pictures need one more package: pip install 'lookalike[plot]'\n"
    )
