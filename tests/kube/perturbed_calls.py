"""What happens to calls that are no watches: they take their time, are refused, or lose their connection."""
import asyncio

from perturbation import Cut, Timed, refusal


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
