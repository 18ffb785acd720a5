"""The queries that both engines share.

SQL is written once, with `?` for a parameter and the prefix `views.` for tables. An engine supplies `_reading`, a short read
transaction with a consistent view of the named tables and their positions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

import msgspec

from app.read_models.answers import (
    Account,
    Balance,
    File,
    Key,
    NotYetProjected,
    Payment,
    ReadModelAnswer,
    Totals,
    Transaction,
    UnknownTopic,
    Usage,
)
from app.read_models.statement import Filter, Span, statement_query
from domain.buckets import MICROS_PER_DAY
from domain.events import KeyLimits
from domain.pricing import CostLine
from projections.balances import BALANCES, BALANCES_NOW, INSTANTS
from projections.contract import Tracked
from projections.files import FILES
from projections.keys import ACCOUNTS, KEYS, Freeze
from projections.payments import PAYMENTS
from projections.tables import Row, Table
from projections.transactions import TRANSACTIONS
from projections.unknown import UNKNOWN_TOPICS
from projections.usage import MICROS_PER_HOUR, USAGE

ROWS_MAX = 1_000
"""The maximum number of rows on one page."""
USAGE_GROUPS_MAX = 10_000
"""The maximum number of groups in one summary: more than a year of hours."""
FILES_MAX = 10_000
"""The maximum number of files on one page, as in OpenAI's API. One more may be read, to see whether there are more."""
Fetch = Callable[[str, Sequence[Any]], Sequence[Row]]
By = Literal["hour", "day", "key", "model"]
_BALANCE = "SELECT position, recorded_at_micros, available_nanos, held_nanos FROM views.{} WHERE account_id = ? "
_SUMS = ", ".join(f"CAST(sum({column.name}) AS bigint)" for column in USAGE.value_columns)
_GROUPS: Mapping[By, str] = {"hour": "hour", "day": "hour / 24", "key": "key_id", "model": "model"}
_UNITS: Mapping[By, int] = {"hour": MICROS_PER_HOUR, "day": MICROS_PER_DAY}
_lines = msgspec.json.Decoder(tuple[CostLine, ...])
_limits = msgspec.json.Decoder(KeyLimits)
_freezes = msgspec.json.Decoder(tuple[Freeze, ...])


