"""Bad manifests, by the command line and straight at the API: each is told what is wrong and where, and nothing is stored."""
import json
import resource
import subprocess
import time

import pytest
from conftest import BINARY, run
from control import API, Control, deployment

GOOD = """apiVersion: slipway.dev/v1alpha1
kind: ModelDeployment
metadata: {name: good}
spec: {model: credit, version: 1}
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    control = Control(tmp_path_factory.mktemp("manifests") / "data")
    yield control
    assert control.stop() == 0


@pytest.fixture(autouse=True)
def nothing_is_stored(platform):
    yield
    assert platform.deployments() == {} and platform.versions() == {}


def apply(platform, text, *words):
    return platform.slipway("apply", "-f", "-", *words, stdin=text)


def said(platform, text):
    """What `slipway apply` says of a manifest that it refuses; the first line's mark is cut off."""
    ended = apply(platform, text)
    assert ended.returncode == 1 and ended.stdout == "", ended
    assert ended.stderr.startswith("error: ")
    return ended.stderr[len("error: "):]


def with_spec(lines):
    return f"apiVersion: slipway.dev/v1alpha1\nkind: ModelDeployment\nmetadata: {{name: bad}}\nspec:\n  model: credit\n  version: 1\n{lines}\n"


# ---- By the command line

FIELDS = {
    "unknown": ("  replica: 2", 'spec.replica'),
    "unknown below": ("  rollout: {keeep: 5m}", "spec.rollout.keeep"),
    "two unknown": ("  a: 1\n  rollout: {b: 1}", "spec.rollout.b"),
    "a later feature": ("  autoscale: {min: 0, max: 8}", "spec.autoscale"),
    "wrong type": ("  replicas: two", "spec.replicas"),
    "wrong type below": ("  rollout: {steps: {weight: 1}}", "spec.rollout.steps"),
    "a list's member": ("  rollout: {strategy: canary, steps: [{weight: 10, hold: 1m}, {weight: 200, hold: 1m}]}", "spec.rollout.steps[1].weight"),
    "out of range": ("  replicas: -1", "spec.replicas"),
    "none of the words": ("  rollout: {strategy: quick}", "spec.rollout.strategy"),
    "a fraction": ("  replicas: 1.5", "spec.replicas"),
}


@pytest.mark.parametrize("which", FIELDS)
def test_a_field_is_named_with_its_path(platform, which):
    lines, path = FIELDS[which]
    text = said(platform, with_spec(lines))
    assert text.startswith("-:1: ") and path in text, text


WHOLE = {
    "no apiVersion": (GOOD.split("\n", 1)[1],
                      "-:1: apiVersion and kind are needed, such as apiVersion: slipway.dev/v1alpha1, kind: ModelDeployment\n"),
    "no kind": (GOOD.replace("kind: ModelDeployment\n", ""),
                "-:1: apiVersion and kind are needed, such as apiVersion: slipway.dev/v1alpha1, kind: ModelDeployment\n"),
    "a wrong kind": (GOOD.replace("ModelDeployment", "Deployment"),
                     "-:1: there is no kind Deployment in slipway.dev/v1alpha1; Slipway has ModelVersion and ModelDeployment in slipway.dev/v1alpha1\n"),
    "a wrong version": (GOOD.replace("v1alpha1", "v7"),
                        "-:1: there is no kind ModelDeployment in slipway.dev/v7; Slipway has ModelVersion and ModelDeployment in slipway.dev/v1alpha1\n"),
    "no name": (GOOD.replace("{name: good}", "{}"), "-:1: metadata.name is missing\n"),
    "nothing": ("", "the input holds no resources\n"),
    "comments": ("# nothing\n---\n# here\n", "the input holds no resources\n"),
    "text": ("just words\n", "-:1: apiVersion and kind are needed, such as apiVersion: slipway.dev/v1alpha1, kind: ModelDeployment\n"),
    "an anchor": (GOOD.replace("{name: good}", "&a {name: good}"),
                  "standard input:3:11: anchors (&a) are not read; write the value out where it is needed\n"),
    "an alias": (GOOD + "status: *a\n", "standard input:5:9: aliases (*a) are not read; write the value out\n"),
    "a tag": (GOOD.replace("version: 1", "version: !!int 1"),
              "standard input:4:32: tags (tag:yaml.org,2002:int) are not read; quote a value that is text\n"),
    "a tag that runs code": ("!!python/object/apply:os.system [id]\n",
                             "standard input:1:1: tags (tag:yaml.org,2002:python/object/apply:os.system) are not read; quote a value that is text\n"),
    "a merge key": (GOOD.replace("spec: {", "spec: {<<: {replicas: 1}, "), "standard input:4:8: merge keys (<<) are not read; write the fields out\n"),
    "a key twice": (GOOD.replace("version: 1", "version: 1, version: 2"), "standard input:4:"),
    "a tab": (GOOD + "\tx: 1\n", "standard input:5:1: "),
    "no end": ("spec: {model: [\n", "standard input:2:1: "),
    "not UTF-8": ("a: \udcff\n", "standard input: byte 3: "),
    "a bad second document": (GOOD + "---\nspec: [\n", "standard input:7:1: "),
    "a second without a kind": (GOOD + "---\nmetadata: {name: second}\n", "-:6: apiVersion and kind are needed"),
    "a second of another kind": (GOOD + "---\n" + GOOD.replace("ModelDeployment", "Pod"), "-:6: there is no kind Pod in slipway.dev/v1alpha1"),
    "2 MiB": (GOOD + "# " + "x" * (2 << 20) + "\n", "standard input has more than 1048576 bytes; apply it in parts\n"),
}


