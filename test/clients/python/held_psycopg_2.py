"""Commands that wait for a person, as psycopg2 sees them: it shows notices when the command is done."""

import contextlib

import psycopg2
import psycopg2.errors
import psycopg2.extras

from held import DENIED, REMOVE, all_at_once, beside, until_waits
from tap import check, play, raises


@contextlib.contextmanager
def session(autocommit=True):
    connection = psycopg2.connect("")
    connection.autocommit = autocommit
    try:
        yield connection, connection.cursor()
    finally:
        connection.close()


def row(cursor, fate, name, table="held"):
    word = f"{fate} psycopg2: {name}"
    cursor.execute(f"insert into {table} values (%s)", [word])
    return word


def left(cursor, word):
    cursor.execute("select count(*) from held where word = %s", [word])
    return cursor.fetchone()[0]


def denied(attempt, *args):
    error = raises(psycopg2.errors.InsufficientPrivilege, attempt, *args)
    assert error.pgcode == "42501" and DENIED in error.diag.message_primary, error


@check("approved, with the notice")
def _():
    with session() as (connection, cursor):
        word = row(cursor, "approve", "notice")
        cursor.execute(REMOVE + "%s returning word", [word])
        assert cursor.fetchall() == [(word,)]
        [notice] = connection.notices
        assert notice.startswith('NOTICE:  Held by the rule "deletes"') and "DETAIL:  Approval apr_" in notice, notice
        assert left(cursor, word) == 0


@check("a prepared statement waits each time, and many at once wait as one text")
def _():
    with session() as (connection, cursor):
        cursor.execute(f"prepare remove(text) as /* approve it */ {REMOVE} $1")
        word = row(cursor, "approve", "prepared")
        counts = []
        for _ in range(3):
            cursor.execute("execute remove(%s)", [word])
            counts.append(cursor.rowcount)
        assert counts == [1, 0, 0]
        words = [(row(cursor, "approve", f"many {n}"),) for n in range(5)]
        before = len(connection.notices)
        psycopg2.extras.execute_batch(cursor, REMOVE + "%s", words)
        assert len(connection.notices) == before + 1
        assert [left(cursor, word) for [word] in words] == [0] * 5


@check("in a transaction")
def _():
    with session(autocommit=False) as (connection, cursor):
        word = row(cursor, "approve", "transaction")
        cursor.execute(REMOVE + "%s", [word])
        assert cursor.rowcount == 1
        row(cursor, "beside approve", "transaction")
        connection.commit()
        assert left(cursor, f"beside {word}") == 1


@check("denied, in a transaction and not")
def _():
    with session() as (connection, cursor):
        word = row(cursor, "deny", "")
        denied(cursor.execute, REMOVE + "%s", [word])
        assert left(cursor, word) == 1
        connection.autocommit = False
        denied(cursor.execute, REMOVE + "%s", [word])
        raises(psycopg2.errors.InFailedSqlTransaction, cursor.execute, "select 1")
        connection.rollback()
        assert left(cursor, word) == 1


@check("expired")
def _():
    with session() as (_, cursor):
        word = row(cursor, "expire", "", "brief")
        remove = "delete from brief where word = %s"
        raises(psycopg2.errors.InsufficientPrivilege, cursor.execute, remove, [word])
        cursor.execute("select 1")


@check("cancelled")
def _():
    with session() as (connection, cursor):
        word = row(cursor, "cancel", "")

        def cancel():
            until_waits(word)
            connection.cancel()

        cancelling = beside(cancel)
        raises(psycopg2.errors.QueryCanceled, cursor.execute, REMOVE + "%s", [word])
        cancelling.join()
        assert left(cursor, word) == 1


@check("the client closes while it waits")
def _():
    with session() as (_, cursor):
        word = row(cursor, "leave", "close")
    connection = psycopg2.connect("", async_=True)
    psycopg2.extras.wait_select(connection)
    connection.cursor().execute(REMOVE + "%s", [word])
    until_waits(word)
    connection.close()


@check("ten sessions ask the same at once, and one yes lets them all go")
def _():
    with session() as (_, cursor):
        cursor.execute("insert into shared values ('shared psycopg2')")

    def remove():
        with session() as (_, cursor):
            cursor.execute("delete from shared where word = %s", ["shared psycopg2"])
            return cursor.rowcount

    assert sorted(all_at_once(10, remove)) == [0] * 9 + [1]


play()
