"""/api/signup, /api/session, /api/session/link, /api/password: who somebody is.

Rule 1: attempts are counted before a password is looked at, by e-mail and by address.
Rule 2: a known e-mail and an unknown one are answered alike, after the same work: a new account is opened behind the answer.
Rule 3: a password that was right lets somebody in only if it is still the password when the session begins.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import structlog
import trio
from quart import Request, Response, request

from app.accounts import throttle
from app.accounts.passwords import check_password
from app.accounts.people import LABEL_DEFAULT, Person, check_label, normalised_email
from app.accounts.sessions import Session
from app.accounts.throttle import AttemptLimit
from app.edge.application import EdgeApplication
from app.edge.client_address import network_of
from app.faults import InvalidCredentials, InvalidLink, NotSignedIn, SignUpDisabled, TooManyConflicts
from app.ledger.store import StoreUnavailable
from app.routes.bodies import answer, nothing, read_struct
from app.routes.caller import Caller, address_of, check_origin, session_cookie, session_token, signed_in
from app.routes.openapi import describe
from app.services import Services
from domain.errors import InvalidValue

_log = structlog.get_logger("session")


class Confidential(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request that holds a password: its repr, in whatever traceback or log, does not."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(****)"

    def __rich_repr__(self) -> Any:
        yield "****"


class SignUp(Confidential, frozen=True, forbid_unknown_fields=True):
    """`name` is a label for the account; it is kept for good and is no place for a personal name or an e-mail."""

    email: str
    password: str
    name: str | None = None


class SignedUp(msgspec.Struct, frozen=True):
    """What was asked for is done, or was done before: sign in."""

    email: str


class SignIn(Confidential, frozen=True, forbid_unknown_fields=True):
    email: str
    password: str


class LinkUsed(Confidential, frozen=True, forbid_unknown_fields=True):
    """`token` is what stands behind the # of a sign-in link."""

    token: str


class SignedIn(msgspec.Struct, frozen=True):
    account_id: str
    email: str


class PasswordChange(Confidential, frozen=True, forbid_unknown_fields=True):
    current_password: str
    new_password: str


def register(app: EdgeApplication, services: Services) -> None:
    @app.post("/api/signup")
    @describe("Sign up", tag="session", body=SignUp, answers={201: SignedUp}, errors=(400, 403, 413, 415, 429))
    async def sign_up() -> Response:
        return await _sign_up(services, request)

    @app.post("/api/session")
    @describe("Sign in", tag="session", body=SignIn, answers={200: SignedIn}, errors=(400, 401, 403, 413, 415, 429))
    async def sign_in() -> Response:
        return await _sign_in(services, request)

    @app.post("/api/session/link")
    @describe(
        "Sign in with a link",
        tag="session",
        body=LinkUsed,
        answers={200: SignedIn},
        errors=(400, 401, 403, 413, 415, 429),
    )
    async def use_link() -> Response:
        return await _use_link(services, request)

    @app.get("/api/session")
    @describe("Who is signed in", tag="session", answers={200: SignedIn}, errors=(401, 403), caller="session")
    async def show_session() -> Response:
        caller = await signed_in(services, request)
        assert caller.session is not None, "it is one of a session"
        return answer(SignedIn(caller.account_id, caller.session.email))

    @app.delete("/api/session")
    @describe("Sign out", tag="session", answers={204: None}, errors=(403,))
    async def sign_out() -> Response:
        check_origin(services, request)
        token = session_token(services, request)
        if token is not None:
            await trio.to_thread.run_sync(services.sessions.end, token, limiter=services.lifetime.reading)
        return nothing(session_cookie(services, ""))

    @app.post("/api/password")
    @describe(
        "Change the password",
        tag="session",
        body=PasswordChange,
        answers={204: None},
        errors=(400, 401, 403, 413, 415, 429),
        caller="session",
    )
    async def change_password() -> Response:
        return await _change_password(services, request)


async def _sign_up(services: Services, request: Request) -> Response:
    check_origin(services, request)
    if not services.settings.server.signup:
        raise SignUpDisabled
    asked = await read_struct(services, request, SignUp)
    email = normalised_email(asked.email)
    label = check_label(asked.name or LABEL_DEFAULT)
    check_password(asked.password)
    await _attempt(services, throttle.SIGN_UP_FROM_ADDRESS, network_of(address_of(services, request)))
    services.lifetime.check()
    hashed = await services.passwords.hash(asked.password)
    account_id = await trio.to_thread.run_sync(
        services.people.claim, email, hashed, label, limiter=services.lifetime.reading
    )
    if account_id is not None:
        services.lifetime.start(partial(_open_account, services, account_id))
    return answer(SignedUp(email), 201)


