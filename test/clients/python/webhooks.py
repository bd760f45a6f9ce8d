"""docs/webhooks.md's own code, with nothing but the standard library."""

import json
import os
import re
import time
from pathlib import Path

from tap import check, play, raises

root = Path(__file__).parents[3]
[code] = re.findall(r"```python\n(.*?)```", (root / "docs/webhooks.md").read_text(), re.S)
exec(compile(code, "docs/webhooks.md", "exec"))

KEY = os.environ["CALLBACK_KEY"].encode()
URL = os.environ["CALLBACK_URL"]
vectors = json.loads((root / "packages/webhooks/test/vectors.json").read_text())
ours = [vector for vector in vectors if vector["version"] == "v1"]


def headers(vector):
    return {"X-Gatehouse-Timestamp": vector["timestamp"], "X-Gatehouse-Signature": vector["signature"]}


def genuine(vector, now=0, **changed):
    vector = {**vector, **changed}
    now = int(vector["timestamp"] or 0) + now if vector["timestamp"].isdigit() else time.time()
    return is_genuine(vector["secret"].encode(), headers(vector), vector["body"].encode(), now)


@check("the golden vectors are genuine")
def _():
    assert len(ours) == 3
    for vector in ours:
        assert genuine(vector), vector


@check("what was changed, is old or has no signature is not")
def _():
    for vector in ours:
        assert not genuine(vector, body=vector["body"] + " ")
        assert not genuine(vector, secret=vector["secret"] + " ")
        assert not genuine(vector, timestamp=vector["timestamp"] + "0")
        assert not genuine(vector, signature="")
        assert not genuine(vector, signature="ü")
        assert not genuine(vector, signature=vector["signature"].upper())
        for timestamp in ["", "-1", "x", "²", "1" * 5000]:
            assert not is_genuine(b"k", headers({**vector, "timestamp": timestamp}), b""), timestamp
        assert genuine(vector, now=300)
        assert not genuine(vector, now=301)
        assert not genuine(vector, now=-301)
    assert not is_genuine(b"k", {}, b"")


@check("an answer that it signs is taken")
def _():
    said = {"approval": "apr_0123456789ABCDEF", "answer": "approve", "by": "dana", "reason": "Größe 🗝"}
    taken = answer(URL, KEY, **said)
    assert taken["by"]["subject"] == "dana" and taken["reason"] == said["reason"], taken


@check("one that another key signs is refused")
def _():
    error = raises(OSError, answer, URL, KEY + b"x", approval="apr_0123456789ABCDEF", answer="deny", by="dana")
    assert error.code == 401, error


play()
