"""The later half of the story: what changes objects, shows many of them, and removes them."""
from server import deployment, version
from story import (APPLY, CREDIT, JSON_PATCH, MD, MERGE, MV, STRATEGIC, SYNC, TABLE, Step, edited, rv, scale, status_of, uid, with_meta)

CHANGING = [
    Step("put what is the same", "PUT", CREDIT, body=lambda s: s["get"]),
    Step("put another spec", "PUT", CREDIT, body=lambda s: edited(s["get"], replicas=2)),
    Step("put what is stale", "PUT", CREDIT, body=lambda s: edited(s["get"], replicas=3)),
    Step("put without resourceVersion", "PUT", CREDIT, body=deployment()),
    Step("put with a resourceVersion that is no number", "PUT", CREDIT, body=with_meta(deployment(), resourceVersion="abc")),
    Step("put with another uid", "PUT", CREDIT, body=lambda s: with_meta(s["put another spec"], uid="11111111-1111-1111-1111-111111111111")),
    Step("put with another name", "PUT", CREDIT, body=lambda s: with_meta(s["put another spec"], name="debit")),
    Step("put what is not there", "PUT", MD + "/nosuch", body=with_meta(deployment("nosuch"), resourceVersion="1")),
    Step("put what is invalid", "PUT", CREDIT, body=lambda s: edited(s["put another spec"], replicas=-1)),
    Step("put dry", "PUT", CREDIT + "?dryRun=All", body=lambda s: edited(s["put another spec"], replicas=7)),
    Step("put labels alone", "PUT", CREDIT, body=lambda s: with_meta(s["put another spec"], labels={"team": "risk"})),
    Step("put a status beside the spec", "PUT", CREDIT, body=lambda s: status_of(s["put labels alone"])),
    Step("put an older generation", "PUT", CREDIT, body=lambda s: with_meta(s["put labels alone"], generation=99, creationTimestamp=None)),
    Step("put another spec of a version", "PUT", MV + "/credit-1", body=lambda s: edited(s["create a version"], format="GGUF")),
    Step("put a spec of a version that does not match either", "PUT", MV + "/credit-1", body=lambda s: edited(s["create a version"], artifact="../etc")),
    Step("put labels of a version", "PUT", MV + "/credit-1", body=lambda s: with_meta(s["create a version"], labels={"stage": "live"})),
]

PATCHING = [
    Step("merge patch", "PATCH", CREDIT, body={"spec": {"replicas": 3}}, headers=MERGE),
    Step("merge patch that changes nothing", "PATCH", CREDIT, body={"spec": {"replicas": 3}}, headers=MERGE),
    Step("merge patch that removes", "PATCH", CREDIT, body={"metadata": {"annotations": None}, "spec": {"replicas": None}}, headers=MERGE),
    Step("merge patch with a stale resourceVersion", "PATCH", CREDIT, body=lambda s: {"metadata": {"resourceVersion": rv(s["create"])}, "spec": {"replicas": 4}}, headers=MERGE),
    Step("merge patch with another uid", "PATCH", CREDIT, body={"metadata": {"uid": "11111111-1111-1111-1111-111111111111"}}, headers=MERGE),
    Step("merge patch of the name", "PATCH", CREDIT, body={"metadata": {"name": "debit"}}, headers=MERGE),
    Step("merge patch of the wrong type", "PATCH", CREDIT, body={"spec": {"replicas": "many"}}, headers=MERGE),
    Step("merge patch of what is not known, Strict", "PATCH", CREDIT + "?fieldValidation=Strict", body={"spec": {"nosuch": 1}}, headers=MERGE),
    Step("merge patch of what is not known, Warn", "PATCH", CREDIT + "?fieldValidation=Warn", body={"spec": {"nosuch": 1}}, headers=MERGE),
    Step("merge patch that is none", "PATCH", CREDIT, body="[1]", headers=MERGE),
    Step("merge patch that is no JSON", "PATCH", CREDIT, body="{", headers=MERGE),
    Step("merge patch dry", "PATCH", CREDIT + "?dryRun=All", body={"spec": {"replicas": 9}}, headers=MERGE),
    Step("merge patch of what is not there", "PATCH", MD + "/nosuch", body={"spec": {"replicas": 9}}, headers=MERGE),
    Step("merge patch of a version", "PATCH", MV + "/credit-1", body={"spec": {"format": "GGUF"}}, headers=MERGE),
    Step("JSON patch", "PATCH", CREDIT, body=[{"op": "test", "path": "/spec/model", "value": "credit"}, {"op": "add", "path": "/spec/replicas", "value": 2}], headers=JSON_PATCH),
    Step("JSON patch whose test fails", "PATCH", CREDIT, body=[{"op": "test", "path": "/spec/model", "value": "debit"}], headers=JSON_PATCH),
    Step("JSON patch of a path that is not there", "PATCH", CREDIT, body=[{"op": "remove", "path": "/spec/nosuch"}], headers=JSON_PATCH),
    Step("JSON patch that is none", "PATCH", CREDIT, body={"op": "remove"}, headers=JSON_PATCH),
    Step("JSON patch with an unknown operation", "PATCH", CREDIT, body=[{"op": "explode", "path": "/spec"}], headers=JSON_PATCH),
    Step("JSON patch that takes the spec away", "PATCH", CREDIT, body=[{"op": "remove", "path": "/spec"}], headers=JSON_PATCH),
    Step("strategic patch", "PATCH", CREDIT, body={"spec": {"replicas": 3}}, headers=STRATEGIC),
    Step("apply patch without a manager", "PATCH", CREDIT, body=deployment(), headers=APPLY),
    Step("a patch of no type", "PATCH", CREDIT, body={"spec": {}}, headers={"Content-Type": "application/json"}),
]