async def _open_account(services: Services, account_id: str) -> None:
    try:
        await trio.to_thread.run_sync(services.people.open_account, account_id, limiter=services.lifetime.reading)
    except (StoreUnavailable, TooManyConflicts) as error:
        _log.warning("a new account is not open yet: signing in opens it", account_id=account_id, error=str(error))


async def _sign_in(services: Services, request: Request) -> Response:
    check_origin(services, request)
    asked = await read_struct(services, request, SignIn)
    email = _email_or_nobody(asked.email)
    await _attempt(services, throttle.SIGN_IN_FROM_ADDRESS, network_of(address_of(services, request)))
    await _attempt(services, throttle.SIGN_IN_OF_EMAIL, email)
    person = await trio.to_thread.run_sync(services.people.by_email, email, limiter=services.lifetime.reading)
    stored = person.password_hash if person is not None else None
    if not await services.passwords.verify(stored, asked.password) or person is None:
        raise InvalidCredentials
    token = await _begin(services, person, asked.password, before=session_token(services, request))
    return answer(SignedIn(person.account_id, person.email), headers=session_cookie(services, token))


async def _begin(services: Services, person: Person, password: str, *, before: str | None) -> str:
    """A session for somebody who gave the right password, in place of the one `before`. Raises InvalidCredentials."""
    verified = person.password_hash
    assert verified is not None, "it was"
    hashed = await services.passwords.hash(password) if services.passwords.is_outdated(verified) else verified

    def begin() -> str | None:
        services.people.open_account(person.account_id)
        services.throttle.forget(throttle.SIGN_IN_OF_EMAIL, person.email)
        if hashed != verified:
            services.people.rehash(person.account_id, before=verified, after=hashed)
        if before is not None:
            services.sessions.end(before)
        return services.sessions.begin_under(person.account_id, hashed)

    token = await trio.to_thread.run_sync(begin, limiter=services.lifetime.reading)
    if token is None:
        raise InvalidCredentials
    return token


async def _use_link(services: Services, request: Request) -> Response:
    check_origin(services, request)
    asked = await read_struct(services, request, LinkUsed)
    await _attempt(services, throttle.SIGN_IN_FROM_ADDRESS, network_of(address_of(services, request)))
    before = session_token(services, request)

    def use() -> tuple[str, Session] | None:
        token = services.links.use(asked.token)
        session = services.sessions.find(token) if token is not None else None
        if token is None or session is None:
            return None
        services.people.open_account(session.account_id)
        if before is not None:
            services.sessions.end(before)
        return token, session

    begun = await trio.to_thread.run_sync(use, limiter=services.lifetime.reading)
    if begun is None:
        raise InvalidLink
    token, session = begun
    return answer(SignedIn(session.account_id, session.email), headers=session_cookie(services, token))


async def _change_password(services: Services, request: Request) -> Response:
    caller = await signed_in(services, request)
    asked = await read_struct(services, request, PasswordChange)
    check_password(asked.new_password, "new_password")
    await _attempt(services, throttle.PASSWORD_OF_ACCOUNT, caller.account_id)
    person = await _person(services, caller)
    if person.password_hash is None or not await services.passwords.verify(
        person.password_hash, asked.current_password
    ):
        raise InvalidCredentials
    hashed, before = await services.passwords.hash(asked.new_password), person.password_hash

    def change() -> str | None:
        if not services.people.change_password(caller.account_id, before=before, after=hashed):
            return None
        services.throttle.forget(throttle.PASSWORD_OF_ACCOUNT, caller.account_id)
        return services.sessions.begin_under(caller.account_id, hashed)

    token = await trio.to_thread.run_sync(change, limiter=services.lifetime.reading)
    if token is None:
        raise InvalidCredentials
    return nothing(session_cookie(services, token))


async def _person(services: Services, caller: Caller) -> Person:
    person = await trio.to_thread.run_sync(
        services.people.by_account, caller.account_id, limiter=services.lifetime.reading
    )
    if person is None:
        raise NotSignedIn
    return person


async def _attempt(services: Services, rate: AttemptLimit, subject: str) -> None:
    await trio.to_thread.run_sync(services.throttle.attempt, rate, subject, limiter=services.lifetime.reading)


def _email_or_nobody(text: str) -> str:
    """What is no address is nobody's: it is not told apart from an unknown one."""
    try:
        return normalised_email(text)
    except InvalidValue:
        return ""
