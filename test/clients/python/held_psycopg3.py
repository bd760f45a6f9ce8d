"""Commands that wait for a person, as psycopg 3 sees them."""

import psycopg

from held import DENIED, REMOVE, all_at_once, beside, until_waits
from tap import check, play, raises


def row(connection, fate, name, table="held"):
    word = f"{fate} psycopg: {name}"
    connection.execute(f"insert into {table} values (%s)", [word])
    return word


def left(connection, word):
    return connection.execute("select count(*) from held where word = %s", [word]).fetchone()[0]


def connect(**options):
    return psycopg.connect(autocommit=True, **options)


def denied(attempt, *args):
    error = raises(psycopg.errors.InsufficientPrivilege, attempt, *args)
    assert error.sqlstate == "42501" and DENIED in error.diag.message_primary, error


@check("approved, with the notice: with parameters and without, in text and in binary format")
def _():
    with connect() as c:
        notices = []
        # What a notice has, it has for as long as its handler runs.
        c.add_notice_handler(
            lambda notice: notices.append(
                [getattr(notice, name) for name in ("severity", "message_primary", "message_detail", "message_hint")]
            )
        )
        for binary in (False, True):
            word = row(c, "approve", f"binary {binary}")
            assert c.cursor(binary=binary).execute(REMOVE + "%s", [word]).rowcount == 1
            assert left(c, word) == 0
        word = row(c, "approve", "simple")
        assert c.execute(f"{REMOVE}'{word}'").statusmessage == "DELETE 1"
        assert len(notices) == 3
        for severity, message, detail, hint in notices:
            assert severity == "NOTICE" and message.startswith('Held by the rule "deletes"'), message
            assert detail.startswith("Approval apr_") and "apr_" in hint, (detail, hint)


@check("a prepared statement waits each time, and so does each of executemany")
def _():
    with connect() as c:
        notices = []
        c.add_notice_handler(notices.append)
        word = row(c, "approve", "prepared")
        assert [c.execute(REMOVE + "%s", [word], prepare=True).rowcount for _ in range(3)] == [1, 0, 0]
        assert len(notices) == 3
        words = [row(c, "approve", f"many {n}") for n in range(3)]
        cursor = c.cursor()
        cursor.executemany(REMOVE + "%s", [(word,) for word in words])
        assert cursor.rowcount == 3


@check("in a pipeline: what stands before is answered, what stands behind follows")
def _():
    with connect() as c:
        words = [row(c, "approve", f"pipeline {n}") for n in range(2)]
        with c.pipeline() as pipeline:
            before = c.execute("select 1")
            first = c.execute(REMOVE + "%s", [words[0]])
            between = c.execute("select 2")
            second = c.execute(REMOVE + "%s returning word", [words[1]])
            pipeline.sync()
            assert [cursor.rowcount for cursor in (before, first, between, second)] == [1, 1, 1, 1]
            assert second.fetchone() == (words[1],)


@check("denied in a pipeline: what follows up to the sync is skipped, and no more")
def _():
    with connect() as c:
        word = row(c, "deny", "pipeline")
        with c.pipeline() as pipeline:
            c.execute(REMOVE + "%s", [word])
            skipped = c.execute("insert into held values (%s)", [f"never {word}"])
            denied(pipeline.sync)
            raises(psycopg.Error, skipped.fetchone)
            assert c.execute("select 2").fetchone() == (2,)
        assert (left(c, word), left(c, f"never {word}")) == (1, 0)


@check("in a transaction")
def _():
    with connect() as c:
        with c.transaction():
            word = row(c, "approve", "transaction")
            assert c.execute(REMOVE + "%s", [word]).rowcount == 1
            row(c, "beside approve", "transaction")
        assert left(c, f"beside {word}") == 1


@check("denied: an error with dana's words, and the session goes on")
def _():
    with connect() as c:
        word = row(c, "deny", "outside")
        denied(c.execute, REMOVE + "%s", [word])
        assert left(c, word) == 1


@check("denied in a transaction, and a savepoint mends it")
def _():
    with connect() as c:
        with c.transaction():
            word = row(c, "deny", "transaction")

            def inner():
                with c.transaction():
                    c.execute(REMOVE + "%s", [word])

            denied(inner)
            assert left(c, word) == 1
        assert left(c, word) == 1


@check("expired")
def _():
    with connect() as c:
        word = row(c, "expire", "", "brief")
        raises(psycopg.errors.InsufficientPrivilege, c.execute, "delete from brief where word = %s", [word])
        assert c.execute("select 1").fetchone() == (1,)


for how in ("cancel", "cancel_safe"):

    @check(f"cancelled by {how}()")
    def _(how=how):
        with connect() as c:
            word = row(c, "cancel", how)
            c.add_notice_handler(lambda _: beside(getattr(c, how)))
            raises(psycopg.errors.QueryCanceled, c.execute, REMOVE + "%s", [word])
            assert left(c, word) == 1


@check("the client closes while it waits")
def _():
    c = connect()
    word = row(c, "leave", "close")

    def leave():
        until_waits(word)
        c.close()

    leaving = beside(leave)
    raises(psycopg.OperationalError, c.execute, REMOVE + "%s", [word])
    leaving.join()


@check("ten sessions ask the same at once, and one yes lets them all go")
def _():
    with connect() as c:
        c.execute("insert into shared values ('shared psycopg')")

    def remove():
        with connect() as c:
            return c.execute("delete from shared where word = %s", ["shared psycopg"]).rowcount

    assert sorted(all_at_once(10, remove)) == [0] * 9 + [1]


play()
