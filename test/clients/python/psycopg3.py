"""psycopg 3, with nothing but libpq's own variables."""

import asyncio
import datetime
import decimal
import io
import threading
import uuid

import psycopg
from psycopg import errors, pq, sql
from psycopg.pq import DiagnosticField as Field
from psycopg.rows import dict_row
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from tap import REFUSED, check, is_refusal, play, raises


def connect(**options):
    return psycopg.connect(**options)


def refused(error):
    is_refusal(error.diag.sqlstate, error.diag.message_primary, error.diag.message_detail, error.diag.message_hint)


@check("a bare connect() reads, with parameters and without")
def _():
    with connect() as c:
        assert c.info.dbname == "orders" and c.info.encoding == "utf-8"
        assert c.pgconn.ssl_in_use
        assert c.execute("select count(*) from orders").fetchone() == (50000,)
        row = c.execute("select name from customers where id = %s and city = %s", [1, "Oslo"]).fetchone()
        assert row == ("Grace Hopper",), row
        assert c.execute("select %s::text", [None]).fetchone() == (None,)
        assert c.execute("").pgresult.status == pq.ExecStatus.EMPTY_QUERY


SYNC = object()


def piped(c, *steps):
    """libpq's own pipeline, and what it answers to each step."""
    c.pgconn.enter_pipeline_mode()
    for step in steps:
        if step is SYNC:
            c.pgconn.pipeline_sync()
        else:
            c.pgconn.send_query_params(step.encode(), None)
    answers = [answer(c) for _ in steps]
    c.pgconn.exit_pipeline_mode()
    return answers


def answer(c):
    """The next answer in libpq's pipeline. Behind that to a query libpq says that there is no more to it."""
    while c.pgconn.flush():
        pass
    found = c.pgconn.get_result()
    if found is not None and found.status != pq.ExecStatus.PIPELINE_SYNC:
        more = c.pgconn.get_result()
        assert more is None, more.error_message
    return found


def outcomes(answers):
    """Of each its first value, its SQLSTATE, or whether it was skipped."""
    return [outcome(result) for result in answers]


def outcome(result):
    if result is None:
        return "nothing"
    match result.status:
        case pq.ExecStatus.PIPELINE_SYNC:
            return "synced"
        case pq.ExecStatus.PIPELINE_ABORTED:
            return "skipped"
    return result.get_value(0, 0).decode() if result.ntuples else sqlstate(result)


def sqlstate(result):
    return (result.error_field(Field.SQLSTATE) or b"").decode()


VALUES = [
    7,
    2**40,
    "Ada — ünïcode 🦆",
    True,
    1.5,
    decimal.Decimal("12345678901234567890.0123"),
    b"\x00\xff",
    datetime.date(2026, 1, 2),
    datetime.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=datetime.timezone.utc),
    datetime.timedelta(days=3, seconds=7),
    uuid.UUID(int=42),
    [1, None, 3],
]


@check("values go there and back as text")
def _():
    with connect() as c:
        marks = ", ".join(["%t"] * len(VALUES))
        row = c.execute(f"select {marks}", VALUES).fetchone()
        assert list(row) == VALUES, row


@check("values go there and back in binary")
def _():
    with connect() as c, c.cursor(binary=True) as cursor:
        marks = ", ".join(["%b"] * len(VALUES))
        row = cursor.execute(f"select {marks}", VALUES).fetchone()
        assert list(row) == VALUES, row
        assert cursor.pgresult.fformat(0) == 1


@check("JSON, rows as dictionaries, composed SQL")
def _():
    with connect(row_factory=dict_row) as c:
        query = sql.SQL("select {} as {}, {} as n").format(sql.Placeholder(), sql.Identifier('a "b"'), 7)
        assert c.execute(query, [Jsonb({"x": [1, None]})]).fetchone() == {'a "b"': {"x": [1, None]}, "n": 7}


@check("composite types and arrays of them are looked up")
def _():
    with connect(autocommit=True) as c:
        c.execute("create type pair3 as (name text, n int)")
        register_composite(CompositeInfo.fetch(c, "pair3"), c)
        assert c.execute("select row('a', 1)::pair3").fetchone()[0] == ("a", 1)
        assert c.execute("select array[row('a', 1), row('b', 2)]::pair3[]", binary=True).fetchone()[0] == [
            ("a", 1),
            ("b", 2),
        ]
        c.execute("drop type pair3")


