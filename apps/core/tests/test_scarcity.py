"""Connections are shared once the database lets nobody else in."""

from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from apps.core import scarcity
from apps.core.scarcity import SHARING_SECONDS, ScarceConnectionsMiddleware

pytestmark = pytest.mark.django_db(transaction=True)


class Server:
    """Answers as it is told to; with a connection, or as one that got none."""

    def __init__(self) -> None:
        self.middleware = ScarceConnectionsMiddleware(lambda _: self.work())

    def work(self) -> Any:
        if self.connected:
            connection.ensure_connection()
        else:
            connection.close()
        return self.response

    def keeps(self, response: Any, connected: bool = True) -> bool:
        """Whether the connection is still there after the request."""
        self.response, self.connected = response, connected
        self.middleware(RequestFactory().get("/"))
        return connection.connection is not None


@pytest.fixture
def server() -> Server:
    return Server()


def test_connections_are_kept(server: Server) -> None:
    assert server.keeps(HttpResponse())
    # Held up by a lock, or a gateway that is away: it has its connection.
    assert server.keeps(HttpResponse(status=503))
    assert server.keeps(HttpResponse())


def test_who_gets_no_connection_lets_the_others_share(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(scarcity.time, "monotonic", lambda: now[0])
    server.keeps(HttpResponse(status=503), connected=False)

    assert not server.keeps(HttpResponse())
    now[0] += SHARING_SECONDS - 1
    assert not server.keeps(HttpResponse())
    now[0] += 1
    assert server.keeps(HttpResponse())


def test_a_file_that_is_being_sent_keeps_its_connection(server: Server) -> None:
    server.keeps(HttpResponse(status=503), connected=False)
    assert server.keeps(StreamingHttpResponse(iter([b""])))
