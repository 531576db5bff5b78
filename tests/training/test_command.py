"""`lookalike train`, run for real: both ways, killed, resumed, and refused."""

import json
import signal
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from app.encoders import networks, projection
from app.encoders.registry import get_backbone
from tests.conftest import Cli, Start, cli_environment
from tests.support.commands import run_apart
from tests.support.waiting import end, wait_until
from worker.cli.train import command as train

pytestmark = pytest.mark.slow


def test_a_projection_of_what_stands_in_the_database(
    catalog_url: str, home: Path, cli: Cli, photo_count: int, tmp_path: Path
) -> None:
    arguments = [
        "train", "shorter", "--from", "database", "--projection-of", "compact",
        "--dimensions", "32", "--epochs", "3", "--label", "article_type", "--label", "gender=0.5",
        "--output", str(tmp_path / "copy.h5"),
    ]  # fmt: skip
    done = run_apart(arguments, cli_environment(catalog_url, home, LOOKALIKE_LOG_FORMAT="json"))
    assert done.returncode == 0, done.stderr
    assert projection.shape_in(tmp_path / "copy.h5") is not None
    assert "progress" in {json.loads(line)["event"] for line in done.stderr.splitlines()}
    assert "held-out products of database, looked up among all of it:" in done.stdout
    filled = cli(catalog_url, "embed", "--model", "shorter")
    assert filled.returncode == 0, filled.stderr
    assert cli(catalog_url, "models", "activate", "shorter").returncode == 0
    with psycopg.connect(catalog_url) as connection:
        row = connection.execute(
            "SELECT m.backbone, m.pooling, m.dimensions, count(*), min(vector_dims(v.embedding))"
            " FROM item_embeddings AS v, embedding_models AS m WHERE m.active GROUP BY m.model_id"
        ).fetchone()
    assert row == ("compact", "attention, then a trained projection", 32, photo_count, 32)
    again = cli(catalog_url, "train", "twice", "--from", "database", "--projection-of", "shorter")
    assert again.returncode == 1
    assert "shorter is a projection already" in again.stderr


def test_a_projection_sees_photos_as_its_model_does(catalog_url: str, cli: Cli) -> None:
    """Its head has learned from vectors of photos that were resized in that way."""
    for arguments in (
        ["models", "add", "compact", "--as", "letterboxed", "--resize", "letterbox"],
        ["embed", "--model", "letterboxed"],
        ["train", "head", "--from", "database", "--projection-of", "letterboxed", "--epochs", "1"],
    ):
        done = cli(catalog_url, *arguments)
        assert done.returncode == 0, done.stderr
    listed = json.loads(cli(catalog_url, "models", "list", "--json").stdout)["models"]
    seen = {model["name"]: model["preprocessing"] for model in listed}
    assert seen["head"] == seen["letterboxed"] != seen["compact"]