@check("statements that psycopg prepares by itself, and forgets")
def _():
    with connect() as c:
        c.prepare_threshold = 1
        c.prepared_max = 3
        for n in range(40):
            assert c.execute(f"select %s::int + {n % 8}", [n]).fetchone() == (n + n % 8,)
        assert c.execute("select %s::int", [1], prepare=True).fetchone() == (1,)
        assert c.execute("select count(*) from pg_prepared_statements").fetchone()[0] <= 4


@check("statements prepared before DEALLOCATE ALL and DISCARD ALL are prepared anew")
def _():
    with connect(autocommit=True, prepare_threshold=0) as c:
        for forget in ("deallocate all", "discard all"):
            assert c.execute("select %s::int", [1]).fetchone() == (1,)
            c.execute(forget)
            assert c.execute("select count(*) from pg_prepared_statements", prepare=False).fetchone() == (0,)
        assert c.execute("select %s::int", [2]).fetchone() == (2,)


@check("a prepared statement whose table changes under it fails as it does at the server")
def _():
    with connect(autocommit=True) as c:
        c.execute("create temp table changing as select 1 as a")
        c.pgconn.prepare(b"all", b"select * from changing")
        assert c.pgconn.exec_prepared(b"all", None).nfields == 1
        c.execute("alter table changing add column b int default 2")
        assert sqlstate(c.pgconn.exec_prepared(b"all", None)) == "0A000"
        assert c.execute("select * from changing").fetchone() == (1, 2)


@check("SQL-level PREPARE, EXECUTE and DEALLOCATE")
def _():
    with connect() as c:
        c.execute("prepare named(int) as select $1 + 1")
        assert c.execute("execute named(41)").fetchone() == (42,)
        c.execute("deallocate named")
        raises(errors.InvalidSqlStatementName, c.execute, "execute named(41)")


@check("a statement prepared by SQL is executed by the protocol, and the other way round")
def _():
    with connect() as c:
        c.execute("prepare by_sql(int) as select $1 + 1")
        result = c.pgconn.exec_prepared(b"by_sql", [b"41"])
        assert result.get_value(0, 0) == b"42", result.error_message
        c.pgconn.prepare(b"by_protocol", b"select $1::int + 2")
        assert c.execute("execute by_protocol(40)").fetchone() == (42,)
        assert c.pgconn.describe_prepared(b"by_sql").param_type(0) == 23


@check("a cursor at the server: forwards, scrolled, and with hold past its transaction")
def _():
    with connect() as c:
        with c.cursor(name="far") as cursor:
            cursor.itersize = 1000
            cursor.execute("select id from orders where id <= %s order by id", [5000])
            assert sum(1 for _ in cursor) == 5000
        with c.cursor(name="there and back", scrollable=True) as cursor:
            cursor.execute("select generate_series(1, 10)")
            assert cursor.fetchmany(4)[-1] == (4,)
            cursor.scroll(-2)
            assert cursor.fetchone() == (3,)
            cursor.scroll(9, mode="absolute")
            assert cursor.fetchone() == (10,) and cursor.fetchone() is None
        held = c.cursor(name="held", withhold=True, binary=True)
        held.execute("select generate_series(1, 3)")
        c.commit()
        assert held.fetchall() == [(1,), (2,), (3,)]
        held.close()


@check("a cursor that a function has opened is fetched from by its name")
def _():
    with connect() as c:
        c.execute(
            "create function opened() returns refcursor language plpgsql as "
            "$$ declare c refcursor := 'handed over'; begin open c for select 7; return c; end $$"
        )
        assert c.execute("select opened()").fetchone() == ("handed over",)
        assert c.execute('fetch all from "handed over"').fetchall() == [(7,)]
        c.rollback()


@check("a portal of the protocol's is fetched from by SQL")
def _():
    with connect() as c:
        c.execute("declare shared cursor for select generate_series(1, 5)")
        assert c.execute("fetch 2 shared").fetchall() == [(1,), (2,)]
        c.execute("move 1 shared")
        assert c.execute("fetch all shared").fetchall() == [(4,), (5,)]
        assert c.execute("select count(*) from pg_cursors where name = 'shared'").fetchone() == (1,)
        c.execute("close shared")


@check("rows one at a time, and in chunks, as they come")
def _():
    with connect() as c:
        assert sum(row[0] for row in c.cursor().stream("select generate_series(1, 2000)")) == 2001000
        assert sum(row[0] for row in c.cursor().stream("select generate_series(1, 2000)", size=100)) == 2001000