@pytest.mark.parametrize("which", WHOLE)
def test_what_is_no_manifest_is_refused_before_anything_is_sent(platform, which):
    text, says = WHOLE[which]
    found = said(platform, text) if "\udcff" not in text else said_of_bytes(platform, text)
    assert found == says if says.endswith("\n") else found.startswith(says), found
    assert len(found) < 400


def said_of_bytes(platform, text):
    ended = subprocess.run([BINARY, "apply", "-f", "-", "--data", platform.data], input=text.encode(errors="surrogateescape"), capture_output=True, timeout=30,
                           check=False)
    assert ended.returncode == 1 and ended.stdout == b""
    return ended.stderr.decode()[len("error: "):]


def test_a_file_is_named_where_it_is_wrong(platform, tmp_path):
    good, bad = tmp_path / "a.yaml", tmp_path / "b.yaml"
    good.write_text(GOOD)
    bad.write_text(GOOD + "---\nkind: [\n")
    for words in (["-f", good, "-f", bad], ["-f", tmp_path]):  # nothing of the good one either
        ended = platform.slipway("apply", *words)
        assert ended.returncode == 1 and ended.stdout == "" and ended.stderr.startswith(f"error: {bad}:7:1: ")
    bad.write_bytes(b"x" * (2 << 20))
    ended = platform.slipway("apply", "-f", bad)
    assert ended.returncode == 1 and ended.stderr.startswith(f"error: {bad}: ") and "1048576" in ended.stderr
    ended = platform.slipway("apply", "-f", tmp_path / "none")
    assert ended.returncode == 1 and ended.stderr.startswith(f"error: {tmp_path}/none: ")
    (tmp_path / "empty").mkdir()
    ended = platform.slipway("apply", "-f", tmp_path / "empty")
    assert ended.returncode == 1 and ended.stderr == f"error: {tmp_path}/empty holds no .yaml, .yml or .json files\n"


NAMES = ["../x", "a/b", "%2e%2e", "..", ".", "/etc/passwd", "a\\b", "x" * 64, "UPPER", "a b", "-a", "a..b", "ünï", "a%00b", "credit-", "a\nb", "?watch=true", "a#b"]


@pytest.mark.parametrize("name", NAMES)
def test_ATK_16_a_name_that_is_a_path_is_only_a_bad_name(platform, name):
    text = said(platform, json.dumps(deployment(name)))
    # Refused here when it would change the address that is asked, else by the server.
    assert text == f"-:1: '{name}' cannot be a name: it could be read as a path\n" or ("metadata.name" in text and "running?" not in text), text
    for command in (["get", f"md/{name}"], ["delete", "md", name], ["describe", "md", name]):
        ended = platform.slipway(*command)
        assert ended.returncode in (1, 2) and ended.stdout == "", ended


