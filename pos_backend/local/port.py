"""Whether the port is free, and a sentence that says what to do when it is not."""

import contextlib
import errno
import socket

import psutil

from pos_backend.local.account import LauncherError
from pos_backend.local.options import EVERY_ADDRESS


def require_free_port(host: str, port: int, variable: str = "PORT") -> None:
    try:
        _bind(host, port)
    except socket.gaierror:
        raise LauncherError(f"HOST {host!r} is not known. Try HOST=127.0.0.1 make run") from None
    except OSError as error:
        raise LauncherError(_sentence(error.errno, host, port, variable)) from None


def first_free_port(host: str, port: int, *, avoid: int) -> int:
    """`port` or the next one that is free and not `avoid`."""
    for candidate in range(port, min(port + 50, 65536)):
        with contextlib.suppress(OSError):
            if candidate != avoid:
                _bind(host, candidate)
                return candidate
    raise LauncherError(f"No port from {port} on is free. Choose one: SIMULATOR_PORT=9001 make run")


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def _sentence(number: int | None, host: str, port: int, variable: str) -> str:
    if number == errno.EADDRINUSE:
        return taken_sentence(port, _user_of(port), _next_free(host, port), variable)
    if number == errno.EADDRNOTAVAIL:
        return f"HOST {host} is no address of this computer. Try HOST=127.0.0.1 make run"
    if number == errno.EACCES:
        return f"Port {port} needs the rights of an administrator. Choose one above 1023: PORT=8000 make run"
    return f"Port {port} cannot be opened on {host}: {errno.errorcode.get(number or 0, number)}."


def own_names(host: str) -> list[str]:
    """The names and addresses under which the shop may be asked for when it listens on `host`."""
    names = ["localhost", "127.0.0.1", "[::1]"]
    if host in EVERY_ADDRESS:
        addresses = [found.address for card in psutil.net_if_addrs().values() for found in card]
        names += [socket.gethostname(), *(text for text in addresses if text.count(".") == 3)]
    elif host not in ("127.0.0.1", "::1"):
        names.append(f"[{host}]" if ":" in host else host)
    return list(dict.fromkeys(names))


def taken_sentence(port: int, user: str, free_port: int, variable: str = "PORT") -> str:
    by = f" by {user}" if user else ""
    choice = f"{variable}={free_port} make run"
    return f"Port {port} is already in use{by}. Stop that program or choose another: {choice}"


def _next_free(host: str, port: int) -> int:
    for candidate in range(port + 1, min(port + 50, 65536)):
        with contextlib.suppress(OSError):
            _bind(host, candidate)
            return candidate
    return 8000


def _user_of(port: int) -> str:
    """The program that listens there, as far as we may know it."""
    with contextlib.suppress(psutil.Error, OSError):
        for found in psutil.net_connections(kind="tcp"):
            if found.status == psutil.CONN_LISTEN and found.laddr[1:] == (port,) and found.pid:
                return _describe(psutil.Process(found.pid))
    return ""


def _describe(process: psutil.Process) -> str:
    if any("pos_backend.wsgi" in word for word in process.cmdline()):
        return f"another copy of this shop, running as process {process.pid}"
    return f"{process.name()}, running as process {process.pid}"
