"""The dashboard and the alerts in compose/: what they ask for is what the server shows."""

import json
import re
from itertools import combinations
from typing import Any

import pytest

from api.metrics.streams import Drop
from store.status import Status
from tests.api.metrics.asked import (
    ALERTS,
    COMPOSE,
    DASHBOARD,
    EXPRESSIONS,
    PROMETHEUS,
    members,
    yaml,
)
from tests.api.metrics.scrape import Scrape, scrape
from tests.api.told import Api
from tests.told import until

OF_PROMETHEUS = {"job", "instance", "le"}
"""Labels that are added by whoever reads the figures, or by their form."""
VALUES = {
    "job": {"wa-manager"},
    "instance": {"$instance"},
    "status": {*Status, "5xx"},
    "reason": {*Drop},
}


def panels() -> list[dict[str, Any]]:
    return list(json.loads(DASHBOARD.read_text())["panels"])


@pytest.fixture
async def shown(api: Api) -> Scrape:
    await api.link(await api.create())
    await until(lambda: api.manager.figures)
    return await scrape(api)


async def test_every_figure_that_is_asked_for_is_shown(shown: Scrape) -> None:
    names = {sample.name for sample in shown.samples}
    names |= {family.name for family in shown.families}
    # A counter without a sample yet is known by its family alone.
    names |= {f"{family.name}_total" for family in shown.families if family.type == "counter"}
    asked = {name for expr in EXPRESSIONS for name in re.findall(r"\b(?:wa|process)_\w+", expr)}
    assert len(asked) > 30
    assert asked <= names


async def test_every_label_that_is_asked_for_exists(shown: Scrape) -> None:
    known = OF_PROMETHEUS | {label for sample in shown.samples for label in sample.labels}
    dashboard, alerts = DASHBOARD.read_text(), ALERTS.read_text()
    grouped = [label for expr in EXPRESSIONS for label in _grouped_by(expr)]
    shown_in = re.findall(r"\{\{(\w+)\}\}", dashboard) + re.findall(r"\$labels\.(\w+)", alerts)
    matched = [label for expr in EXPRESSIONS for label, _ in _matchers(expr)]
    assert {*grouped, *shown_in, *matched} <= known


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_labels_are_asked_for_values_that_they_can_have(expr: str) -> None:
    for label, value in _matchers(expr):
        assert set(value.split("|")) <= VALUES[label]


def test_prometheus_reads_the_rules_and_the_server() -> None:
    config = yaml(PROMETHEUS)
    assert config["rule_files"] == [ALERTS.name]
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "wa-manager"
    assert job["static_configs"] == [{"targets": ["wa-manager:5001"]}]
    assert job["authorization"]["credentials_file"]


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    rules = [rule for group in yaml(ALERTS)["groups"] for rule in group["rules"]]
    names = [rule["alert"] for rule in rules]
    assert len(set(names)) == len(names)
    for rule in rules:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_no_alert_takes_a_history_that_has_just_begun_for_a_long_one() -> None:
    # What is to last is said by `for`: the minimum of one reading is that reading.
    for expr in members(yaml(ALERTS), "expr"):
        assert "_over_time(" not in expr


def test_no_two_panels_share_a_place_or_a_number() -> None:
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids)
    for one, other in combinations([panel["gridPos"] for panel in panels()], 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y


def test_every_panel_says_what_it_shows() -> None:
    for panel in panels():
        assert panel["title"]
        assert panel["type"] == "row" or panel["description"]


def test_grafana_finds_its_data_and_its_dashboard() -> None:
    (source,) = yaml(COMPOSE / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
    (provider,) = yaml(COMPOSE / "grafana/provisioning/dashboards/wa-manager.yml")["providers"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


def _matchers(expr: str) -> list[tuple[str, str]]:
    return re.findall(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"', expr)


def _grouped_by(expr: str) -> list[str]:
    lists = re.findall(r"\b(?:by|on) \(([^)]*)\)", expr)
    return [label for each in lists for label in each.split(", ")]
