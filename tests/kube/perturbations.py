"""What an API server, its network or its replicas may do to a client, one kind of it a class; perturbing_proxy.py asks them.

Everything here is within what clients of Kubernetes must live with. What is taken away comes again: an event that was not
given is given after the client has come back, or the client is told to list anew. An object's own events keep their order,
but when a watch is opened again at a server that lags behind.

Each draws from a generator of its own, made of the seed, its name and the number of the call or stream; so a seed repeats
what is done to the n-th of them, whatever the others do meanwhile.
"""
from perturbed_calls import Conflicting, CutAfterWrites, CutBeforeWrites, Failing, Slow, Throttled, Unavailable
from perturbed_watches import (Coalesced, Cutting, Doubled, Gone, ListsApart, Missed, Reordered, Silent, Stale, Stalled, TimeTravel, TooNew,
                               Unmarked)

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
