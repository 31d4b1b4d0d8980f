"""The cluster's API server goes away, and requests go on."""
import pytest
from load import check_all_right
from outage import Outage, most_lists


@pytest.mark.bundle
def test_requests_go_on_without_an_api_server_and_with_a_gateway_restarted_meanwhile(platform):
    platform.deploy(1)
    results, since = Outage(platform).run(seconds=30)
    for each in results:
        check_all_right(each)
    most, counts = most_lists(since)
    assert most <= 1, counts
    # And whoever decides has found back.
    platform.patch(version=2)
    platform.wait_at(2, 120)
