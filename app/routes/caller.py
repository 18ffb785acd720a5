"""Who asks on /api: somebody who is signed in, or a program with a key of the account.

Rule 1: a key may read, and start a checkout; everything else wants a session.
Rule 2: what changes something by a cookie comes from our own pages, or from those that the operator allows.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import trio
from quart import Request
from werkzeug.http import dump_cookie

from app.accounts.auth import authenticate
from app.accounts.sessions import SESSION_DAYS, Session
from app.edge.client_address import client_address
from app.faults import CrossOrigin, NotSignedIn, SessionRequired
from app.origin import may_change, origin_of
from app.services import Services

COOKIE = "__Host-realrouter"
COOKIE_ON_LOOPBACK = "realrouter-session"
TOKEN_LENGTH_MAX = 128


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose account it is about. `session` None: the caller came with the key `key_id`."""

    account_id: str
    key_id: str | None = None
    session: Session | None = None


async def signed_in(services: Services, request: Request) -> Caller:
    """Raises SessionRequired for a key, NotSignedIn, CrossOrigin, StoreUnavailable."""
    if request.headers.get("authorization") is not None:
        raise SessionRequired
    check_origin(services, request)
    token = session_token(services, request)
    session = None
    if token is not None:
        session = await trio.to_thread.run_sync(
            services.sessions.find, token, abandon_on_cancel=True, limiter=services.lifetime.reading
        )
    if session is None:
        raise NotSignedIn
    return Caller(session.account_id, session=session)


async def reader(services: Services, request: Request) -> Caller:
    """A session, or a key of the account. Raises also what `authenticate` does."""
    authorization = request.headers.get("authorization")
    if authorization is None:
        return await signed_in(services, request)
    key = await authenticate(services.keys, authorization, now_micros=time.time_ns() // 1000)
    return Caller(key.account_id, key_id=key.key_id)


def check_origin(services: Services, request: Request) -> None:
    """Raises CrossOrigin."""
    server, headers = services.settings.server, request.headers
    allowed = (origin_of(server.public_url), *server.cors_origins)
    if not may_change(
        request.method,
        site=headers.get("sec-fetch-site"),
        origin=headers.get("origin"),
        host=headers.get("host"),
        allowed=allowed,
    ):
        raise CrossOrigin


def address_of(services: Services, request: Request) -> str:
    """The client's address, for throttles."""
    forwarded = request.headers.getlist("x-forwarded-for")
    return client_address(request.remote_addr or "", forwarded, services.settings.server.trusted_proxies)


def session_token(services: Services, request: Request) -> str | None:
    token = request.cookies.get(cookie_name(services))
    return token if token and len(token) <= TOKEN_LENGTH_MAX and token.isascii() else None


def session_cookie(services: Services, token: str) -> dict[str, str]:
    """The header that signs a browser in; an empty token signs it out."""
    cookie = dump_cookie(
        cookie_name(services),
        token,
        max_age=SESSION_DAYS * 86_400 if token else 0,
        path="/",
        secure=services.settings.server.cookies_are_secure,
        httponly=True,
        samesite="Lax",
    )
    return {"set-cookie": cookie}


def cookie_name(services: Services) -> str:
    """The session's cookie: browsers hold it to its host where it goes over https alone."""
    return COOKIE if services.settings.server.cookies_are_secure else COOKIE_ON_LOOPBACK