def test_one_refused_by_the_server_does_not_stop_the_others(platform):
    ended = apply(platform, GOOD + "---\n" + with_spec("  nope: 1") + "---\n" + GOOD.replace("good", "other"))
    try:
        assert ended.returncode == 1 and ended.stdout.splitlines() == ["modeldeployment/good created", "modeldeployment/other created"]
        assert ended.stderr.startswith("error: -:6: ") and "spec.nope" in ended.stderr
    finally:
        platform.slipway("delete", "md", "--all")


def test_a_dry_run_stores_nothing(platform):
    ended = apply(platform, GOOD, "--dry-run")
    assert ended.returncode == 0 and ended.stdout == "modeldeployment/good created (dry run)\n"
    ended = platform.slipway("diff", "-f", "-", stdin=GOOD)
    assert ended.returncode == 1 and "+  model: credit" in ended.stdout
    assert platform.slipway("diff", "-f", "-", stdin="a: [").returncode == 2


# ---- Bombs


def bombs():
    nine = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi"))
    return {
        "nine to the nine": nine,
        "quadratic aliases": "a: &a " + "x" * 100_000 + "\nb: [" + "*a, " * 100_000 + "]\n",
        "a huge scalar": "a: \"" + "x" * 1_000_000 + "\"\n",
        "a long run of keys": "".join(f"k{i}: 1\n" for i in range(90_000)),
        "one key again and again": "k: 1\n" * 150_000,
        "deep lists": "[" * 1_000_000,
        "deep mappings": "{a: " * 250_000,
        "deep and closed": "[" * 500_000 + "]" * 500_000,
        "deep blocks": "".join(" " * i + "a:\n" for i in range(1400)),
        "deep dashes": "- " * 500_000,
        "questions": "? " * 500_000,
        "many documents": "---\n" * 250_000,
        "tag directives": "%TAG !a! tag:x,2000:\n" * 40_000,
        "quotes": "'" * 1_000_000,
        "flow commas": "[" + "," * 1_000_000,
        "a long anchor": "&" + "a" * 1_000_000 + " x\n",
        "brackets of JSON": "{\"a\":" * 200_000,
        "nulls": "\0" * 1_000_000,
        "escapes": "\"" + "\\x41" * 250_000 + "\"",
        "long comment lines": "# x\n" * 250_000,
    }


BOMBS = bombs()


@pytest.mark.parametrize("which", BOMBS)
def test_ATK_01_a_bomb_costs_little(platform, which, tmp_path):
    text = BOMBS[which]
    assert len(text) <= 1_100_000
    (tmp_path / "bomb.yaml").write_text(text)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    ended = run("apply", "-f", tmp_path / "bomb.yaml", "--data", platform.data, timeout=20)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended.returncode == 1 and ended.stdout == "" and ended.stderr.startswith("error: ") and len(ended.stderr) < 500, ended.stderr[:500]
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1 and time.monotonic() - began < 5
    # Of the largest child so far, in KiB: this one is no larger than it may be, or than another was.
    assert after.ru_maxrss <= max(before.ru_maxrss, 200 << 10)


# ---- Straight at the API


def post(platform, body, kind="application/json", query=""):
    status, _, text = platform.ask("POST", f"{API}/modeldeployments{query}", body, {"content-type": kind})
    told = json.loads(text)
    return status, told


