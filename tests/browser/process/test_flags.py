"""Chromium's command line."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from actors.browser.process import flags
from actors.browser.process.executable import Executable

SHELL = Executable(Path("/opt/chromium-headless-shell"), "156.0.8078.79")
FULL = Executable(Path("/opt/chromium"), "156.0.8078.79")


def command(executable: Executable = SHELL, **changes: Any) -> list[str]:
    options: dict[str, Any] = {
        "sandbox": True,
        "web_url": "https://web.whatsapp.com/",
        "map_host": None,
        "cache_mb": 100,
    }
    marker = flags.marker("server", "account")
    return flags.command(executable, Path("/profiles/account"), marker, **options | changes)


def test_every_flag_has_a_reason() -> None:
    assert all(flag.startswith("--") and reason for flag, reason in flags.FLAGS.items())


def test_devtools_are_on_a_pipe_and_on_no_port() -> None:
    assert "--remote-debugging-pipe" in command()
    assert not any(flag.startswith("--remote-debugging-port") for flag in command())


def test_the_command_line_tells_whose_browser_it_is() -> None:
    assert {"--wa-manager=server:account", "--user-data-dir=/profiles/account"} <= {*command()}


def test_half_of_the_caches_bound_is_for_the_disk_cache() -> None:
    assert f"--disk-cache-size={50 << 20}" in command()


def test_only_the_full_build_is_told_to_be_headless() -> None:
    assert "--headless=new" in command(FULL)
    assert "--headless=new" not in command(SHELL)


def test_the_sandbox_is_off_only_where_it_must_be() -> None:
    assert "--no-sandbox" not in command(sandbox=True)
    assert "--no-sandbox" in command(sandbox=False)


def test_certificates_are_checked_unless_the_host_is_served_elsewhere() -> None:
    mapped = command(map_host="127.0.0.1:8443")

    assert "--ignore-certificate-errors" not in command()
    assert "--ignore-certificate-errors" in mapped
    assert "--host-resolver-rules=MAP web.whatsapp.com 127.0.0.1:8443" in mapped


def test_the_user_agent_is_a_desktop_chrome_of_the_real_version() -> None:
    newer = replace(SHELL, version="157.1.2.3")

    (agent,) = (flag for flag in command(newer) if flag.startswith("--user-agent="))

    assert "Chrome/157.0.0.0" in agent
    assert "Headless" not in agent
