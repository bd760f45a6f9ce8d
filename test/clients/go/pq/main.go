// lib/pq by database/sql, with nothing but libpq's own variables.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"

	. "clients/tap"
)

// session opens one session, runs and closes.
func session(ctx context.Context, dsn string, run func(c *sql.Conn)) {
	db := Get(sql.Open("postgres", dsn))
	defer db.Close()
	c := Get(db.Conn(ctx))
	defer c.Close()
	run(c)
}

type querier interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// value reads one value.
func value[T any](ctx context.Context, c querier, query string, args ...any) T {
	var found T
	Must(c.QueryRowContext(ctx, query, args...).Scan(&found))
	return found
}

func failure(err error) *pq.Error {
	var told *pq.Error
	if !errors.As(err, &told) {
		panic(fmt.Sprintf("no error of the server's: %v", err))
	}
	return told
}

func refused(err error) {
	told := failure(err)
	IsRefusal(string(told.Code), told.Message, told.Detail, told.Hint)
}

// untilWaiting returns when the server says that a session waits for a lock, or no longer does, or when it can't be asked.
func untilWaiting(ctx context.Context, watcher *sql.Conn, pid int, wanted bool) {
	for waiting := !wanted; waiting != wanted; {
		query := "select exists (select from pg_locks where pid = $1 and not granted)"
		if watcher.QueryRowContext(ctx, query, pid).Scan(&waiting) != nil {
			return
		}
	}
}

