"""Every path of the Open Inference Protocol over a real socket, with its exact code and body."""
import hashlib
import http.client
import json
import re
import socket as socket_module

import open_metrics
import pytest
from conftest import ZOO, Server, row

TREE = ZOO / "xgb_binary_cancer" / "model.json"
GOOD = row([1.0] * 30)


@pytest.fixture(scope="module")
def server():
    server = Server({"credit": TREE, "credit:3": ZOO / "xgb_missing_forest" / "model.json", "digits": ZOO / "onnx_two_heads" / "model.onnx"})
    yield server
    server.stop()


@pytest.mark.parametrize("path, status, body", [
    ("/v2/health/live", 200, {"live": True}),
    ("/v2/health/ready", 200, {"ready": True}),
    ("/v2/models", 200, {"models": ["credit", "digits"]}),
    ("/v2/models/credit/ready", 200, {"name": "credit", "ready": True}),
    ("/v2/models/credit/versions/1/ready", 200, {"name": "credit", "ready": True}),
    ("/v2/models/none", 404, {"error": "no model 'none'; there is credit, digits"}),
    ("/v2/models/none/ready", 404, {"error": "no model 'none'; there is credit, digits"}),
    ("/v2/models/credit/versions/2", 404, {"error": "model 'credit' has no version '2'; there is 1, 3"}),
    ("/", 200, {"status": "alive"}),
    ("/nowhere", 404, {"error": "no such path: /nowhere"}),
])
def test_path(server, path, status, body):
    assert server.get(path) == (status, json.dumps(body, separators=(",", ":")))


def test_the_server_says_what_it_is(server):
    for path in ("/v2", "/v2/"):
        status, text = server.get(path)
        assert status == 200 and re.fullmatch(r'\{"name":"slipway","version":"\d+\.\d+\.\d+","extensions":\[\]\}', text)


def test_metadata_has_signature_versions_and_features(server):
    metadata = json.loads(server.get("/v2/models/credit/versions/1")[1])
    assert metadata["versions"] == ["1", "3"] and metadata["platform"] == "xgboost_json"
    assert metadata["inputs"][0]["shape"] == [-1, 30] and metadata["inputs"][0]["parameters"]["features"][0] == "mean radius"
    assert metadata["outputs"] == [{"name": "output__0", "datatype": "FP32", "shape": [-1]}]


def test_the_highest_version_answers_unless_one_is_named(server):
    assert server.infer("credit", GOOD)[2]["model_version"] == "3"
    assert json.loads(server.ask("POST", "/v2/models/credit/versions/1/infer", {"inputs": GOOD})[2])["model_version"] == "1"


def test_every_answer_says_who_gave_it(server):
    status, headers, text = server.ask("POST", "/v2/models/credit/versions/1/infer", {"inputs": GOOD}, {"X-Request-Id": "my-1"})
    digest = hashlib.sha256(TREE.read_bytes()).hexdigest()
    assert headers["slipway-revision"] == f"credit-1-{digest[:8]}; digest=sha256:{digest}"
    assert headers["x-request-id"] == "my-1" and json.loads(text)["id"] == "my-1"
    status, headers, _ = server.ask("GET", "/nowhere")
    assert re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]{8}-[0-9a-f]{6}", headers["x-request-id"])


def test_a_revision_can_be_addressed(server):
    revision = json.loads(server.get("/v2/models/credit/versions/1")[1])["parameters"]["slipway_revision"]
    _, headers, text = server.ask("POST", "/v2/models/credit/infer", {"inputs": GOOD}, {"slipway-revision": revision})
    assert headers["slipway-revision"].startswith(revision) and json.loads(text)["model_version"] == "1"
    status, _, text = server.ask("POST", "/v2/models/credit/infer", {"inputs": GOOD}, {"slipway-revision": "credit-9-00000000"})
    assert status == 404 and "has no revision" in text