SUBRESOURCES = [
    Step("get the status", "GET", CREDIT + "/status"),
    Step("put the status", "PUT", CREDIT + "/status", body=lambda s: status_of(s["get the status"])),
    Step("put a stale status", "PUT", CREDIT + "/status", body=lambda s: status_of(s["get the status"], replicas=1)),
    Step("put a status with another spec", "PUT", CREDIT + "/status", body=lambda s: edited(status_of(s["put the status"], replicas=3), replicas=9)),
    Step("put the same status", "PUT", CREDIT + "/status", body=lambda s: s["put a status with another spec"]),
    Step("put a status without resourceVersion", "PUT", CREDIT + "/status", body=status_of(deployment())),
    Step("put a status of the wrong type", "PUT", CREDIT + "/status", body=lambda s: status_of(s["put a status with another spec"], replicas="two")),
    Step("put a status with an unknown field, Strict", "PUT", CREDIT + "/status?fieldValidation=Strict", body=lambda s: status_of(s["put a status with another spec"], nosuch=1)),
    Step("put a condition without a reason", "PUT", CREDIT + "/status", body=lambda s: status_of(s["put a status with another spec"], conditions=[{"type": "Ready", "status": "True"}])),
    Step("put a condition twice", "PUT", CREDIT + "/status", body=lambda s: status_of(s["put a status with another spec"], conditions=2 * status_of({})["status"]["conditions"])),
    Step("put a condition at no time", "PUT", CREDIT + "/status", body=lambda s: status_of(s["put a status with another spec"], conditions=[{**status_of({})["status"]["conditions"][0], "lastTransitionTime": "yesterday"}])),
    Step("merge patch of the status", "PATCH", CREDIT + "/status", body={"status": {"desiredReplicas": 5}, "spec": {"replicas": 77}}, headers=MERGE),
    Step("merge patch of status through the object", "PATCH", CREDIT, body={"status": {"desiredReplicas": 6}}, headers=MERGE),
    Step("get as a table with status", "GET", CREDIT, headers=TABLE),
    Step("get the scale", "GET", CREDIT + "/scale"),
    Step("put the scale", "PUT", CREDIT + "/scale", body=lambda s: scale(4, resourceVersion=rv(s["get the scale"]))),
    Step("put a stale scale", "PUT", CREDIT + "/scale", body=lambda s: scale(5, resourceVersion=rv(s["get the scale"]))),
    Step("put a scale without resourceVersion", "PUT", CREDIT + "/scale", body=scale(6)),
    Step("put a negative scale", "PUT", CREDIT + "/scale", body=scale(-1)),
    Step("put a scale beyond the schema", "PUT", CREDIT + "/scale", body=scale(1001)),
    Step("put a scale that is none", "PUT", CREDIT + "/scale", body=deployment()),
    Step("merge patch of the scale", "PATCH", CREDIT + "/scale", body={"spec": {"replicas": 2}}, headers=MERGE),
    Step("get the scale of what is not there", "GET", MD + "/nosuch/scale"),
    Step("get the scale of a version", "GET", MV + "/credit-1/scale"),
    Step("get the status of a version", "GET", MV + "/credit-1/status"),
]

