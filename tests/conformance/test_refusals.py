"""What is refused, in which words, and that nothing is half done: bodies, names, tokens, preconditions."""
import base64
import http.client
import json

import pytest
from server import GROUP, SPACE, deployment, version

MD = SPACE + "/modeldeployments"


def causes(answer):
    return {cause["field"]: cause["reason"] for cause in answer["details"]["causes"]}


def test_a_wrong_type_is_422_with_the_path_of_each_field(api):
    status, _, answer = api.ask("POST", MD, deployment(replicas="two", rollout={"keep": 5}))
    assert status == 422 and answer["reason"] == "Invalid"
    assert causes(answer)["spec.replicas"] == "FieldValueTypeInvalid" and causes(answer)["spec.rollout.keep"] == "FieldValueTypeInvalid"
    assert api.ask("GET", MD)[2]["items"] == []


@pytest.mark.parametrize("validation, status", [("", 201), ("Warn", 201), ("Ignore", 201), ("Strict", 400)])
def test_an_unknown_field_is_told_refused_or_ignored_as_asked(api, validation, status):
    query = f"?fieldValidation={validation}" if validation else ""
    got, headers, answer = api.ask("POST", MD + query, deployment(nosuch=1))
    assert got == status
    assert bool(headers.get("Warning")) == (validation in ("", "Warn"))
    if status == 400:
        assert answer["message"].endswith('strict decoding error: unknown field "spec.nosuch"')
    else:
        assert "nosuch" not in answer["spec"]


def test_a_stale_resource_version_is_a_conflict_and_changes_nothing(api):
    made = api.ask("POST", MD, deployment())[2]
    first = api.ask("PUT", MD + "/credit", {**made, "spec": {**made["spec"], "replicas": 2}})
    assert first[0] == 200
    status, _, answer = api.ask("PUT", MD + "/credit", {**made, "spec": {**made["spec"], "replicas": 3}})
    assert status == 409 and answer["reason"] == "Conflict" and "the object has been modified" in answer["message"]
    assert api.ask("GET", MD + "/credit")[2] == first[2]


def test_a_put_without_a_resource_version_is_422(api):
    api.ask("POST", MD, deployment())
    status, _, answer = api.ask("PUT", MD + "/credit", deployment(replicas=9))
    assert status == 422 and causes(answer) == {"metadata.resourceVersion": "FieldValueInvalid"}


def test_a_deletion_holds_to_its_preconditions(api):
    made = api.ask("POST", MD, deployment())[2]
    wrong_uid = {"preconditions": {"uid": "11111111-1111-1111-1111-111111111111"}}
    assert api.ask("DELETE", MD + "/credit", wrong_uid)[0] == 409
    api.ask("PATCH", MD + "/credit", {"spec": {"replicas": 2}}, {"Content-Type": "application/merge-patch+json"})
    stale = {"preconditions": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    assert api.ask("DELETE", MD + "/credit", stale)[0] == 409
    status, _, answer = api.ask("DELETE", MD + "/credit", {"preconditions": {"uid": made["metadata"]["uid"]}})
    assert status == 200 and answer["status"] == "Success" and answer["details"]["uid"] == made["metadata"]["uid"]
    assert api.ask("DELETE", MD + "/credit")[0] == 404


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "/", "a/b", "a\\b", "a b", "a\u0000b", "A", "-a", "a" * 300, "ü", "%2e%2e"])
def test_a_name_that_is_a_path_or_no_label_is_422(api, name):
    status, _, answer = api.ask("POST", MD, deployment(name))
    assert status == 422 and "metadata.name" in causes(answer)
    assert api.ask("GET", MD)[2]["items"] == []


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/%00", "/..%5c..%5cetc"])
def test_a_path_that_climbs_finds_nothing(api, path):
    assert api.ask("GET", MD + path)[0] in (400, 404)
    assert api.ask("DELETE", MD + path)[0] in (400, 404, 405)


