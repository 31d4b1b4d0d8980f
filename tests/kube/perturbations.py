"""What an API server, its network or its replicas may do to a client, one kind of it a class; perturbing_proxy.py asks them.

Everything here is within what clients of Kubernetes must live with. What is taken away comes again: an event that was not
given is given after the client has come back, or the client is told to list anew. An object's own events keep their order,
but when a watch is opened again at a server that lags behind.

Each draws from a generator of its own, made of the seed, its name and the number of the call or stream; so a seed repeats
what is done to the n-th of them, whatever the others do meanwhile.
"""
import asyncio
import json
import random
import time
from collections import defaultdict, deque
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

    @property
    def acts(self):
        self.until = self.until or time.monotonic() + self.seconds
        return time.monotonic() < self.until


# ---- What happens to calls


class Slow(Timed):
    """Answers take their time, on the way there and on the way back."""
    longest = 0.4

    async def call(self, call, forward):
        draw, acts = self.draw(call.number), self.acts
        there, back = draw.uniform(0, self.longest), draw.uniform(0, self.longest)
        if acts:
            self.note(call, "slow", there=round(there, 3), back=round(back, 3))
            await asyncio.sleep(there)
        answer = await super().call(call, forward)
        if acts and not call.is_watch:
            await asyncio.sleep(back)
        return answer


class Refused(Timed):
    """Some of all calls are refused, the first ones surely, and may be tried again."""
    share, first = 0.4, 2
    refusals = {
        "Throttled": refusal(429, "TooManyRequests", "the server is busy", retry_after=1),
        "Unavailable": refusal(503, "ServiceUnavailable", "the server is going away", retry_after=1),
        "Failing": refusal(500, "InternalError", "etcdserver: request timed out"),
    }
    answers = ()

    async def call(self, call, forward):
        draw = self.draw(call.number)
        which = draw.choice(self.answers)
        if self.acts and (call.number < self.first or draw.random() < self.share):
            self.note(call, which)
            return self.refusals[which]
        return await super().call(call, forward)


class Throttled(Refused):
    answers = ("Throttled",)


class Unavailable(Refused):
    answers = ("Unavailable",)


class Failing(Refused):
    answers = ("Failing",)


class Conflicting(Timed):
    """Another writer came between, it seems: every second change of an object, and up to three times in a row."""

    async def call(self, call, forward):
        if call.method in ("PUT", "PATCH", "DELETE") and self.draw(call.number).random() < 0.5 and self.acts:
            self.note(call, "Conflict")
            name = call.path.rsplit("/", 1)[1]
            return refusal(409, "Conflict", f"Operation cannot be fulfilled on {call.resource} \"{name}\": the object has been modified; "
                           "please apply your changes to the latest version and try again")
        return await super().call(call, forward)


class Writing(Timed):
    """Connections end while something is written."""
    after = False

    async def call(self, call, forward):
        if not call.is_write or self.draw(call.number).random() < 0.5 or not self.acts:
            return await super().call(call, forward)
        if self.after:
            await forward(call)
        self.note(call, "cut " + ("after" if self.after else "before"))
        raise Cut


class CutBeforeWrites(Writing):
    """The server never got it."""


class CutAfterWrites(Writing):
    """The server did it, and nobody hears of it."""
    after = True


# ---- What happens to watches


class Watching(Perturbation):
    """The base of what happens to the first streams of each resource; `most` of them."""
    most = 4

    def __init__(self, seed=0):
        super().__init__(seed)
        self.done = defaultdict(int)  # by resource

    def turn(self, call):
        """The number of this time, or None: it was often enough."""
        if self.done[call.resource] >= self.most:
            return None
        self.done[call.resource] += 1
        return self.done[call.resource]


class Stale(Perturbation):
    """The server lags behind: what happens is told later."""
    longest = 1.5

    async def events(self, call, source, ask):
        held = self.draw(call.number).uniform(self.longest / 3, self.longest)
        self.note(call, "holds events back", seconds=round(held, 3))
        async for due, event in with_times(source):
            await asyncio.sleep(max(0, due + held - time.monotonic()))
            yield event


class Doubled(Perturbation):
    """Each event comes twice."""

    async def events(self, call, source, ask):
        self.note(call, "doubles events")
        async for event in source:
            yield event
            if event.is_of_an_object:
                yield event


