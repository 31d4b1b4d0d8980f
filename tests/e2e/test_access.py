"""Who may talk to `slipway control`: tokens, kubeconfigs, and every spelling of every path without either."""
import http.client
import json
import re

from conftest import ZOO, run
from control import API, digest_of, tree_digest

TREE = ZOO / "xgb_multi_penguins" / "model.json"


def test_ATK_22_no_token_or_a_wrong_one(control):
    platform = control()
    token = platform.token
    wrong = [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {token}x", f"Bearer {token[:-1]}", f"Bearer {token.upper()}", f"Bearer  {token}",
             f"Bearer {token},", f"Bearer\t{token}", f"Bearer {token} {token}", token, f"Token {token}", f"bearer{token}",
             "Bearer null", "Bearer undefined", "Bearer admin", "Bearer true", "Bearer []", "Bearer *", f"Bearer {token[:32]}", f"Bearer \"{token}\"",
             "Basic", "Basic ", "Basic !!!!", "Basic YWRtaW46", "Basic YWRtaW46YWRtaW4=", "Basic OnBhc3N3b3Jk", "Basic cm9vdDpyb290", "Negotiate x",
             "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.", "Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6Ii4uLy4uL2Rldi9udWxsIn0.e30.x",
             "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJncm91cHMiOlsic3lzdGVtOm1hc3RlcnMiXX0.", f"Bearer sha256:{digest_of(token.encode())[7:]}",
             f"Bearer {digest_of(token.encode())[7:]}", "Bearer " + "A" * 5000, "Bearer " + "0" * 64, "Bearer " + "a" * 64, "Bearer ../../kubeconfig",
             "Bearer %00", "Bearer ' OR '1'='1", "Digest username=\"admin\"", f"Basic {token}", f"Bearer 0x{token}", f"Bearer {token[::-1]}"]
    connection = platform.connect()
    for header in wrong:
        for path in (f"{API}/modelversions", "/v2/"):
            status, headers, text = platform.ask("GET", path, headers={"authorization": header}, connection=connection)
            told = json.loads(text)
            message = told["message"] if path != "/v2/" else told["errors"][0]["message"]
            assert status == 401 and message.startswith("Unauthorized: ") and "`slipway kubeconfig` has it" in message, (header, text)
            assert token not in text.decode() + str(headers)
    # Said once and whole: as the header, or as the password that registry clients send.
    assert platform.ask("GET", "/v2/", connection=connection)[0] == 200
    assert token not in platform.log()


def test_a_kubeconfig_with_another_token_is_told_so(control, tmp_path):
    platform = control()
    other = tmp_path / "other"
    other.write_text(platform.kubeconfig.read_text().replace(platform.token, "f" * 64))
    other.chmod(0o600)
    ended = run("get", "mv", "--kubeconfig", other)
    assert ended.returncode == 1 and "Unauthorized: the token is not this server's; `slipway kubeconfig` has it" in ended.stderr
    ended = run("push", TREE, "--name", "m", "--kubeconfig", other)
    assert ended.returncode == 1 and "Unauthorized" in ended.stderr


def test_a_kubeconfig_without_a_current_context_is_named(control, tmp_path):
    platform = control()
    other = tmp_path / "other"
    other.write_text(re.sub("current-context: .*\n", "", platform.kubeconfig.read_text()))
    other.chmod(0o600)
    ended = run("get", "mv", "--kubeconfig", other)
    assert ended.returncode == 1 and ended.stderr == f"error: {other}: no current context. Next step: --context with one of: slipway\n"
    assert run("get", "mv", "--kubeconfig", other, "--context", "slipway").returncode == 0
    assert run("get", "mv", "--kubeconfig", tmp_path / "none").stderr.startswith(f"error: no kubeconfig: {tmp_path}/none is not there.")