def test_ids_are_echoed_and_outputs_chosen(server):
    golden = json.loads((ZOO / "onnx_two_heads" / "golden.json").read_text())
    inputs = [{"name": t["name"], "datatype": t["datatype"], "shape": [1, *t["shape"][1:]], "data": t["data"][:len(t["data"]) // t["shape"][0]]}
              for t in golden["inputs"]]
    wanted = golden["outputs"][1]["name"]
    status, _, answer = server.infer("digits", inputs, id="seven", outputs=[{"name": wanted}])
    assert status == 200 and answer["id"] == "seven" and [o["name"] for o in answer["outputs"]] == [wanted]


@pytest.mark.parametrize("body, error", [
    ("{", "at byte 1: expected a member's name in quotes"),
    ("[]", "at byte 0: expected an object"),
    ("[" * 100_000, "at byte 0: expected an object"),
    ({}, "input 'input__0' is missing; the model takes 'input__0' FP32 [-1,30]"),
    ({"inputs": row([1.0] * 29)}, "input 'input__0' has shape [1,29], the model takes [-1,30]"),
    ({"inputs": row([1.0] * 30, datatype="FP16")}, "input 'x': at byte 73: FP16 does not travel as JSON numbers; send FP32"),
    ({"inputs": row(["a"] * 30, datatype="BYTES")}, "input 'input__0' has datatype BYTES, the model takes FP32"),
    ({"inputs": GOOD, "outputs": [{"name": "w"}]}, "at byte 251: the model has no output 'w'; it gives 'output__0' FP32 [-1]"),
])
def test_what_is_wrong_is_said_with_400(server, body, error):
    status, headers, text = server.ask("POST", "/v2/models/credit/infer", body)
    assert (status, json.loads(text)) == (400, {"error": error})
    assert re.fullmatch(r"credit-3-[0-9a-f]{8}; digest=sha256:[0-9a-f]{64}", headers["slipway-revision"])


def test_missing_values_may_be_null_or_nan(server):
    answers = [server.infer("credit", row([value] * 30))[2]["outputs"][0]["data"] for value in (None, float("nan"))]
    assert answers[0] == answers[1]


def test_methods_and_heads(server):
    assert server.ask("GET", "/v2/models/credit/infer")[0] == 405
    assert server.ask("DELETE", "/v2/models")[1]["allow"] == "GET"
    status, headers, text = server.ask("HEAD", "/v2/models")
    assert status == 200 and int(headers["content-length"]) > 0 and text == ""


def test_too_large_a_body_is_refused_before_it_is_sent(server):
    connection = server.connect()
    connection.putrequest("POST", "/v2/models/credit/infer")
    connection.putheader("Content-Length", str(1 << 40))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def metrics(server):
    status, headers, text = server.ask("GET", "/metrics", headers={"Accept": "application/openmetrics-text"})
    assert status == 200 and headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    return open_metrics.parse(text)


def test_metrics_are_open_metrics_and_count(server):
    before = metrics(server)
    assert server.infer("credit", GOOD)[0] == 200
    assert server.ask("POST", "/v2/models/credit/infer", "{")[0] == 400
    assert server.ask("POST", "/v2/models/none/infer", {"inputs": GOOD})[0] == 404
    after = metrics(server)
    revision = 'model="credit",version="3"'
    counters = {key for key in after if key.startswith("slipway_server_") and ("_total" in key or "_count" in key) and 'stage="queue"' not in key}
    assert {key: after[key] - before[key] for key in counters if after[key] != before[key]} == {
        **{f'slipway_server_requests_total{{{revision},code="{code}"}}': 1 for code in ("200", "400")},
        'slipway_server_refused_total{reason="unknown_model"}': 1,
        **{f'slipway_server_stage_seconds_count{{{revision},stage="{stage}"}}': 1 for stage in ("parse", "run", "write")},
    }


def test_observed_lists_what_is_loaded(server):
    observed = json.loads(server.get("/observed")[1])
    assert observed["inFlight"] == 0 and {r["model"] for r in observed["revisions"]} == {"credit", "digits"}
    assert all(r["state"] == "Ready" for r in observed["revisions"])


def ask_unix(path, target):
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket_module.socket(socket_module.AF_UNIX)
    connection.sock.connect(str(path))
    connection.request("GET", target)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


def test_admin_paths_have_a_listener_of_their_own(serve, tmp_path):
    socket = tmp_path / "admin.sock"
    server = serve({"m": TREE}, "--admin", f"unix:{socket}")
    for path in ("/livez", "/readyz", "/startupz", "/metrics", "/observed"):
        assert server.get(path)[0] == 404
    for path in ("/livez", "/readyz", "/startupz"):
        assert ask_unix(socket, path) == (200, b"ok\n")
    assert b"slipway_server_models 1" in ask_unix(socket, "/metrics")[1]
    assert json.loads(ask_unix(socket, "/observed")[1])["arrivals"] == 0
    assert ask_unix(socket, "/v2/models")[0] == 404


def test_probes_stand_on_a_bare_servers_own_listener(server):
    for path in ("/livez", "/readyz", "/startupz"):
        assert server.get(path) == (200, "ok\n")
