"""Settings: from variables and flags, and what is said about bad ones."""

from pathlib import Path

import pytest

from api.app import manager_config
from api.settings import Settings, SettingsError, flag, variable


def test_every_setting_has_a_sentence() -> None:
    assert all((field.description or "").endswith(".") for field in Settings.model_fields.values())


def test_defaults_serve_this_machine_only_without_redis() -> None:
    settings = Settings.load({})
    assert (settings.host, settings.port, settings.redis_url) == ("127.0.0.1", 5001, None)


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WA_PORT", "6001")
    assert Settings.load({}).port == 6001


def test_flags_go_before_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WA_PORT", "6001")
    assert Settings.load({"port": "7001"}).port == 7001


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WA_REDIS_URL", "")
    assert Settings.load({}).redis_url is None


def test_the_database_is_in_the_data_directory_unless_given() -> None:
    settings = Settings.load({"data_dir": "/srv/wa"})
    assert settings.effective_database_url == "sqlite:///srv/wa/wa-manager.sqlite3"


def test_a_relative_data_directory_is_relative_to_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.load({"data_dir": "here"})
    monkeypatch.chdir("/")
    assert settings.profiles_dir == tmp_path / "here" / "profiles"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", "abc"),
        ("port", "65536"),
        ("qr_codes", "0"),
        ("qr_first_seconds", "-1"),
        ("qr_first_seconds", "nan"),
        ("redis_url", "http://localhost"),
        ("database_url", "mysql://localhost/wa"),
        ("web_url", "ftp://web.whatsapp.com"),
        ("web_url", "http://"),
        ("map_host", "127.0.0.1"),
        ("redis_prefix", "a b"),
        ("log_level", "LOUD"),
        ("api_key", "ключ"),
    ],
)
def test_a_bad_value_is_named_in_one_line(
    field: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError) as as_flag:
        Settings.load({field: value})
    monkeypatch.setenv(variable(field), value)
    with pytest.raises(SettingsError) as as_variable:
        Settings.load({})

    assert str(as_flag.value).startswith(f"{flag(field)}: ")
    assert str(as_variable.value).startswith(f"{variable(field)}: ")
    assert len(str(as_variable.value).splitlines()) == 1


def test_a_bad_key_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as error:
        Settings.load({"api_key": "my secret that has spaces"})
    assert "my secret" not in str(error.value)


def test_the_key_is_not_shown_by_the_settings() -> None:
    assert "hidden-key-of-a-test" not in repr(Settings.load({"api_key": "hidden-key-of-a-test"}))


def test_the_settings_name_their_secrets_as_written_and_as_meant() -> None:
    settings = Settings.load(
        {
            "api_key": "hidden-key-of-a-test",
            "database_url": "postgres://wa:hidden%40db@db/wa",
            "redis_url": "rediss://cache?password=hidden-redis",
            "web_url": "https://wa:hidden-web@localhost",
        }
    )
    assert set(settings.secrets) == {
        "hidden-key-of-a-test",
        "hidden%40db",
        "hidden@db",
        "hidden-redis",
        "hidden-web",
    }
    assert Settings.load({}).secrets == []


