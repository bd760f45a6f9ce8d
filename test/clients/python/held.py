"""What the checks of commands that wait for a person share. A row's first word says what comes of who deletes it."""

import json
import os
import ssl
import threading
import time
import urllib.request

DENIED = os.environ["DENIED"]
REMOVE = "delete from held where word = "


def until_waits(word):
    """Returns when the gateway says that a command about this row waits: of their own, everybody may see that."""
    request = urllib.request.Request(
        f"{os.environ['GATEHOUSE_URL']}/v1/approvals?state=pending",
        headers={"Authorization": f"Bearer {os.environ['PGPASSWORD']}"},
    )
    context = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
    while True:
        with urllib.request.urlopen(request, context=context) as response:
            waiting = json.load(response)["approvals"]
        commands = [one["command"] for one in waiting]
        if any(word in (one["text"], *one["parameters"]) or word in one["text"] for one in commands):
            return
        time.sleep(0.05)


def beside(work, *args):
    """Runs something beside; its thread is to be joined."""
    thread = threading.Thread(target=work, args=args, daemon=True)
    thread.start()
    return thread


def all_at_once(count, work):
    """What so many calls give that run at the same time."""
    found = []
    threads = [beside(lambda: found.append(work())) for _ in range(count)]
    for thread in threads:
        thread.join()
    return found
