"""psycopg2, with nothing but libpq's own variables."""

import io
import select
import threading
from contextlib import contextmanager
from decimal import Decimal

import psycopg2
from psycopg2 import errors, extensions, extras, pool, sql

from tap import REFUSED, check, is_refusal, play, raises


@contextmanager
def connect(autocommit=False):
    """A session that is closed at the end. psycopg2's own `with` would begin a transaction, even under autocommit."""
    c = psycopg2.connect("")
    c.autocommit = autocommit
    try:
        yield c
    finally:
        c.close()


def value(c, query, parameters=None):
    with c.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


def refused(error):
    diag = error.diag
    is_refusal(diag.sqlstate, diag.message_primary, diag.message_detail, diag.message_hint)


@check("a bare connect() reads, with parameters adapted into the text")
def _():
    with connect() as c, c.cursor() as cursor:
        assert c.info.ssl_in_use and c.encoding == "UTF8"
        cursor.execute("select name, %s from customers where id = %s", ["it's 🦆", 1])
        assert cursor.fetchall() == [("Grace Hopper", "it's 🦆")]
        cursor.execute("select %s, %s, %s, %s", [[1, 2], Decimal("1.50"), None, psycopg2.Binary(b"\x00\xff")])
        row = cursor.fetchone()
        assert row[:3] == ([1, 2], Decimal("1.50"), None) and bytes(row[3]) == b"\x00\xff"


@check("rows as dictionaries and named tuples")
def _():
    with connect() as c:
        for factory in (extras.RealDictCursor, extras.DictCursor):
            with c.cursor(cursor_factory=factory) as cursor:
                cursor.execute("select id, price from products where id = 1")
                assert cursor.fetchone()["price"] == Decimal("18.00")
        with c.cursor(cursor_factory=extras.NamedTupleCursor) as cursor:
            cursor.execute("select id, name from products where id = 1")
            assert cursor.fetchone().id == 1


@check("composite types, JSON, hstore's absence, ranges and UUIDs are looked up in the catalogue")
def _():
    with connect() as c, c.cursor() as cursor:
        cursor.execute("create type pair2 as (name text, n int)")
        extras.register_composite("pair2", c)
        cursor.execute("select row('a', 1)::pair2, array[row('b', 2)::pair2]")
        one, many = cursor.fetchone()
        assert one == ("a", 1) and many == [("b", 2)]
        cursor.execute("select %s::jsonb, int4range(1, 5)", [extras.Json({"x": [1]})])
        assert cursor.fetchone() == ({"x": [1]}, extras.NumericRange(1, 5))
        raises(psycopg2.ProgrammingError, extras.register_hstore, c)
        c.rollback()


@check("a named cursor: by itersize, scrolled, and with hold past its transaction")
def _():
    with connect() as c:
        with c.cursor(name="far") as cursor:
            cursor.itersize = 777
            cursor.execute("select id from orders order by id")
            assert sum(1 for _ in cursor) == 50000
        with c.cursor(name="there and back", scrollable=True) as cursor:
            cursor.execute("select generate_series(1, 10)")
            assert cursor.fetchmany(5)[-1] == (5,)
            cursor.scroll(-3)
            assert cursor.fetchone() == (3,)
            cursor.scroll(7, mode="absolute")
            assert cursor.fetchall() == [(8,), (9,), (10,)]
        held = c.cursor(name="held", withhold=True)
        held.execute("select generate_series(1, 3)")
        c.commit()
        assert held.fetchall() == [(1,), (2,), (3,)]
        held.close()


@check("execute_values, execute_batch and executemany")
def _():
    with connect() as c, c.cursor() as cursor:
        cursor.execute("create temp table many (id int primary key, name text)")
        rows = [(n, f"row {n}") for n in range(2500)]
        returned = extras.execute_values(cursor, "insert into many values %s returning id", rows, fetch=True)
        assert [row[0] for row in returned] == list(range(2500))
        extras.execute_batch(cursor, "update many set name = %s where id = %s", [("new", n) for n in range(500)])
        cursor.executemany("delete from many where id = %s", [[n] for n in range(50)])
        assert value(c, "select count(*) from many where name = 'new'") == 450


@check("copy_expert, copy_to and copy_from")
def _():
    with connect() as c, c.cursor() as cursor:
        out = io.StringIO()
        cursor.copy_expert("copy (select id, name from products order by id) to stdout csv header", out)
        assert out.getvalue().startswith("id,name\n1,") and out.getvalue().count("\n") == 201
        cursor.execute("create temp table copied (id int, name text)")
        cursor.copy_expert("copy copied from stdin csv header", io.StringIO(out.getvalue()))
        assert cursor.rowcount == 200
        out = io.StringIO()
        cursor.copy_to(out, "copied", columns=("id",))
        cursor.copy_from(io.StringIO(out.getvalue()), "copied", columns=("id",))
        assert value(c, "select count(*) from copied") == 400


@check("COPY whose reader fails on the client's side leaves the session usable")
def _():
    class Broken(io.StringIO):
        def read(self, size=-1):
            raise LookupError("no more")

    with connect(autocommit=True) as c, c.cursor() as cursor:
        cursor.execute("create temp table broken (id int)")
        raises(psycopg2.Error, cursor.copy_expert, "copy broken from stdin", Broken())
        assert value(c, "select count(*) from broken") == 0


@check("large objects: written, sought, truncated, exported, unlinked")
def _():
    with connect() as c:
        large = c.lobject(0, "wb")
        assert large.write(b"0123456789" * 5000) == 50000
        large.close()
        large = c.lobject(large.oid, "rwb")
        assert large.seek(10) == 10 and large.read(5) == b"01234" and large.tell() == 15
        large.truncate(20)
        assert large.seek(0, 2) == 20
        large.unlink()
        raises(psycopg2.OperationalError, c.lobject, large.oid, "rb")
        c.rollback()


