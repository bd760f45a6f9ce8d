// Package tap runs checks and says what came of them as TAP (the Test Anything Protocol, version 14): one line a check.
package tap

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

const (
	Refused = "truncate payments"
	message = "Tables are not emptied through the gateway."
	limit   = 30 * time.Second
)

// Check is one check: what it shows, and how.
type Check struct {
	Name string
	Run  func(ctx context.Context)
}

// Play runs the checks in order.
func Play(checks []Check) {
	fmt.Printf("TAP version 14\n1..%d\n", len(checks))
	for n, check := range checks {
		if failure := play(check); failure == "" {
			fmt.Printf("ok %d - %s\n", n+1, check.Name)
		} else {
			indented := strings.ReplaceAll(failure, "\n", "\n    ")
			fmt.Printf("not ok %d - %s\n  ---\n  error: |\n    %s\n  ...\n", n+1, check.Name, indented)
		}
	}
}

func play(check Check) string {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	failure := make(chan string, 1)
	go func() {
		defer func() {
			if reason := recover(); reason != nil {
				failure <- fmt.Sprintf("%v\n%s", reason, debug.Stack())
			}
		}()
		check.Run(ctx)
		failure <- ""
	}()
	select {
	case told := <-failure:
		return told
	// A driver that waits for ever, whatever its context says, fails its check, and is left behind.
	case <-time.After(limit + 5*time.Second):
		return fmt.Sprintf("no end after %v", limit)
	}
}

// Must ends the check when there is an error.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}

// Get gives the value of what must succeed.
func Get[T any](value T, err error) T {
	Must(err)
	return value
}

// Equal ends the check when the two differ, as they are printed.
func Equal(found, wanted any) {
	if fmt.Sprint(found) != fmt.Sprint(wanted) {
		panic(fmt.Sprintf("found %v, wanted %v", found, wanted))
	}
}

// IsRefusal ends the check when an error's fields are not those of the refused statement.
func IsRefusal(sqlstate, text, detail, hint string) {
	Equal(sqlstate, "42501")
	Equal(text, message)
	if !strings.HasPrefix(detail, "Reference: ref_") || hint == "" {
		panic(fmt.Sprintf("detail %q, hint %q", detail, hint))
	}
}
