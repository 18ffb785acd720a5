"""Identifies the caller of /api: a signed-in person, or a program with one of the account's keys.

Rule 1: a key may read and may start a checkout; everything else requires a session.
Rule 2: a state-changing request with a session cookie must come from our own pages or from an origin that the operator allows.
"""

from __future__ import annotations

from dataclasses import dataclass

from quart import Request
from werkzeug.http import dump_cookie

from app.accounts.auth import Key, authenticate
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
    """The account that the request acts for. If `session` is None, the caller presented the key `key_id`."""

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
        session = await services.in_thread(services.accounts.sessions.find, token, abandon_on_cancel=True)
    if session is None:
        raise NotSignedIn
    return Caller(session.account_id, session=session)


async def reader(services: Services, request: Request) -> Caller:
    """A session, or one of the account's keys. Raises the errors of `signed_in` and `bearer`, except SessionRequired."""
    if request.headers.get("authorization") is None:
        return await signed_in(services, request)
    key = await bearer(services, request)
    return Caller(key.account_id, key_id=key.key_id)


async def bearer(services: Services, request: Request) -> Key:
    """The API key in the Authorization header. Raises Unauthorized, KeyIsRevoked, KeyIsExpired, StoreUnavailable."""
    authorization = request.headers.get("authorization")
    return await authenticate(services.accounts.keys, authorization, now_micros=services.now_micros())


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
    """The client's address, for rate limits on sign-in and sign-up."""
    forwarded = request.headers.getlist("x-forwarded-for")
    return client_address(request.remote_addr or "", forwarded, services.settings.server.trusted_proxies)


def session_token(services: Services, request: Request) -> str | None:
    token = request.cookies.get(cookie_name(services))
    return token if token and len(token) <= TOKEN_LENGTH_MAX and token.isascii() else None


def session_cookie(services: Services, token: str) -> dict[str, str]:
    """The Set-Cookie header that signs a browser in; an empty token signs it out."""
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
    """The session cookie's name. Over https it has the prefix that makes browsers bind it to this host."""
    return COOKIE if services.settings.server.cookies_are_secure else COOKIE_ON_LOOPBACK
