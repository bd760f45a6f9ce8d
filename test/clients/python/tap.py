"""Checks, and what came of them as TAP (the Test Anything Protocol, version 14): one line a check."""

import asyncio
import inspect
import os
import sys
import threading
import traceback

REFUSED = "truncate payments"
MESSAGE = "Tables are not emptied through the gateway."
_LIMIT = 30
_checks = []


def check(name):
    """Makes a function, or a coroutine function, a check of this name."""

    def add(function):
        _checks.append((name, function))
        return function

    return add


def raises(kind, attempt, *args, **kwargs):
    """The error of this kind that the attempt raises."""
    try:
        attempt(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def is_refusal(sqlstate, message, detail, hint):
    assert sqlstate == "42501", sqlstate
    assert message == MESSAGE, message
    assert detail.startswith("Reference: ref_"), detail
    assert hint, "no hint"


def play():
    print("TAP version 14", f"1..{len(_checks)}", sep="\n", flush=True)
    for number, (name, function) in enumerate(_checks, 1):
        failures = []
        # A driver that waits for ever fails its check, and is left behind.
        thread = threading.Thread(target=_run, args=[function, failures], daemon=True)
        thread.start()
        thread.join(_LIMIT)
        if thread.is_alive():
            where = traceback.format_stack(sys._current_frames()[thread.ident])
            failures.append(f"no end after {_LIMIT} s\n{''.join(where)}")
        if failures:
            text = failures[0].replace("\n", "\n    ")
            print(f"not ok {number} - {name}\n  ---\n  error: |\n    {text}\n  ...", flush=True)
        else:
            print(f"ok {number} - {name}", flush=True)
    # Nothing that was left behind keeps the program.
    os._exit(0)


def _run(function, failures):
    try:
        result = function()
        if inspect.iscoroutine(result):
            asyncio.run(result)
    except Exception:
        failures.append(traceback.format_exc())