var checks = []Check{
	{"a bare connection reads, with parameters and without", func(ctx context.Context) {
		session(ctx, "", func(c *sql.Conn) {
			Equal(value[int](ctx, c, "select count(*) from orders"), 50000)
			Equal(value[string](ctx, c, "select name from customers where id = $1 and city = $2", 1, "Oslo"), "Grace Hopper")
		})
	}},
	{"parameters in binary (binary_parameters=yes)", func(ctx context.Context) {
		session(ctx, "binary_parameters=yes", func(c *sql.Conn) {
			for n := range 10 {
				Equal(value[int](ctx, c, "select $1::int + 1", n), n+1)
			}
			Equal(value[[]byte](ctx, c, "select $1::bytea", []byte{0, 255}), []byte{0, 255})
		})
	}},
	{"arrays, bytes, times and NULL", func(ctx context.Context) {
		session(ctx, "", func(c *sql.Conn) {
			var list []int64
			var bytes []byte
			var when time.Time
			var nothing sql.NullString
			at := time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC)
			row := c.QueryRowContext(ctx, "select $1::int8[], $2::bytea, $3::timestamptz, $4::text",
				pq.Array([]int64{1, 2}), []byte{0, 255}, at, nil)
			Must(row.Scan(pq.Array(&list), &bytes, &when, &nothing))
			Equal([]any{list, bytes, when.UTC(), nothing.Valid}, []any{[]int64{1, 2}, []byte{0, 255}, at, false})
		})
	}},
	{"prepared statements, side by side", func(ctx context.Context) {
		session(ctx, "", func(c *sql.Conn) {
			one := Get(c.PrepareContext(ctx, "select $1::int + 1"))
			two := Get(c.PrepareContext(ctx, "select $1::int + 2"))
			for n := range 30 {
				var a, b int
				Must(one.QueryRowContext(ctx, n).Scan(&a))
				Must(two.QueryRowContext(ctx, n).Scan(&b))
				Equal(b-a, 1)
			}
			Must(one.Close())
			Must(two.Close())
			Equal(value[int](ctx, c, "select count(*) from pg_prepared_statements"), 0)
		})
	}},
	{"several results of one text", func(ctx context.Context) {
		session(ctx, "", func(c *sql.Conn) {
			rows := Get(c.QueryContext(ctx, "select 1; select 2, 3"))
			Equal(rows.Next() && !rows.Next() && rows.NextResultSet() && rows.Next() && !rows.NextResultSet(), true)
			Must(rows.Close())
		})
	}},
	{"CopyIn", func(ctx context.Context) {
		session(ctx, "", func(c *sql.Conn) {
			Get(c.ExecContext(ctx, "create temp table copied (id int primary key, name text)"))
			tx := Get(c.BeginTx(ctx, nil))
			statement := Get(tx.Prepare(`copy copied (id, name) from stdin`))
			for n := range 5000 {
				Get(statement.Exec(n, "row\t🦆"))
			}
			Get(statement.Exec())
			Must(statement.Close())
			Must(tx.Commit())
			Equal(value[int](ctx, c, "select count(*) from copied"), 5000)
		})
	}},
	{"transactions: isolated, read only, failed", func(ctx context.Context) {
		session(ctx, "", func(c *sql.Conn) {
			tx := Get(c.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true}))
			Equal(value[string](ctx, tx, "show transaction_isolation"), "serializable")
			_, err := tx.Exec("delete from payments where id = 1")
			Equal(failure(err).Code, "25006")
			_, err = tx.Exec("select 1")
			Equal(failure(err).Code, "25P02")
			Must(tx.Rollback())
		})
	}},
	{"a listener hears notifications", func(ctx context.Context) {
		listener := pq.NewListener("", time.Second, time.Minute, nil)
		defer listener.Close()
		Must(listener.Listen("pq_news"))
		session(ctx, "", func(c *sql.Conn) { Get(c.ExecContext(ctx, "select pg_notify('pq_news', 'heard')")) })
		select {
		case notification := <-listener.Notify:
			Equal(notification.Extra, "heard")
		case <-ctx.Done():
			panic("nothing was heard")
		}
		Must(listener.Ping())
	}},
	{"a context that ends cancels the query at the server", func(ctx context.Context) {
		session(ctx, "", func(watcher *sql.Conn) {
			Get(watcher.ExecContext(ctx, "select pg_advisory_lock(77)"))
			session(ctx, "", func(c *sql.Conn) {
				pid := value[int](ctx, c, "select pg_backend_pid()")
				brief, end := context.WithCancel(ctx)
				go func() {
					untilWaiting(ctx, watcher, pid, true)
					end()
				}()
				_, err := c.ExecContext(brief, "select pg_advisory_lock(77)")
				if err == nil {
					panic("not cancelled")
				}
				untilWaiting(ctx, watcher, pid, false)
				Must(ctx.Err())
			})
		})
	}},
	{"settings given at start-up", func(ctx context.Context) {
		session(ctx, "application_name='a name' statement_timeout=54321 search_path=pg_catalog", func(c *sql.Conn) {
			Equal(value[string](ctx, c, "show statement_timeout"), "54321ms")
			Equal(value[string](ctx, c, "show application_name"), "a name")
			Equal(value[string](ctx, c, "show search_path"), "pg_catalog")
		})
	}},
	{"a refusal has its SQLSTATE, message, hint and reference, and the session goes on", func(ctx context.Context) {
		for _, dsn := range []string{"", "binary_parameters=yes"} {
			session(ctx, dsn, func(c *sql.Conn) {
				_, err := c.ExecContext(ctx, Refused)
				refused(err)
				_, err = c.PrepareContext(ctx, Refused)
				refused(err)
				Equal(value[int](ctx, c, "select 1"), 1)
			})
		}
	}},
	{"a refusal in a transaction fails the transaction, and a savepoint mends it", func(ctx context.Context) {
		session(ctx, "", func(c *sql.Conn) {
			tx := Get(c.BeginTx(ctx, nil))
			Get(tx.Exec("savepoint here"))
			_, err := tx.Exec(Refused)
			refused(err)
			_, err = tx.Exec("select 1")
			Equal(failure(err).Code, "25P02")
			Get(tx.Exec("rollback to here"))
			Equal(value[int](ctx, tx, "select 2"), 2)
			Must(tx.Commit())
		})
	}},
}

func main() { Play(checks) }
