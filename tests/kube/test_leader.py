"""One control leads; another follows it, and nothing that the old one still wanted to write is written."""
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from audit import Audit
from leaders import Candidate, Pair

HOW = {"ended": signal.SIGTERM, "killed": signal.SIGKILL, "stopped": signal.SIGSTOP}
pytestmark = pytest.mark.bundle  # the audit log


@pytest.fixture(scope="module")
def failovers(control_plane, tmp_path_factory):
    """All at once: each waits most of the time."""
    def run(name):
        space = control_plane.space("leader")
        try:
            with Pair(space, tmp_path_factory.mktemp(name)) as pair:
                return pair.fail_over(HOW[name])
        finally:
            space.remove()
    with ThreadPoolExecutor(len(HOW)) as pool:
        return dict(zip(HOW, pool.map(run, HOW)))


def test_one_that_ends_is_followed_at_once(failovers):
    assert failovers["ended"].seconds <= 3
    assert failovers["ended"].ended == 0


def test_one_that_is_killed_is_followed_when_its_lease_is_over(failovers):
    assert 5 <= failovers["killed"].seconds <= 17
    assert failovers["killed"].ended == -signal.SIGKILL


def test_one_that_was_stopped_for_too_long_ends_when_it_goes_on(failovers):
    assert 5 <= failovers["stopped"].seconds <= 17
    assert failovers["stopped"].ended == 1


@pytest.mark.parametrize("name", HOW)
def test_nothing_of_the_old_one_is_accepted_once_another_leads(failovers, name):
    assert failovers[name].stale == []
    assert failovers[name].restless == []


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
            each.control.stop()
