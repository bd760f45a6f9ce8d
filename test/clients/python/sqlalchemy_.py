"""SQLAlchemy 2 over psycopg, psycopg2 or asyncpg: `sqlalchemy_.py DIALECT`, with nothing but libpq's own variables."""

import datetime
import decimal
import sys
import uuid

from sqlalchemy import (
    ForeignKey,
    Identity,
    MetaData,
    Numeric,
    create_engine,
    event,
    exc,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, INTEGER, JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

from tap import REFUSED, check, is_refusal, play, raises

DIALECT = sys.argv[1]
ASYNC = DIALECT == "asyncpg"
URL = f"postgresql+{DIALECT}://"


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = f"author_{DIALECT}"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    tags: Mapped[list[int]] = mapped_column(ARRAY(INTEGER), default=list)
    extra: Mapped[dict] = mapped_column(JSONB, default=dict)
    key: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
    born: Mapped[datetime.date | None]
    books: Mapped[list["Book"]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = f"book_{DIALECT}"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    title: Mapped[str] = mapped_column(index=True)
    price: Mapped[decimal.Decimal] = mapped_column(Numeric(10, 2))
    author_id: Mapped[int] = mapped_column(ForeignKey(Author.id, ondelete="CASCADE"))
    author: Mapped[Author] = relationship(back_populates="books")


def engine(**options):
    return create_async_engine(URL, **options) if ASYNC else create_engine(URL, **options)


def checks(name):
    """A check that is handed a Session; with asyncpg it runs in SQLAlchemy's own bridge from asyncio."""

    def add(function):
        if ASYNC:

            async def run():
                try:
                    async with AsyncSession(ENGINE) as session:
                        await session.run_sync(function)
                finally:
                    # Its sessions belong to this check's event loop.
                    await ENGINE.dispose()

        else:

            def run():
                with Session(ENGINE) as session:
                    function(session)

        return check(name)(run)

    return add


ENGINE = engine()


def refused(error):
    """The driver's own error is behind SQLAlchemy's; with asyncpg, behind its adapter's too."""
    told = error.orig
    if ASYNC:
        told = told.__cause__
        is_refusal(told.sqlstate, told.message, told.detail, told.hint)
    else:
        diag = told.diag
        is_refusal(diag.sqlstate, diag.message_primary, diag.message_detail, diag.message_hint)


@checks("an engine connects: it asks for version, schema and settings by itself")
def _(session):
    connection = session.connection()
    assert connection.dialect.server_version_info >= (15,)
    assert connection.dialect.default_schema_name == "public"
    assert session.scalar(text("select count(*) from orders where id <= :n"), {"n": 100}) == 100


@checks("tables are made from classes")
def _(session):
    Base.metadata.create_all(session.connection())
    # A second time it only looks whether they are there.
    Base.metadata.create_all(session.connection())
    session.commit()


@checks("an object goes there and back, with what hangs on it")
def _(session):
    ada = Author(name="Ada", tags=[1, 2], extra={"x": [1, None]}, born=datetime.date(1815, 12, 10))
    ada.books = [Book(title=f"Notes {n}", price=decimal.Decimal("1.50") * n) for n in range(1, 30)]
    session.add(ada)
    session.commit()
    session.expunge_all()
    query = select(Author).where(Author.tags.contains([2])).options(selectinload(Author.books))
    found = session.scalars(query).one()
    assert found.extra == {"x": [1, None]} and found.born.year == 1815 and len(found.books) == 29
    assert sum(book.price for book in found.books) == decimal.Decimal("652.50")
    found.books[0].title = "Changed"
    del found.books[1]
    session.commit()
    assert session.scalar(select(func.count()).select_from(Book)) == 28


@checks("many rows at once (insertmanyvalues), with their keys in order")
def _(session):
    rows = [{"name": f"author {n}", "tags": [n]} for n in range(2500)]
    made = session.scalars(insert(Author).returning(Author.id, sort_by_parameter_order=True), rows).all()
    assert len(made) == 2500 and made == sorted(made)
    session.execute(update(Author), [{"id": key, "name": f"renamed {key}"} for key in made[:100]])
    session.commit()
    assert session.scalar(select(func.count()).where(Author.name.startswith("renamed"))) == 100


@checks("ON CONFLICT, RETURNING, and a violated constraint")
def _(session):
    statement = upsert(Author).values(name="Ada", tags=[9], extra={})
    statement = statement.on_conflict_do_update(index_elements=["name"], set_={"tags": statement.excluded.tags})
    assert session.scalar(statement.returning(Author.tags)) == [9]
    session.commit()
    session.add(Author(name="Ada", extra={}))
    raises(exc.IntegrityError, session.flush)
    session.rollback()
    assert session.scalar(select(1)) == 1


@checks("stream_results and yield_per: a cursor at the server")
def _(session):
    connection = session.connection()
    result = connection.execution_options(stream_results=True, max_row_buffer=500).execute(
        text("select id from orders order by id")
    )
    assert sum(row.id for row in result) == 50000 * 50001 // 2
    partitions = session.scalars(select(Author).execution_options(yield_per=400)).partitions()
    assert sum(len(part) for part in partitions) == session.scalar(select(func.count()).select_from(Author))


@checks("nested transactions and savepoints")
def _(session):
    with session.begin_nested():
        session.add(Author(name="kept", extra={}))
    raises(exc.DBAPIError, nested, session, "select 1/0")
    assert session.scalar(select(func.count()).where(Author.name == "kept")) == 1
    session.rollback()
    assert session.scalar(select(func.count()).where(Author.name == "kept")) == 0


def nested(session, statement):
    with session.begin_nested():
        session.execute(text(statement))


@checks("isolation levels")
def _(session):
    for level in ("SERIALIZABLE", "REPEATABLE READ", "AUTOCOMMIT"):
        connection = session.connection(execution_options={"isolation_level": level})
        shown = connection.scalar(text("show transaction_isolation")).upper()
        assert shown == ("READ COMMITTED" if level == "AUTOCOMMIT" else level), shown
        session.rollback()


@checks("the inspector reflects tables, keys, indexes, views, types and comments")
def _(session):
    connection = session.connection()
    connection.execute(text(f"create type mood_{DIALECT} as enum ('sad', 'glad')"))
    connection.execute(text(f"comment on table {Book.__tablename__} is 'what was written'"))
    inspector = inspect(connection)
    assert {"orders", "customers", Book.__tablename__} <= set(inspector.get_table_names())
    assert "customer_contacts" in inspector.get_view_names()
    assert "select" in inspector.get_view_definition("customer_contacts").lower()
    columns = {column["name"]: column for column in inspector.get_columns(Book.__tablename__)}
    assert str(columns["price"]["type"]) == "NUMERIC(10, 2)" and columns["id"]["identity"]["always"] is False
    assert inspector.get_pk_constraint(Book.__tablename__)["constrained_columns"] == ["id"]
    [key] = inspector.get_foreign_keys(Book.__tablename__)
    assert key["referred_table"] == Author.__tablename__ and key["options"] == {"ondelete": "CASCADE"}
    assert [index["column_names"] for index in inspector.get_indexes(Book.__tablename__)] == [["title"]]
    assert inspector.get_unique_constraints(Author.__tablename__)[0]["column_names"] == ["name"]
    assert inspector.get_table_comment(Book.__tablename__)["text"] == "what was written"
    assert [enum["labels"] for enum in inspector.get_enums()] == [["sad", "glad"]]
    assert "public" in inspector.get_schema_names() and inspector.get_sequence_names()
    session.rollback()


@checks("a whole schema is reflected")
def _(session):
    metadata = MetaData()
    metadata.reflect(session.connection(), views=True)
    assert {"orders", "order_items", "payments", "customer_contacts"} <= set(metadata.tables)
    orders = metadata.tables["orders"]
    items = metadata.tables["order_items"]
    count = select(func.count()).select_from(orders.join(items)).where(orders.c.id < 11)
    assert session.scalar(count) == 20


@checks("a pool that tests its sessions, and resets them")
def _(session):
    probed = []
    event.listen(session.get_bind(), "checkin", lambda *_: probed.append(1), once=True)
    for _ in range(5):
        assert session.scalar(select(1)) == 1
        session.rollback()
    assert probed


@checks("a refusal is a ProgrammingError with the driver's own behind it, and the session goes on")
def _(session):
    refused(raises(exc.DBAPIError, session.execute, text(REFUSED)))
    session.rollback()
    assert session.scalar(select(1)) == 1


@checks("a refusal in a transaction fails the transaction, and a savepoint mends it")
def _(session):
    assert session.scalar(select(1)) == 1
    refused(raises(exc.DBAPIError, nested, session, REFUSED))
    assert session.scalar(select(2)) == 2


@checks("tables are dropped again")
def _(session):
    Base.metadata.drop_all(session.connection())
    session.commit()
    assert not inspect(session.connection()).has_table(Book.__tablename__)


play()