class Gathered(Perturbation):
    """The base of those that hold events together and give them otherwise."""
    seconds = 0.5

    def arrange(self, call, events):
        return events

    async def events(self, call, source, ask):
        async for events in batches(source, self.seconds):
            given = self.arrange(call, events)
            if [each.line for each in given] != [each.line for each in events]:
                self.note(call, self.name, of=len(events), to=len(given))
            for event in given:
                yield event


class Reordered(Gathered):
    """Events of different objects change places; what a bookmark closes stays before it."""

    def arrange(self, call, events):
        draw = self.draw(call.number, events[0].version)
        out, part = [], []
        for event in [*events, None]:
            if event is not None and event.is_of_an_object:
                part.append(event)
                continue
            order = [event.key for event in part]
            draw.shuffle(order)
            own = defaultdict(deque)
            for each in part:
                own[each.key].append(each)
            out += [own[key].popleft() for key in order] + ([event] if event else [])
            part = []
        return out


class Coalesced(Gathered):
    """What follows fast becomes one event an object."""

    def arrange(self, call, events):
        out = []
        for event in events:
            before = next((each for each in reversed(out) if each.key == event.key and each.is_of_an_object), None)
            if not event.is_of_an_object or before is None or before.kind == "DELETED":
                out.append(event)
                continue
            out.remove(before)
            if before.kind == "ADDED" and event.kind == "DELETED":
                continue  # it was there between two looks
            out.append(Event.make("ADDED", event.object) if before.kind == "ADDED" else event)
        return out


