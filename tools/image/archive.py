"""Layers and the OCI archive, byte for byte the same from the same entries: sorted, owned by root, without times or names of this machine."""
import dataclasses
import hashlib
import io
import json
import struct
import tarfile
import zlib

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclasses.dataclass(frozen=True)
class Entry:
    """Something in the image: a file when there is content, a link when there is a target, else a folder."""
    path: str  # from the root, without a slash before it
    content: bytes | None = None
    target: str = ""
    mode: int = 0o755
    package: str = ""  # whose it is in the SBOM

    def header(self, epoch):
        info = tarfile.TarInfo(self.path)
        info.mtime, info.mode = epoch, self.mode
        if self.content is not None:
            info.size = len(self.content)
        elif self.target:
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, self.target, 0o777
        else:
            info.type = tarfile.DIRTYPE
        return info


def with_folders(entries):
    """The entries and every folder above them, each once, parents first."""
    found = {}
    for entry in entries:
        parts = entry.path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            found.setdefault(folder, Entry(folder))
        found[entry.path] = entry
    return [found[path] for path in sorted(found)]


def layer(entries, epoch):
    """-> the layer as a tar"""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for entry in with_folders(entries):
            tar.addfile(entry.header(epoch), io.BytesIO(entry.content or b""))
    return out.getvalue()


def gzip(data):
    """Without a time, and with the header written here: Python's own differs between versions."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(data) + packer.flush()
    return b"\x1f\x8b\x08\x00" + bytes(4) + b"\x00\xff" + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def as_json(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


class Blobs:
    """What the archive holds by digest."""

    def __init__(self):
        self.by_digest = {}

    def add(self, media_type, data):
        """-> its descriptor"""
        self.by_digest[digest(data)] = data
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    def files(self):
        return [Entry(f"blobs/{name.replace(':', '/')}", data, mode=0o644) for name, data in self.by_digest.items()]


def names_of(manifest, repository, tag):
    """The manifest once under its tag and once under its digest. containerd takes a name of io.containerd.image.name as it stands, so
    that pods which name the image by digest find it without a registry; skopeo finds the first by the tag."""
    tagged = {"io.containerd.image.name": f"{repository}:{tag}", "org.opencontainers.image.ref.name": tag}
    pinned = {"io.containerd.image.name": f"{repository}@{manifest['digest']}"}
    return [{**manifest, "annotations": annotations} for annotations in (tagged, pinned)]


def image(layers, config, repository, tag, epoch):
    """layers: tars, lowest first. -> (the OCI archive, the manifest's digest, the packed size of each layer)"""
    blobs = Blobs()
    packed = [blobs.add(LAYER_TYPE, gzip(tar)) for tar in layers]
    rootfs = {"type": "layers", "diff_ids": [digest(tar) for tar in layers]}
    config = blobs.add(CONFIG_TYPE, as_json({**config, "rootfs": rootfs}))
    manifest = blobs.add(MANIFEST_TYPE, as_json({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": packed}))
    platform = {"architecture": "amd64", "os": "linux"}
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": names_of({**manifest, "platform": platform}, repository, tag)}
    files = [Entry("oci-layout", as_json({"imageLayoutVersion": "1.0.0"}), mode=0o644), Entry("index.json", as_json(index), mode=0o644)]
    return layer(files + blobs.files(), epoch), manifest["digest"], [one["size"] for one in packed]