def test_the_logs_form_is_text_or_json_in_any_case() -> None:
    assert Settings.load({}).log_format == "text"
    assert Settings.load({"log_format": "JSON"}).log_format == "json"
    with pytest.raises(SettingsError, match="--log-format"):
        Settings.load({"log_format": "xml"})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("WA_PROT", "did you mean WA_PORT?"),
        ("WA_REDISURL", "did you mean WA_REDIS_URL?"),
        ("WA_data_dri", "did you mean WA_DATA_DIR?"),
        ("wa_prot", "did you mean WA_PORT?"),
        ("WA_XYZZY", "`wa-manager serve --help` lists all."),
    ],
)
def test_a_misspelt_variable_is_refused_and_the_right_one_named(
    name: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "5001")
    with pytest.raises(SettingsError) as refused:
        Settings.load({})
    assert str(refused.value) == f"{name}: there is no such setting; {hint}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WA_NOTHING", ""),
        ("WA_MANAGER_SERVICE_HOST", "10.0.0.7"),
        ("WA_MANAGER_SERVICE_PORT_HTTP", "5001"),
        ("WA_MANAGER_PORT", "tcp://10.0.0.7:5001"),
        ("WA_MANAGER_PORT_5001_TCP_ADDR", "10.0.0.7"),
    ],
)
def test_what_kubernetes_says_about_a_service_of_our_name_is_no_mistake(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    Settings.load({})


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("port", "abc", "must be a whole number from 0 to 65535, not 'abc'"),
        ("port", "5001.5", "must be a whole number from 0 to 65535, not '5001.5'"),
        (
            "port",
            "tcp://10.0.0.7:5001",
            "a whole number from 0 to 65535, not 'tcp://10.0.0.7:5001'",
        ),
        ("port", "9" * 5000, "must be a whole number from 0 to 65535, not '999"),
        ("call_seconds", "soon", "must be a number above 0 to 86400, not 'soon'"),
        ("call_seconds", "inf", "must be a number above 0 to 86400, not 'inf'"),
        ("events_max_count", "-1", "must be a whole number from 0 to 1000000000000, not '-1'"),
        ("body_limit", "1", "must be a whole number from 1000, not '1'"),
        ("log_level", "loud", "must be DEBUG, INFO, WARNING or ERROR, not 'loud'"),
        ("redis_prefix", "a b", "must be 1 to 64 letters, digits, dots, dashes and underscores"),
    ],
)
def test_a_bad_value_is_told_with_what_was_given_and_what_is_expected(
    field: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError) as as_flag:
        Settings.load({field: value})
    monkeypatch.setenv(variable(field), value)
    with pytest.raises(SettingsError) as as_variable:
        Settings.load({})
    assert words in str(as_flag.value)
    assert str(as_flag.value).endswith(f"(as a variable: {variable(field)})")
    assert words in str(as_variable.value)
    assert str(as_variable.value).endswith(f"(as a flag: {flag(field)})")
    assert len(str(as_variable.value)) < 300


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WA_PROT", "5001")
    with pytest.raises(SettingsError) as refused:
        Settings.load({"qr_codes": "0", "port": "x"})
    names = [line.partition(":")[0] for line in str(refused.value).splitlines()]
    assert sorted(names) == ["--port", "--qr-codes", "WA_PROT"]


@pytest.mark.parametrize("key", ["guessed", "fifteen-letters", ""])
def test_a_given_key_that_can_be_guessed_is_refused(key: str) -> None:
    with pytest.raises(SettingsError, match="must have at least 16 characters") as refused:
        Settings.load({"api_key": key})
    assert key == "" or key not in str(refused.value)


def test_the_hard_limit_is_not_below_the_soft_one() -> None:
    with pytest.raises(SettingsError, match="--memory-hard-mb: must be at least the soft limit, 2"):
        Settings.load({"memory_soft_mb": "2", "memory_hard_mb": "1"})


@pytest.mark.parametrize(("soft", "hard"), [("2", "0"), ("0", "1"), ("2", "2")])
def test_either_limit_may_stand_alone_or_both_be_the_same(soft: str, hard: str) -> None:
    settings = Settings.load({"memory_soft_mb": soft, "memory_hard_mb": hard})
    assert (settings.memory_soft_mb, settings.memory_hard_mb) == (int(soft), int(hard))


def test_longer_work_is_waited_for_longer() -> None:
    usual = manager_config(Settings.load({}))
    assert (usual.deadlines.closing, usual.answer_timeout) == (35, 50)

    slow = manager_config(Settings.load({"close_seconds": "60", "lease_seconds": "300"}))
    assert slow.deadlines.closing == 85
    assert slow.answer_timeout > slow.deadlines.closing

    patient = manager_config(Settings.load({"call_seconds": "120"}))
    assert patient.answer_timeout == 135


@pytest.mark.parametrize("field", ["database_url", "redis_url"])
def test_a_password_that_breaks_an_address_is_not_told(field: str) -> None:
    scheme = "postgres" if field == "database_url" else "rediss"
    with pytest.raises(SettingsError, match="%2F") as refused:
        Settings.load({field: f"{scheme}://wa:s3cret/more@db:5432/wa"})
    assert "s3cret" not in str(refused.value)


def test_what_is_let_finish_fits_into_the_shutdown() -> None:
    settings = Settings.load({"shutdown_seconds": "3"})
    assert manager_config(settings).browser.finish_seconds == 1.5
