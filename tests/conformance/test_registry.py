"""The model registry, as skopeo, oras and modelpack-client use it: what is pushed comes back under the same digest.

`--registry "HOST:PORT CA-FILE PASSWORD"` runs the same against another registry (user slipway), as a proof of what is expected.
"""
import base64
import hashlib
import json
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import http.client
import oras.client
import pytest
from modelpack_client import ModelDescriptor, ModelLayer, ModelPackClient, ModelPackConfig, ModelTechnicalConfig

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MODEL = "application/vnd.cncf.model."


@dataclass
class Registry:
    address: str
    ca: Path  # a folder with ca.crt, as skopeo wants it
    token: str

    def ask(self, method, path, body=None, **headers):
        host, port = self.address.rsplit(":", 1)
        connection = http.client.HTTPSConnection(host, int(port), timeout=30, context=ssl.create_default_context(cafile=self.ca / "ca.crt"))
        try:
            basic = base64.b64encode(f"slipway:{self.token}".encode()).decode()
            connection.request(method, path, body, {"Authorization": f"Basic {basic}", **{name.replace("_", "-"): value for name, value in headers.items()}})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def digest(self, repository, tag):
        status, headers, body = self.ask("GET", f"/v2/{repository}/manifests/{tag}", Accept=MANIFEST)
        assert status == 200, body
        assert headers["Docker-Content-Digest"] == sha256(body)
        return sha256(body)

    def skopeo(self, *words, ok=True):
        done = subprocess.run(["skopeo", "--insecure-policy", *map(str, words)], capture_output=True, text=True, timeout=120)
        assert (done.returncode == 0) == ok, f"skopeo {words}: {done.stdout}{done.stderr}"
        return done.stdout if ok else done.stderr

    def at(self, side):
        """The options that let skopeo in, on its `src` or `dest` side or for a single place."""
        dash = f"--{side}-" if side else "--"
        return (f"{dash}cert-dir", self.ca, f"{dash}creds", f"slipway:{self.token}")


def sha256(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="session")
def registry(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ca")
    named = request.config.getoption("--registry")
    if named:
        address, ca, token = named.split()
        (folder / "ca.crt").write_text(Path(ca).read_text())
        return Registry(address, folder, token)
    server = request.getfixturevalue("server")
    if not server.token:
        pytest.skip("an API server has no registry")
    (folder / "ca.crt").write_text(server.ca)
    return Registry(f"{server.host}:{server.port}", folder, server.token)


FILES = {"model.onnx": bytes(range(256)) * 5000, "tokenizer.json": b'{"tokens": []}\n', "sub/labels.txt": b"good\nbad\n"}


@pytest.fixture
def files(tmp_path):
    for name, content in FILES.items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "model"


def blob(layout, content):
    (layout / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    (layout / "blobs" / "sha256" / sha256(content).removeprefix("sha256:")).write_bytes(content)
    return {"digest": sha256(content), "size": len(content)}


@pytest.fixture
def layout(tmp_path):
    """A model as an OCI layout, in the shape that `slipway push` gives it. -> the folder and the manifest's digest"""
    folder = tmp_path / "layout"
    layers = [{"mediaType": MODEL + "weight.v1.raw", **blob(folder, content),
               "annotations": {"org.cncf.model.filepath": name, "org.opencontainers.image.title": name}} for name, content in FILES.items()]
    config = {"descriptor": {"name": "credit"}, "config": {"format": "onnx"}, "modelfs": {"type": "layers", "diffIds": [layer["digest"] for layer in layers]}}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": MODEL + "manifest.v1+json",
                           "config": {"mediaType": MODEL + "config.v1+json", **blob(folder, json.dumps(config).encode())}, "layers": layers}).encode()
    entry = {"mediaType": MANIFEST, **blob(folder, manifest), "annotations": {"org.opencontainers.image.ref.name": "it"}}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return folder, entry["digest"]


def test_skopeo_pushes_and_pulls_a_model_with_its_digest_kept(registry, layout, tmp_path):
    folder, digest = layout
    registry.skopeo("copy", *registry.at("dest"), f"oci:{folder}:it", f"docker://{registry.address}/skopeo/credit:1")
    assert registry.digest("skopeo/credit", "1") == digest
    registry.skopeo("copy", *registry.at("src"), f"docker://{registry.address}/skopeo/credit@{digest}", f"oci:{tmp_path / 'back'}:it")
    back = json.loads((tmp_path / "back" / "index.json").read_text())
    assert back["manifests"][0]["digest"] == digest
    for content in FILES.values():
        assert (tmp_path / "back" / "blobs" / "sha256" / sha256(content).removeprefix("sha256:")).read_bytes() == content


def test_skopeo_copies_between_repositories_with_the_digest_kept(registry, layout):
    folder, digest = layout
    registry.skopeo("copy", *registry.at("dest"), f"oci:{folder}:it", f"docker://{registry.address}/from/credit:1")
    registry.skopeo("copy", *registry.at("src"), *registry.at("dest"), f"docker://{registry.address}/from/credit:1", f"docker://{registry.address}/to/credit:7")
    assert registry.digest("to/credit", "7") == registry.digest("from/credit", digest) == digest


def test_skopeo_lists_tags_inspects_and_deletes(registry, layout):
    folder, digest = layout
    for tag in ("1", "2", "stable"):
        registry.skopeo("copy", *registry.at("dest"), f"oci:{folder}:it", f"docker://{registry.address}/tags/credit:{tag}")
    listed = json.loads(registry.skopeo("list-tags", *registry.at(""), f"docker://{registry.address}/tags/credit"))["Tags"]
    assert sorted(listed) == ["1", "2", "stable"]
    raw = registry.skopeo("inspect", "--raw", *registry.at(""), f"docker://{registry.address}/tags/credit:stable")
    assert sha256(raw.encode()) == digest
    registry.skopeo("delete", *registry.at(""), f"docker://{registry.address}/tags/credit@{digest}")
    assert registry.ask("GET", f"/v2/tags/credit/manifests/{digest}", Accept=MANIFEST)[0] == 404