ROUTES = [("GET", "/api"), ("GET", "/apis"), ("GET", "/apis/slipway.dev/v1alpha1"), ("GET", "/openapi/v3"), ("GET", "/version"), ("GET", "/v2/"),
          *((method, f"{API}/{plural}") for plural in ("modelversions", "modeldeployments") for method in ("GET", "POST", "DELETE")),
          *((method, f"{API}/{plural}/x{sub}") for plural in ("modelversions", "modeldeployments") for sub in ("", "/status", "/scale")
            for method in ("GET", "PUT", "PATCH", "DELETE")),
          *((method, f"/api/v1/namespaces/default/events{one}") for one in ("", "/x") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")),
          *((method, f"/apis/discovery.k8s.io/v1{path}") for path in ("", "/endpointslices", "/namespaces/default/endpointslices", "/namespaces/default/endpointslices/x")
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE")),
          *((method, f"/api/v1{path}") for path in ("/pods", "/namespaces/default/pods", "/namespaces/default/pods/x", "/namespaces/default/pods/x/log",
                                                    "/namespaces/default/pods/x/exec") for method in ("GET", "POST", "DELETE")),
          *((method, f"/v2/m{rest}") for rest in ("/blobs/uploads/", "/blobs/uploads/" + "0" * 32, "/blobs/sha256:" + "0" * 64, "/manifests/1", "/tags/list",
                                                  "/referrers/sha256:" + "0" * 64) for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))]


def variants(path):
    """Other spellings that a careless router would take for the same path, or for a free one."""
    first, _, rest = path[1:].partition("/")
    yield from (path, path + "/", "/" + path, f"/./{path[1:]}", f"/livez/..{path}", f"/livez/%2e%2e{path}", f"/livez;{path}", f"{path};x", f"{path}?a=/livez",
                f"{path}%2f", f"/{first}%2f{rest}", f"{path}/../livez", f"{path}%00", f"{path}#/livez", path.upper(), f"/%{ord(first[0]):02x}{path[2:]}",
                f"https://localhost{path}", f"/livez/{path}", f"/readyz%2f..{path}", f"/healthz\\..{path}", f"//livez{path}")


def test_ATK_21_every_route_in_every_spelling_asks_for_the_token(control):
    platform = control()
    before = tree_digest(platform.data)
    connection = platform.connect()
    asked = 0
    spellings = [{}, {"x-http-method-override": "GET"}, {"x-original-url": "/livez"}, {"x-forwarded-uri": "/livez"}]
    for method, path in ROUTES:
        for spelled in variants(path):
            for extra in spellings if spelled == path else spellings[:1]:
                connection.putrequest(method, spelled, skip_accept_encoding=True)
                for name, value in {**extra, "content-type": "application/json", "content-length": "2"}.items():
                    connection.putheader(name, value)
                connection.endheaders(b"{}")
                answer = connection.getresponse()
                text = answer.read()
                asked += 1
                # 400: no path at all. Nothing else is said to a stranger, and never what there is.
                assert answer.status in (400, 401), (method, spelled, answer.status, text)
                if answer.will_close:
                    connection.close()
    assert asked > 1500 and tree_digest(platform.data) == before
    for path in ("/livez", "/readyz", "/healthz"):  # what is free, and that alone
        assert platform.ask("GET", path, headers={"authorization": None})[::2] == (200, b"ok")
        assert platform.ask("POST", path, b"{}", headers={"authorization": None})[0] == 401
    assert platform.ask("GET", "/livez/x", headers={"authorization": None})[0] == 401


def test_ATK_21_only_loopback_without_being_told(tmp_path):
    ended = run("control", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0")
    assert ended.returncode == 2 and "--allow-plaintext" in ended.stderr


def test_plain_http_gets_nothing(control):
    platform = control()
    plain = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=10)
    plain.request("GET", f"{API}/modelversions", headers={"authorization": f"Bearer {platform.token}"})
    answer = plain.getresponse()
    assert (answer.status, answer.read()) == (400, b'{"error":"this address speaks HTTPS; use https://"}')
    assert platform.alive() and platform.ask("GET", "/livez")[0] == 200
