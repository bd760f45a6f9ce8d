// pgx, with nothing but libpq's own variables.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	. "clients/tap"
)

// session connects, runs and disconnects.
func session(ctx context.Context, run func(c *pgx.Conn), change ...func(*pgx.ConnConfig)) {
	config := Get(pgx.ParseConfig(""))
	for _, one := range change {
		one(config)
	}
	c := Get(pgx.ConnectConfig(ctx, config))
	defer c.Close(context.Background())
	run(c)
}

// value reads one value.
func value[T any](ctx context.Context, c interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}, query string, args ...any) T {
	var found T
	Must(c.QueryRow(ctx, query, args...).Scan(&found))
	return found
}

func exec(ctx context.Context, c interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
}, query string, args ...any) pgconn.CommandTag {
	return Get(c.Exec(ctx, query, args...))
}

func failure(err error) *pgconn.PgError {
	var told *pgconn.PgError
	if !errors.As(err, &told) {
		panic(fmt.Sprintf("no error of the server's: %v", err))
	}
	return told
}

func refused(err error) {
	told := failure(err)
	IsRefusal(told.Code, told.Message, told.Detail, told.Hint)
}

func mode(m pgx.QueryExecMode) func(*pgx.ConnConfig) {
	return func(config *pgx.ConnConfig) { config.DefaultQueryExecMode = m }
}

var modes = []pgx.QueryExecMode{
	pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
	pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
}

// untilWaiting returns when the server says that a session waits for a lock, or when it can't be asked.
func untilWaiting(ctx context.Context, watcher *pgx.Conn, pid int32) {
	for waiting := 0; waiting == 0; {
		query := "select count(*) from pg_locks where pid = $1 and not granted"
		if watcher.QueryRow(ctx, query, pid).Scan(&waiting) != nil {
			return
		}
	}
}

