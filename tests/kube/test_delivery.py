"""How model files come to pods: from control's own registry, which is pushed to through the API server, and from a registry of
others (Debian's docker-registry) with a password, an authority of its own, and a cache that the nodes share."""
import base64
import hashlib
import json
import os
import shutil

import pytest
from installed import Installed, salted
from registries import PROGRAM, Registry, docker_config

LARGE = 96 << 20


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def volume(cluster, space, claim, mode="ReadWriteMany"):
    """A claim and the folder of this machine that is its volume, on every node."""
    path = cluster.bundle.folder / "volumes" / f"{space.name}-{claim}"
    path.mkdir(parents=True)
    path.chmod(0o777)
    spec = {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "", "volumeName": f"{claim}-{space.name}"}
    space.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim}, "spec": spec})
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"{claim}-{space.name}"},
         "spec": {"capacity": {"storage": "1Gi"}, "accessModes": [mode], "hostPath": {"path": str(path)},
                  "claimRef": {"namespace": space.name, "name": claim}}}))
    space.cleanups.append(lambda: cluster.kubectl("delete", "pv", f"{claim}-{space.name}", "--wait=false"))
    return path


class Delivered(Installed):
    """With a registry of others beside its own: its address, what opens it, and the cache's folder."""

    def __init__(self, space, image, folder):
        host = space.cluster.host  # where the pods reach this machine
        self.others = Registry(folder / "others", password=True, tls=True, host=host)
        self.env = {"DOCKER_CONFIG": str(docker_config(folder / "docker", self.others.address))}
        secret = {".dockerconfigjson": (folder / "docker/config.json").read_bytes(), "ca.crt": self.others.ca.read_bytes()}
        space.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "others"}, "type": "kubernetes.io/dockerconfigjson",
                     "data": {key: base64.b64encode(value).decode() for key, value in secret.items()}})
        self.cache = volume(space.cluster, space, "model-cache")
        super().__init__(space, image, folder, "--pull-secret", "others", "--cache-claim", "model-cache")

    def push_to_others(self, path, name="tumour"):
        """-> digest"""
        return self.space.done("push", path, "--to", f"{self.others.address}/team/{name}", "--ca-file", self.others.ca, env=self.env).split()[1]


@pytest.fixture(scope="module")
def delivered(cluster, image, tmp_path_factory):
    if PROGRAM is None:
        pytest.skip("NOT TESTED: docker-registry is not here; tools/setup kube brings it")
    if not cluster.bundle:
        pytest.skip("NOT TESTED: the nodes of this cluster share no folder, and do not reach a registry of this machine")
    folder = tmp_path_factory.mktemp("delivery")
    space = cluster.space("delivery")
    started = Delivered(space, image, folder)
    yield started
    started.others.stop()
    space.remove()


def reasons(platform):
    return {each["reason"]: each["message"] for each in platform.space.status(platform.name).get("conditions", [])}


def test_a_registry_of_others_is_asked_once_for_all_nodes(delivered, tmp_path):
    model = salted(tmp_path, 1)
    digest = delivered.push_to_others(model)
    version = delivered.space.get("modelversions", "tumour-1")["spec"]
    assert version["artifact"] == f"{delivered.others.address}/team/tumour@{digest}"
    delivered.fresh().deploy(1)
    blob = digest_of(model.read_bytes())
    assert delivered.others.asked("GET", blob) == 1
    assert (delivered.cache / "blobs/sha256" / blob.split(":")[1]).read_bytes() == model.read_bytes()
    assert delivered.space.done("predict", delivered.name, "--input", delivered.request)
    # The registry goes: a pod that is started now has its files from the cache.
    delivered.others.stop()
    try:
        pods = {pod["metadata"]["name"] for pod in delivered.space.pods(f"slipway.dev/deployment={delivered.name}")}
        delivered.space.kubectl("delete", "pod", "--wait=false", *pods)
        ready = lambda: [pod for pod in delivered.space.pods(f"slipway.dev/deployment={delivered.name}")
                         if pod["metadata"]["name"] not in pods and any(each["type"] == "Ready" and each["status"] == "True"
                                                                        for each in pod["status"].get("conditions", []))]
        delivered.space.wait(lambda: len(ready()) == 2, "both pods are there again", 60)
    finally:
        delivered.others.start()


def test_other_content_than_the_digest_says_is_never_served(delivered, tmp_path):
    model = salted(tmp_path, 2)
    delivered.push_to_others(model)
    number = max(int(each["spec"]["version"]) for each in delivered.space.list("modelversions") if each["spec"]["model"] == "tumour")
    file = delivered.others.blob_file(digest_of(model.read_bytes()))
    file.write_bytes(file.read_bytes()[:-1] + b" ")
    delivered.fresh()
    delivered.space.apply(delivered.manifest(number, replicas=1))
    said = delivered.space.wait(lambda: reasons(delivered).get("DigestMismatch"), "it says that the content is other", 60)
    assert "has the digest" in said, said
    assert "DigestMismatch" in delivered.space.done("why", delivered.name) or "digest" in delivered.space.done("why", delivered.name)
    file.write_bytes(model.read_bytes())
    delivered.wait_at(number, 120)
    delivered.space.kubectl("delete", "md", delivered.name)


def test_a_large_version_goes_through_the_api_server_and_comes_back(delivered, tmp_path):
    folder = tmp_path / "large"
    folder.mkdir()
    shutil.copy(salted(tmp_path, 3), folder / "model.json")
    with open(folder / "more.bin", "wb") as file:
        for _ in range(LARGE >> 20):
            file.write(os.urandom(1 << 20))
    told = delivered.space.done("push", folder, "--name", "large", timeout=300)
    assert told.startswith("large:1 sha256:"), told
    assert "pushed before" in delivered.space.done("push", folder, "--name", "large", timeout=300)
    delivered.space.done("pull", "large:1", "--into", tmp_path / "back", timeout=300)
    assert digest_of((tmp_path / "back/more.bin").read_bytes()) == digest_of((folder / "more.bin").read_bytes())
    there = delivered.space.done("fetch", "large:1", "--into", tmp_path / "fetched", timeout=300).strip()
    assert there.endswith(told.split("sha256:")[1][:64])
    delivered.space.done("delete", "mv/large-1")


def test_the_secret_of_controls_registry_is_mended_and_opens_it_alone(delivered):
    space = delivered.space
    before = space.get("secrets", "slipway-registry", "v1")
    assert before["type"] == "kubernetes.io/dockerconfigjson" and set(before["data"]) == {"ca.crt", "token", ".dockerconfigjson"}
    proxy = f"/api/v1/namespaces/{space.name}/services/https:slipway-registry:5000/proxy/v2/"
    status, _, text = space.cluster.ask("GET", proxy)
    assert status == 401, text
    space.patch("secrets", "slipway-registry", {"data": {"token": base64.b64encode(b"other").decode()}}, "v1")
    space.wait(lambda: space.get("secrets", "slipway-registry", "v1")["data"] == before["data"], "its token is back", 90)
    space.kubectl("delete", "secret", "slipway-registry")
    space.wait(lambda: any(each["metadata"]["name"] == "slipway-registry" and each["data"] == before["data"] for each in space.list("secrets", "v1")),
               "the Secret is back", 90)
