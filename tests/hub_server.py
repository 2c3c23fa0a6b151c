"""An HTTP server on loopback that speaks the Hub's protocol for files and commits, and can fail as the Hub can.

Written after what huggingface_hub sends and expects: small files are answered at once, large ones by a redirect to
another host name; ETag, X-Repo-Commit, X-Linked-Size and X-Error-Code say what the Hub says.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

LARGE = (".safetensors", ".bin")
TOKEN = "hf_right"


@dataclass
class Repository:
    """Commits by id, each a dict of files; branches and tags by name."""

    commits: dict = field(default_factory=dict)
    refs: dict = field(default_factory=dict)
    private: bool = False
    gated: bool = False

    def commit(self, files, ref="main"):
        """Adds a commit of these files to a branch; returns its id."""
        oid = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode()).hexdigest()
        self.commits[oid] = dict(files)
        self.refs[ref] = oid
        return oid


class Hub:
    """The server. `requests` holds (method, path, headers by names in lower case) of all requests.

    failing: statuses by a part of the path, taken one per request, the last one for ever; truncated: bytes after
    which bodies of large files end, one per request; altered: whether their last byte is another one than it should
    be; after: called with method and path of each request when it was answered.
    """

    def __init__(self):
        self.repositories = {}
        self.requests = []
        self.failing = {}
        self.truncated = []
        self.renamed = {}
        self.uploads = {}
        self.altered = False
        self.after = lambda method, path: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"hub": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def close(self):
        """Afterwards connections are refused."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def add(self, name, files, **settings):
        """A repository with one commit on main; returns the commit's id."""
        self.repositories[name] = Repository(**settings)
        return self.repositories[name].commit(files)

    def asked_for(self, part=""):
        """Paths that were requested, without the first slash."""
        return [path[1:] for _, path, _ in self.requests if part in path]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        """Nothing is printed."""

    def answer(self, status, body=b"", head=False, length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if not head:
            self.wfile.write(body)

    def refuse(self, status, code, message):
        self.answer(status, head=self.command == "HEAD", X_Error_Code=code, X_Error_Message=message)

    def json(self, value, status=200):
        self.answer(status, json.dumps(value).encode(), Content_Type="application/json")

    def handle_request(self):
        path = unquote(self.path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.requests.append((self.command, path, {name.lower(): value for name, value in self.headers.items()}))
        status = next((pop(statuses) for part, statuses in self.hub.failing.items() if part in path), None)
        if status:
            self.answer(status, head=self.command == "HEAD")
            return
        for pattern, method in ROUTES:
            match = re.fullmatch(pattern, path)
            if match:
                getattr(self, method)(*match.groups())
                self.hub.after(self.command, path)
                return
        self.answer(404, b"no such route", head=self.command == "HEAD")

    do_GET = do_HEAD = do_POST = do_PUT = handle_request  # noqa: N815

    @property
    def logged_in(self):
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def resolve(self, name, revision, file):
        if name in self.hub.renamed:
            location = f"/{self.hub.renamed[name]}/resolve/{revision}/{file}"
            self.answer(307, head=self.command == "HEAD", Location=location)
            return
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.private and not self.logged_in):
            self.refuse(404 if self.logged_in else 401, "RepoNotFound", "Repository not found")
            return
        if repository.gated:
            self.refuse(403, "GatedRepo", "Access to this model is restricted")
            return
        commit = repository.refs.get(revision, revision)
        if commit not in repository.commits:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        data = repository.commits[commit].get(file)
        if data is None:
            self.refuse(404, "EntryNotFound", "Entry not found")
            return
        digest = hashlib.sha256(data).hexdigest()
        headers = {"ETag": f'"{digest}"', "X_Repo_Commit": commit}
        if file.endswith(LARGE):
            # Another host name than that of the Hub: tokens must not go there.
            headers["Location"] = f"http://localhost:{self.hub.port}/cdn/{name}/{commit}/{file}"
            headers |= {"X_Linked_Etag": f'"{digest}"', "X_Linked_Size": str(len(data))}
            self.answer(302, head=self.command == "HEAD", **headers)
        else:
            self.answer(200, data, head=self.command == "HEAD", **headers)

    def cdn(self, name, commit, file):
        data = self.hub.repositories[name].commits[commit][file]
        data = data[:-1] + bytes([data[-1] ^ 1]) if self.hub.altered else data
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        headers = {"Content_Range": f"bytes {wanted[1]}-{len(data) - 1}/{len(data)}"} if wanted else {}
        data = data[int(wanted[1]) :] if wanted else data
        cut = pop(self.hub.truncated) if self.hub.truncated else None
        self.answer(206 if wanted else 200, data[:cut], length=len(data), **headers)
        if cut is not None:
            self.close_connection = True

    def create(self):
        if not self.logged_in:
            self.refuse(401, "Unauthorized", "Invalid username or password.")
            return
        wanted = json.loads(self.body)
        name = f"{wanted['organization']}/{wanted['name']}" if wanted.get("organization") else wanted["name"]
        known = name in self.hub.repositories
        if not known:
            self.hub.add(
                name,
                {".gitattributes": b""},
                private=bool(wanted.get("private")) or wanted.get("visibility") == "private",
            )
        self.json({"url": f"{self.hub.url}/{name}", "id": name, "name": name}, status=409 if known else 200)

    def validate(self):
        self.json({"errors": [], "warnings": []})

    def preupload(self, name, revision):
        if revision not in self.hub.repositories[name].refs:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        modes = [
            {"path": file["path"], "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular"}
            for file in json.loads(self.body)["files"]
        ]
        self.json({"files": [mode | {"shouldIgnore": False} for mode in modes]})

    def batch(self, name):
        objects = json.loads(self.body)["objects"]
        actions = [
            {"oid": o["oid"], "size": o["size"], "actions": {"upload": {"href": f"{self.hub.url}/lfs/{o['oid']}"}}}
            for o in objects
        ]
        self.json({"transfer": "basic", "objects": actions})

    def upload(self, oid):
        assert hashlib.sha256(self.body).hexdigest() == oid
        self.hub.uploads[oid] = self.body
        self.answer(200)

    def commit(self, name, revision):
        files = {}
        for line in map(json.loads, self.body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.uploads[value["oid"]]
        repository = self.hub.repositories[name]
        oid = repository.commit(repository.commits[repository.refs[revision]] | files, revision)
        self.json({"success": True, "commitOid": oid, "commitUrl": f"{self.hub.url}/{name}/commit/{oid}"})


ROUTES = [
    (r"/api/repos/create", "create"),
    (r"/api/validate-yaml", "validate"),
    (r"/api/models/([^/]+/[^/]+)/preupload/(.+)", "preupload"),
    (r"/api/models/([^/]+/[^/]+)/commit/(.+)", "commit"),
    (r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", "batch"),
    (r"/lfs/(\w+)", "upload"),
    (r"/cdn/([^/]+/[^/]+)/(\w+)/(.+)", "cdn"),
    (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", "resolve"),
]


def pop(values):
    """The next of a list of values, of which the last one stays; 0 and None mean no failure this time."""
    return values.pop(0) if len(values) > 1 else values[0]
