"""`lookalike catalog apply` and `show`, run for real."""

import json
from pathlib import Path

import psycopg

from tests.conftest import Cli

SHOP = (
    '[source]\nformat = "csv"\nsku = "sku"\n\n[attributes.material]\ntype = "text"\nfilter = true\n'
)


def test_apply_tells_what_changed(empty_url: str, cli: Cli, tmp_path: Path) -> None:
    profile = tmp_path / "shop.toml"
    profile.write_text(SHOP)
    refused = cli(empty_url, "catalog", "apply", profile)
    assert refused.returncode == 1
    assert "--drop lets these attributes go, with their values" in refused.stderr
    done = cli(empty_url, "catalog", "apply", profile, "--drop", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["added"] == ["material"]
    again = cli(empty_url, "catalog", "apply", profile)
    assert again.stdout == "nothing has changed: the attributes are declared already\n"
    assert cli(empty_url, "catalog", "show").stdout == SHOP
    with psycopg.connect(empty_url) as connection:
        connection.execute("SELECT material FROM items")


def test_a_wrong_profile_is_one_line(empty_url: str, cli: Cli, tmp_path: Path) -> None:
    profile = tmp_path / "shop.toml"
    profile.write_text(SHOP.replace("text", "money"))
    done = cli(empty_url, "catalog", "apply", profile)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "wrong at attributes.material.type" in line
    missing = cli(empty_url, "catalog", "apply", tmp_path / "none.toml")
    assert "can't read the profile" in missing.stderr


def test_show_without_a_profile(cli: Cli, tmp_path: Path) -> None:
    done = cli(None, "catalog", "show", LOOKALIKE_HOME=str(tmp_path / "home"))
    assert done.returncode == 1
    assert "no profile has been applied yet" in done.stderr
    cli(None, "db", "stop", LOOKALIKE_HOME=str(tmp_path / "home"))