class Cutting(Watching):
    """Connections end between two events, or in the middle of one; what is not given comes again."""
    most = 12

    async def events(self, call, source, ask):
        turn = self.turn(call)
        draw = self.draw(call.resource, turn)
        left = draw.randint(0, 3)
        async for event in source:
            if turn is not None and left == 0:
                self.note(call, "cut", at=event.version)
                if draw.random() < 0.5:
                    yield Event(event.kind, event.object, event.line[:len(event.line) // 2])
                raise Cut
            left -= 1
            yield event


class Missed(Watching):
    """The client is away for a while, and what happens meanwhile is no longer told: it has to list anew."""
    away = 1.2

    def __init__(self, seed=0):
        super().__init__(seed)
        self.away_until = defaultdict(float)
        self.forgotten = set()

    async def call(self, call, forward):
        if call.is_watch and time.monotonic() < self.away_until[call.resource]:
            raise Cut
        if call.is_watch and call.resource in self.forgotten:
            self.forgotten.remove(call.resource)
            if call.query.get("sendInitialEvents") != "true":
                self.note(call, "forgotten")
                return GONE
        return await super().call(call, forward)

    async def events(self, call, source, ask):
        turn = self.turn(call)
        left = self.draw(call.resource, turn).randint(1, 4)
        async for event in source:
            if turn is not None and left == 0 and event.is_of_an_object:
                self.note(call, "away", at=event.version)
                self.away_until[call.resource] = time.monotonic() + self.away
                self.forgotten.add(call.resource)
                raise Cut
            left -= 1
            yield event


class Gone(Watching):
    """Again and again, a watch's version is too old: said at once, or in the middle of it."""
    most = 6

    async def call(self, call, forward):
        if call.is_watch and call.query.get("sendInitialEvents") != "true" and self.draw(call.number).random() < 0.5:
            if self.turn(call) is not None:
                self.note(call, "410")
                return GONE
        return await super().call(call, forward)

    async def events(self, call, source, ask):
        turn = self.turn(call)
        left = self.draw(call.resource, turn).randint(0, 3)
        async for event in source:
            if turn is not None and left == 0:
                self.note(call, "ERROR 410", at=event.version)
                yield Event.make("ERROR", json.loads(GONE.body))
                return
            left -= 1
            yield event


class TooNew(Watching):
    """The server has not yet reached the version that the client names."""
    answer = refusal(504, "Timeout", "Too large resource version: 100, current: 99", retry_after=1,
                     causes=[{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}])

    async def call(self, call, forward):
        if call.method == "GET" and call.query.get("resourceVersion", "0") not in ("", "0") and self.turn(call) is not None:
            self.note(call, "504")
            return self.answer
        return await super().call(call, forward)

    async def events(self, call, source, ask):
        # Else the client would never come back. A first list is let through: it would be asked for again and again.
        left, listing = self.draw(call.number).randint(1, 4), call.query.get("sendInitialEvents") == "true"
        async for event in source:
            if left == 0 and self.done[call.resource] < self.most:
                raise Cut
            left -= not listing
            listing = listing and not event.ends_the_list
            yield event


class Stalled(Watching):
    """Nothing comes any more, and the connection stands; until it is cut."""
    seconds = 3.0

    async def events(self, call, source, ask):
        turn = self.turn(call)
        left = self.draw(call.resource, turn).randint(0, 4)
        async for event in source:
            if turn is not None and left == 0:
                self.note(call, "stalls", at=event.version)
                await asyncio.sleep(self.seconds)
                raise Cut
            left -= 1
            yield event


class Silent(Stalled):
    """The same, but nobody cuts: whoever waits has to find out."""
    most, seconds = 1, 1e6


class Unmarked(Perturbation):
    """No bookmarks, which servers give as they like, but the one that a client waits for."""

    async def events(self, call, source, ask):
        async for event in source:
            if event.kind != "BOOKMARK" or event.ends_the_list:
                yield event


class ListsApart(Perturbation):
    """A server that does not begin watches with what is there (before 1.34, or so configured)."""

    async def call(self, call, forward):
        if call.is_watch and "sendInitialEvents" in call.query:
            self.note(call, "no streaming lists")
            return refusal(422, "Invalid", "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is "
                           "forbidden for watch unless the WatchList feature gate is enabled",
                           causes=[{"reason": "FieldValueForbidden", "field": "sendInitialEvents",
                                    "message": "Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"}])
        return await super().call(call, forward)


class TimeTravel(Watching):
    """Streams end, and the server that the client comes to next lags behind: older events come again, older lists too."""
    most = 6

    def __init__(self, seed=0):
        super().__init__(seed)
        self.versions = defaultdict(list)  # by resource: those that were given

    async def call(self, call, forward):
        past = self.versions[call.resource]
        if call.is_watch and past and call.query.get("resourceVersion", "") not in ("", "0"):
            back = self.draw(call.resource, len(past)).randint(1, 8)
            older = past[max(0, len(past) - 1 - back)]
            if older < int(call.query["resourceVersion"]):
                self.note(call, "back", to=older, was=call.query["resourceVersion"])
                call.query["resourceVersion"] = str(older)
        return await super().call(call, forward)

    async def events(self, call, source, ask):
        turn = self.turn(call)
        left = self.draw(call.resource, turn).randint(2, 6)
        listing = call.query.get("sendInitialEvents") == "true"
        async for event in source:
            listing = listing and not event.ends_the_list
            if turn is not None and left <= 0 and not listing:
                self.note(call, "ends", at=event.version)
                return
            left -= 1
            if event.version > max(self.versions[call.resource], default=0) and not listing:
                self.versions[call.resource].append(event.version)
            yield event


# ---- Tools


class Ahead:
    """Reads events while whoever takes them waits: `async with Ahead(source) as events: (when, event) = await events.get()`, None at
    the end."""

    def __init__(self, source):
        self.source, self.queue = source, asyncio.Queue()

    async def __aenter__(self):
        self.reading = asyncio.create_task(self.read())
        return self

    async def __aexit__(self, *_):
        self.reading.cancel()

    async def read(self):
        end = None
        try:
            async for event in self.source:
                self.queue.put_nowait((time.monotonic(), event))
        except Exception as error:  # whoever takes it meets it
            end = error
        self.queue.put_nowait(end)

    def empty(self):
        return self.queue.empty()

    async def get(self):
        item = await self.queue.get()
        if isinstance(item, Exception):
            raise item
        return item


async def with_times(source):
    """(when it came, event)."""
    async with Ahead(source) as events:
        while item := await events.get():
            yield item


async def batches(source, seconds):
    """Lists of what came within that time after the first of it."""
    async with Ahead(source) as events:
        while item := await events.get():
            await asyncio.sleep(seconds)
            batch = [item[1]]
            while item and not events.empty():
                item = await events.get()
                batch += [item[1]] if item else []
            yield batch
            if item is None:
                return


OF_CALLS = (Slow, Throttled, Unavailable, Failing)
OF_WRITES = (Conflicting, CutBeforeWrites, CutAfterWrites)
OF_WATCHES = (Stale, Doubled, Reordered, Coalesced, Cutting, Missed, Gone, TooNew, Stalled, Unmarked, ListsApart, TimeTravel)
LONG = (Silent,)  # take minutes
KINDS = {each.__name__: each for each in (*OF_CALLS, *OF_WRITES, *OF_WATCHES, *LONG)}


def names(*groups):
    return [each.__name__ for group in groups for each in group]


def make(kinds, seed):
    """"Stale+Failing" -> both, with that seed."""
    return [KINDS[name](seed) for name in kinds.split("+") if name]