@check("a pipeline: many statements before the first answer")
def _():
    with connect(autocommit=True) as c:
        with c.pipeline():
            cursors = [c.execute("select %s::int", [n]) for n in range(500)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(500))


@check("a pipeline: an error skips the rest up to the next sync, and no further")
def _():
    with connect(autocommit=True) as c:
        answers = piped(c, "select 1", "select 1/0", "select 2", SYNC, "select 3", SYNC)
        assert outcomes(answers) == ["1", "22012", "skipped", "synced", "3", "synced"]


@check("a pipeline: what is sent behind an error that is known already is skipped up to the sync")
def _():
    with connect(autocommit=True) as c:
        c.pgconn.enter_pipeline_mode()
        c.pgconn.send_query_params(b"select 1/0", None)
        c.pgconn.send_flush_request()
        assert outcome(answer(c)) == "22012"
        c.pgconn.send_query_params(b"select 1", None)
        c.pgconn.send_query_params(REFUSED.encode(), None)
        c.pgconn.pipeline_sync()
        assert [outcome(answer(c)), outcome(answer(c)), outcome(answer(c))] == ["skipped", "skipped", "synced"]
        c.pgconn.exit_pipeline_mode()
        assert c.execute("select 2").fetchone() == (2,)


@check("a pipeline: what stands before the error in its segment is undone with it")
def _():
    with connect(autocommit=True) as c:
        c.execute("create temp table undone (n int)")
        piped(c, "insert into undone values (1)", "select 1/0", SYNC, "insert into undone values (2)", SYNC)
        assert c.execute("select array_agg(n) from undone").fetchone() == ([2],)


@check("a pipeline: transactions and executemany inside of it")
def _():
    with connect() as c:
        c.execute("create temp table piped (n int)")
        with c.pipeline(), c.transaction(), c.cursor() as cursor:
            cursor.executemany("insert into piped values (%s) returning n", [[n] for n in range(300)], returning=True)
            returned = [cursor.fetchone()[0]]
            while cursor.nextset():
                returned.append(cursor.fetchone()[0])
        assert returned == list(range(300))
        assert c.execute("select count(*) from piped").fetchone() == (300,)


@check("several statements in one text, each with its result")
def _():
    with connect(autocommit=True) as c:
        cursor = c.execute("select 1; select 2, 3; create temp table several (a int); insert into several values (4)")
        assert cursor.fetchall() == [(1,)]
        assert cursor.nextset() and cursor.fetchall() == [(2, 3)]
        assert cursor.nextset() and cursor.statusmessage == "CREATE TABLE"
        assert cursor.nextset() and cursor.rowcount == 1 and not cursor.nextset()


@check("COPY out: rows, blocks, binary")
def _():
    with connect() as c, c.cursor() as cursor:
        with cursor.copy("copy (select id, name from products where id <= 10) to stdout") as copy:
            assert len(list(copy.rows())) == 10
        with cursor.copy("copy orders to stdout") as copy:
            assert sum(bytes(block).count(b"\n") for block in copy) == 50000
        with cursor.copy("copy (select id, price from products where id = 1) to stdout (format binary)") as copy:
            copy.set_types(["int4", "numeric"])
            assert list(copy.rows()) == [(1, decimal.Decimal("18.00"))]


@check("COPY in: rows, blocks, binary")
def _():
    with connect() as c, c.cursor() as cursor:
        c.execute("create temp table copied (id int, name text)")
        with cursor.copy("copy copied from stdin") as copy:
            for n in range(5000):
                copy.write_row((n, "Copied\tin"))
        assert cursor.rowcount == 5000
        with cursor.copy("copy copied from stdin (format csv)") as copy:
            copy.write(io.BytesIO(b'1,"a,b"\n2,c\n').read())
        with cursor.copy("copy copied from stdin (format binary)") as copy:
            copy.set_types(["int4", "text"])
            copy.write_row((9, "binary"))
        assert c.execute("select count(*) from copied").fetchone() == (5003,)


@check("COPY in that the client breaks off, and one that the server refuses midway")
def _():
    with connect(autocommit=True) as c:
        c.execute("create temp table broken (id int primary key)")

        def break_off():
            with c.cursor().copy("copy broken from stdin") as copy:
                copy.write("1\n")
                raise LookupError("enough")

        raises(LookupError, break_off)

        def offend():
            with c.cursor().copy("copy broken from stdin") as copy:
                for n in (1, 2, 1):
                    copy.write_row((n,))

        raises(errors.UniqueViolation, offend)
        assert c.execute("select count(*) from broken").fetchone() == (0,)


