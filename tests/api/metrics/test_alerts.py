"""The alerts in compose/alerts.yml fire when they should, and not otherwise.

Prometheus' own `promtool` runs them against series that are written as it takes them: `0+2x30`
begins with 0 and grows by 2 in each of 30 minutes, `1x9` stays 1 for 9, `stale` ends a series.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.api.metrics.asked import ALERTS, EXPRESSIONS, PROMETHEUS, yaml

RULES = {rule["alert"]: rule for group in yaml(ALERTS)["groups"] for rule in group["rules"]}
WATCHED = 60
"""Minutes in which an alert must stay quiet."""
SERVER = {"job": "wa-manager", "instance": "server:5001"}
A = {"account": "a"}

EACH_TEN_MINUTES = " ".join(f"{n}x9" for n in range(1, 8))

Series = Mapping[str, str]

FIRES: list[tuple[str, int, Series, dict[str, str], str]] = [
    (
        "AccountNeedsHuman",
        2,
        {
            'wa_account_status{account="a",status="FAILED"}': "1x60",
            'wa_account_needs_human{account="a"}': "1x60",
            'wa_account_info{account="a",name="Support"}': "1x60",
        },
        A | {"status": "FAILED"},
        "Account Support (a) needs a human: FAILED",
    ),
    (
        "AccountNotComingBack",
        16,
        {
            'wa_account_away_seconds{account="a"}': "0+60x60",
            'wa_account_needs_human{account="a"}': "0x60",
            # A rename does not begin it anew.
            'wa_account_info{account="a",name="Support"}': "1x9 stale",
            'wa_account_info{account="a",name="Sales"}': "_x10 1x60",
        },
        A,
        "Account Sales (a) has been on its way for 15 minutes",
    ),
    (
        "AccountRestartStorm",
        46,
        {'wa_account_restarts_total{account="a"}': "0x40 1+1x5 6x20"},
        A,
        "Account (a) was restarted 6 times in 30 minutes",
    ),
    (
        "NoAccountConnected",
        5,
        {
            'wa_accounts{status="CONNECTING"}': "1x60",
            'wa_accounts{status="AUTHENTICATING"}': "1x60",
            'wa_accounts{status="CONNECTED"}': "0x60",
            "wa_accounts_need_human": "1x60",
        },
        {},
        "No account is connected, 3 should be",
    ),
    (
        "RestartStorm",
        54,
        {
            'wa_account_restarts_total{account="a"}': "0x50 1+1x3 4x20",
            'wa_account_restarts_total{account="b"}': "0x50 1+1x3 4x20",
            "wa_accounts_desired": "2x60",
        },
        {},
        "The server restarted 8 browsers in 15 minutes",
    ),
    (
        "StartsDoNotProceed",
        10,
        {"wa_starts_waiting": "3x60"},
        {},
        "Accounts have been waiting for their turn for 10 minutes",
    ),
    ("ServerDown", 2, {"up": "0x60"}, {}, "server:5001 does not serve"),
    ("ServerDown", 2, {"up": "1x60", "wa_serving": "0x60"}, {}, "server:5001 does not serve"),
    (
        "ServerKeepsRestarting",
        59,
        {"process_start_time_seconds": "1x40 2x5 3x5 4x5 5x20"},
        {},
        "The server has started 4 times in 30 minutes",
    ),
    (
        "MemoryNearLimit",
        5,
        {
            "wa_memory_available_bytes": f"{1 << 30}x60",
            "wa_memory_needed_bytes": f"{600 << 20}x60",
        },
        {},
        "1GiB of memory are left",
    ),
    (
        "ServerMemoryHigh",
        10,
        {"process_resident_memory_bytes": f"{3 << 29}x60"},
        {},
        "The server process itself takes 1.5GiB",
    ),
    (
        "FileDescriptorsRunOut",
        5,
        {"process_open_fds": "900x60", "process_max_fds": "1024x60"},
        {},
        "The server has 900 files open, close to its limit",
    ),
    (
        "DiskFull",
        1,
        {"wa_disk_free_bytes": "199x60", "wa_disk_needed_bytes": "200x60"},
        {},
        "The disk is full, no browser starts",
    ),
    (
        "DiskFillingUp",
        30,
        {"wa_disk_free_bytes": "399x60", "wa_disk_needed_bytes": "200x60"},
        {},
        "The disk of the profiles is full soon",
    ),
    (
        "DiskFillingUp",
        31,
        {"wa_disk_free_bytes": "3000-3x60", "wa_disk_needed_bytes": "200x60"},
        {},
        "The disk of the profiles is full soon",
    ),
    (
        "RequestsFail",
        11,
        {
            'wa_http_request_duration_seconds_count{status="5xx"}': "0+6x60",
            'wa_http_request_duration_seconds_count{status="2xx"}': "0+54x60",
        },
        {},
        "0.1 requests a second fail",
    ),
    ("StoreDegraded", 1, {"wa_store_up": "0x60"}, {}, "The database takes no events"),
    ("BusDegraded", 2, {"wa_bus_up": "0x60"}, {}, "Redis is away"),
    (
        "EventsLost",
        29,
        {"wa_events_lost_total": "0x28 3x60"},
        {},
        "3 events could not be recorded",
    ),
    (
        "EventsNotPublished",
        29,
        {"wa_bus_dropped_total": "0x28 3x60"},
        {},
        "3 events never reached Redis",
    ),
    (
        "EventsPendingLong",
        7,
        {"wa_events_oldest_pending_seconds": "0+10x60"},
        {},
        "An event has waited 1m 10s to be recorded",
    ),
    (
        "StreamClientsTooSlow",
        29,
        {'wa_stream_drops_total{reason="too_slow"}': "0x28 6x60"},
        {},
        "6 streams were ended, their clients read too slowly",
    ),
]
"""An alert, the minute in which it is due, what is read until then, whom it names, and its text."""

QUIET: list[tuple[str, Series]] = [
    (
        "AccountNeedsHuman",
        {
            'wa_account_status{account="a",status="DISCONNECTED"}': "1x60",
            'wa_account_needs_human{account="a"}': "0x60",
        },
    ),
    (
        "AccountNotComingBack",
        {'wa_account_away_seconds{account="a"}': "0+60x14 0x9 0+60x14 0x20"},
    ),
    ("AccountRestartStorm", {'wa_account_restarts_total{account="a"}': EACH_TEN_MINUTES}),
    # Nobody scanned their codes.
    (
        "NoAccountConnected",
        {
            **{
                f'wa_accounts{{status="{status}"}}': "0x60"
                for status in ("CONNECTED", "CONNECTING")
            },
            'wa_accounts{status="DISCONNECTED"}': "2x60",
            "wa_accounts_need_human": "0x60",
        },
    ),
    (
        "NoAccountConnected",
        {
            'wa_accounts{status="CONNECTING"}': "1x60",
            'wa_accounts{status="CONNECTED"}': "1x60",
            "wa_accounts_need_human": "1x60",
        },
    ),
    (
        "RestartStorm",
        {
            'wa_account_restarts_total{account="a"}': EACH_TEN_MINUTES,
            "wa_accounts_desired": "0x60",
        },
    ),
    # One for each account, as when WhatsApp Web has a new build.
    (
        "RestartStorm",
        {
            **{f'wa_account_restarts_total{{account="{n}"}}': "0x20 1x60" for n in range(9)},
            "wa_accounts_desired": "9x60",
        },
    ),
    ("StartsDoNotProceed", {"wa_starts_waiting": "9-1x9 0x5 9-1x9 0x60"}),
    # A restart.
    ("ServerDown", {"up": "1x9 0x1 1x60", "wa_serving": "1x9 stale 0 1x60"}),
    ("ServerKeepsRestarting", {"process_start_time_seconds": EACH_TEN_MINUTES}),
    (
        "MemoryNearLimit",
        {"wa_memory_available_bytes": "1200x60", "wa_memory_needed_bytes": "600x60"},
    ),
    ("ServerMemoryHigh", {"process_resident_memory_bytes": "1e9x9 1.6e9x8 1e9x60"}),
    ("FileDescriptorsRunOut", {"process_open_fds": "800x60", "process_max_fds": "1024x60"}),
    ("DiskFull", {"wa_disk_free_bytes": "200x60", "wa_disk_needed_bytes": "200x60"}),
    # Little room, and it stays so; much room, and it gets less.
    ("DiskFillingUp", {"wa_disk_free_bytes": "400x60", "wa_disk_needed_bytes": "200x60"}),
    ("DiskFillingUp", {"wa_disk_free_bytes": "9000-9x60", "wa_disk_needed_bytes": "200x60"}),
    (
        "RequestsFail",
        {
            'wa_http_request_duration_seconds_count{status="5xx"}': "0+4x60",
            'wa_http_request_duration_seconds_count{status="2xx"}': "0+96x60",
        },
    ),
    ("StoreDegraded", {"wa_store_up": "1x9 0 1x60"}),
    ("BusDegraded", {"wa_bus_up": "1x9 0x1 1x60"}),
    ("EventsLost", {"wa_events_lost_total": "3x60"}),
    ("EventsNotPublished", {"wa_bus_dropped_total": "3x60"}),
    ("EventsPendingLong", {"wa_events_oldest_pending_seconds": "60x60"}),
    (
        "StreamClientsTooSlow",
        {
            'wa_stream_drops_total{reason="too_slow"}': "0x20 4x60",
            'wa_stream_drops_total{reason="store_away"}': "0x20 9x60",
        },
    ),
]
"""An alert, and what is read while it must not fire."""


def promtool(*arguments: str | Path) -> None:
    program = shutil.which("promtool")
    assert program is not None, "promtool is not installed: Debian has it in prometheus"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def watch(folder: Path, series: Series, **tests: object) -> None:
    """Have the rules read series of our server once a minute, and test what they tell of then."""
    rules = yaml(ALERTS)
    for group in rules["groups"]:
        for rule in group["rules"]:
            # Promtool compares every word of an alert. What it advises is no part of its condition.
            del rule["annotations"]["description"]
    read = [{"series": _of_our_server(name), "values": values} for name, values in series.items()]
    (folder / "alerts.yml").write_text(json.dumps(rules))
    (folder / "tests.yml").write_text(
        json.dumps(
            {
                "rule_files": ["alerts.yml"],
                "evaluation_interval": "1m",
                "tests": [{"interval": "1m", "input_series": read, **tests}],
            }
        )
    )
    promtool("test", "rules", folder / "tests.yml")


def firing(alert: str) -> str:
    """What Prometheus itself keeps of an alert that fires."""
    return f'ALERTS{{alertname="{alert}",alertstate="firing"}}'


def nothing(expression: str, minute: int) -> dict[str, Any]:
    """A test that there is nothing of this in a minute."""
    return {"expr": expression, "eval_time": f"{minute}m", "exp_samples": []}


@pytest.mark.parametrize(("alert", "due", "series", "whom", "summary"), FIRES)
def test_an_alert_fires_when_it_is_due(
    tmp_path: Path, alert: str, due: int, series: Series, whom: dict[str, str], summary: str
) -> None:
    told = {
        "exp_labels": {**SERVER, **whom, **RULES[alert]["labels"]},
        "exp_annotations": {"summary": summary},
    }
    watch(
        tmp_path,
        series,
        alert_rule_test=[{"eval_time": f"{due}m", "alertname": alert, "exp_alerts": [told]}],
        promql_expr_test=[nothing(firing(alert), due - 1)],
    )


@pytest.mark.parametrize(("alert", "series"), QUIET)
def test_an_alert_stays_quiet_otherwise(tmp_path: Path, alert: str, series: Series) -> None:
    fired = f"count_over_time({firing(alert)}[{WATCHED}m])"
    watch(tmp_path, series, promql_expr_test=[nothing(fired, WATCHED)])


def test_every_alert_is_held_to_both() -> None:
    assert {alert for alert, *_ in FIRES} == {alert for alert, *_ in QUIET} == set(RULES)


@pytest.mark.parametrize("commented", ["#", ""])
def test_prometheus_takes_its_configuration_also_with_an_alertmanager(
    tmp_path: Path, commented: str
) -> None:
    shutil.copy(ALERTS, tmp_path)
    key = tmp_path / "key"
    key.touch()
    text = re.sub("/run/secrets/[a-z-]+", str(key), PROMETHEUS.read_text())
    text, lines = re.subn(r"^#(?! )|^#(?=  )", commented, text, flags=re.MULTILINE)
    assert lines == 4
    (tmp_path / PROMETHEUS.name).write_text(text)
    promtool("check", "config", tmp_path / PROMETHEUS.name)


def test_prometheus_takes_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    asked = [re.sub(r"\$__\w+", "5m", expression) for expression in EXPRESSIONS]
    rules = [{"record": f"number_{n}", "expr": each} for n, each in enumerate(asked)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "rules.yml")


def _of_our_server(name: str) -> str:
    metric, _, labels = name.removesuffix("}").partition("{")
    server = ",".join(f'{label}="{value}"' for label, value in SERVER.items())
    return f"{metric}{{{server},{labels}}}" if labels else f"{metric}{{{server}}}"
