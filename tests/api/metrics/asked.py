"""What compose/ has Prometheus and Grafana ask for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

COMPOSE = Path(__file__).parents[3] / "compose"
PROMETHEUS = COMPOSE / "prometheus.yml"
ALERTS = COMPOSE / "alerts.yml"
DASHBOARD = COMPOSE / "grafana/dashboards/wa-manager.json"


def yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def members(value: Any, name: str) -> Iterator[Any]:
    """Give every member with this name, at any depth."""
    if isinstance(value, dict):
        if name in value:
            yield value[name]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from members(each, name)


EXPRESSIONS = [
    *members(yaml(ALERTS), "expr"),
    *members(json.loads(DASHBOARD.read_text()), "expr"),
]
