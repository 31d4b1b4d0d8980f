"""image [--flavour onnx|native] [--binary FILE] [--output FOLDER]: an OCI image of the release build, made without a container engine.

Three layers, what changes seldom lowest: the shared libraries of the Debian system that it is built on; ONNX Runtime (not in the flavour
`native`); the program. The same build gives the same bytes: SOURCE_DATE_EPOCH (default 0) is the only time in it. Beside the archive stand its
digest and its SBOM, which is in the image as well.
"""
import argparse
import json
import os
import pathlib

import archive
import contents
import debian
import sbom

REPOSITORY = "docker.io/library/slipway"
LIMIT = 80_000_000  # bytes, unpacked
FLAVOURS = {"onnx": "XGBoost, LightGBM and ONNX models", "native": "XGBoost and LightGBM models"}


def options():
    parser = argparse.ArgumentParser(prog="image", description=__doc__.split("\n\n")[0])
    parser.add_argument("--flavour", choices=FLAVOURS, default="onnx")
    parser.add_argument("--binary", type=pathlib.Path, default=contents.ROOT / "build/release/slipway")
    parser.add_argument("--output", type=pathlib.Path, default=contents.ROOT / "build/image")
    chosen = parser.parse_args()
    if not chosen.binary.exists():
        parser.error(f"{chosen.binary} is not there. Next step: make build")
    return chosen


def layers_of(chosen):
    """-> [(name, entries)], lowest first; the program's is the last."""
    with_onnx = chosen.flavour == "onnx"
    programs = [chosen.binary] + ([contents.onnxruntime_library()] if with_onnx else [])
    libraries = list(contents.base(programs))
    packages = [debian.package(name) for name in sorted({entry.package for entry in libraries} - {"", "slipway"})]
    layers = [("Debian's libraries", libraries + contents.copyrights(packages))]
    if with_onnx:
        layers.append(("ONNX Runtime", list(contents.onnxruntime())))
    return layers + [("Slipway", list(contents.program(chosen.binary)) + contents.copyrights(contents.compiled_in()))]


def parts_of(layers, version):
    """The packages that the files belong to, as the SBOM names them."""
    compiled_in = [sbom.of_debian(package, "STATIC_LINK") for package in contents.compiled_in()]
    parts = [sbom.Part("slipway", version, "Apache-2.0", purl=f"pkg:generic/slipway@{version}")] + compiled_in
    for name in sorted({entry.package for _, entries in layers for entry in entries} - {"", *(part.name for part in parts)}):
        if name == "onnxruntime":
            release = contents.pinned(name)
            parts.append(sbom.Part(name, release, "MIT", supplier="Organization: Microsoft", source="the PyPI wheel of that version", purl=f"pkg:pypi/onnxruntime@{release}", relation="OPTIONAL_DEPENDENCY_OF"))
        else:
            parts.append(sbom.of_debian(debian.package(name), "RUNTIME_DEPENDENCY_OF" if name == "ca-certificates" else "DYNAMIC_LINK"))
    return parts


def config_of(version, flavour, epoch):
    created = sbom.timestamp(epoch)
    return {
        "architecture": "amd64", "os": "linux", "created": created,
        "config": {
            "User": f"{contents.USER}:{contents.USER}", "Entrypoint": ["/usr/bin/slipway"], "WorkingDir": "/", "StopSignal": "SIGTERM",
            "Env": ["PATH=/usr/bin", "ORT_DISABLE_TELEMETRY=1"],
            "Labels": {
                "org.opencontainers.image.title": "slipway", "org.opencontainers.image.version": version, "org.opencontainers.image.licenses": "Apache-2.0",
                "org.opencontainers.image.description": f"Deploys, serves and watches machine-learning models: {FLAVOURS[flavour]}",
            },
        },
    }


def megabytes(size):
    return f"{size / 1e6:.1f} MB"


def unpacked_size(entries):
    return sum(len(entry.content or b"") for entry in entries)


def report(chosen, layers, made, name):
    """made: digest, size of each layer packed."""
    digest, packed = made
    print(f"{name}\n{REPOSITORY}@{digest}")
    for (title, entries), size in zip(layers, packed):
        print(f"  {title:20} {megabytes(unpacked_size(entries)):>8} unpacked, {megabytes(size):>8} packed")
    total = sum(unpacked_size(entries) for _, entries in layers)
    print(f"  {'together':20} {megabytes(total):>8} unpacked, {megabytes(sum(packed)):>8} packed")
    if total > LIMIT:
        raise SystemExit(f"image: {megabytes(total)} unpacked, and it may have {megabytes(LIMIT)}. Next step: look at what the layers hold: tar -tvf")


def main():
    chosen = options()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
    version = contents.version_of(chosen.binary)
    tag, stem = (version, "slipway") if chosen.flavour == "onnx" else (f"{version}-{chosen.flavour}", f"slipway-{chosen.flavour}")
    layers = layers_of(chosen)
    everything = [entry for _, entries in layers for entry in entries]
    bill = json.dumps(sbom.document(f"slipway-{tag}", parts_of(layers, version), everything, epoch), indent=1) + "\n"
    layers[-1][1].append(archive.Entry("usr/share/doc/slipway/sbom.spdx.json", bill.encode(), mode=0o644))
    data, digest, packed = archive.image([archive.layer(entries, epoch) for _, entries in layers], config_of(version, chosen.flavour, epoch), REPOSITORY, tag, epoch)

    chosen.output.mkdir(parents=True, exist_ok=True)
    for suffix, content in ((".tar", data), (".digest", f"{digest}\n".encode()), (".spdx.json", bill.encode())):
        aside = chosen.output / f".{stem}{suffix}"
        aside.write_bytes(content)
        aside.rename(chosen.output / f"{stem}{suffix}")
    report(chosen, layers, (digest, packed), f"{REPOSITORY}:{tag}")
    file = chosen.output / f"{stem}.tar"
    print(f"written: {file}, {stem}.digest, {stem}.spdx.json beside it")
    print(f"next:    ctr -n k8s.io images import {file}        on each node; or into a registry:\n"
          f"         skopeo copy --preserve-digests oci-archive:{file}:{tag} docker://REGISTRY/slipway:{tag}")


main()