@check("COPY out that the client leaves early")
def _():
    with connect(autocommit=True) as c:

        def leave():
            with c.cursor().copy("copy orders to stdout") as copy:
                copy.read()
                raise LookupError("enough")

        raises(LookupError, leave)
        assert c.execute("select 1").fetchone() == (1,)


@check("notices, in order and with their severity")
def _():
    with connect(autocommit=True) as c:
        heard = []
        c.add_notice_handler(lambda diag: heard.append((diag.severity, diag.message_primary)))
        c.execute("do $$ begin raise notice 'one'; raise warning 'two'; end $$")
        assert heard == [("NOTICE", "one"), ("WARNING", "two")], heard


@check("LISTEN and NOTIFY: between two sessions, and to oneself")
def _():
    with connect(autocommit=True) as ear, connect(autocommit=True) as mouth:
        ear.execute("listen news")
        mouth.execute("notify news, 'first'")
        mouth.execute("select pg_notify('news', 'second')")
        heard = [notify.payload for notify in ear.notifies(timeout=20, stop_after=2)]
        assert heard == ["first", "second"], heard
        ear.execute("notify news, 'own'")
        assert [notify.pid for notify in ear.notifies(timeout=20, stop_after=1)] == [backend(ear)]
        ear.execute("unlisten *")


@check("a session is told its process at the server: that is how it knows its own notifications")
def _():
    with connect() as c:
        assert c.info.backend_pid == backend(c)


@check("transactions: nested, rolled back, at every isolation level, read only, deferrable")
def _():
    with connect() as c:
        with c.transaction():
            with c.transaction() as inner:
                c.execute("select 1")
                raise psycopg.Rollback(inner)
            raises(errors.DivisionByZero, lambda: divide(c))
            assert c.execute("select 2").fetchone() == (2,)
        for level in psycopg.IsolationLevel:
            c.isolation_level = level
            shown = c.execute("show transaction_isolation").fetchone()[0]
            assert shown.upper().replace(" ", "_") == level.name, shown
            c.rollback()
        c.read_only = True
        c.deferrable = True
        raises(errors.ReadOnlySqlTransaction, c.execute, "delete from payments where id = 1")
        assert c.info.transaction_status == pq.TransactionStatus.INERROR
        raises(errors.InFailedSqlTransaction, c.execute, "select 1")
        c.rollback()


def divide(c):
    with c.transaction():
        c.execute("select 1/0")


@check("two-phase commit says what the server says of it")
def _():
    with connect() as c:
        c.tpc_begin("gatehouse-1")
        c.execute("select 1")
        # The server allows none by default: max_prepared_transactions is 0.
        assert "prepared transactions are disabled" in str(raises(psycopg.NotSupportedError, c.tpc_prepare))
        assert c.info.transaction_status == pq.TransactionStatus.IDLE
        c.close()


@check("cancel() from another thread stops what runs, and nothing else")
def _():
    with connect(autocommit=True) as c:
        for cancel in (c.cancel, c.cancel_safe):
            locker = connect()
            locker.execute("select pg_advisory_xact_lock(77)")
            canceller = threading.Thread(target=cancel_once_waiting, args=[backend(c), cancel, locker])
            canceller.start()
            raises(errors.QueryCanceled, c.execute, "select pg_advisory_lock(77)")
            canceller.join()
            locker.close()
            assert c.execute("select 1").fetchone() == (1,)


def backend(c):
    return c.execute("select pg_backend_pid()").fetchone()[0]


def cancel_once_waiting(pid, cancel, watcher):
    """Cancels when the server says that the session waits for its lock: any earlier would be for nothing."""
    waiting = "select count(*) from pg_locks where pid = %s and not granted"
    while watcher.execute(waiting, [pid]).fetchone() == (0,):
        pass
    cancel()


@check("a cancel for a session that does nothing changes nothing")
def _():
    with connect(autocommit=True) as c:
        c.cancel_safe()
        assert c.execute("select 1").fetchone() == (1,)


@check("the settings that a session is told of: at start-up and when they change")
def _():
    with connect(application_name="a name", options="-c datestyle=German -c statement_timeout=54321") as c:
        assert c.info.parameter_status("server_version").startswith("18.")
        assert c.info.parameter_status("application_name") == "a name"
        assert c.info.parameter_status("DateStyle").startswith("German")
        assert c.execute("show statement_timeout").fetchone() == ("54321ms",)
        c.execute("set timezone = 'Asia/Kolkata'")
        assert c.info.timezone.key == "Asia/Kolkata"
        c.rollback()
        assert c.info.timezone.key != "Asia/Kolkata"


