"""A DELETE that waits for a person, by a client that just waits: `patient.py DRIVER`. WORD is the row it deletes; with
TRANSACTION, it stands in one, behind an INSERT. Prints each notice, and what has become of it."""

import asyncio
import contextlib
import os
import sys

import asyncpg
import psycopg

WORD = os.environ["WORD"]
TRANSACTION = "TRANSACTION" in os.environ


def by_psycopg():
    with psycopg.connect(autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: print("NOTICE:", notice.message_primary))
        with connection.transaction() if TRANSACTION else contextlib.nullcontext():
            if TRANSACTION:
                connection.execute("insert into held values (%s)", [f"before {WORD}"])
            print("DELETE", connection.execute("delete from held where word = %s", [WORD]).rowcount)


async def by_asyncpg():
    connection = await asyncpg.connect()
    connection.add_log_listener(lambda _, notice: print("NOTICE:", notice.message))
    async with connection.transaction() if TRANSACTION else contextlib.nullcontext():
        if TRANSACTION:
            await connection.execute("insert into held values ($1)", f"before {WORD}")
        print(await connection.execute("delete from held where word = $1", WORD))
    await connection.close(timeout=10)


if sys.argv[1] == "psycopg":
    by_psycopg()
else:
    asyncio.run(by_asyncpg())