def test_a_network_killed_and_resumed(
    empty_url: str, home: Path, cli: Cli, start: Start, sample_catalog: Path
) -> None:
    arguments = [
        "train", "own", "--from", str(sample_catalog), "--epochs", "3", "--held-out", "0.2",
    ]  # fmt: skip
    progress = home / "training" / "own" / "progress.json"
    run = start(empty_url, *arguments)
    wait_until(lambda: progress.exists() or run.poll() is not None)
    end(run, signal.SIGKILL)
    begun = json.loads(progress.read_text())
    assert 1 <= begun["epochs_done"] < 3
    other = cli(empty_url, *arguments, "--seed", 2, "--label", "gender=2")
    assert other.returncode == 1
    assert "holds a run with another seed, label weights, data: go on with" in other.stderr
    done = cli(empty_url, *arguments)
    assert done.returncode == 0, done.stderr
    assert "for 3 epochs" in done.stdout
    assert not progress.exists()
    listed = json.loads(cli(empty_url, "models", "list", "--json").stdout)["models"]
    assert [(model["name"], model["dimensions"]) for model in listed] == [("own", 256)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--weights"],
        ["--projection-of", "compact", "--weights"],
        ["--teacher", "compact", "--teacher-weights"],
    ],
)
def test_weights_with_a_head_are_refused_before_the_work(
    empty_url: str, cli: Cli, sample_catalog: Path, tmp_path: Path, arguments: list[str]
) -> None:
    file = tmp_path / "head.weights.h5"
    compact = get_backbone("compact")
    head = projection.build(compact.dimensions, shape := projection.Shape(16, 16))
    networks.with_head(networks.build(compact, None), head).save_weights(file)
    projection.mark(file, shape)
    done = cli(empty_url, "train", "own", "--from", sample_catalog, *arguments, file)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"lookalike: {file} is a projection already: name what it is a projection of"
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label", "colour"], "there is no label called 'colour'"),
        (["--label", "gender=much"], "'much' is not a number"),
        (["--label", "gender=-1"], "it has to be above 0"),
        (["--projection-of", "nobody"], "there is no backbone called 'nobody'"),
        (["--output", "/missing/own.h5"], "can't write /missing/own.h5: make the folder /missing"),
        (["--backbone", "nobody"], "there is no backbone called 'nobody'"),
        (["--recipe", "nobody"], "can't read the recipe nobody: No such file"),
        (["--label", "article_type+hue"], "there is no label called 'hue'"),
        (["--label", "sku"], "there is no label called 'sku'"),
    ],
)
def test_a_request_that_cant_be_met_is_one_line(
    empty_url: str, cli: Cli, sample_catalog: Path, arguments: list[str], message: str
) -> None:
    done = cli(empty_url, "train", "own", "--from", sample_catalog, *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_catalog_of_five_photos_is_refused(
    empty_url: str, cli: Cli, sample_catalog: Path, tmp_path: Path
) -> None:
    lines = (sample_catalog / "styles.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "styles.csv").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "images").mkdir()
    for photo in sorted((sample_catalog / "images").iterdir())[:5]:
        (tmp_path / "images" / photo.name).write_bytes(photo.read_bytes())
    done = cli(empty_url, "train", "own", "--from", tmp_path)
    assert done.returncode == 1
    assert "5 products to train on are too few: at least 50 are needed" in done.stderr


def test_a_name_that_is_taken_is_refused_before_the_work(catalog_url: str, cli: Cli) -> None:
    done = cli(catalog_url, "train", "compact", "--from", "database")
    assert done.returncode == 1
    assert "a model called 'compact' is registered already" in done.stderr


HEAD = ["--from", "database", "--projection-of", "compact"]
NETWORK = ["--from", "database"]


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ([*HEAD, "--backbone", "compact"], "--backbone"),
        ([*HEAD, "--precision", "float32"], "--precision"),
        ([*HEAD, "--variation", "0.5"], "--variation"),
        ([*HEAD, "--teacher", "resnet50"], "--teacher"),
        ([*HEAD, "--teacher-weights", __file__], "--teacher-weights"),
        ([*HEAD, "--teacher-weight", "2"], "--teacher-weight"),
        ([*HEAD, "--weights", __file__], "--weights"),
        ([*HEAD, "--recipe", "compact"], "--recipe"),
        ([*NETWORK, "--recipe", "compact", "--epochs", "3"], "--epochs"),
        ([*NETWORK, "--recipe", "compact", "--label", "gender"], "--label"),
        ([*NETWORK, "--dimensions", "256"], "--dimensions"),
        ([*NETWORK, "--teacher-weights", __file__], "--teacher-weights"),
        ([*NETWORK, "--teacher-weight", "2"], "--teacher-weight"),
    ],
)
def test_an_option_without_effect_is_wrong_usage(arguments: list[str], option: str) -> None:
    done = CliRunner().invoke(train, ["own", *arguments])
    assert done.exit_code == 2
    assert f"Error: {option} has no effect here: " in done.stderr