var checks = []Check{
	{"a bare connection reads", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			Equal(value[int](ctx, c, "select count(*) from orders"), 50000)
			Equal(value[string](ctx, c, "select name from customers where id = $1 and city = $2", 1, "Oslo"), "Grace Hopper")
			Must(c.Ping(ctx))
		})
	}},
	{"every mode of execution: cached, described, unnamed, simple; values of every kind", func(ctx context.Context) {
		for _, m := range modes {
			session(ctx, func(c *pgx.Conn) {
				at := time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC)
				for n := range 10 {
					var number int64
					var text string
					var bytes []byte
					var when time.Time
					var list []int32
					var nothing *string
					row := c.QueryRow(ctx, "select $1::int8, $2::text, $3::bytea, $4::timestamptz, $5::int4[], $6::text",
						int64(n)<<40, "Ada — 🦆 'quoted'", []byte{0, 255}, at, []int32{1, 2}, nil)
					Must(row.Scan(&number, &text, &bytes, &when, &list, &nothing))
					Equal([]any{number, text, bytes, when.UTC(), list, nothing == nil},
						[]any{int64(n) << 40, "Ada — 🦆 'quoted'", []byte{0, 255}, at, []int32{1, 2}, true})
				}
			}, mode(m))
		}
	}},
	{"numeric, interval, JSON, UUID, ranges, multidimensional arrays", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			var n pgtype.Numeric
			var i pgtype.Interval
			var j map[string]any
			var u pgtype.UUID
			var r pgtype.Range[pgtype.Int4]
			var a pgtype.Array[int32]
			Must(c.QueryRow(ctx, `select 1.50::numeric, '1 day 2 seconds'::interval, '{"x":1}'::jsonb,
				'00000000-0000-0000-0000-00000000002a'::uuid, int4range(1, 5), array[[1,2],[3,4]]`).Scan(&n, &i, &j, &u, &r, &a))
			Equal([]any{n.Int, n.Exp, i.Days, i.Microseconds, j["x"], u.Bytes[15], r.Upper.Int32, len(a.Dims)},
				[]any{150, -2, 1, 2000000, 1, 42, 5, 2})
		})
	}},
	{"composite types and enums are loaded from the catalogue", func(ctx context.Context) {
		type pair struct {
			Name string
			N    int32
		}
		session(ctx, func(c *pgx.Conn) {
			exec(ctx, c, "create type mood as enum ('sad', 'glad'); create type pair as (name text, n int)")
			for _, kind := range Get(c.LoadTypes(ctx, []string{"mood", "pair", "_pair"})) {
				c.TypeMap().RegisterType(kind)
			}
			Equal(value[pair](ctx, c, "select $1::pair", pair{"a", 1}), pair{"a", 1})
			Equal(value[[]pair](ctx, c, "select array[row('a', 1), row('b', 2)]::pair[]"), []pair{{"a", 1}, {"b", 2}})
			exec(ctx, c, "drop type pair; drop type mood")
		})
	}},
	{"named prepared statements: described, run, closed, and cached ones that grow stale", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			statement := Get(c.Prepare(ctx, "by name", "select id, price from products where id = $1"))
			Equal(len(statement.ParamOIDs)+len(statement.Fields), 3)
			for n := range 20 {
				Equal(value[int](ctx, c, "select id from (select 1) x, products where id = $1", n+1), n+1)
				var id int
				var price string
				Must(c.QueryRow(ctx, "by name", n+1).Scan(&id, &price))
			}
			Must(c.Deallocate(ctx, "by name"))
			exec(ctx, c, "create temp table changing as select 1 as a")
			rows := func() (int, error) {
				all, err := c.Query(ctx, "select * from changing")
				Must(err)
				all.Close()
				return len(all.FieldDescriptions()), all.Err()
			}
			Equal(Get(rows()), 1)
			exec(ctx, c, "alter table changing add column b int")
			// pgx tells of the stale statement once, and forgets it.
			_, err := rows()
			Equal(failure(err).Code, "0A000")
			Equal(Get(rows()), 2)
			Must(c.DeallocateAll(ctx))
			Equal(Get(rows()), 2)
		})
	}},
	{"more statements than the cache holds", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			for n := range 100 {
				Equal(value[int](ctx, c, fmt.Sprintf("select $1::int + %d", n%12), n), n+n%12)
			}
		}, func(config *pgx.ConnConfig) { config.StatementCacheCapacity = 5 })
	}},
	{"a batch: sent at once, answered in order, in every mode", func(ctx context.Context) {
		for _, m := range modes {
			session(ctx, func(c *pgx.Conn) {
				batch := &pgx.Batch{}
				for n := range 200 {
					batch.Queue("select $1::int + 1", n)
				}
				results := c.SendBatch(ctx, batch)
				for n := range 200 {
					var found int
					Must(results.QueryRow().Scan(&found))
					Equal(found, n+1)
				}
				Must(results.Close())
			}, mode(m))
		}
	}},
	{"a batch that fails midway is undone as a whole", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			exec(ctx, c, "create temp table batched (n int primary key)")
			batch := &pgx.Batch{}
			for _, n := range []int{1, 2, 1, 3} {
				batch.Queue("insert into batched values ($1)", n)
			}
			Equal(failure(c.SendBatch(ctx, batch).Close()).Code, "23505")
			Equal(value[int](ctx, c, "select count(*) from batched"), 0)
		})
	}},
	{"a pipeline of pgconn's: errors skip up to the sync, and no further", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			pipeline := c.PgConn().StartPipeline(ctx)
			pipeline.SendPrepare("piped", "select $1::int", nil)
			pipeline.SendQueryPrepared("piped", [][]byte{[]byte("1")}, nil, nil)
			Must(pipeline.Sync())
			pipeline.SendQueryParams("select 1/0", nil, nil, nil, nil)
			pipeline.SendQueryPrepared("piped", [][]byte{[]byte("2")}, nil, nil)
			Must(pipeline.Sync())
			pipeline.SendQueryPrepared("piped", [][]byte{[]byte("3")}, nil, nil)
			pipeline.SendDeallocate("piped")
			Must(pipeline.Sync())
			Equal(outcomes(pipeline), "prepared 1 sync 22012 sync 3 closed sync")
			Must(pipeline.Close())
			Must(c.Ping(ctx))
		})
	}},
	{"CopyFrom, CopyTo and CopyFrom of a reader", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			exec(ctx, c, "create temp table copied (id int primary key, name text, at timestamptz)")
			rows := pgx.CopyFromSlice(5000, func(n int) ([]any, error) { return []any{n, "row\t🦆", time.Now()}, nil })
			Equal(Get(c.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"id", "name", "at"}, rows)), 5000)
			var out bytes.Buffer
			tag := Get(c.PgConn().CopyTo(ctx, &out, "copy (select id from copied where id < 10) to stdout"))
			Equal(tag, "COPY 10")
			reader := strings.NewReader("9001\n9002\n")
			Equal(Get(c.PgConn().CopyFrom(ctx, reader, "copy copied (id) from stdin")), "COPY 2")
			_, err := c.PgConn().CopyFrom(ctx, strings.NewReader("9003\n1\n"), "copy copied (id) from stdin")
			Equal(failure(err).Code, "23505")
			broken := io.MultiReader(strings.NewReader("9004\n"), &brokenReader{})
			_, err = c.PgConn().CopyFrom(ctx, broken, "copy copied (id) from stdin")
			Equal(failure(err).Code, "57014")
			Equal(value[int](ctx, c, "select count(*) from copied"), 5002)
		})
	}},
	{"transactions: isolated, nested, read only", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			options := pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly, DeferrableMode: pgx.Deferrable}
			Must(pgx.BeginTxFunc(ctx, c, options, func(tx pgx.Tx) error {
				Equal(value[string](ctx, tx, "show transaction_isolation"), "serializable")
				inner := Get(tx.Begin(ctx))
				_, err := inner.Exec(ctx, "select 1/0")
				Equal(failure(err).Code, "22012")
				Must(inner.Rollback(ctx))
				Equal(value[int](ctx, tx, "select 2"), 2)
				return nil
			}))
		})
	}},
	{"cursors by DECLARE and FETCH, and SQL-level PREPARE and EXECUTE", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			tx := Get(c.Begin(ctx))
			exec(ctx, tx, "declare far scroll cursor for select generate_series(1, 10)")
			Equal(Get(pgx.CollectRows(Get(tx.Query(ctx, "fetch 3 from far")), pgx.RowTo[int])), []int{1, 2, 3})
			Equal(value[int](ctx, tx, "fetch absolute 9 from far"), 9)
			Must(tx.Commit(ctx))
			exec(ctx, c, "prepare by_sql(int) as select $1 + 1")
			Equal(value[int](ctx, c, "execute by_sql(41)"), 42)
			exec(ctx, c, "deallocate by_sql")
		})
	}},
	{"LISTEN, NOTIFY and notices", func(ctx context.Context) {
		var noticed []string
		hear := func(config *pgx.ConnConfig) {
			config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { noticed = append(noticed, notice.Message) }
		}
		session(ctx, func(ear *pgx.Conn) {
			exec(ctx, ear, "listen go_news")
			session(ctx, func(mouth *pgx.Conn) { exec(ctx, mouth, "select pg_notify('go_news', $1)", "heard") })
			Equal(Get(ear.WaitForNotification(ctx)).Payload, "heard")
			exec(ctx, ear, "do $$ begin raise notice 'noticed'; end $$")
			Equal(noticed, []string{"noticed"})
		}, hear)
	}},
	{"a context that ends ends the query: by cancelling it at the server, where pgx is told to", func(ctx context.Context) {
		session(ctx, func(watcher *pgx.Conn) {
			exec(ctx, watcher, "select pg_advisory_lock(77)")
			session(ctx, func(c *pgx.Conn) {
				pid := value[int32](ctx, c, "select pg_backend_pid()")
				brief, end := context.WithCancel(ctx)
				go func() {
					untilWaiting(ctx, watcher, pid)
					end()
				}()
				_, err := c.Exec(brief, "select pg_advisory_lock(77)")
				Equal(failure(err).Code, "57014")
				Equal(value[int](ctx, c, "select 1"), 1)
			}, func(config *pgx.ConnConfig) {
				config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
					return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: 20 * time.Second}
				}
			})
		})
	}},
	{"CancelRequest stops what runs, and nothing else", func(ctx context.Context) {
		session(ctx, func(watcher *pgx.Conn) {
			exec(ctx, watcher, "select pg_advisory_lock(78)")
			session(ctx, func(c *pgx.Conn) {
				pid := value[int32](ctx, c, "select pg_backend_pid()")
				cancelled := make(chan error, 1)
				go func() {
					untilWaiting(ctx, watcher, pid)
					cancelled <- c.PgConn().CancelRequest(ctx)
				}()
				_, err := c.Exec(ctx, "select pg_advisory_lock(78)")
				Equal(failure(err).Code, "57014")
				Must(<-cancelled)
				Equal(value[int](ctx, c, "select 1"), 1)
			})
		})
	}},
	{"large objects", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			tx := Get(c.Begin(ctx))
			objects := tx.LargeObjects()
			oid := Get(objects.Create(ctx, 0))
			object := Get(objects.Open(ctx, oid, pgx.LargeObjectModeWrite|pgx.LargeObjectModeRead))
			Equal(Get(object.Write(bytes.Repeat([]byte("0123456789"), 5000))), 50000)
			Get(object.Seek(10, io.SeekStart))
			read := make([]byte, 5)
			Get(io.ReadFull(object, read))
			Equal(string(read), "01234")
			Must(object.Truncate(20))
			Equal(Get(object.Seek(0, io.SeekEnd)), 20)
			Must(objects.Unlink(ctx, oid))
			Must(tx.Commit(ctx))
		})
	}},
	{"settings given at start-up", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			Equal(value[string](ctx, c, "show statement_timeout"), "54321ms")
			Equal(c.PgConn().ParameterStatus("application_name"), "a name")
			Equal(value[string](ctx, c, "show search_path"), "pg_catalog")
		}, func(config *pgx.ConnConfig) {
			config.RuntimeParams["statement_timeout"] = "54321"
			config.RuntimeParams["application_name"] = "a name"
			config.RuntimeParams["search_path"] = "pg_catalog"
		})
	}},
	{"protocol 3.2, with its longer cancel keys", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			if length := len(c.PgConn().SecretKey()); length <= 4 {
				panic(fmt.Sprintf("a key of %d bytes", length))
			}
			Must(c.PgConn().CancelRequest(ctx))
			Must(c.Ping(ctx))
		}, func(config *pgx.ConnConfig) { config.MinProtocolVersion, config.MaxProtocolVersion = "3.2", "3.2" })
	}},
	{"a pool, with many at once", func(ctx context.Context) {
		pool := Get(pgxpool.New(ctx, "pool_max_conns=4"))
		defer pool.Close()
		found := make(chan int, 50)
		for n := range 50 {
			go func() {
				var got int
				if err := pool.QueryRow(ctx, "select $1::int", n).Scan(&got); err != nil {
					got = -1000000
				}
				found <- got
			}()
		}
		sum := 0
		for range 50 {
			sum += <-found
		}
		Equal(sum, 49*50/2)
	}},
	{"a refusal has its SQLSTATE, message, hint and reference in every mode, and the session goes on", func(ctx context.Context) {
		for _, m := range modes {
			session(ctx, func(c *pgx.Conn) {
				_, err := c.Exec(ctx, Refused)
				refused(err)
				rows, err := c.Query(ctx, Refused)
				if err == nil {
					rows.Close()
					err = rows.Err()
				}
				refused(err)
				Equal(value[int](ctx, c, "select 1"), 1)
			}, mode(m))
		}
	}},
	{"a refusal in a transaction fails the transaction, and a savepoint mends it", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			tx := Get(c.Begin(ctx))
			inner := Get(tx.Begin(ctx))
			_, err := inner.Exec(ctx, Refused)
			refused(err)
			_, err = inner.Exec(ctx, "select 1")
			Equal(failure(err).Code, "25P02")
			Must(inner.Rollback(ctx))
			Equal(value[int](ctx, tx, "select 2"), 2)
			Must(tx.Commit(ctx))
		})
	}},
	{"a refusal in a batch is its statement's, and the batch is undone as a whole, in every mode", func(ctx context.Context) {
		for _, m := range modes {
			session(ctx, func(c *pgx.Conn) {
				exec(ctx, c, "create temp table batched (n int)")
				batch := &pgx.Batch{}
				batch.Queue("insert into batched values (1)")
				batch.Queue(Refused)
				batch.Queue("insert into batched values (2)")
				refused(c.SendBatch(ctx, batch).Close())
				Equal(value[int](ctx, c, "select count(*) from batched"), 0)
			}, mode(m))
		}
	}},
	{"a refusal in a pipeline stands at its place", func(ctx context.Context) {
		session(ctx, func(c *pgx.Conn) {
			pipeline := c.PgConn().StartPipeline(ctx)
			for _, query := range []string{"select 1", Refused, "select 2"} {
				pipeline.SendQueryParams(query, nil, nil, nil, nil)
			}
			Must(pipeline.Sync())
			pipeline.SendQueryParams("select 3", nil, nil, nil, nil)
			Must(pipeline.Sync())
			Equal(outcomes(pipeline), "1 42501 sync 3 sync")
			Must(pipeline.Close())
			Must(c.Ping(ctx))
		})
	}},
}

type brokenReader struct{}

func (*brokenReader) Read([]byte) (int, error) { return 0, errors.New("no more") }

// outcomes says of each answer in a pipeline its first value, its SQLSTATE, or what was done.
func outcomes(pipeline *pgconn.Pipeline) string {
	var told []string
	for {
		result, err := pipeline.GetResults()
		var server *pgconn.PgError
		switch result := result.(type) {
		case *pgconn.ResultReader:
			read := result.Read()
			switch {
			case errors.As(read.Err, &server):
				told = append(told, server.Code)
			case len(read.Rows) > 0:
				told = append(told, string(read.Rows[0][0]))
			default:
				told = append(told, read.CommandTag.String())
			}
		case *pgconn.StatementDescription:
			told = append(told, "prepared")
		case *pgconn.CloseComplete:
			told = append(told, "closed")
		case *pgconn.PipelineSync:
			told = append(told, "sync")
		default:
			if !errors.As(err, &server) {
				Must(err)
				return strings.Join(told, " ")
			}
			told = append(told, server.Code)
		}
	}
}

func main() { Play(checks) }
