"""/api/signup, /api/session, /api/session/link, /api/password: sign-up, sign-in, sign-out and passwords.

Rule 1: an attempt is counted, by e-mail and by address, before its password is checked.
Rule 2: known and unknown e-mails get the same answer after the same work; a new account is opened after the answer.
Rule 3: a correct password starts a session only if it is still the password when the session begins.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import structlog
from quart import Request, Response

from app.accounts import throttle
from app.accounts.passwords import check_password
from app.accounts.people import LABEL_DEFAULT, Person, check_label, normalised_email
from app.accounts.sessions import Session
from app.accounts.throttle import AttemptLimit
from app.edge.client_address import network_of
from app.faults import InvalidCredentials, InvalidLink, NotSignedIn, SignUpDisabled, TooManyConflicts
from app.ledger.store import StoreUnavailable
from app.routes.bodies import answer, no_content, read_struct
from app.routes.caller import Caller, address_of, check_origin, session_cookie, session_token, signed_in
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services
from domain.errors import InvalidValue

_log = structlog.get_logger("session")


class Confidential(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request that contains a secret; its repr, in any traceback or log, does not."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(****)"

    def __rich_repr__(self) -> Any:
        yield "****"


class SignUp(Confidential, frozen=True, forbid_unknown_fields=True):
    """`name` is a label for the account. It is kept forever: do not put a personal name or an e-mail address in it."""

    email: str
    password: str
    name: str | None = None


class SignedUp(msgspec.Struct, frozen=True):
    """The account exists now, or did already: sign in."""

    email: str


class SignIn(Confidential, frozen=True, forbid_unknown_fields=True):
    email: str
    password: str


class LinkUsed(Confidential, frozen=True, forbid_unknown_fields=True):
    """`token` is the part of a sign-in link after the #."""

    token: str


class SignedIn(msgspec.Struct, frozen=True):
    account_id: str
    email: str


class PasswordChange(Confidential, frozen=True, forbid_unknown_fields=True):
    current_password: str
    new_password: str


async def sign_up(services: Services, request: Request) -> Response:
    check_origin(services, request)
    if not services.settings.server.signup:
        raise SignUpDisabled
    wanted = await read_struct(services, request, SignUp)
    email = normalised_email(wanted.email)
    label = check_label(wanted.name or LABEL_DEFAULT)
    check_password(wanted.password)
    await _attempt(services, throttle.SIGN_UP_FROM_ADDRESS, network_of(address_of(services, request)))
    services.instance.lease.check()
    hashed = await services.accounts.passwords.hash(wanted.password)
    account_id = await services.in_thread(services.accounts.people.claim, email, hashed, label)
    if account_id is not None:
        services.instance.lease.start(partial(_open_account, services, account_id))
    return answer(SignedUp(email), 201)


async def sign_in(services: Services, request: Request) -> Response:
    check_origin(services, request)
    wanted = await read_struct(services, request, SignIn)
    email = _email_or_none(wanted.email)
    await _attempt(services, throttle.SIGN_IN_FROM_ADDRESS, network_of(address_of(services, request)))
    await _attempt(services, throttle.SIGN_IN_OF_EMAIL, email)
    person = await services.in_thread(services.accounts.people.by_email, email)
    stored = person.password_hash if person is not None else None
    if not await services.accounts.passwords.verify(stored, wanted.password) or person is None:
        raise InvalidCredentials
    token = await _begin(services, person, wanted.password, before=session_token(services, request))
    return answer(SignedIn(person.account_id, person.email), headers=session_cookie(services, token))


async def use_link(services: Services, request: Request) -> Response:
    check_origin(services, request)
    used = await read_struct(services, request, LinkUsed)
    await _attempt(services, throttle.SIGN_IN_FROM_ADDRESS, network_of(address_of(services, request)))
    before, accounts = session_token(services, request), services.accounts

    def use() -> tuple[str, Session] | None:
        token = accounts.links.use(used.token)
        session = accounts.sessions.find(token) if token is not None else None
        if token is None or session is None:
            return None
        accounts.people.open_account(session.account_id)
        if before is not None:
            accounts.sessions.end(before)
        return token, session

    begun = await services.in_thread(use)
    if begun is None:
        raise InvalidLink
    token, session = begun
    return answer(SignedIn(session.account_id, session.email), headers=session_cookie(services, token))


