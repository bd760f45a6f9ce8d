#!/bin/bash
# pg_regress's launcher: runs "$@", which is psql, so that it says all that it knows of each error. That goes to
# $FULL_OUTPUT, for the comparison; what pg_regress expects has neither codes nor names of objects, and gets none.
set -o pipefail
timeout --foreground --signal=KILL "$TEST_LIMIT" "$@" -v VERBOSITY=verbose 2>&1 |
  tee "$FULL_OUTPUT/${PGAPPNAME#pg_regress/}.out" |
  LC_ALL=C sed -E \
    -e 's/^((ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|LOG|DEBUG):  )[0-9A-Z]{5}: /\1/' \
    -e '/^(SCHEMA|TABLE|COLUMN|DATATYPE|CONSTRAINT) NAME:  /d' \
    -e '/^LOCATION:  .*:[0-9]+$/d'
