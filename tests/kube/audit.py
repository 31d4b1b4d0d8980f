"""What was asked of the API server, from its audit log.

    since = Audit(cluster)
    …
    since.requests("slipway-control")  # each {"verb", "resource", "namespace", "name", "code", "agent", "at", "uri"}
"""
import json
from datetime import datetime

WRITES = ("create", "update", "patch", "delete", "deletecollection")


class Audit:
    """From here on."""

    def __init__(self, cluster):
        assert cluster.bundle, "only the API server of the bundle is asked for its audit log"
        self.path = cluster.bundle.audit_log
        self.start = self.path.stat().st_size if self.path.exists() else 0

    def requests(self, agent="slipway"):
        """Those of whoever's user agent begins so. A watch stands there when it began and again when it ended."""
        with self.path.open("rb") as log:
            log.seek(self.start)
            lines = log.read().splitlines()
        return [each for line in lines if line.endswith(b"}") and (each := entry(json.loads(line)))["agent"].startswith(agent)]

    def writes(self, agent="slipway"):
        return [each for each in self.requests(agent) if each["verb"] in WRITES]

    def lists(self, agent="slipway"):
        """Lists, and watches that stream one: what an API server has to read everything for, unless it has refused."""
        return [each for each in self.requests(agent) if each["code"] == 200
                if each["verb"] == "list" or (each["verb"] == "watch" and "sendInitialEvents=true" in each["uri"] and each["stage"] == "ResponseStarted")]


def entry(said):
    about = said.get("objectRef", {})
    resource = "/".join(filter(None, (about.get("resource"), about.get("subresource"))))
    return {"verb": said["verb"], "resource": resource, "namespace": about.get("namespace", ""), "name": about.get("name", ""),
            "code": said.get("responseStatus", {}).get("code", 0), "agent": said.get("userAgent", ""), "user": said.get("user", {}).get("username", ""),
            "from": said.get("sourceIPs", [""])[0],
            "at": datetime.fromisoformat(said["requestReceivedTimestamp"].replace("Z", "+00:00")).timestamp(), "stage": said["stage"], "uri": said["requestURI"]}