async def show_session(services: Services, request: Request) -> Response:
    caller = await signed_in(services, request)
    assert caller.session is not None, "signed_in returns a session's caller"
    return answer(SignedIn(caller.account_id, caller.session.email))


async def sign_out(services: Services, request: Request) -> Response:
    check_origin(services, request)
    token = session_token(services, request)
    if token is not None:
        await services.in_thread(services.accounts.sessions.end, token)
    return no_content(session_cookie(services, ""))


async def change_password(services: Services, request: Request) -> Response:
    caller, accounts = await signed_in(services, request), services.accounts
    wanted = await read_struct(services, request, PasswordChange)
    check_password(wanted.new_password, "new_password")
    await _attempt(services, throttle.PASSWORD_OF_ACCOUNT, caller.account_id)
    before = (await _person(services, caller)).password_hash
    if before is None or not await accounts.passwords.verify(before, wanted.current_password):
        raise InvalidCredentials
    hashed = await accounts.passwords.hash(wanted.new_password)

    def change() -> str | None:
        if not accounts.people.change_password(caller.account_id, before=before, after=hashed):
            return None
        accounts.throttle.forget(throttle.PASSWORD_OF_ACCOUNT, caller.account_id)
        return accounts.sessions.begin_under(caller.account_id, hashed)

    token = await services.in_thread(change)
    if token is None:
        raise InvalidCredentials
    return no_content(session_cookie(services, token))


ROUTES = (
    Route(
        "POST",
        "/api/signup",
        sign_up,
        Operation("Sign up", tag="session", body=SignUp, answers={201: SignedUp}, errors=(400, 403, 413, 415, 429)),
    ),
    Route(
        "POST",
        "/api/session",
        sign_in,
        Operation(
            "Sign in", tag="session", body=SignIn, answers={200: SignedIn}, errors=(400, 401, 403, 413, 415, 429)
        ),
    ),
    Route(
        "POST",
        "/api/session/link",
        use_link,
        Operation(
            "Sign in with a link",
            tag="session",
            body=LinkUsed,
            answers={200: SignedIn},
            errors=(400, 401, 403, 413, 415, 429),
        ),
    ),
    Route(
        "GET",
        "/api/session",
        show_session,
        Operation("Who is signed in", tag="session", answers={200: SignedIn}, errors=(401, 403), caller="session"),
    ),
    Route(
        "DELETE",
        "/api/session",
        sign_out,
        Operation("Sign out", tag="session", answers={204: None}, errors=(403,)),
    ),
    Route(
        "POST",
        "/api/password",
        change_password,
        Operation(
            "Change the password",
            tag="session",
            body=PasswordChange,
            answers={204: None},
            errors=(400, 401, 403, 413, 415, 429),
            caller="session",
        ),
    ),
)


async def _open_account(services: Services, account_id: str) -> None:
    try:
        await services.in_thread(services.accounts.people.open_account, account_id)
    except (StoreUnavailable, TooManyConflicts) as error:
        _log.warning("a new account is not open yet: signing in will open it", account_id=account_id, error=str(error))


async def _begin(services: Services, person: Person, password: str, *, before: str | None) -> str:
    """A session for a person who gave the correct password; it replaces the session `before`. Raises InvalidCredentials."""
    verified, accounts = person.password_hash, services.accounts
    assert verified is not None, "a password was verified against it"
    hashed = await accounts.passwords.hash(password) if accounts.passwords.is_outdated(verified) else verified

    def begin() -> str | None:
        accounts.people.open_account(person.account_id)
        accounts.throttle.forget(throttle.SIGN_IN_OF_EMAIL, person.email)
        if hashed != verified:
            accounts.people.rehash(person.account_id, before=verified, after=hashed)
        if before is not None:
            accounts.sessions.end(before)
        return accounts.sessions.begin_under(person.account_id, hashed)

    token = await services.in_thread(begin)
    if token is None:
        raise InvalidCredentials
    return token


async def _person(services: Services, caller: Caller) -> Person:
    person = await services.in_thread(services.accounts.people.by_account, caller.account_id)
    if person is None:
        raise NotSignedIn
    return person


async def _attempt(services: Services, rate: AttemptLimit, subject: str) -> None:
    await services.in_thread(services.accounts.throttle.attempt, rate, subject)


def _email_or_none(text: str) -> str:
    """An invalid address becomes the empty address, which no account has, so it gets the same answer as an unknown address."""
    try:
        return normalised_email(text)
    except InvalidValue:
        return ""