@check("search_path: names are found where the session says")
def _():
    with connect(autocommit=True, options="-c search_path=pg_catalog") as c:
        raises(errors.UndefinedTable, c.execute, "select 1 from orders")
        c.execute("set search_path = public, pg_temp")
        assert c.execute("select count(*) from orders").fetchone() == (50000,)
        c.execute("select set_config('search_path', 'pg_catalog', false)")
        raises(errors.UndefinedTable, c.execute, "select 1 from orders")
        assert c.execute("show search_path").fetchone() == ("pg_catalog",)


@check("client_encoding: at start-up and later, as the driver converts")
def _():
    with connect(autocommit=True, client_encoding="LATIN1") as c:
        assert c.info.encoding == "iso8859-1"
        assert c.execute("select 'é', %s::text, length('é')", ["ü"]).fetchone() == ("é", "ü", 1)
        c.execute("set client_encoding = 'UTF8'")
        assert c.execute("select '🦆'").fetchone() == ("🦆",)


@check("standard_conforming_strings off: what could be read in two ways is refused, the driver's own quoting is not")
def _():
    with connect(autocommit=True) as c:
        c.execute("set escape_string_warning = off")
        c.execute("set standard_conforming_strings = off")
        raises(errors.FeatureNotSupported, c.execute, r"select 'a\'b'")
        assert psycopg.ClientCursor(c).execute("select %s", ["a\\'b"]).fetchone() == ("a\\'b",)


@check("ClientCursor: parameters in the text, and the simple protocol")
def _():
    with connect() as c, psycopg.ClientCursor(c) as cursor:
        assert cursor.execute("select %s, %s", ["it's", [1, 2]]).fetchone() == ("it's", [1, 2])
        assert cursor.mogrify("select %s", ["it's"]) == "select 'it''s'"


@check("RawCursor: parameters as PostgreSQL numbers them")
def _():
    with connect() as c, psycopg.RawCursor(c) as cursor:
        assert cursor.execute("select $2::int - $1::int", [1, 3]).fetchone() == (2,)


@check("large objects by functions of SQL")
def _():
    with connect() as c:
        oid = c.execute("select lo_from_bytea(0, %b)", [b"large\x00object"]).fetchone()[0]
        assert c.execute("select lo_get(%s)", [oid]).fetchone() == (b"large\x00object",)
        assert c.execute("select lo_unlink(%s)", [oid]).fetchone() == (1,)


@check("text of two megabytes, and a row of sixty-four")
def _():
    with connect() as c:
        text = "x" * (2 << 20)
        assert c.execute("select length(%s::text)", [text]).fetchone() == (len(text),)
        assert len(c.execute("select repeat('y', 64 << 20)").fetchone()[0]) == 64 << 20


@check("protocol 3.2, with its longer cancel keys")
def _():
    with connect(autocommit=True, min_protocol_version="3.2", max_protocol_version="3.2") as c:
        assert c.pgconn.protocol_version == 3 and c.info.full_protocol_version == 30002
        locker = connect()
        locker.execute("select pg_advisory_xact_lock(78)")
        canceller = threading.Thread(target=cancel_once_waiting, args=[backend(c), c.cancel_safe, locker])
        canceller.start()
        raises(errors.QueryCanceled, c.execute, "select pg_advisory_lock(78)")
        canceller.join()
        locker.close()


@check("a protocol newer than any: the latest that both speak")
def _():
    with connect(max_protocol_version="latest") as c:
        assert c.info.full_protocol_version in (30000, 30002)


@check("TLS without an SSLRequest before it (sslnegotiation=direct)")
def _():
    with connect(sslnegotiation="direct") as c:
        assert c.pgconn.ssl_in_use and c.execute("select 1").fetchone() == (1,)


@check("a server that names another host than its certificate is the driver's own refusal")
def _():
    error = raises(psycopg.OperationalError, connect, host="127.0.0.2")
    assert "127.0.0.2" in str(error)


@check("a pool: sessions are handed out, checked, reset, and closed")
def _():
    with ConnectionPool(min_size=2, max_size=4, check=ConnectionPool.check_connection) as pool:
        pool.wait()

        def work():
            for _ in range(20):
                with pool.connection() as c:
                    assert c.execute("select 1").fetchone() == (1,)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert pool.get_stats().get("requests_errors", 0) == 0


