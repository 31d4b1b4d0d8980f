"""The API server gone for ten minutes under load, and a gateway restarted meanwhile."""
from outage import Outage, most_lists


def measure(bed):
    platform = bed.installed()
    platform.deploy(1)
    seconds = bed.many(600, 40)
    results, since = Outage(platform).run(seconds)
    sent, failed = sum(each["sent"] for each in results), sum(each["failed"] for each in results)
    kinds = {kind: count for each in results for kind, count in each["kinds"].items()}
    yield f"failed of {sent} requests, {seconds} s without the API server {kinds or ''}".rstrip(), "0", str(failed), failed == 0
    most, _ = most_lists(since)
    yield "lists of one kind by one process afterwards", "≤ 1", str(most), most <= 1
