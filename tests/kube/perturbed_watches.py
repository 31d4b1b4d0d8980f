"""What happens to watches: what they tell comes late, twice, in another order, as less, or not before the client has come back."""
import asyncio
import json
import time
from collections import defaultdict, deque

from perturbation import GONE, Cut, Event, Perturbation, refusal


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