@check("asynchronously: queries side by side, a pipeline, COPY, notifications, cancel")
async def _():
    async with await psycopg.AsyncConnection.connect(autocommit=True) as a:
        async with await psycopg.AsyncConnection.connect(autocommit=True) as b:
            cursors = await asyncio.gather(*(c.execute("select %s::int", [n]) for n, c in enumerate((a, b))))
            assert [await cursor.fetchone() for cursor in cursors] == [(0,), (1,)]
            async with a.pipeline():
                cursors = [await a.execute("select %s::int", [n]) for n in range(100)]
            assert [(await cursor.fetchone())[0] for cursor in cursors] == list(range(100))
            async with a.cursor().copy("copy products to stdout") as copy:
                assert len([row async for row in copy.rows()]) == 200
            await a.execute("listen side")
            await b.execute("notify side, 'heard'")
            async for notify in a.notifies(timeout=20, stop_after=1):
                assert notify.payload == "heard"
            await b.execute("select pg_advisory_lock(79)")
            [pid] = await (await a.execute("select pg_backend_pid()")).fetchone()
            waiting = asyncio.ensure_future(a.execute("select pg_advisory_lock(79)"))
            query = "select count(*) from pg_locks where pid = %s and not granted"
            while await (await b.execute(query, [pid])).fetchone() == (0,):
                pass
            await a.cancel_safe()
            try:
                await waiting
                raise AssertionError("not cancelled")
            except errors.QueryCanceled:
                pass
            await b.execute("select pg_advisory_unlock_all()")


@check("a refusal has its SQLSTATE, message, hint and reference, and the session goes on")
def _():
    with connect(autocommit=True) as c:
        for prepare in (False, True):
            refused(raises(errors.InsufficientPrivilege, c.execute, REFUSED, prepare=prepare))
            assert c.execute("select 1").fetchone() == (1,)
        refused(raises(errors.InsufficientPrivilege, psycopg.ClientCursor(c).execute, REFUSED))
        refused(raises(errors.InsufficientPrivilege, c.execute, f"select 1; {REFUSED}"))
        assert c.execute("select 1").fetchone() == (1,)


@check("a refusal in a transaction fails the transaction, and a savepoint mends it")
def _():
    with connect() as c:
        c.execute("select 1")
        refused(raises(errors.InsufficientPrivilege, c.execute, REFUSED))
        raises(errors.InFailedSqlTransaction, c.execute, "select 1")
        c.rollback()
        with c.transaction():

            def attempt():
                with c.transaction():
                    c.execute(REFUSED)

            refused(raises(errors.InsufficientPrivilege, attempt))
            assert c.execute("select 2").fetchone() == (2,)


@check("a refusal in a pipeline stands at its place: what was before holds, the rest is skipped")
def _():
    with connect(autocommit=True) as c:
        answers = piped(c, "select 1", SYNC, "select 2", REFUSED, "select 3", SYNC, "select 4", SYNC)
        assert outcomes(answers) == ["1", "synced", "2", "42501", "skipped", "synced", "4", "synced"]
        fields = (Field.SQLSTATE, Field.MESSAGE_PRIMARY, Field.MESSAGE_DETAIL, Field.MESSAGE_HINT)
        is_refusal(*(answers[3].error_field(field).decode() for field in fields))


@check("a refusal in psycopg's own pipeline is raised where its result is asked for")
def _():
    def attempt():
        with c.pipeline():
            c.execute("select 1")
            c.execute(REFUSED)
            c.execute("select 2")

    with connect(autocommit=True) as c:
        refused(raises(errors.InsufficientPrivilege, attempt))
        assert c.execute("select 3").fetchone() == (3,)


@check("a text of several statements is refused as a whole: nothing of it runs")
def _():
    with connect(autocommit=True) as c:
        c.execute("create temp table kept as select 1 as n")
        refused(raises(errors.InsufficientPrivilege, c.execute, "insert into kept values (2); truncate kept"))
        assert c.execute("select array_agg(n) from kept").fetchone() == ([1],)


@check("a wrong password is an OperationalError with one sentence, and does not repeat it")
def _():
    error = raises(psycopg.OperationalError, connect, password="hunter2")
    assert "The credential was not accepted." in str(error) and "hunter2" not in str(error), str(error)


play()