def test_a_body_that_is_huge_or_deep_is_refused_at_once(api, kubectl_fails):
    huge = json.dumps({**deployment(), "metadata": {"name": "credit", "annotations": {"x": "y" * (4 << 20)}}})
    assert "equest" in kubectl_fails("create", "-f", "-", stdin=huge)  # RequestEntityTooLarge, or that the request was cut off
    deep = json.dumps(deployment())[:-1] + ',"x":' + "[" * 20_000 + "]" * 20_000 + "}"
    assert api.ask("POST", MD, deep)[0] in (400, 413)
    assert api.ask("GET", MD)[2]["items"] == []


def test_a_huge_manifest_is_refused_by_kubectl_or_the_api_and_stores_nothing(kubectl, kubectl_fails):
    text = json.dumps({**deployment(), "metadata": {"name": "credit", "annotations": {f"a{i}": "x" * 1000 for i in range(300)}}})
    assert "metadata.annotations: Too long: may not be more than 262144 bytes" in kubectl_fails("create", "-f", "-", stdin=text)
    assert kubectl("get", "md", "-o", "name") == ""


def test_yaml_with_anchors_that_grow_is_refused(kubectl, kubectl_fails):
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9))
    assert kubectl_fails("create", "-f", "-", stdin=bomb) != ""
    assert kubectl("get", "md", "-o", "name") == ""


def test_an_unknown_kind_and_an_unknown_path_are_404(api, kubectl_fails):
    assert "no matches for kind \"Nothing\"" in kubectl_fails("create", "-f", "-", stdin="apiVersion: slipway.dev/v1alpha1\nkind: Nothing\nmetadata: {name: a}\n")
    for path in (SPACE + "/nothings", GROUP + "/nothings", "/apis/slipway.dev/v9/modeldeployments", "/api/v1/namespaces/default/nothings"):
        assert api.ask("GET", path)[0] == 404, path


def test_what_cannot_be_patched_with_is_415(api):
    api.ask("POST", MD, deployment())
    for kind in ("application/strategic-merge-patch+json", "application/json", "text/plain"):
        status, _, answer = api.ask("PATCH", MD + "/credit", "{}", {"Content-Type": kind})
        assert status == 415 and answer["reason"] == "UnsupportedMediaType", kind


def test_every_error_is_a_status_object(api):
    api.ask("POST", MV_OF_ONE, version())
    for method, path, body in [("GET", MD + "/nosuch", None), ("POST", MD, "{"), ("POST", MD, deployment("A")), ("PUT", MD + "/nosuch", deployment("nosuch")),
                               ("GET", MD + "?limit=x", None), ("GET", MD + "?labelSelector=a+in", None), ("DELETE", MD + "/nosuch", None)]:
        status, headers, answer = api.ask(method, path, body)
        assert headers["Content-Type"] == "application/json"
        assert (answer["kind"], answer["apiVersion"], answer["status"], answer["code"]) == ("Status", "v1", "Failure", status) and status >= 400


MV_OF_ONE = SPACE + "/modelversions"


@pytest.mark.ours
@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer ", "Basic " + base64.b64encode(b"slipway:wrong").decode(), "Negotiate x", "garbage"])
def test_without_the_token_everything_is_401(api, header):
    for path in ("/version", "/api", "/apis", "/openapi/v3", MD, MD + "/credit", "/nosuch", "/v2/"):
        status, headers, answer = api.ask("GET", path, headers={"Authorization": header})
        assert status == 401, path
        assert "WWW-Authenticate" in headers
    assert api.ask("POST", MD, deployment(), {"Authorization": header})[0] == 401
    assert api.ask("GET", MD)[2]["items"] == []


@pytest.mark.ours
def test_kubectl_with_a_wrong_token_says_unauthorized(api, tmp_path):
    wrong = tmp_path / "kubeconfig"
    wrong.write_text(api.kubeconfig.read_text().replace(api.token, "wrong"))
    said = api.kubectl("--kubeconfig", wrong, "get", "md", ok=False).stderr
    assert "Unauthorized" in said or "You must be logged in to the server" in said


@pytest.mark.ours
def test_plain_http_is_not_spoken(api):
    connection = http.client.HTTPConnection(api.host, int(api.port), timeout=10)
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.request("GET", "/version", headers={"Authorization": f"Bearer {api.token}"})
        answer = connection.getresponse()
        assert answer.status >= 400
        raise http.client.HTTPException(answer.status)
