// Commands that wait for a person, as pgx sees them. A row's first word says what comes of who deletes it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	. "clients/tap"
)

const remove = "delete from held where word = $1"

// one is a session with a row of its own, and the notices that it is told.
type one struct {
	*pgx.Conn
	word    string
	notices chan *pgconn.Notice
}

// check is one that is handed such a session.
func check(name, fate, table string, run func(ctx context.Context, c one), change ...func(*pgx.ConnConfig)) Check {
	return Check{Name: name, Run: func(ctx context.Context) {
		notices := make(chan *pgconn.Notice, 100)
		config := Get(pgx.ParseConfig(""))
		config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { notices <- notice }
		for _, one := range change {
			one(config)
		}
		c := Get(pgx.ConnectConfig(ctx, config))
		defer c.Close(context.Background())
		word := fmt.Sprintf("%s pgx: %s", fate, name)
		Get(c.Exec(ctx, "insert into "+table+" values ($1)", word))
		run(ctx, one{c, word, notices})
	}}
}

func left(ctx context.Context, c *pgx.Conn, word string) (count int) {
	Must(c.QueryRow(ctx, "select count(*) from held where word = $1", word).Scan(&count))
	return
}

func code(err error) string {
	var told *pgconn.PgError
	if !errors.As(err, &told) {
		panic(fmt.Sprintf("no error of the server's: %v", err))
	}
	return told.Code
}

func denied(err error) {
	Equal(code(err), "42501")
	Equal(strings.Contains(err.Error(), os.Getenv("DENIED")), true)
}

func checks() []Check {
	checks := []Check{
		check("the notice", "approve", "held", func(ctx context.Context, c one) {
			Equal(Get(c.Exec(ctx, remove, c.word)), "DELETE 1")
			notice := <-c.notices
			Equal(notice.Severity, "NOTICE")
			Equal(strings.HasPrefix(notice.Message, `Held by the rule "deletes"`), true)
			Equal(strings.HasPrefix(notice.Detail, "Approval apr_"), true)
		}),
		check("a prepared statement waits each time", "approve", "held", func(ctx context.Context, c one) {
			Get(c.Prepare(ctx, "remove", remove))
			for n := range 3 {
				Equal(Get(c.Exec(ctx, "remove", c.word)).RowsAffected(), map[bool]int{true: 1}[n == 0])
				<-c.notices
			}
		}),
		check("approved in a transaction", "approve", "held", func(ctx context.Context, c one) {
			Must(pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
				Get(tx.Exec(ctx, "insert into held values ($1)", "beside "+c.word))
				Equal(Get(tx.Exec(ctx, remove, c.word)), "DELETE 1")
				return nil
			}))
			Equal(left(ctx, c.Conn, "beside "+c.word), 1)
		}),
		check("denied, and the session goes on", "deny", "held", func(ctx context.Context, c one) {
			_, err := c.Exec(ctx, remove, c.word)
			denied(err)
			Equal(left(ctx, c.Conn, c.word), 1)
		}),
		check("denied in a transaction, and a savepoint mends it", "deny", "held", func(ctx context.Context, c one) {
			tx := Get(c.Begin(ctx))
			inner := Get(tx.Begin(ctx))
			_, err := inner.Exec(ctx, remove, c.word)
			denied(err)
			Must(inner.Rollback(ctx))
			Must(tx.Commit(ctx))
			Equal(left(ctx, c.Conn, c.word), 1)
		}),
		check("denied in a batch, which is undone as a whole", "deny", "held", func(ctx context.Context, c one) {
			batch := &pgx.Batch{}
			batch.Queue("insert into held values ($1)", "never "+c.word)
			batch.Queue(remove, c.word)
			batch.Queue("select 1")
			denied(c.SendBatch(ctx, batch).Close())
			Equal(left(ctx, c.Conn, c.word)+left(ctx, c.Conn, "never "+c.word), 1)
		}),
		check("expired", "expire", "brief", func(ctx context.Context, c one) {
			_, err := c.Exec(ctx, "delete from brief where word = $1", c.word)
			Equal(code(err), "42501")
			Must(c.Ping(ctx))
		}),
		check("cancelled by a request", "cancel", "held", func(ctx context.Context, c one) {
			cancelled := make(chan error, 1)
			go func() {
				<-c.notices
				cancelled <- c.PgConn().CancelRequest(ctx)
			}()
			_, err := c.Exec(ctx, remove, c.word)
			Equal(code(err), "57014")
			Must(<-cancelled)
			Equal(left(ctx, c.Conn, c.word), 1)
		}),
		check("cancelled when its context ends", "cancel", "held", func(ctx context.Context, c one) {
			brief, end := context.WithCancel(ctx)
			go func() {
				<-c.notices
				end()
			}()
			_, err := c.Exec(brief, remove, c.word)
			Equal(code(err), "57014")
			Equal(left(ctx, c.Conn, c.word), 1)
		}, func(config *pgx.ConnConfig) {
			config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
				return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: 20 * time.Second}
			}
		}),
		check("a context's deadline: pgx cancels, and closes the connection", "cancel", "held", func(ctx context.Context, c one) {
			brief, end := context.WithTimeout(ctx, 2*time.Second)
			defer end()
			_, err := c.Exec(brief, remove, c.word)
			Equal(errors.Is(err, context.DeadlineExceeded), true)
			Equal(c.IsClosed(), true)
		}),
		{Name: "ten sessions ask the same at once, and one yes lets them all go", Run: func(ctx context.Context) {
			pool := Get(pgxpool.New(ctx, "pool_max_conns=10"))
			defer pool.Close()
			Get(pool.Exec(ctx, "insert into shared values ('shared pgx')"))
			counts := make(chan int64, 10)
			for range 10 {
				go func() {
					tag, err := pool.Exec(ctx, "delete from shared where word = $1", "shared pgx")
					if err != nil {
						fmt.Println("#", err)
					}
					counts <- map[bool]int64{true: tag.RowsAffected(), false: 100}[err == nil]
				}()
			}
			var sum int64
			for range 10 {
				sum += <-counts
			}
			Equal(sum, 1)
		}},
	}
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		in := func(config *pgx.ConnConfig) { config.DefaultQueryExecMode = mode }
		checks = append(checks,
			check("approved: "+mode.String(), "approve", "held", func(ctx context.Context, c one) {
				Equal(Get(c.Exec(ctx, remove, c.word)), "DELETE 1")
				Equal(left(ctx, c.Conn, c.word), 0)
			}, in),
			check("approved in a batch: "+mode.String(), "approve", "held", func(ctx context.Context, c one) {
				batch := &pgx.Batch{}
				batch.Queue("select 1")
				batch.Queue(remove, c.word)
				batch.Queue("select 2")
				results := c.SendBatch(ctx, batch)
				for _, wanted := range []string{"SELECT 1", "DELETE 1", "SELECT 1"} {
					Equal(Get(results.Exec()), wanted)
				}
				Must(results.Close())
			}, in))
	}
	return checks
}

func main() { Play(checks()) }
