"""The HTTP server: reads a request, finds who answers it, writes the answer, keeps a blanked record."""

import contextlib
import json
import re
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from payments.redaction import blank_document, blank_text
from payments.simulator import airtel, control, daraja, pages, paystack
from payments.simulator.web import Refusal, Reply, Request, Route, find, json_reply
from payments.simulator.world import World

LARGEST_BODY = 256 * 1024
# Airtel's numbers have no 254 and no 0 in front, by which phone numbers are known elsewhere.
_MSISDN = re.compile(r'("msisdn": "?\d{3})\d{3}(\d{3})')

Nothing = Callable[[bool], Reply]
# how an address begins, the gateway's name (empty: not recorded), its routes, its answer to unknown addresses
GATEWAYS: tuple[tuple[tuple[str, ...], str, Sequence[Route], Nothing], ...] = (
    (("/oauth/", "/mpesa/"), "mpesa", daraja.ROUTES, daraja.nothing_here),
    (("/auth/", "/merchant/", "/standard/", "/v1/"), "airtel", airtel.ROUTES, airtel.nothing_here),
    (("/pay/",), "", paystack.ROUTES, paystack.nothing_here),
    (("/transaction", "/refund"), "card", paystack.ROUTES, paystack.nothing_here),
    (("/_/files/",), "", pages.ROUTES, control.nothing_here),
    (("/_/",), "", control.ROUTES, control.nothing_here),
    (("/",), "", pages.ROUTES, control.nothing_here),
)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], world: World) -> None:
        super().__init__(address, Handler)
        self.world = world

    def server_bind(self) -> None:
        """Without the look-up of this computer's name, which can take seconds and is not needed."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go away in the middle; that is no news."""
        if not isinstance(sys.exc_info()[1], OSError):
            traceback.print_exc()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Simulator"
    sys_version = ""
    timeout = 60
    # Without this an answer in two packets waits for the other side's delayed acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *arguments: Any) -> None:
        """The record is kept at `/_/requests/`."""

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            return
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=unquote(parts.path),
            query=dict(reversed(parse_qsl(parts.query))),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        self._write(answer(self.server.world, request))

    def _body(self) -> bytes | None:
        """The body; None when it was refused."""
        length = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not length.isdecimal():
            self._write(json_reply({"error": "A body needs a Content-Length."}, 411), close=True)
            return None
        if int(length) > LARGEST_BODY:
            self._write(json_reply({"error": "The body is too large."}, 413), close=True)
            return None
        return self.rfile.read(int(length))

    def _write(self, reply: Reply, close: bool = False) -> None:
        if reply.dropped:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()


def answer(world: World, request: Request) -> Reply:
    if request.path == "/healthz/" and request.method == "GET":
        return json_reply({"status": "ok"})
    for beginnings, gateway, routes, nothing in GATEWAYS:
        if request.path.startswith(beginnings):
            reply = _answer(world, request, routes, nothing)
            if gateway:
                _record(world, gateway, request, reply)
            return reply
    return control.nothing_here(known=False)


def _answer(world: World, request: Request, routes: Sequence[Route], nothing: Nothing) -> Reply:
    route, parts, known = find(routes, request)
    if route is None:
        return nothing(known)
    try:
        return route.handler(world, request, parts)
    except Refusal as refusal:
        return refusal.reply
    except Exception:
        # A bug of the simulator must not look like one of the gateways' answers.
        traceback.print_exc()
        return json_reply({"simulator_error": "The simulator failed; its terminal says where."}, 599)


def _record(world: World, gateway: str, request: Request, reply: Reply) -> None:
    world.requests.append(
        {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "gateway": gateway,
            "method": request.method,
            "path": blank_text(request.path),
            "body": _blanked(request.body),
            "status": "dropped" if reply.dropped else reply.status,
            "answer": _blanked(reply.body),
        }
    )


def _blanked(body: bytes) -> str:
    try:
        text = blank_text(json.dumps(blank_document(json.loads(body)), ensure_ascii=False))
        return _MSISDN.sub(r"\1***\2", text)
    except (ValueError, RecursionError):
        return "" if not body else f"({len(body)} bytes that are no JSON)"
