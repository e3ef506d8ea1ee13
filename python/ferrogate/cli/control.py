"""How a command reaches the gateway: always by the admin API.

Over HTTP where a gateway runs on the data folder (its ``run.json`` says where, and holds a secret that opens
it) or where GATEWAY_URL names one; otherwise the same API is called inside this process on the data folder
itself. So a command behaves alike in both cases, down to the sentence of an error.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from ferrogate.terminal import printable, printable_json

if TYPE_CHECKING:
    import ssl

    import httpx

    from ferrogate.store import Store

__all__ = [
    "Control",
    "DataOption",
    "JsonOption",
    "RefusedError",
    "data_folder",
    "fail",
    "print_json",
    "reach",
    "reach_running",
    "reported",
]

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", help="The data folder; default: GATEWAY_DATA, gateway.yaml, or ./data.", metavar="FOLDER"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

REFUSED = 1
UNREACHABLE = 3
_TIMEOUT_S = 30.0


class RefusedError(Exception):
    """The gateway answered with a problem; its text is the sentence."""


class UnreachableError(Exception):
    """No answer came from the gateway that should be there."""


class Control:
    """The admin API of one gateway, or of one data folder."""

    def __init__(self, client: httpx.Client, *, is_running: bool) -> None:
        self._client = client
        self.is_running = is_running

    def call(self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> Any:
        """Send one request below ``/api/v1/``; return its JSON, or None for 204.

        Raises:
            RefusedError: the answer was a problem.
            UnreachableError: no answer came.

        """
        import httpx

        try:
            answer = self._client.request(method, f"/api/v1/{path}", json=body, params=query)
        except httpx.HTTPError as error:
            raise UnreachableError(
                f"the gateway at {self._client.base_url} does not answer ({_reason(error)})"
            ) from None
        if answer.is_success:
            return None if answer.status_code == 204 else answer.json()
        try:
            sentence = answer.json()["detail"]
        except (ValueError, KeyError, TypeError):
            sentence = f"the gateway answered {answer.status_code}"
        raise RefusedError(sentence)


def _reason(error: Exception) -> str:
    """Name what went wrong; where a certificate was refused, say why."""
    import ssl

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is refused: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def data_folder(given: Path | None) -> Path:
    """Return the folder of the flag, the environment, the configuration file, or the default."""
    if given is not None:
        return given
    if named := os.environ.get("GATEWAY_DATA", "").strip():
        return Path(named)
    from ferrogate.config import find_config, load_config

    path = find_config(None)
    return Path("data") if path is None else Path(load_config(path).server.data)


@contextmanager
def reach(data: Path | None) -> Iterator[Control]:
    """Open the way to the gateway. Raises what opening the data folder raises."""
    import httpx

    from ferrogate.services import run_file

    options: dict[str, Any] = {"timeout": _TIMEOUT_S, "trust_env": False, "follow_redirects": False}
    if url := os.environ.get("GATEWAY_URL", "").strip():
        token = os.environ.get("GATEWAY_ADMIN_TOKEN", "").strip()
        headers = {"authorization": f"Bearer {token}"} if token else {}
        with httpx.Client(base_url=url, headers=headers, verify=_authorities(), **options) as client:
            yield Control(client, is_running=True)
        return
    folder = data_folder(data)
    if run := run_file.read(folder):
        headers = {"authorization": f"Bearer {run.secret}"}
        with httpx.Client(
            base_url=run.url, headers=headers, verify=_only(run.certificate), **options
        ) as client:
            yield Control(client, is_running=True)
        return
    with _inside(folder) as client:
        yield Control(client, is_running=False)


def _authorities() -> ssl.SSLContext | bool:
    """Trust what SSL_CERT_FILE says, as every other program does; else the usual authorities."""
    import ssl

    named = os.environ.get("SSL_CERT_FILE", "").strip()
    return ssl.create_default_context(cafile=named) if named else True


def _only(certificate: str) -> ssl.SSLContext | bool:
    """Trust the certificate that the running gateway shows, and nothing else.

    Its file says which one it is, and only its owner can write there, so no authority and no name need to
    vouch for it: the URL names this machine by an address that certificates seldom hold.
    """
    import ssl

    if not certificate:
        return True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context


@contextmanager
def reported() -> Iterator[None]:
    """Turn every expected error into a sentence on standard error and an exit code."""
    from ferrogate.errors import FerrogateError

    try:
        yield
    except (RefusedError, FerrogateError) as error:
        fail(str(error), REFUSED)
    except UnreachableError as error:
        fail(str(error), UNREACHABLE)


def fail(sentence: str, code: int = REFUSED) -> NoReturn:
    """Print a sentence on standard error and end with an exit code."""
    shown = printable(sentence, lines=True)
    typer.secho(f"error: {shown}", err=True, fg="red" if sys.stderr.isatty() else None)
    raise typer.Exit(code)


def print_json(value: Any) -> None:
    """Print JSON for programs."""
    import json

    typer.echo(printable_json(json.dumps(value, indent=2, ensure_ascii=False)))


@contextmanager
def reach_running(data: Path | None) -> Iterator[Control]:
    """Open the way to a gateway that runs; without one, say how to start it and end with exit code 3."""
    with reach(data) as control:
        if not control.is_running:
            fail("no gateway runs on this data folder; start one with: gateway serve", UNREACHABLE)
        yield control


@contextmanager
def _inside(folder: Path) -> Iterator[httpx.Client]:
    """Call the admin API in this process, on a data folder that no gateway uses."""
    import httpx

    from ferrogate.store import open_store

    # Who may read the data folder may do everything with it: the secret is made for this one call.
    secret = secrets.token_urlsafe()
    headers = {"authorization": f"Bearer {secret}"}
    store = open_store(folder, os.environ)
    try:
        transport = _in_process(store, secret)
        with httpx.Client(transport=transport, base_url="http://localhost", headers=headers) as client:
            yield client
    finally:
        store.close()


def _in_process(store: Store, secret: str) -> httpx.BaseTransport:
    """Return a transport that hands requests to the admin application."""
    import asyncio

    import httpx

    from ferrogate.admin import create_app
    from ferrogate.config import find_config, load_config
    from ferrogate.providers.registry import Registry
    from ferrogate.services.compose import build
    from ferrogate.services.configuration import ConfigurationService
    from ferrogate.services.ports import OfflineEngine

    registry = Registry.load()
    path = find_config(None)
    configuration = ConfigurationService(
        load_file=lambda: load_config(path, kinds=registry.options()),
        environ=os.environ,
        store=store,
        registry=registry,
    )
    engine = OfflineEngine()
    configuration.attach(engine)
    app = create_app(build(store, configuration, engine), auth_required=True, run_secret=secret, page=False)
    asgi = httpx.ASGITransport(app=app, raise_app_exceptions=True)

    class InProcess(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            async def once() -> httpx.Response:
                answer = await asgi.handle_async_request(
                    httpx.Request(
                        request.method, request.url, headers=request.headers, content=request.read()
                    )
                )
                return httpx.Response(
                    answer.status_code, headers=answer.headers, content=await answer.aread()
                )

            return asyncio.run(once())

    return InProcess()
