# One round of what clients do: python visit.py CLIENT BASE TOKEN CA. Prints one line of JSON.
import json
import sys
from urllib.parse import urlparse

client, base, token, ca = sys.argv[1:]
headers = {"authorization": f"Bearer {token}"}
size = 20_000_000

if client == "requests":
    import requests

    session = requests.Session()
    session.headers.update(headers)
    session.verify = ca
    ask = session.request

    def parts(path):
        with session.get(base + path, stream=True) as response:
            yield from response.iter_content(None)
else:
    import ssl

    import httpx

    session = httpx.Client(headers=headers, verify=ssl.create_default_context(cafile=ca), follow_redirects=True, timeout=60)
    ask = session.request

    def parts(path):
        with session.stream("GET", base + path) as response:
            yield from response.iter_bytes()


got = ask("GET", base + "/hello").text
posted = ask("POST", base + "/echo", json={"a": 1}).json()
up = ask("PUT", base + "/count", data=bytes(size)).text if client == "requests" else ask("PUT", base + "/count", content=bytes(size)).text
down = sum(len(part) for part in parts("/large"))
redirected = ask("GET", base + "/moved")
moved = [redirected.text, urlparse(str(redirected.url)).path]
no = ask("DELETE", base + "/hello")
refused = [no.status_code, no.json()["detail"]]
events = []
for part in parts("/events"):
    events.append(part.decode().strip())
    if len(events) == 1:
        ask("POST", base + "/next", json={})
held = ask("POST", base + "/held", json={}).text
print(json.dumps({"got": got, "posted": posted, "up": up, "down": down, "moved": moved, "refused": refused, "events": events, "held": held}))