MANY = [Step(f"create another: {name}", "POST", MD, body=with_meta(deployment(name), labels=labels))
        for name, labels in [("alpha", {"team": "risk"}), ("beta", {"team": "ads", "tier": "gold"}), ("gamma", {}), ("delta", {"team": "", "x/y": "z"})]]


def listing(name, query, **more):
    return Step("list " + name, "GET", f"{MD}?{query}" if isinstance(query, str) else query, **more)


LISTING = [
    *MANY,
    listing("all", ""),
    listing("of all namespaces", lambda s: MD.replace("/namespaces/default", "")),
    listing("of a namespace that is not there", lambda s: MD.replace("default", "nowhere")),
    listing("as a table", "limit=2", headers=TABLE),
    listing("by equality", "labelSelector=team%3Drisk"),
    listing("by two equalities", "labelSelector=team%3D%3Dads,tier%3Dgold"),
    listing("by inequality", "labelSelector=team!%3Drisk"),
    listing("by a set", "labelSelector=team+in+(risk,ads)"),
    listing("by no set", "labelSelector=team+notin+(risk,ads)"),
    listing("by presence", "labelSelector=team"),
    listing("by absence", "labelSelector=!team"),
    listing("by a selector that is none", "labelSelector=team+in+risk"),
    listing("by a selector with a bad key", "labelSelector=a%20b%3Dc"),
    listing("by an empty value", "labelSelector=team%3D"),
    listing("by name", "fieldSelector=metadata.name%3Dbeta"),
    listing("by not a name", "fieldSelector=metadata.name!%3Dbeta,metadata.namespace%3Ddefault&limit=1"),
    listing("by a field that cannot be", "fieldSelector=spec.model%3Dcredit"),
    listing("by a field selector that is none", "fieldSelector=metadata.name"),
    listing("a first page", "limit=2"),
    listing("the next page", lambda s: f"{MD}?limit=2&continue={s['list a first page']['metadata']['continue']}"),
    listing("the last page", lambda s: f"{MD}?limit=20&continue={s['list the next page']['metadata']['continue']}"),
    listing("from a token that is none", "limit=2&continue=nonsense"),
    listing("a page with a selector", "limit=1&labelSelector=team"),
    listing("a negative limit", "limit=-1"),
    listing("a limit that is none", "limit=many"),
    listing("from the cache", "resourceVersion=0&limit=1&fieldSelector=metadata.name%3Dbeta"),
    listing("not older than", lambda s: f"{MD}?resourceVersion={rv(s['list all'])}&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3Dbeta"),
    listing("exactly as it was", lambda s: f"{MD}?resourceVersion={rv(s['create another: beta'])}&resourceVersionMatch=Exact&limit=500"),
    listing("exactly at 0", "resourceVersion=0&resourceVersionMatch=Exact"),
    listing("by a match without a version", "resourceVersionMatch=Exact"),
    listing("by a match that is none", "resourceVersion=1&resourceVersionMatch=About"),
    listing("by a version that is none", "resourceVersion=abc"),
    listing("with initial events", "sendInitialEvents=true"),
    listing("of versions", lambda s: MV),
]


def since(step, more="", seconds=2):
    return lambda s: f"{MD}?watch=1&resourceVersion={rv(s[step])}&timeoutSeconds={seconds}{more}"