class ViewQueries:
    """The queries of the gateway, its dashboard and its command line. All block."""

    @abstractmethod
    def _reading(self, *tables: Table) -> AbstractContextManager[Fetch]: ...

    def tracked(self) -> dict[str, Tracked]:
        """The position of every projection."""
        with self._reading() as fetch:
            return tracked_by(fetch)

    def balance(self, account_id: str) -> ReadModelAnswer[Balance]:
        """An account's current balance."""
        with self._reading(BALANCES_NOW) as fetch:
            rows = fetch(_BALANCE.format("balances_now"), (account_id,))
            return ReadModelAnswer(_position_of(fetch, "balances"), _balance_of(account_id, rows))

    def balance_at(
        self, account_id: str, *, position: int | None = None, micros: int | None = None
    ) -> ReadModelAnswer[Balance]:
        """An account's balance as of a position or an instant. The answer's position is that one, or the last one at that instant.
        Raises NotYetProjected."""
        assert (position is None) != (micros is None)
        newest = _BALANCE.format("balances") + "AND position <= ? ORDER BY position DESC LIMIT 1"
        with self._reading(BALANCES, INSTANTS) as fetch:
            at = _position_of(fetch, "balances")
            bound = _position_at(fetch, micros) if position is None else position
            if bound > at:
                raise NotYetProjected(bound, at)
            return ReadModelAnswer(bound, _balance_of(account_id, fetch(newest, (account_id, bound))))

    def balance_moves(self, account_id: str, *, at_position: int, limit: int) -> ReadModelAnswer[list[Balance]]:
        """The last `limit` balances of an account up to a position, newest first, one per movement."""
        sql = _BALANCE.format("balances") + "AND position <= ? ORDER BY position DESC LIMIT ?"
        with self._reading(BALANCES) as fetch:
            rows = fetch(sql, (account_id, at_position, _page(limit)))
            return ReadModelAnswer(_position_of(fetch, "balances"), [_balance_of(account_id, [row]) for row in rows])

    def moved_positions(self, account_id: str, *, after: int, until: int, limit: int) -> list[int]:
        """The next positions, after one and up to another, of events that moved an account's money."""
        sql = "SELECT position FROM views.balances WHERE account_id = ? AND position > ? AND position <= ? "
        with self._reading(BALANCES) as fetch:
            rows = fetch(sql + "ORDER BY position LIMIT ?", (account_id, after, until, _page(limit)))
            return [row[0] for row in rows]

    def transactions(
        self, account_id: str, *, before_position: int | None = None, limit: int = 50
    ) -> ReadModelAnswer[list[Transaction]]:
        """A page of the statement, newest first; the next page is before the last one's position."""
        bound = "" if before_position is None else "AND position < ? "
        sql = f"SELECT * FROM views.transactions WHERE account_id = ? {bound}ORDER BY position DESC LIMIT ?"  # noqa: S608
        parameters = (account_id, *(() if before_position is None else (before_position,)), _page(limit))
        with self._reading(TRANSACTIONS) as fetch:
            rows = fetch(sql, parameters)
            return ReadModelAnswer(_position_of(fetch, "transactions"), [_transaction(row) for row in rows])

    def statement(
        self, account_id: str, conditions: Filter, *, before_position: int | None = None, limit: int = 50
    ) -> ReadModelAnswer[tuple[list[tuple[Transaction, int | None]], bool]]:
        """A filtered page of the statement, newest first, each row with the balance after it (None if the balances lag behind), and
        whether there are more rows."""
        most = _page(limit)
        with self._reading(TRANSACTIONS, BALANCES, INSTANTS) as fetch:
            after = None if conditions.from_micros is None else _position_at(fetch, conditions.from_micros - 1)
            until = None if conditions.to_micros is None else _position_at(fetch, conditions.to_micros - 1)
            span = Span(before=before_position, after=after, until=until)
            rows = fetch(*statement_query(account_id, conditions, span, most + 1))
            found = [(_transaction(row[:-1]), row[-1]) for row in rows[:most]]
            return ReadModelAnswer(_position_of(fetch, "transactions"), (found, len(rows) > most))

    def request_of_response(self, account_id: str, response_id: str) -> ReadModelAnswer[str | None]:
        """The request of an account's answer with this id."""
        first = "SELECT min(position) FROM views.transactions WHERE account_id = ? AND response_id = ?"
        sql = f"SELECT id FROM views.transactions WHERE account_id = ? AND position = ({first})"  # noqa: S608 - our words
        with self._reading(TRANSACTIONS) as fetch:
            rows = fetch(sql, (account_id, account_id, response_id))
            return ReadModelAnswer(_position_of(fetch, "transactions"), str(rows[0][0]) if rows else None)

    def usage(
        self,
        account_id: str,
        *,
        by: By,
        from_micros: int | None = None,
        to_micros: int | None = None,
        key_id: str | None = None,
        model: str | None = None,
    ) -> ReadModelAnswer[list[Usage]]:
        """Sums by hour, day, key or model, optionally for one key or model only. `from_micros` is included, `to_micros` is not.
        Both are rounded down to the start of their UTC hour, so neighbouring windows share no hour and omit none."""
        sql, parameters = _usage_query(account_id, by, from_micros, to_micros, key_id, model)
        with self._reading(USAGE) as fetch:
            rows = fetch(sql, parameters)
            unit = _UNITS.get(by, 0)
            groups = [Usage(row[0] * unit if unit else row[0], *row[1:]) for row in rows]
            return ReadModelAnswer(_position_of(fetch, "usage"), groups)

    def keys(self, account_id: str) -> ReadModelAnswer[list[Key]]:
        """An account's keys by age, including revoked ones."""
        sql = "SELECT * FROM views.keys WHERE account_id = ? ORDER BY created_at_micros, key_id"
        with self._reading(KEYS) as fetch:
            rows = fetch(sql, (account_id,))
            return ReadModelAnswer(_position_of(fetch, "keys"), [_key(row) for row in rows])

    def accounts(self, *, after: str = "", limit: int = 100) -> ReadModelAnswer[list[Account]]:
        """A page of accounts by id; the next page is after the last one's id."""
        sql = "SELECT * FROM views.accounts WHERE account_id > ? ORDER BY account_id LIMIT ?"
        with self._reading(ACCOUNTS) as fetch:
            rows = fetch(sql, (after, _page(limit)))
            return ReadModelAnswer(_position_of(fetch, "keys"), [_account(row) for row in rows])

    def account(self, account_id: str) -> ReadModelAnswer[Account | None]:
        with self._reading(ACCOUNTS) as fetch:
            rows = fetch("SELECT * FROM views.accounts WHERE account_id = ?", (account_id,))
            return ReadModelAnswer(_position_of(fetch, "keys"), _account(rows[0]) if rows else None)

    def files(
        self, account_id: str, *, now_micros: int, after_position: int | None = None, newest_first: bool, limit: int
    ) -> ReadModelAnswer[list[File]]:
        """A page of the files that exist at an instant, by age; the next page is after the last one's position."""
        order, past = ("DESC", "<") if newest_first else ("ASC", ">")
        bound = "" if after_position is None else f"AND position {past} ? "
        sql = (
            "SELECT * FROM views.files WHERE account_id = ? AND there = 1 "  # noqa: S608 - only our own words
            f"AND (expires_at_micros IS NULL OR expires_at_micros > ?) {bound}ORDER BY position {order} LIMIT ?"
        )
        after = () if after_position is None else (after_position,)
        parameters = (account_id, now_micros, *after, max(0, min(limit, FILES_MAX + 1)))
        with self._reading(FILES) as fetch:
            return ReadModelAnswer(_position_of(fetch, "files"), [File(*row) for row in fetch(sql, parameters)])

    def file(self, account_id: str, file_id: str) -> ReadModelAnswer[File | None]:
        """An account's file, existing or deleted."""
        with self._reading(FILES) as fetch:
            rows = fetch("SELECT * FROM views.files WHERE account_id = ? AND file_id = ?", (account_id, file_id))
            return ReadModelAnswer(_position_of(fetch, "files"), File(*rows[0]) if rows else None)

    def expired_files(self, now_micros: int, *, limit: int) -> ReadModelAnswer[list[File]]:
        """Expired files of any account whose deletion is not recorded yet, the oldest first."""
        sql = "SELECT * FROM views.files WHERE there = 1 AND expires_at_micros <= ? ORDER BY expires_at_micros, file_id LIMIT ?"
        with self._reading(FILES) as fetch:
            rows = fetch(sql, (now_micros, _page(limit)))
            return ReadModelAnswer(_position_of(fetch, "files"), [File(*row) for row in rows])

    def files_there(self, file_ids: Sequence[str]) -> ReadModelAnswer[frozenset[str]]:
        """The ids, among the given ones (at most a page), whose files exist."""
        assert len(file_ids) <= ROWS_MAX
        marks = ", ".join("?" * len(file_ids)) or "NULL"
        sql = f"SELECT file_id FROM views.files WHERE there = 1 AND file_id IN ({marks})"  # noqa: S608 - only marks
        with self._reading(FILES) as fetch:
            return ReadModelAnswer(
                _position_of(fetch, "files"), frozenset(row[0] for row in fetch(sql, tuple(file_ids)))
            )

    def payments(self, *, since_micros: int, after: str = "", limit: int) -> ReadModelAnswer[list[Payment]]:
        """Payments of any account that were credited since an instant, by id; the next page is after the last one's id."""
        sql = "SELECT * FROM views.payments WHERE settled_at_micros >= ? AND payment_id > ? ORDER BY payment_id LIMIT ?"
        with self._reading(PAYMENTS) as fetch:
            rows = fetch(sql, (since_micros, after, _page(limit)))
            return ReadModelAnswer(_position_of(fetch, "payments"), [Payment(*row) for row in rows])

    def totals(self) -> ReadModelAnswer[Totals]:
        """Totals over all accounts, as of the position of the projection that lags most."""
        money = "SELECT CAST(coalesce(sum({}), 0) AS bigint), CAST(coalesce(sum({}), 0) AS bigint) FROM views.{}"
        with self._reading(ACCOUNTS, BALANCES_NOW, USAGE) as fetch:
            [(accounts,)] = fetch("SELECT count(*) FROM views.accounts", ())
            [(available, held)] = fetch(money.format("available_nanos", "held_nanos", "balances_now"), ())
            [(requests, completed)] = fetch(money.format("requests", "completed", "usage"), ())
            [(released, cost)] = fetch(money.format("released", "cost_nanos", "usage"), ())
            position = min(_position_of(fetch, name) for name in ("keys", "balances", "usage"))
        return ReadModelAnswer(position, Totals(accounts, available, held, requests, completed, released, cost))

    def unknown_topics(self) -> ReadModelAnswer[list[UnknownTopic]]:
        """Topics unknown to this version, in the order in which they appeared."""
        with self._reading(UNKNOWN_TOPICS) as fetch:
            rows = fetch("SELECT * FROM views.unknown_topics ORDER BY first_position LIMIT ?", (ROWS_MAX,))
            return ReadModelAnswer(_position_of(fetch, "unknown_topics"), [UnknownTopic(*row) for row in rows])


