"""Commands that wait for a person, as SQLAlchemy sees them: `held_sqlalchemy.py DIALECT`."""

import sys

from sqlalchemy import Text, create_engine, delete, exc, func, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from held import DENIED, all_at_once
from tap import check, play, raises

DIALECT = sys.argv[1]


class Base(DeclarativeBase):
    pass


class Held(Base):
    __tablename__ = "held"
    word: Mapped[str] = mapped_column(Text, primary_key=True)


class Brief(Base):
    __tablename__ = "brief"
    word: Mapped[str] = mapped_column(Text, primary_key=True)


class Shared(Base):
    __tablename__ = "shared"
    word: Mapped[str] = mapped_column(Text, primary_key=True)


engine = create_engine(f"postgresql+{DIALECT}://", pool_size=10)


def word(fate, name):
    return f"{fate} {DIALECT} by SQLAlchemy: {name}"


def added(*rows):
    with engine.begin() as connection:
        for one in rows:
            connection.execute(insert(type(one)).values(word=one.word))


def left(text):
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).where(Held.word == text))


def denied(attempt):
    error = raises(exc.DBAPIError, attempt)
    assert isinstance(error, exc.ProgrammingError), error
    code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    assert code == "42501" and DENIED in str(error), error
    assert not error.connection_invalidated


@check("engine.begin(): approved, between others, and committed")
def _():
    gone, beside = word("approve", "begin"), word("beside approve", "begin")
    with engine.begin() as connection:
        connection.execute(insert(Held), [{"word": gone}, {"word": beside}])
        assert connection.execute(delete(Held).where(Held.word == gone)).rowcount == 1
        assert connection.scalar(select(func.count()).where(Held.word == beside)) == 1
    assert (left(gone), left(beside)) == (0, 1)


@check("an object is deleted by a flush, and committed")
def _():
    one, beside = Held(word=word("approve", "flush")), Held(word=word("beside approve", "flush"))
    with Session(engine) as session:
        session.add_all([one, beside])
        session.flush()
        session.delete(one)
        session.flush()
        session.commit()
        assert session.scalars(select(Held.word).where(Held.word == beside.word)).all() == [beside.word]
    assert left(word("approve", "flush")) == 0


@check("many objects by one commit, each of which may wait")
def _():
    words = [word("approve", f"many {n}") for n in range(3)]
    added(*(Held(word=one) for one in words))
    with Session(engine) as session:
        for one in session.scalars(select(Held).where(Held.word.in_(words))):
            session.delete(one)
        session.commit()
    assert [left(one) for one in words] == [0, 0, 0]


@check("denied: the commit fails with dana's words, and nothing is done")
def _():
    kept, never = word("deny", "commit"), word("never", "commit")
    added(Held(word=kept))
    with Session(engine) as session:
        session.add(Held(word=never))
        session.delete(session.get_one(Held, kept))
        denied(session.commit)
        session.rollback()
        assert session.get_one(Held, kept).word == kept
    assert (left(kept), left(never)) == (1, 0)


@check("denied in a savepoint: the rest is committed")
def _():
    kept, beside = word("deny", "savepoint"), word("beside deny", "savepoint")
    added(Held(word=kept))
    with Session(engine) as session:
        session.add(Held(word=beside))
        session.flush()

        def inner():
            with session.begin_nested():
                session.execute(delete(Held).where(Held.word == kept))

        denied(inner)
        session.commit()
    assert (left(kept), left(beside)) == (1, 1)


@check("expired")
def _():
    one = word("expire", "")
    added(Brief(word=one))
    with engine.connect() as connection:
        error = raises(exc.ProgrammingError, connection.execute, delete(Brief).where(Brief.word == one))
        connection.rollback()
        assert connection.scalar(select(1)) == 1, error


@check("a pool of ten asks the same at once, and one yes lets them all go")
def _():
    one = f"shared {DIALECT} by SQLAlchemy"
    added(Shared(word=one))

    def remove():
        with engine.begin() as connection:
            return connection.execute(delete(Shared).where(Shared.word == one)).rowcount

    assert sorted(all_at_once(10, remove)) == [0] * 9 + [1]


play()
