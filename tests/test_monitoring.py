"""The alert rules and the dashboard ask for metrics that there are."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from app.http import metrics
from worker.embedding import metrics as worker_metrics

DEPLOY = Path(__file__).parents[1] / "deploy"
WORDS = re.compile(r"\blookalike_\w+")


def expressions() -> list[str]:
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text("utf-8"))
    board = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))
    return [
        *[rule["expr"] for group in rules["groups"] for rule in group["rules"]],
        *[target["expr"] for panel in board["panels"] for target in panel["targets"]],
    ]


def test_every_metric_that_is_asked_for_exists() -> None:
    source = "".join(
        Path(module.__file__ or "").read_text("utf-8") for module in (metrics, worker_metrics)
    )
    known = set(WORDS.findall(source))
    for expression in expressions():
        for name in WORDS.findall(expression):
            assert re.sub(r"_(?:total|bucket|count|sum)$", "", name) in known, expression


def test_each_alert_says_what_to_do() -> None:
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
    for rule in rules:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_rules_are_prometheus_own() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on this machine")
    subprocess.run([promtool, "check", "rules", DEPLOY / "alerts.yml"], check=True)
