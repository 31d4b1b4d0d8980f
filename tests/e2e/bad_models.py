"""Versions that must never get a request, and how they come into the registry: what `slipway push` would refuse is put there as
a careless or hostile client would put it."""
import json
import shutil
from pathlib import Path

from conftest import DATA, ZOO
from control import API, MANIFEST_TYPE, digest_of

ENDLESS = DATA / "onnx" / "endless_loop.onnx"                    # is well-formed, and never ends its warm-up run
UNKNOWN = DATA / "broken" / "onnx_unknown_op" / "model.onnx"     # no runtime knows its operator
OTHER_SIGNATURE = ZOO / "xgb_multi_penguins" / "model.json"


def push_unchecked(platform, name, content, like="tumour-1"):
    """A version of the model with this one file and the signature that another version has: nobody inspects it. -> its number"""
    model = like.rsplit("-", 1)[0]
    good = platform.versions()[like]["spec"]
    repository, digest = good["artifact"].split("@")
    status, _, text = platform.ask("GET", f"/v2/{repository}/manifests/{digest}", headers={"accept": "*/*"})
    assert status == 200, text
    manifest = json.loads(text)
    layer = manifest["layers"][0]
    layer |= {"digest": digest_of(content), "size": len(content)}
    layer["annotations"] = {key: name for key in layer["annotations"]}
    assert platform.push_blob(content, model)[0] == 201
    text = json.dumps(manifest).encode()
    status, _, said = platform.ask("PUT", f"/v2/{model}/manifests/{digest_of(text)}", text, {"content-type": MANIFEST_TYPE})
    assert status == 201, said
    number = 1 + max(version["spec"]["version"] for version in platform.versions().values() if version["spec"]["model"] == model)
    spec = {**good, "version": number, "digest": digest_of(text), "artifact": f"{model}@{digest_of(text)}", "size": len(content)}
    status, _, said = platform.ask("POST", f"{API}/modelversions", {"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelVersion",
                                                                    "metadata": {"name": f"{model}-{number}"}, "spec": spec})
    assert status == 201, said
    return number


def truncated(path):
    content = Path(path).read_bytes()
    return content[:len(content) // 2]


def flip(path):
    """One bit of a file, wherever it stands and whoever else has it by a link."""
    path.chmod(0o644)
    with open(path, "rb+") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))


# ---- A model that lies about its answer


def field(number, content):
    """Of a protobuf message: bytes and text by length, numbers as varints."""
    def varint(value):
        out = b""
        while value > 127:
            out += bytes([value & 127 | 128])
            value >>= 7
        return out + bytes([value])
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name, datatype, shape):
    dims = b"".join(field(1, field(2, each) if isinstance(each, str) else field(1, each)) for each in shape)
    return field(1, name) + field(2, field(1, field(1, datatype) + field(2, dims)))


def lying_onnx():
    """Says that it gives INT64 [2,3], and gives as many columns as its input has numbers that are not zero."""
    node = field(1, "x") + field(2, "y") + field(4, "NonZero")
    graph = field(1, node) + field(2, "g") + field(11, tensor("x", 1, ["n", 4])) + field(12, tensor("y", 7, [2, 3]))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 16))


def copied(path, folder):
    """In a folder of its own: what stands beside it is no part of the version."""
    folder.mkdir(parents=True)
    return shutil.copy(path, folder / f"model{Path(path).suffix}")
