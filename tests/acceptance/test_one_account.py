"""One account from its creation to its deletion, through the whole path."""

import signal
from pathlib import Path

import psutil
import pytest

from simulator.server import Simulator
from simulator.settings import SimulatorSettings
from tests.harness import Phones, ServerProcess, until
from tests.ports import free_port

NUMBER = "491700000001"
OTHER = "491700000002"


async def test_an_account_connects_and_every_step_is_an_event(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    async with server.listen() as listener:
        await server.connect(account_id)
        qr = await listener.until(lambda event: event["type"] == "qr")
        await phones.scan(NUMBER, qr["data"]["qr"])
        await listener.status(account_id, "CONNECTED")

    events = await server.events(account_id)
    steps = [event["data"]["status"] for event in events if event["data"]["cause"] != "syncing"]
    assert steps == ["DISCONNECTED", "CONNECTING", "QR_READY", "AUTHENTICATING", "CONNECTED"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (await server.account(account_id))["phone"] == NUMBER


@pytest.mark.sqlite
async def test_an_account_is_linked_by_a_pairing_code(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await server.connect(account_id)
    await server.reaches(account_id, "QR_READY")
    path = f"/accounts/{account_id}/pairing-code"
    pairing = await server.call("POST", path, {"phone": f"+{NUMBER}"})
    await phones.call("POST", f"phones/{NUMBER}/enter-code", {"code": pairing["code"]})
    await server.reaches(account_id, "CONNECTED")


async def test_texts_go_out_and_come_in(server: ServerProcess, phones: Phones) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    async with server.listen("?types=message") as listener:
        sent = await server.call(
            "POST", f"/accounts/{account_id}/messages", {"to": OTHER, "text": "Hello"}, expect=201
        )
        await phones.call(
            "POST", f"phones/{NUMBER}/messages", {"from": OTHER, "body": "Hello yourself"}
        )
        event = await listener.until(lambda event: event["type"] == "message")
    inbox = await phones.call("GET", f"phones/{OTHER}/inbox")
    assert [message["body"] for message in inbox["items"]] == ["Hello"]
    assert sent["id"]
    assert event["data"]["text"] == "Hello yourself"
    assert event["data"]["from"] == f"{OTHER}@c.us"


@pytest.mark.sqlite
async def test_the_phone_unlinks_and_the_account_says_so_and_stays_so(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    await phones.call("POST", f"phones/{NUMBER}/unlink")
    await server.reaches(account_id, "LOGGED_OUT", "unlinked")
    await server.no_chromium_is_left()

    await server.end()
    await server.start()
    assert (await server.account(account_id))["status"] == "LOGGED_OUT"

    await server.connect(account_id)
    await server.reaches(account_id, "QR_READY")


async def test_logging_out_removes_the_device_from_the_phone_and_the_profile_from_the_disk(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    await server.call("POST", f"/accounts/{account_id}/logout", expect=202)
    account = await server.reaches(account_id, "LOGGED_OUT", "user_logout")
    assert account["detail"] is None
    assert not (await phones.call("GET", f"phones/{NUMBER}"))["linked"]
    assert not (server.data / "profiles" / account_id).exists()


@pytest.mark.sqlite
@pytest.mark.parametrize("kind", ["offline", "conflict"])
async def test_a_logout_that_whatsapp_was_not_told_of_says_so(
    server: ServerProcess, phones: Phones, kind: str
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    await phones.call("POST", "faults", {"kind": kind, "number": NUMBER})
    await server.reaches(account_id, "CONNECTING" if kind == "offline" else "ACTION_REQUIRED")
    await server.call("POST", f"/accounts/{account_id}/logout", expect=202)
    account = await server.reaches(account_id, "LOGGED_OUT", "user_logout")
    assert "remove the device on the phone" in account["detail"]["message"]
    assert (await phones.call("GET", f"phones/{NUMBER}"))["linked"]


async def test_a_logout_that_a_crash_cut_off_is_carried_out_by_the_next_server(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    # A page that does not answer keeps the logout waiting.
    server.browser_of(account_id).send_signal(signal.SIGSTOP)
    await server.call("POST", f"/accounts/{account_id}/logout", expect=202)
    await server.end(signal.SIGKILL)
    await server.start()
    account = await server.reaches(account_id, "LOGGED_OUT", "user_logout")
    assert "remove the device on the phone" in account["detail"]["message"]
    assert not (server.data / "profiles" / account_id).exists()
    assert server.chromiums() == []


async def test_disconnecting_closes_the_browser_and_keeps_the_link(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    await server.call("POST", f"/accounts/{account_id}/disconnect", expect=202)
    await server.reaches(account_id, "DISCONNECTED", "user_disconnect")
    assert server.chromiums() == []

    await server.connect(account_id)
    await server.reaches(account_id, "CONNECTED")


@pytest.mark.sqlite
async def test_signals_that_come_at_once_let_browsers_close_in_good_order(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    assert server.process is not None
    # As a terminal's Ctrl-C under a program that passes it on, or systemd's stop.
    server.process.send_signal(signal.SIGINT)
    assert await server.end(signal.SIGTERM) == 0
    assert "Not waiting for the browsers" not in server.log
    assert "closed" in server.log

    await server.start()
    await server.reaches(account_id, "CONNECTED", "ready")
    assert await server.scans(account_id) == 1


@pytest.mark.sqlite
async def test_a_restart_gives_the_account_a_fresh_browser(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    before = server.browser_of(account_id).pid
    async with server.listen() as listener:
        await server.call("POST", f"/accounts/{account_id}/restart", expect=202)
        await listener.status(account_id, "CONNECTING")
        await listener.status(account_id, "CONNECTED")
    assert server.browser_of(account_id).pid != before
    assert not psutil.pid_exists(before)
    assert (await server.account(account_id))["restarts"] == 1


async def test_deleting_leaves_neither_browser_nor_profile_nor_account_and_the_phone_alone(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    deleted = await server.call("DELETE", f"/accounts/{account_id}")
    assert deleted["stillListed"]
    assert server.chromiums() == []
    assert not (server.data / "profiles" / account_id).exists()
    await server.call("GET", f"/accounts/{account_id}", expect=404)
    assert (await phones.call("GET", f"phones/{NUMBER}"))["linked"]


@pytest.mark.sqlite
async def test_deleting_with_logout_removes_the_device_from_the_phone_as_well(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    deleted = await server.call("DELETE", f"/accounts/{account_id}?logout=true")
    assert not deleted["stillListed"]
    assert server.chromiums() == []
    assert not (server.data / "profiles" / account_id).exists()
    await server.call("GET", f"/accounts/{account_id}", expect=404)
    assert not (await phones.call("GET", f"phones/{NUMBER}"))["linked"]


async def test_without_a_connection_deleting_with_logout_is_refused_and_changes_nothing(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    await phones.call("POST", "faults", {"kind": "offline"})
    await server.reaches(account_id, "CONNECTING", "offline")
    problem = await server.call("DELETE", f"/accounts/{account_id}?logout=true", expect=409)
    assert "a logout needs CONNECTED" in problem["detail"]
    await phones.call("DELETE", "faults")
    await server.reaches(account_id, "CONNECTED")
    assert (await phones.call("GET", f"phones/{NUMBER}"))["linked"]


@pytest.mark.sqlite
async def test_a_browser_whose_page_does_not_speak_yet_is_counted(
    server: ServerProcess, phones: Phones
) -> None:
    await phones.call("POST", "faults", {"kind": "slow-load", "seconds": 60})
    account_id = await server.create()
    await server.connect(account_id)

    async def is_counted() -> bool:
        health = await server.call("GET", "/health")
        return bool(health["components"]["browsers"]["running"] == 1)

    await until(is_counted, "the browser is counted")
    assert (await server.account(account_id))["status"] == "CONNECTING"
    async with server.client.get("/metrics") as metrics:
        assert "wa_browsers 1.0" in await metrics.text()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
async def test_an_account_that_was_never_linked_is_reset_however_the_server_ended(
    server: ServerProcess, ending: signal.Signals
) -> None:
    account_id = await server.create()
    await server.connect(account_id)
    await server.reaches(account_id, "QR_READY")
    await server.end(ending)
    await server.start()
    await server.reaches(account_id, "DISCONNECTED", "reset")


async def test_a_simulator_stands_in_for_whatsapp_under_its_own_name(tmp_path: Path) -> None:
    async with Simulator(SimulatorSettings(tls=True)) as simulator:
        server = ServerProcess(tmp_path, "https://web.whatsapp.com/")
        server.environment |= {"WA_MAP_HOST": f"127.0.0.1:{simulator.port}"}
        await server.start()
        account_id = await server.create()
        await server.connect(account_id)
        await server.reaches(account_id, "QR_READY")
        await server.close()


async def test_codes_that_nobody_scans_end_in_disconnected(tmp_path: Path) -> None:
    short = SimulatorSettings(qr_first_seconds=0.5, qr_next_seconds=0.2, qr_codes=3)
    async with Simulator(short) as simulator:
        server = ServerProcess(tmp_path, simulator.url)
        server.environment |= {"WA_QR_CODES": "3"}
        await server.start()
        account_id = await server.create()
        await server.connect(account_id)
        await server.reaches(account_id, "DISCONNECTED", "qr_timeout")
        await server.close()


async def test_an_unreachable_whatsapp_is_said_clearly_and_retried_until_it_is_back(
    tmp_path: Path,
) -> None:
    port = free_port()
    server = ServerProcess(tmp_path, f"http://127.0.0.1:{port}/")
    server.environment |= {"WA_BACKOFF_MAX_SECONDS": "0.2", "WA_BACKOFF_FIRST_SECONDS": "0.1"}
    await server.start()
    account_id = await server.create()
    await server.connect(account_id)

    async def tried_more_often_than_any_limit() -> bool:
        return int((await server.account(account_id))["restarts"]) > 6

    await until(tried_more_often_than_any_limit, "an outage is retried without a limit")
    failures = [
        e for e in await server.events(account_id) if e["data"]["cause"] == "page_unreachable"
    ]
    assert f"127.0.0.1:{port}" in failures[-1]["data"]["detail"]["message"]
    assert f'"Support" {account_id}: CONNECTING (page_unreachable): ' in server.log
    assert "WARNING actors." not in server.log

    async with Simulator(SimulatorSettings(port=port)):
        await server.reaches(account_id, "QR_READY")
        await server.close()


@pytest.mark.sqlite
async def test_the_login_outlives_any_death_of_the_browser_after_connected(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    async with server.listen() as listener:
        server.browser_of(account_id).send_signal(signal.SIGKILL)
        lost = await listener.status(account_id, "CONNECTING")
        await listener.status(account_id, "CONNECTED")
    assert lost["data"]["cause"] == "browser_exited"
    assert not [event for event in listener.heard if event["type"] == "qr"]
