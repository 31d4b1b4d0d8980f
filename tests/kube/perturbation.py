"""What perturbations are made of: calls, answers, events, and the base of each kind."""
import json
import random
import time
from dataclasses import dataclass, field

INITIAL_END = "k8s.io/initial-events-end"
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Cut(Exception):
    """The connection ends here, without a goodbye."""


@dataclass
class Call:
    """A request of the client, to be sent on or not."""
    method: str
    path: str
    query: dict
    headers: dict
    body: bytes
    number: int = 0  # among all calls

    @property
    def is_write(self):
        return self.method in WRITES

    @property
    def is_watch(self):
        return self.query.get("watch") in ("true", "1")

    @property
    def is_list(self):
        return self.method == "GET" and not self.is_watch and self.resource == self.path.rsplit("/", 1)[1]

    @property
    def resource(self):
        """The plural that the path names; subresources belong to theirs."""
        parts = self.path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        if parts[:1] == ["namespaces"] and len(parts) > 2:
            parts = parts[2:]
        return parts[0] if parts else ""


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict = field(default_factory=lambda: {"Content-Type": "application/json"})


@dataclass
class Event:
    kind: str
    object: dict
    line: bytes

    @classmethod
    def parse(cls, line):
        said = json.loads(line)
        return cls(said["type"], said["object"], line)

    @classmethod
    def make(cls, kind, item):
        return cls(kind, item, json.dumps({"type": kind, "object": item}).encode() + b"\n")

    @property
    def key(self):
        meta = self.object.get("metadata", {})
        return meta.get("namespace", ""), meta.get("name", "")

    @property
    def version(self):
        return int(self.object.get("metadata", {}).get("resourceVersion") or 0)

    @property
    def is_of_an_object(self):
        return self.kind in ("ADDED", "MODIFIED", "DELETED")

    @property
    def ends_the_list(self):
        return self.kind == "BOOKMARK" and INITIAL_END in (self.object["metadata"].get("annotations") or {})


def refusal(status, reason, message, retry_after=None, causes=()):
    """A Status as API servers answer."""
    details = {"causes": list(causes)} if causes else {}
    headers = {"Content-Type": "application/json"}
    if retry_after is not None:
        details["retryAfterSeconds"] = retry_after
        headers["Retry-After"] = str(retry_after)
    said = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason,
            "details": details, "code": status}
    return Answer(status, json.dumps(said).encode(), headers)


GONE = refusal(410, "Expired", "too old resource version: 1 (2)")


class Perturbation:
    """Does nothing; the base of those that do something."""

    def __init__(self, seed=0):
        self.seed = seed
        self.log = lambda **what: None  # the proxy's

    @property
    def name(self):
        return type(self).__name__

    def draw(self, *about):
        return random.Random(f"{self.seed}/{self.name}/{'/'.join(map(str, about))}")

    def note(self, call, what, **more):
        self.log(perturbation=self.name, seed=self.seed, number=call.number, call=f"{call.method} {call.path}", what=what, **more)

    async def call(self, call, forward):
        """An answer, by `await forward(call)` or otherwise; of a watch only one that refuses it, or None."""
        return None if call.is_watch else await forward(call)

    def events(self, call, source, ask):
        """The events of a watch, made of those that come from the server; `ask` sends other calls."""
        return source


class Timed(Perturbation):
    """What acts for a while after the first call and then no more, so that there is an end to compare."""

    def __init__(self, seed=0, seconds=6.0):
        super().__init__(seed)
        self.seconds, self.until = seconds, None

    def begin_anew(self):
        self.until = None

    @property
    def acts(self):
        self.until = self.until or time.monotonic() + self.seconds
        return time.monotonic() < self.until
