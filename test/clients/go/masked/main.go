// Masked values as pgx reads them: in binary format by its statement cache, in text by the simple protocol, and by COPY.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	. "clients/tap"
)

// masked has the masked values in text format, by table and column.
func masked() map[string]map[string]*string {
	var found map[string]map[string]*string
	Must(json.Unmarshal([]byte(os.Getenv("MASKED")), &found))
	return found
}

// text is a value as PostgreSQL writes it.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case bool:
		return map[bool]string{true: "t", false: "f"}[v]
	case int32, int64:
		return fmt.Sprint(v)
	case []byte:
		return fmt.Sprintf("\\x%x", v)
	case [16]byte:
		return fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:])
	case pgtype.Numeric:
		return strings.Trim(string(Get(v.MarshalJSON())), `"`)
	case time.Time:
		return v.Format("2006-01-02")
	case []any:
		elements := make([]string, len(v))
		for i, element := range v {
			elements[i] = element.(string)
		}
		return "{" + strings.Join(elements, ",") + "}"
	case map[string]any:
		return strings.ReplaceAll(string(Get(json.Marshal(v))), ":", ": ")
	}
	panic(fmt.Sprintf("a value of the type %v", reflect.TypeOf(value)))
}

func same(c *pgx.Conn, ctx context.Context, table string, columns map[string]*string) {
	rows := Get(c.Query(ctx, "select * from veiled."+table+" order by id"))
	defer rows.Close()
	for n := 1; rows.Next(); n++ {
		for i, value := range Get(rows.Values()) {
			name := rows.FieldDescriptions()[i].Name
			want := columns[name]
			switch {
			case name == "id":
				Equal(text(value), fmt.Sprint(n))
			case n == 2 || want == nil:
				Equal(value, nil)
			case name == "more":
				var one any
				Must(json.Unmarshal([]byte(*want), &one))
				Equal(fmt.Sprint(value), fmt.Sprint(one))
			default:
				Equal(text(value), *want)
			}
		}
	}
	Must(rows.Err())
}

func session(ctx context.Context, mode pgx.QueryExecMode, run func(c *pgx.Conn)) {
	config := Get(pgx.ParseConfig(""))
	config.DefaultQueryExecMode = mode
	c := Get(pgx.ConnectConfig(ctx, config))
	defer c.Close(context.Background())
	run(c)
}

func main() {
	modes := []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	}
	var checks []Check
	for _, mode := range modes {
		checks = append(checks, Check{Name: "pgx: " + mode.String(), Run: func(ctx context.Context) {
			session(ctx, mode, func(c *pgx.Conn) {
				for table, columns := range masked() {
					for range 2 {
						same(c, ctx, table, columns)
					}
				}
			})
		}})
	}
	checks = append(checks, Check{Name: "pgx: CopyTo in every format", Run: func(ctx context.Context) {
		session(ctx, pgx.QueryExecModeExec, func(c *pgx.Conn) {
			var out bytes.Buffer
			for table := range masked() {
				for _, format := range []string{"text", "csv", "binary"} {
					query := fmt.Sprintf("copy veiled.%s to stdout (format %s)", table, format)
					Equal(Get(c.PgConn().CopyTo(ctx, io.Writer(&out), query)).RowsAffected(), int64(2))
				}
			}
			for _, value := range []string{"ann.ash", "annash", "frelkuz", "jomvre", "zemtak", "\x9a\xf3\xc7\xe1"} {
				Equal(strings.Contains(out.String(), value), false)
			}
		})
	}})
	Play(checks)
}
