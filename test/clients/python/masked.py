"""Masked values as drivers read them: psycopg in text and binary format, asyncpg, SQLAlchemy; by queries and by COPY."""

import datetime
import decimal
import io
import json
import os
import uuid

import asyncpg
import psycopg
import sqlalchemy
from sqlalchemy.orm import DeclarativeBase, Session

from tap import check, play

# Table -> column -> the masked value in text format.
MASKED = json.loads(os.environ["MASKED"])
KINDS = {
    "words": str, "short": str, "fixed": str, "small": int, "large": int, "exact": decimal.Decimal,
    "seen": datetime.datetime, "born": datetime.date, "token": uuid.UUID, "bytes": bytes, "vip": bool,
    "phones": list, "mood": str, "ssn": str, "nick": (str, bytes),
}  # fmt: skip


def text(column, value):
    """A value as PostgreSQL writes it."""
    if value is None:
        return None
    if column == "more":
        return value if isinstance(value, str) and value[:1] in '"{' else json.dumps(value)
    assert isinstance(value, KINDS[column]), (column, value)
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        # In binary, a type of an extension is bytes to psycopg.
        return value.decode() if column == "nick" else "\\x" + value.hex()
    if isinstance(value, list):
        return "{" + ",".join(value) + "}"
    return str(value)


def same(table, rows, without=()):
    first, second = (dict(row) for row in rows)
    assert (first.pop("id"), second.pop("id")) == (1, 2)
    found = {name: text(name, value) for name, value in first.items() if name not in without}
    wanted = {name: value for name, value in MASKED[table].items() if name not in without}
    assert found == wanted, set(found.items()) ^ set(wanted.items())
    assert all(value is None for value in second.values()), second


def query(table):
    return f"select * from veiled.{table} order by id"


for binary in (False, True):
    for name in MASKED:

        @check(f"psycopg 3: {name}, {'binary' if binary else 'text'}")
        def _(table=name, binary=binary):
            with psycopg.connect() as connection:
                cursor = connection.cursor(binary=binary, row_factory=psycopg.rows.dict_row)
                # From the sixth time on it is prepared.
                for _ in range(6):
                    same(table, cursor.execute(query(table)).fetchall())


@check("psycopg 3: COPY in binary format, read by type")
def _():
    with psycopg.connect() as connection:
        for table in MASKED:
            cursor = connection.execute(query(table))
            names = [column.name for column in cursor.description]
            types = [column.type_code for column in cursor.description]
            with connection.cursor().copy(f"copy ({query(table)}) to stdout (format binary)") as copy:
                copy.set_types(types)
                # How long a varchar(n) may be, a COPY does not say.
                same(table, [dict(zip(names, row)) for row in copy.rows()], without=("short", "fixed"))


for name in MASKED:

    @check(f"asyncpg: {name}")
    async def _(table=name):
        connection = await asyncpg.connect()
        same(table, await connection.fetch(query(table)))
        async with connection.transaction():
            same(table, [row async for row in connection.cursor(query(table), prefetch=1)])
        await connection.close(timeout=10)


@check("asyncpg: COPY in text and in binary format")
async def _():
    connection = await asyncpg.connect()
    out = io.BytesIO()
    for table in MASKED:
        for form in ("text", "csv", "binary"):
            await connection.copy_from_query(query(table), output=out, format=form)
    for value in (b"ann.ash", b"annash", b"frelkuz", b"jomvre", b"zemtak", bytes.fromhex("9af3c7e1")):
        assert value not in out.getvalue(), value
    await connection.close(timeout=10)


@check("SQLAlchemy: a table that is reflected, and an object of it")
def _():
    engine = sqlalchemy.create_engine("postgresql+psycopg://")
    for table in MASKED:
        reflected = sqlalchemy.Table(table, sqlalchemy.MetaData(), schema="veiled", autoload_with=engine)
        assert {column.name for column in reflected.columns} == {"id", *MASKED[table]}

        class Base(DeclarativeBase):
            pass

        class Row(Base):
            __table__ = reflected
            __mapper_args__ = {"primary_key": [reflected.c.id]}

        with Session(engine) as session:
            objects = session.scalars(sqlalchemy.select(Row).order_by(Row.id)).all()
            same(table, [{c.name: getattr(one, c.name) for c in reflected.columns} for one in objects])
    engine.dispose()


play()