@pytest.mark.ours
def test_the_kubeconfigs_token_lets_in_as_a_bearer_too(registry, layout):
    folder, digest = layout
    registry.skopeo("copy", *registry.at("dest"), f"oci:{folder}:it", f"docker://{registry.address}/bearer/credit:1")
    for value, expected in ((f"Bearer {registry.token}", 200), ("Bearer wrong", 401)):
        assert registry.ask("GET", f"/v2/bearer/credit/manifests/{digest}", Accept=MANIFEST, Authorization=value)[0] == expected


def test_skopeo_without_the_token_is_refused(registry, layout):
    folder, _ = layout
    for credentials in (("--dest-no-creds",), ("--dest-creds", "slipway:wrong")):
        said = registry.skopeo("copy", "--dest-cert-dir", registry.ca, *credentials, f"oci:{folder}:it", f"docker://{registry.address}/denied/credit:1", ok=False)
        assert "authentication required" in said or "unauthorized" in said.lower()
    assert registry.ask("GET", "/v2/denied/credit/tags/list")[0] == 404


@pytest.fixture
def oras_client(registry):
    client = oras.client.OrasClient(hostname=registry.address, tls_verify=str(registry.ca / "ca.crt"), auth_backend="basic")
    client.auth.set_basic_auth("slipway", registry.token)
    return client


@pytest.mark.parametrize("chunked", [False, True])
def test_oras_pushes_and_pulls_files(registry, oras_client, files, tmp_path, monkeypatch, chunked):
    monkeypatch.chdir(files)
    target = f"{registry.address}/oras/credit:{'chunked' if chunked else 'whole'}"
    plain = {name: content for name, content in FILES.items() if "/" not in name}  # It pushes names without their folder.
    names = [f"{name}:{MODEL}weight.v1.raw" for name in plain]
    answer = oras_client.push(target=target, files=names, do_chunked=chunked, chunk_size=300_000, quiet=True)
    assert answer.status_code == 201
    assert answer.headers["Docker-Content-Digest"] == registry.digest("oras/credit", target.rsplit(":", 1)[1])
    oras_client.pull(target=target, outdir=str(tmp_path / "out"))
    assert {name: (tmp_path / "out" / name).read_bytes() for name in plain} == plain


def test_oras_pulls_what_skopeo_pushed(registry, oras_client, layout, tmp_path):
    folder, digest = layout
    registry.skopeo("copy", *registry.at("dest"), f"oci:{folder}:it", f"docker://{registry.address}/mixed/credit:1")
    oras_client.pull(target=f"{registry.address}/mixed/credit:1", outdir=str(tmp_path / "out"))
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES
    assert oras_client.get_tags(f"{registry.address}/mixed/credit") == ["1"]


@pytest.fixture
def modelpack(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))  # login writes Docker's file there
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    client = ModelPackClient(tls_verify=str(registry.ca / "ca.crt"), auth_backend="basic")
    client.login(registry.address, username="slipway", password=registry.token)
    return client


CONFIG = ModelPackConfig(descriptor=ModelDescriptor(name="credit"), config=ModelTechnicalConfig(format="onnx"))


def layers_of(files):
    return [ModelLayer(str(files / name), artifact_path=name) for name in FILES]


def test_modelpack_client_pushes_and_pulls_a_model(registry, modelpack, files, tmp_path):
    pushed = modelpack.push(f"{registry.address}/modelpack/credit:1", layers=layers_of(files), config=CONFIG)
    assert pushed.digest == registry.digest("modelpack/credit", "1")
    pulled = modelpack.pull(f"{registry.address}/modelpack/credit@{pushed.digest}", str(tmp_path / "out"))
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES
    assert pulled.config["descriptor"]["name"] == "credit"


def test_modelpack_client_pulls_what_is_pushed_as_slipway_does(registry, modelpack, layout, tmp_path):
    folder, digest = layout
    registry.skopeo("copy", *registry.at("dest"), f"oci:{folder}:it", f"docker://{registry.address}/ours/credit:1")
    modelpack.pull(f"{registry.address}/ours/credit:1", str(tmp_path / "out"))
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES
    assert registry.digest("ours/credit", "1") == digest


def test_a_blob_that_is_not_what_its_digest_says_is_refused(registry):
    where = registry.ask("POST", "/v2/lies/credit/blobs/uploads/", b"")[1]["Location"]
    where = where.split(registry.address, 1)[-1]
    status, _, body = registry.ask("PUT", f"{where}{'&' if '?' in where else '?'}digest={sha256(b'the truth')}", b"a lie", Content_Type="application/octet-stream")
    assert status == 400 and json.loads(body)["errors"][0]["code"] == "DIGEST_INVALID"
    assert registry.ask("HEAD", f"/v2/lies/credit/blobs/{sha256(b'the truth')}")[0] == 404


def test_a_manifest_of_blobs_that_are_not_there_is_refused(registry):
    missing = {"mediaType": MODEL + "weight.v1.raw", "digest": sha256(b"nowhere"), "size": 7}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": {**missing, "mediaType": MODEL + "config.v1+json"}, "layers": [missing]})
    status, _, body = registry.ask("PUT", "/v2/holes/credit/manifests/1", manifest, Content_Type=MANIFEST)
    assert status in (400, 404) and json.loads(body)["errors"][0]["code"] in ("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN")
    assert registry.ask("GET", "/v2/holes/credit/manifests/1", Accept=MANIFEST)[0] == 404