WATCHING = [
    Step("watch from a version", "GET", since("create another: alpha"), events=3),
    Step("watch from a version by label", "GET", since("create another: alpha", "&labelSelector=team%3Dads"), events=1),
    Step("watch from a version by name", "GET", since("create another: alpha", "&fieldSelector=metadata.name%3Dgamma"), events=1),
    Step("watch until the time is up", "GET", since("create another: delta", seconds=1), events=1),
    Step("watch from nothing", "GET", MD + "?watch=1&timeoutSeconds=2&fieldSelector=metadata.name%3Dbeta", events=1),
    Step("watch from 0", "GET", MD + "?watch=1&resourceVersion=0&timeoutSeconds=2&fieldSelector=metadata.name%3Dbeta", events=1),
    Step("watch by watch=true", "GET", MD + "?watch=true&resourceVersion=0&timeoutSeconds=2&fieldSelector=metadata.name%3Dbeta", events=1),
    Step("watch with initial events", "GET", MD + f"?{SYNC}&fieldSelector=metadata.name%3Dbeta", events=2),
    Step("watch with initial events of nothing", "GET", MD + f"?{SYNC}&fieldSelector=metadata.name%3Dnosuch", events=1),
    Step("watch with initial events as tables", "GET", MD + f"?{SYNC}&labelSelector=team%3Dads", headers=TABLE, events=2),
    Step("watch with initial events without a match", "GET", MD + "?watch=1&sendInitialEvents=true", events=1),
    Step("watch with a match alone", "GET", MD + "?watch=1&resourceVersionMatch=NotOlderThan", events=1),
    Step("watch from a version that is none", "GET", MD + "?watch=1&resourceVersion=abc", events=1),
    Step("watch as tables", "GET", since("create another: alpha"), headers=TABLE, events=2),
    Step("change a label so that it leaves", "PATCH", MD + "/beta", body={"metadata": {"labels": {"team": None}}}, headers=MERGE),
    Step("change a label so that it enters", "PATCH", MD + "/gamma", body={"metadata": {"labels": {"team": "ads"}}}, headers=MERGE),
    Step("watch who leaves and enters", "GET", since("create another: delta", "&labelSelector=team%3Dads"), events=2),
    Step("watch of a namespace that is not there", "GET", MD.replace("default", "nowhere") + "?watch=1&resourceVersion=0&timeoutSeconds=1", events=1),
]

DELETING = [
    Step("delete dry", "DELETE", MD + "/alpha?dryRun=All"),
    Step("delete with another uid", "DELETE", MD + "/alpha", body={"preconditions": {"uid": "11111111-1111-1111-1111-111111111111"}}),
    Step("delete with a stale resourceVersion", "DELETE", CREDIT, body=lambda s: {"preconditions": {"resourceVersion": rv(s["create"])}}),
    Step("delete with a policy that is none", "DELETE", MD + "/alpha", body={"propagationPolicy": "Sideways"}),
    Step("delete with a body that is none", "DELETE", MD + "/alpha", body="{"),
    Step("delete with what holds", "DELETE", MD + "/alpha", body=lambda s: {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background", "preconditions": {"uid": uid(s["create another: alpha"])}}),
    Step("get what was deleted", "GET", MD + "/alpha"),
    Step("delete what is not there", "DELETE", MD + "/alpha"),
    Step("delete without a body", "DELETE", MD + "/gamma"),
    Step("watch the deletions", "GET", since("change a label so that it enters", "&labelSelector=team%3Dads"), events=1),
    Step("create it again", "POST", MD, body=deployment("alpha")),
    Step("put what came before it", "PUT", MD + "/alpha", body=lambda s: s["create another: alpha"]),
    Step("delete all by label", "DELETE", MD + "?labelSelector=tier%3Dgold", pick=lambda a: a.get("items") and [i["metadata"]["name"] for i in a["items"]]),
    Step("delete a version", "DELETE", MV + "/credit-1"),
    Step("delete all", "DELETE", MD, pick=lambda a: a.get("items") and [i["metadata"]["name"] for i in a["items"]]),
    Step("list what is left", "GET", MD),
]
