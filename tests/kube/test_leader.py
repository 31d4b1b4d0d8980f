"""One control leads; another follows it, and nothing that the old one still wanted to write is written."""
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from audit import Audit
from leaders import Candidate, Held, Pair

HOW = {"ended": signal.SIGTERM, "killed": signal.SIGKILL, "stopped": signal.SIGSTOP, "stopped while it writes": signal.SIGSTOP}
pytestmark = pytest.mark.bundle  # the audit log


@pytest.fixture(scope="module")
def failovers(control_plane, tmp_path_factory):
    """The quick one alone, then those that wait most of the time at once."""
    def run(name):
        space = control_plane.space("leader")
        try:
            with Pair(space, tmp_path_factory.mktemp("pair"), Held() if name == "stopped while it writes" else None) as pair:
                return pair.fail_over(HOW[name])
        finally:
            space.remove()
    with ThreadPoolExecutor(len(HOW)) as pool:
        return {"ended": run("ended"), **dict(zip(list(HOW)[1:], pool.map(run, list(HOW)[1:])))}


# How long it takes is measured by bench_failover.py: here a machine may have much else to do.


def test_one_that_ends_is_followed_before_its_lease_would_be_over(failovers):
    assert failovers["ended"].seconds < 9
    assert failovers["ended"].ended == 0


def test_one_that_is_killed_is_followed_when_its_lease_is_over(failovers):
    assert 9 <= failovers["killed"].seconds <= 30
    assert failovers["killed"].ended == -signal.SIGKILL


@pytest.mark.parametrize("name", ["stopped", "stopped while it writes"])
def test_one_that_was_stopped_for_too_long_ends_when_it_goes_on(failovers, name):
    assert 9 <= failovers[name].seconds <= 30
    assert failovers[name].ended == 1


@pytest.mark.parametrize("name", HOW)
def test_nothing_of_the_old_one_is_accepted_once_another_leads(failovers, name):
    assert failovers[name].stale == []


def test_what_was_under_way_when_it_was_stopped_is_refused(failovers):
    """By the version that it was based on: its sender has no say any more."""
    assert failovers["stopped while it writes"].refused > 0


def test_the_lease_alone_is_written_at_rest(plane, tmp_path):
    """One PUT every five seconds by the one that leads, nothing by the one that waits."""
    candidates = [Candidate(plane, f"control-{name}", tmp_path) for name in "ab"]
    try:
        plane.wait(lambda: sum(each.leads() for each in candidates) == 1, "one of two leads")
        time.sleep(2)  # both watches of the lease and the lists have begun
        since = Audit(plane.cluster)
        time.sleep(11)
        asked = [(each["verb"], each["resource"]) for each in since.requests("") if each["namespace"] == plane.name and each["stage"] == "ResponseComplete"]
        assert set(asked) == {("update", "leases")}, asked
        assert 2 <= len(asked) <= 3
    finally:
        for each in candidates:
            each.stop()
