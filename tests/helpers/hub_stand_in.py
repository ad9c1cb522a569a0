"""A stand-in for the Hugging Face Hub on 127.0.0.1, in memory: what push and pull ask for."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

TOKEN = "hf_of_a_test"
COMMIT = "0" * 39 + "1"


@dataclass
class Hub:
    """What the server holds.

    Attributes:
        address: of the server.
        files: (repository, path) to content.
        private: repositories that were made, and whether for their owner alone.
        large: content by its SHA-256, uploaded before the commit that names it.
        modes: (path, "regular" or "lfs") of every upload.
        endless: whether files never end, and their length is not told.
    """

    address: str = ""
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    modes: list[tuple[str, str]] = field(default_factory=list)
    endless: bool = False


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[Hub]
    timeout = 20

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._json({"error": "Invalid username or password."}, 401)
        if self.path == "/api/repos/create":
            return self._create(json.loads(body))
        if self.path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if self.path.endswith("/objects/batch"):
            return self._batch(json.loads(body))
        found = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/(preupload|commit)/main", self.path.split("?")[0])
        if found is None or found[1] not in self.hub.private:
            return self._missing("RepoNotFound")
        if found[2] == "preupload":
            return self._modes(json.loads(body)["files"])
        return self._commit(found[1], body)

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        private = asked.get("visibility") == "private" or asked.get("private") is True
        there = name in self.hub.private
        self.hub.private.setdefault(name, private)
        self._json({"url": f"{self.hub.address}/datasets/{name}", "name": name}, 409 if there else 200)

    def _modes(self, asked: list[dict[str, Any]]) -> None:
        modes = {one["path"]: "regular" if one["path"].endswith(".md") else "lfs" for one in asked}
        self.hub.modes += modes.items()
        self._json(
            {
                "files": [
                    {"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in modes.items()
                ]
            }
        )

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.hub.address}/large/{one['oid']}", "header": {}}}}
            for one in asked["objects"]
        ]
        self._json({"transfer": "basic", "objects": objects})

    def _commit(self, repo: str, body: bytes) -> None:
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.hub.files[repo, value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.hub.files[repo, value["path"]] = self.hub.large[value["oid"]]
        url = f"{self.hub.address}/datasets/{repo}/commit/{COMMIT}"
        self._json({"success": True, "commitUrl": url, "commitOid": COMMIT, "pullRequestUrl": None})

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == f"/large/{hashlib.sha256(data).hexdigest()}"
        self.hub.large[self.path.rpartition("/")[2]] = data
        self._json({})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        found = re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/main/(.+)", self.path)
        if found is None or found[1] not in self.hub.private:
            return self._missing("RepoNotFound")
        data = self.hub.files.get((found[1], found[2]))
        if data is None:
            return self._missing("EntryNotFound")
        self.send_response(200)
        self.send_header("ETag", hashlib.sha256(data).hexdigest())
        self.send_header("X-Repo-Commit", COMMIT)
        if not self.hub.endless:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self._send(data)
        return None

    def _send(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
            for _ in range(10_000 if self.hub.endless else 0):
                self.wfile.write(bytes(2**16))
        except OSError:  # who asked has had enough
            self.hub.endless = False

    def _missing(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, value: Any, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serving() -> Iterator[Hub]:
    """A server while the block lasts."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        hub.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join(10)
