// A DELETE that waits for a person, by pgx, which just waits. WORD is the row it deletes; with TRANSACTION, it stands in
// one, behind an INSERT. Prints each notice, and what has become of it.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	. "clients/tap"
)

func main() {
	ctx := context.Background()
	word := os.Getenv("WORD")
	config := Get(pgx.ParseConfig(""))
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { fmt.Println("NOTICE:", notice.Message) }
	c := Get(pgx.ConnectConfig(ctx, config))
	defer c.Close(ctx)
	remove := func() {
		fmt.Println(Get(c.Exec(ctx, "delete from held where word = $1", word)))
	}
	if os.Getenv("TRANSACTION") == "" {
		remove()
		return
	}
	Must(pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		Get(tx.Exec(ctx, "insert into held values ($1)", "before "+word))
		remove()
		return nil
	}))
}