RAW = {
    "an unknown field": (json.dumps(deployment("bad", nope=1)), 400, 'strict decoding error: unknown field "spec.nope"'),
    "a wrong type": (json.dumps(deployment("bad", replicas="2")), 422, "spec.replicas"),
    "a key twice": ('{"apiVersion":"slipway.dev/v1alpha1","kind":"ModelDeployment","metadata":{"name":"bad"},"spec":{"model":"m","model":"n","version":1}}', 400,
                    'duplicate field "spec.model"'),
    "a wrong kind": (json.dumps({**deployment("bad"), "kind": "Pod"}), 422, 'kind: Invalid value: "Pod": must be ModelDeployment'),
    "another version": (json.dumps({**deployment("bad"), "apiVersion": "slipway.dev/v2"}), 400, "slipway.dev/v2"),
    "another namespace": (json.dumps({**deployment("bad"), "metadata": {"name": "bad", "namespace": "kube-system"}}), 400, "namespace"),
    "no name": (json.dumps({**deployment("bad"), "metadata": {}}), 422, "name or generateName is required"),
    "a path for a name": (json.dumps(deployment("../x")), 422, "metadata.name"),
    "no JSON": ("{", 400, ""),
    "nothing": ("", 400, ""),
    "a list": ("[]", 400, ""),
    "a number": ("1", 400, ""),
    "deep JSON": ('{"a":' * 600_000, 400, ""),
    "deep lists": ("[" * 1_000_000, 400, ""),
    "deep and closed": ('{"spec":' + "[" * 1_000_000 + "]" * 1_000_000 + "}", 400, ""),
    "not UTF-8": (b'{"apiVersion":"\xff"}', 400, ""),
    "a lone surrogate": ('{"apiVersion":"\\ud800"}', 400, ""),
    "NaN": ('{"spec":{"replicas":NaN}}', 400, ""),
    "a huge number": (json.dumps(deployment("bad")).replace('"version": 1', '"version": 1e999'), 400, ""),
    "a long number": (json.dumps(deployment("bad")).replace('"version": 1', '"version": ' + "9" * 100_000), 400, ""),
    "too long": ('{"a":"' + "x" * (4 << 20) + '"}', 413, "too large"),
    "too many members": ("{" + ",".join(f'"k{i}":1' for i in range(250_000)) + "}", 413, "the JSON text has too many values"),
}


@pytest.mark.parametrize("which", RAW)
def test_what_the_api_is_told_wrong_it_says(platform, which):
    body, want, says = RAW[which]
    status, told = post(platform, body, query="?fieldValidation=Strict")
    assert status == want and told["kind"] == "Status" and told["status"] == "Failure" and says in told["message"], (status, told["message"][:300])
    assert len(told["message"]) < 2000


@pytest.mark.parametrize("kind", ["application/yaml", "application/x-yaml", "text/plain", "application/cbor", "application/vnd.kubernetes.protobuf", ""])
def test_the_api_reads_json_alone(platform, kind):
    status, told = post(platform, GOOD, kind)
    assert status in (400, 415) and told["reason"] in ("UnsupportedMediaType", "BadRequest")


@pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2f..%2fetc", "%2fetc%2fpasswd", "a%2fb", "a%00b", "%", "%zz", "a%0ab", "x" * 5000])
def test_ATK_16_a_path_for_a_name_in_the_address_finds_nothing(platform, name):
    for method in ("GET", "DELETE", "PUT"):
        status, _, text = platform.ask(method, f"{API}/modeldeployments/{name}", json.dumps(deployment("x")) if method == "PUT" else None)
        assert status in (400, 404, 405, 409, 414, 422, 431), (method, status, text)
        assert b"root:" not in text


def test_ATK_02_depth_is_cheap_for_control(platform):
    """A million levels, to every place that reads JSON: answered, and neither time nor memory grow."""
    targets = [("POST", f"{API}/modeldeployments", "application/json"), ("POST", f"{API}/modelversions", "application/json"),
               ("PUT", f"{API}/modeldeployments/x", "application/json"), ("PUT", f"{API}/modeldeployments/x/status", "application/json"),
               ("PUT", f"{API}/modeldeployments/x/scale", "application/json"), ("DELETE", f"{API}/modeldeployments/x", "application/json"),
               ("PATCH", f"{API}/modeldeployments/x", "application/merge-patch+json"), ("PATCH", f"{API}/modeldeployments/x", "application/json-patch+json"),
               ("POST", "/api/v1/namespaces/default/events", "application/json"), ("PUT", "/v2/m/manifests/1", "application/vnd.oci.image.manifest.v1+json")]
    deep = ["[" * 1_000_000, '{"a":' * 600_000, "[" * 500_000 + "]" * 500_000, '[{"a":' * 400_000, '{"a":[' * 200_000 + "]}" * 200_000]
    connection = platform.connect()
    for method, path, kind in targets:
        platform.ask(method, path, deep[0], {"content-type": kind}, connection=connection)
    memory, cpu = platform.status("VmRSS"), platform.cpu_seconds()
    count = 0
    for method, path, kind in targets:
        for body in deep:
            status, _, text = platform.ask(method, path, body, {"content-type": kind}, connection=connection)
            assert status in (400, 404, 413, 422), (method, path, status, text[:200])
            count += 1
    assert (platform.cpu_seconds() - cpu) / count < 0.05
    assert platform.status("VmRSS") - memory < 32 << 20 and platform.alive()