def _usage_query(
    account_id: str, by: By, from_micros: int | None, to_micros: int | None, key_id: str | None, model: str | None
) -> tuple[str, tuple[Any, ...]]:
    clause, parameters = "WHERE account_id = ? ", [account_id]
    bounds: list[Any] = []
    if from_micros is not None:
        clause += "AND hour >= ? "
        bounds.append(from_micros // MICROS_PER_HOUR)
    if to_micros is not None:
        clause += "AND hour < ? "
        bounds.append(to_micros // MICROS_PER_HOUR)
    for column, value in (("key_id", key_id), ("model", model)):
        if value is not None:
            clause += f"AND {column} = ? "
            bounds.append(value)
    group = _GROUPS[by]
    sql = f"SELECT {group}, {_SUMS} FROM views.usage {clause}GROUP BY {group} ORDER BY {group} LIMIT ?"  # noqa: S608
    return sql, (*parameters, *bounds, USAGE_GROUPS_MAX)


def _page(limit: int) -> int:
    return max(0, min(limit, ROWS_MAX))


def tracked_by(fetch: Fetch) -> dict[str, Tracked]:
    rows = fetch("SELECT application_name, notification_id, recorded_at_micros, error FROM views.tracking", ())
    return {name: Tracked(*rest) for name, *rest in rows if "~" not in name}


def _position_of(fetch: Fetch, projection: str) -> int:
    rows = fetch("SELECT notification_id FROM views.tracking WHERE application_name = ?", (projection,))
    return int(rows[0][0]) if rows else 0


def _position_at(fetch: Fetch, micros: int | None) -> int:
    """The last position at or before an instant; 0 if there is none."""
    sql = "SELECT position FROM views.instants WHERE recorded_at_micros <= ? ORDER BY recorded_at_micros DESC LIMIT 1"
    rows = fetch(sql, (micros,))
    return int(rows[0][0]) if rows else 0


def _balance_of(account_id: str, rows: Sequence[Row]) -> Balance:
    if not rows:
        return Balance(account_id, 0, 0, 0, 0)
    position, recorded_at, available, held = rows[0]
    return Balance(account_id, available, held, position, recorded_at)


def _account(row: Row) -> Account:
    values: Row = (*row[:-1], _freezes.decode(row[-1]))
    return Account(*values)


def _key(row: Row) -> Key:
    values: Row = (*row[:5], _limits.decode(row[5]), *row[6:])
    return Key(*values)


def _transaction(row: Row) -> Transaction:
    estimated, admitted_at, lines = row[-3:]
    values: Row = (*row[:-3], bool(estimated), admitted_at, () if lines is None else _lines.decode(lines))
    return Transaction(*values)