@check("SQL-level PREPARE and EXECUTE, DISCARD ALL")
def _():
    with connect(autocommit=True) as c, c.cursor() as cursor:
        cursor.execute("prepare named(int) as select $1 + 1")
        assert value(c, "execute named(%s)", [41]) == 42
        cursor.execute("discard all")
        raises(errors.InvalidSqlStatementName, cursor.execute, "execute named(1)")


@check("callproc and functions that return cursors")
def _():
    with connect() as c, c.cursor() as cursor:
        cursor.callproc("upper", ["abc"])
        assert cursor.fetchone() == ("ABC",)
        cursor.execute(
            "create function opened2() returns refcursor language plpgsql as "
            "$$ declare c refcursor := 'theirs'; begin open c for select 7; return c; end $$"
        )
        cursor.callproc("opened2")
        with c.cursor("theirs") as theirs:
            assert theirs.fetchall() == [(7,)]
        c.rollback()


@check("transactions, isolation levels and savepoints")
def _():
    with connect() as c:
        c.set_session(isolation_level="SERIALIZABLE", readonly=True, deferrable=True)
        assert value(c, "show transaction_isolation") == "serializable"
        raises(errors.ReadOnlySqlTransaction, value, c, "delete from payments where id = 1")
        raises(errors.InFailedSqlTransaction, value, c, "select 1")
        c.rollback()
        c.set_session(readonly=False)
        with c.cursor() as cursor:
            cursor.execute("savepoint here")
            raises(errors.DivisionByZero, cursor.execute, "select 1/0")
            assert c.status == extensions.STATUS_BEGIN
            assert c.info.transaction_status == extensions.TRANSACTION_STATUS_INERROR
            cursor.execute("rollback to here")
            assert value(c, "select 2") == 2


@check("LISTEN, NOTIFY and notices")
def _():
    with connect(autocommit=True) as ear, connect(autocommit=True) as mouth:
        ear.cursor().execute("listen old_news")
        mouth.cursor().execute("notify old_news, 'heard'")
        assert select.select([ear], [], [], 20)[0]
        ear.poll()
        assert [notify.payload for notify in ear.notifies] == ["heard"]
        ear.cursor().execute("do $$ begin raise notice 'one'; raise warning 'two'; end $$")
        assert ear.notices == ["NOTICE:  one\n", "WARNING:  two\n"], ear.notices


@check("cancel() from another thread")
def _():
    with connect(autocommit=True) as c, connect() as locker:
        value(locker, "select pg_advisory_xact_lock(77)")
        pid = value(c, "select pg_backend_pid()")

        def cancel():
            while value(locker, "select count(*) from pg_locks where pid = %s and not granted", [pid]) == 0:
                pass
            c.cancel()

        canceller = threading.Thread(target=cancel)
        canceller.start()
        raises(errors.QueryCanceled, value, c, "select pg_advisory_lock(77)")
        canceller.join()
        assert value(c, "select 1") == 1


@check("asynchronously, by poll() and select()")
def _():
    c = psycopg2.connect("", async_=1)

    def wait():
        while (state := c.poll()) != extensions.POLL_OK:
            reading = [c] if state == extensions.POLL_READ else []
            writing = [c] if state == extensions.POLL_WRITE else []
            assert any(select.select(reading, writing, [], 20))

    wait()
    cursor = c.cursor()
    cursor.execute("select count(*) from orders")
    wait()
    assert cursor.fetchone() == (50000,)
    c.close()


@check("client_encoding and what else a session is told of")
def _():
    with connect(autocommit=True) as c:
        c.set_client_encoding("LATIN1")
        assert c.encoding == "LATIN1" and value(c, "select 'é' || chr(252)") == "éü"
        c.set_client_encoding("UTF8")
        assert c.get_parameter_status("standard_conforming_strings") == "on"
        assert c.server_version >= 150000 and c.protocol_version == 3
        c.reset()
        assert value(c, "show search_path") in ("public", '"$user", public')


@check("a pool of sessions, across threads")
def _():
    sessions = pool.ThreadedConnectionPool(1, 4, "")
    taken = [sessions.getconn() for _ in range(4)]
    assert [value(c, "select 1") for c in taken] == [1] * 4
    for c in taken:
        sessions.putconn(c)
    sessions.closeall()


@check("composed SQL, and several statements in one text")
def _():
    with connect() as c, c.cursor() as cursor:
        cursor.execute(sql.SQL("select {} from {} where id = 1").format(*map(sql.Identifier, ("name", "products"))))
        assert cursor.fetchone() == ("Chair no. 1",)
        cursor.execute("select 1; select 2")
        assert cursor.fetchone() == (2,)


@check("a refusal has its SQLSTATE, message, hint and reference, and the session goes on")
def _():
    with connect(autocommit=True) as c:
        error = raises(errors.InsufficientPrivilege, value, c, REFUSED)
        refused(error)
        assert error.pgcode == "42501" and "HINT:" in error.pgerror and "ref_" in str(error)
        assert value(c, "select 1") == 1


@check("a refusal in a transaction fails the transaction, and a savepoint mends it")
def _():
    with connect() as c, c.cursor() as cursor:
        cursor.execute("savepoint here")
        refused(raises(errors.InsufficientPrivilege, cursor.execute, REFUSED))
        raises(errors.InFailedSqlTransaction, cursor.execute, "select 1")
        cursor.execute("rollback to here")
        assert value(c, "select 2") == 2


play()
