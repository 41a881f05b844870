"""A taken port is answered with one sentence that helps."""

import os
import socket
from collections.abc import Iterator

import psutil
import pytest

from pos_backend.local.account import LauncherError
from pos_backend.local.port import own_names, require_free_port, taken_sentence

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])  # noqa: S104 - to be refused
def test_a_taken_port_is_named_with_its_program_and_a_free_one(listening: int, host: str) -> None:
    with pytest.raises(LauncherError) as refused:
        require_free_port(host, listening)
    sentence = str(refused.value)
    name = psutil.Process().name()
    assert sentence.startswith(
        f"Port {listening} is already in use by {name}, running as process {os.getpid()}. "
        "Stop that program or choose another: PORT="
    )
    assert sentence.endswith(" make run")
    assert refused.value.exit_code == 1


def test_a_free_port_is_fine(listening: int) -> None:
    with pytest.raises(LauncherError) as refused:
        require_free_port("127.0.0.1", listening)
    free = int(str(refused.value).rpartition("PORT=")[2].split()[0])
    require_free_port("127.0.0.1", free)


def test_the_sentence_without_a_known_program() -> None:
    assert taken_sentence(8000, "", 8001) == (
        "Port 8000 is already in use. Stop that program or choose another: PORT=8001 make run"
    )


def test_an_address_of_another_computer_is_refused() -> None:
    with pytest.raises(LauncherError) as refused:
        require_free_port("203.0.113.9", 8000)
    assert str(refused.value) == (
        "HOST 203.0.113.9 is no address of this computer. Try HOST=127.0.0.1 make run"
    )


def test_own_names() -> None:
    local = ["localhost", "127.0.0.1", "[::1]"]
    assert own_names("127.0.0.1") == local
    assert own_names("192.168.7.7") == [*local, "192.168.7.7"]
    assert own_names("fe80::7") == [*local, "[fe80::7]"]
    everywhere = own_names("0.0.0.0")  # noqa: S104
    assert everywhere[:3] == local
    assert socket.gethostname() in everywhere
    assert len(everywhere) == len(set(everywhere))
