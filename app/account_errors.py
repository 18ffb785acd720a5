"""What the account API refuses, beyond what domain and edge do. Statuses and codes are in app/errors.py's one table."""

from __future__ import annotations


class AccountError(Exception):
    """A request about an account that is refused. `str(error)` is fit for the client's eyes."""


class SignUpDisabled(AccountError):
    """The operator makes the accounts."""

    def __init__(self) -> None:
        super().__init__("Sign-up is switched off here. Ask the operator for an account.")


class InvalidCredentials(AccountError):
    """Whichever of the two is wrong."""

    def __init__(self) -> None:
        super().__init__("The e-mail or the password is wrong.")


class NotSignedIn(AccountError):
    """There is no session, or it is over."""

    def __init__(self) -> None:
        super().__init__("Nobody is signed in here, or the session is over. Sign in: POST /api/session.")


class SessionRequired(AccountError):
    """A key was sent where only somebody who is signed in may ask."""

    def __init__(self) -> None:
        super().__init__("An API key may not do this: it may read, and begin a checkout. Sign in, and send no key.")


class CrossOrigin(AccountError):
    """A page of another origin tried to act for whoever is signed in."""

    def __init__(self) -> None:
        super().__init__(
            "This request comes from a page of another origin. The operator may allow it (server.cors_origins)."
        )


class InvalidLink(AccountError):
    """A link to sign in that is used, over, replaced, or none."""

    def __init__(self) -> None:
        super().__init__(
            "This sign-in link does not work: it was used, is older than 15 minutes, was replaced by a newer one, or was "
            "cut short. Ask for a new one, or sign in with your e-mail and password."
        )


class TooManyExports(AccountError):
    """The account is being sent so many exports already."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} exports of this account are being sent already. Wait for one of them to end.")


class TooManyStreams(AccountError):
    """The account listens to its events so often already."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"This account has {limit} streams of events open here. Close one first.")


class CheckoutDisabled(AccountError):
    """Nothing is sold here."""

    def __init__(self) -> None:
        super().__init__("No credit is sold here. Ask the operator for it.")


class PaymentMethodRequired(AccountError):
    """There is no payment method that may be charged."""

    def __init__(self) -> None:
        super().__init__("No payment method is saved. Buy a pack with save_payment_method first, then switch it on.")
