"""When the gateways are simulated, and on which port."""

import socket

import pytest

from pos_backend.local.account import LauncherError
from pos_backend.local.options import Options, read_options
from pos_backend.local.payments import (
    CREDENTIALS,
    simulator_is_wanted,
    simulator_port,
    simulator_settings,
)
from pos_backend.local.postgres import PROJECT


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Options:
    for name in (*CREDENTIALS, "SIMULATOR", "SIMULATOR_PORT", "HOST", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("POS_ENV", "development")
    return read_options(PROJECT)


def test_without_credentials_the_gateways_are_simulated(options: Options) -> None:
    assert simulator_is_wanted()


@pytest.mark.parametrize("name", CREDENTIALS)
def test_beside_a_real_gateway_nothing_is_simulated(
    options: Options, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "real")
    assert not simulator_is_wanted()


@pytest.mark.parametrize(("name", "value"), [("POS_ENV", "production"), ("SIMULATOR", "0")])
def test_in_production_and_when_switched_off_neither(
    options: Options, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert not simulator_is_wanted()


def taken(listener: socket.socket) -> int:
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return int(listener.getsockname()[1])


def test_a_port_that_was_not_asked_for_gives_way(options: Options) -> None:
    with socket.socket() as listener:
        port = taken(listener)
        moved = Options(**{**options.__dict__, "simulator_port": port, "port": port + 1})
        assert simulator_port(moved) > port + 1


def test_a_port_that_was_asked_for_does_not(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        monkeypatch.setenv("SIMULATOR_PORT", str(taken(listener)))
        with pytest.raises(LauncherError, match="choose another: SIMULATOR_PORT="):
            simulator_port(read_options(PROJECT))
    monkeypatch.setenv("SIMULATOR_PORT", str(options.port))
    with pytest.raises(LauncherError, match="give each its own"):
        simulator_port(read_options(PROJECT))


def test_shop_and_simulator_know_the_same_secrets(options: Options) -> None:
    settings = simulator_settings(options, 8001)
    assert settings["MPESA_BASE_URL"] == settings["AIRTEL_BASE_URL"] == "http://127.0.0.1:8001"
    assert settings["PAYMENT_GATEWAY_WEBHOOK_URL"].endswith("/api/payments/webhooks/card/callback/")
    assert settings["MPESA_CERTIFICATE"].startswith(str(options.data_dir))
