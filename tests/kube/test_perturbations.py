"""The perturbations themselves stay within what an API server may do."""
import asyncio
import random
from collections import defaultdict

import perturbations
import pytest
from perturbation import Call, Cut, Event
from perturbed_watches import Coalesced, Reordered


def event(kind, name, version):
    return Event.make(kind, {"metadata": {"name": name, "namespace": "default", "resourceVersion": str(version)}})


def history(seed, count=60):
    """Objects that come, change and go, with a bookmark now and then."""
    chance, there, out = random.Random(seed), set(), []
    for version in range(1, count):
        name = chance.choice("abcd")
        if chance.random() < 0.1:
            out.append(event("BOOKMARK", "", version))
        elif name not in there:
            there.add(name)
            out.append(event("ADDED", name, version))
        elif chance.random() < 0.3:
            there.remove(name)
            out.append(event("DELETED", name, version))
        else:
            out.append(event("MODIFIED", name, version))
    return out


def left(events):
    """What a client believes in the end: {name: version}."""
    there = {}
    for each in events:
        if each.kind == "DELETED":
            there.pop(each.key, None)
        elif each.is_of_an_object:
            there[each.key] = each.version
    return there


WATCH = Call("GET", "/apis/slipway.dev/v1alpha1/namespaces/default/modeldeployments", {"watch": "true"}, {}, b"", 1)


@pytest.mark.parametrize("kind", [Reordered, Coalesced])
@pytest.mark.parametrize("seed", range(50))
def test_each_object_is_told_of_in_order_and_to_its_end(kind, seed):
    events = history(seed)
    given = kind(seed).arrange(WATCH, events)
    assert left(given) == left(events)
    seen, mark = defaultdict(int), 0
    for each in given:
        assert each.version > mark, "an event that the bookmark before it had closed"
        if each.is_of_an_object:
            assert each.version > seen[each.key]
            seen[each.key] = each.version
        else:
            mark = each.version


def test_coalesced_events_are_fewer_and_say_what_a_client_can_take_in():
    events = [event("ADDED", "a", 1), event("MODIFIED", "a", 2), event("ADDED", "b", 3), event("DELETED", "b", 4), event("DELETED", "a", 5),
              event("ADDED", "a", 6)]
    given = Coalesced().arrange(WATCH, [event("MODIFIED", "c", 0), *events])
    assert [(each.kind, each.key[1], each.version) for each in given] == [("MODIFIED", "c", 0), ("ADDED", "a", 6)]
    given = Coalesced().arrange(WATCH, [event("MODIFIED", "c", 7), event("DELETED", "c", 8), event("ADDED", "c", 9)])
    assert [(each.kind, each.version) for each in given] == [("DELETED", 8), ("ADDED", 9)]


@pytest.mark.parametrize("name", perturbations.names(perturbations.OF_WATCHES))
def test_a_seed_does_the_same_again(name):
    async def play():
        async def source():
            for each in history(3):
                yield each

        perturbation, given = perturbations.KINDS[name](11), []
        perturbation.longest = perturbation.seconds = 0.01
        try:
            async for each in perturbation.events(WATCH, source(), None):
                given.append(each.line)
        except Cut:
            given.append(b"cut")
        return given

    assert asyncio.run(play()) == asyncio.run(play())


def test_a_path_tells_what_it_is_about():
    def resource(path):
        return Call("GET", path, {}, {}, b"").resource

    assert resource("/api/v1/namespaces/a/pods/x/status") == "pods" and resource("/api/v1/namespaces/a") == "namespaces"
    assert resource("/api/v1/namespaces") == "namespaces" and resource("/version") == ""
    assert resource("/apis/slipway.dev/v1alpha1/namespaces/a/modeldeployments/x/scale") == "modeldeployments"
    assert resource("/apis/slipway.dev/v1alpha1/modeldeployments") == "modeldeployments"
