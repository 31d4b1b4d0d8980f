"""The image that `make image` makes: small, the same each time, complete in its SBOM, and at home under a read-only root as nobody."""
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile

import pytest
from conftest import BINARY, ROOT, ZOO, Server
from test_zoo import Golden

USER = "65532:65532"
# DIR as the root of whoever 65532 is, read-only, with nothing in the environment; what a container runtime mounts is there, /tmp is not.
INSIDE = """set -e
mount --bind "$0" "$0"
mount -o remount,ro,bind "$0"
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
shift
exec env -i $(which chroot) --userspec={user} "$0" /usr/bin/slipway "$@"
"""


def make(output, *options, **environment):
    done = subprocess.run(["/usr/bin/python3", "-B", ROOT / "tools/image", "--binary", BINARY, "--output", output, *options], cwd=output,
                          env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Image:
    def __init__(self, folder, stem="slipway"):
        self.file = folder / f"{stem}.tar"
        self.digest = (folder / f"{stem}.digest").read_text().strip()
        self.bill = json.loads((folder / f"{stem}.spdx.json").read_text())
        with tarfile.open(self.file) as archive:
            self.blobs = {member.name.replace("blobs/sha256/", "sha256:"): archive.extractfile(member).read() for member in archive if member.isfile()}
        self.manifest = json.loads(self.blobs[self.digest])
        self.config = json.loads(self.blobs[self.manifest["config"]["digest"]])

    def layers(self):
        for layer in self.manifest["layers"]:
            yield tarfile.open(fileobj=io.BytesIO(gzip.decompress(self.blobs[layer["digest"]])))

    def files(self):
        """-> {path: content}"""
        return {member.name: layer.extractfile(member).read() for layer in self.layers() for member in layer if member.isfile()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    folder.chmod(0o755)
    make(folder)
    made = Image(folder)
    made.root = folder / "root"
    made.root.mkdir()
    for layer in made.layers():
        layer.extractall(made.root)
    return made


def test_two_builds_are_one_image_wherever_and_by_whomever_they_are_made(made, tmp_path):
    make(tmp_path, TZ="Asia/Tokyo", LC_ALL="C", HOME=str(tmp_path), LD_LIBRARY_PATH="/nowhere")
    assert (tmp_path / "slipway.tar").read_bytes() == made.file.read_bytes()
    assert Image(tmp_path).digest == made.digest


def test_the_only_time_in_it_is_source_date_epoch(tmp_path):
    make(tmp_path, "--flavour", "native", SOURCE_DATE_EPOCH="1700000000")
    later = Image(tmp_path, "slipway-native")
    assert (later.config["created"], later.bill["creationInfo"]["created"]) == ("2023-11-14T22:13:20Z",) * 2
    assert {member.mtime for layer in later.layers() for member in layer} == {1700000000}


def test_skopeo_finds_it_by_its_tag_under_its_digest(made):
    done = subprocess.run(["skopeo", "inspect", "--format", "{{.Digest}} {{.Os}}/{{.Architecture}}", f"oci-archive:{made.file}:0.1.0"], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{made.digest} linux/amd64\n", "")


def test_it_is_small_and_an_update_of_slipway_smaller(made):
    sizes = [sum(member.size for member in layer) for layer in made.layers()]
    assert sum(sizes) <= 80_000_000
    assert sizes[-1] <= 8_000_000, "the program's layer"
    assert len(sizes) == 3


def test_it_runs_as_nobody_and_holds_nothing_that_makes_one_root(made):
    assert made.config["config"]["User"] == USER
    members = [member for layer in made.layers() for member in layer]
    assert [member.name for member in members if member.mode & 0o6000] == []
    assert [member.name for member in members if member.mode & 0o022 and not member.issym()] == ["tmp"]
    assert {(member.uid, member.gid) for member in members} == {(0, 0)}
    # No shell, no package manager: what is executable is ours, or the loader.
    assert os.listdir(made.root / "usr/bin") == ["slipway"]


def test_it_holds_nothing_of_the_machine_that_made_it(made):
    places = [str(ROOT).encode(), str(made.root.parent).encode()]
    assert [path for path, content in made.files().items() if any(place in content for place in places)] == []
    bundle = (made.root / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert 100 < bundle.count("BEGIN CERTIFICATE") < 200, "Debian's authorities, not those that somebody added to this machine"


def test_every_program_and_library_belongs_to_a_package_of_the_sbom(made):
    bill = made.bill
    packages = {package["SPDXID"]: package for package in bill["packages"]}
    files = {file["SPDXID"]: file for file in bill["files"]}
    owners = {relation["relatedSpdxElement"]: relation["spdxElementId"] for relation in bill["relationships"] if relation["relationshipType"] == "CONTAINS"}
    listed = {files[file]["fileName"].removeprefix("./"): packages[package] for file, package in owners.items()}
    elves = {path for path, content in made.files().items() if content.startswith(b"\x7fELF")}
    assert len(elves) > 10
    assert elves <= set(listed)
    assert listed["usr/bin/slipway"]["name"] == "slipway"
    assert all(package["filesAnalyzed"] and package["packageVerificationCode"] for package in listed.values())
    assert {listed[path]["name"] for path in elves} >= {"libc6", "slipway", "onnxruntime"}


def test_the_sbom_says_version_licence_and_the_right_digests(made):
    texts = {text["licenseId"] for text in made.bill["hasExtractedLicensingInfos"] if text["extractedText"]}
    for package in made.bill["packages"]:
        assert package["versionInfo"]
        licence = package["licenseDeclared"]
        assert licence in texts if licence.startswith("LicenseRef-") else licence not in ("", "NOASSERTION")
    contents = made.files()
    for file in made.bill["files"]:
        sums = {check["algorithm"]: check["checksumValue"] for check in file["checksums"]}
        content = contents[file["fileName"].removeprefix("./")]
        assert sums == {"SHA1": hashlib.sha1(content).hexdigest(), "SHA256": hashlib.sha256(content).hexdigest()}
    assert json.loads(contents["usr/share/doc/slipway/sbom.spdx.json"]) == made.bill


def test_each_package_that_is_in_it_has_its_licence_in_it(made):
    for package in made.bill["packages"]:
        assert any((made.root / "usr/share/doc" / package["name"]).iterdir()), package["name"]


def test_the_flavour_without_onnx_says_how_to_serve_onnx(tmp_path):
    assert "0.1.0-native" in make(tmp_path, "--flavour", "native")
    native = Image(tmp_path, "slipway-native")
    assert not [path for path in native.files() if "onnxruntime" in path]
    assert sum(len(content) for content in native.files().values()) < 25_000_000
    assert "onnxruntime" not in {package["name"] for package in native.bill["packages"]}


def inside(made, *words):
    """How to run the image's program as a container runtime would; only root can."""
    if os.geteuid() != 0:
        pytest.skip("only root can change the root folder")
    script = INSIDE.format(user=USER)
    return ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, str(made.root), *words]


def test_the_program_starts_in_it_with_an_empty_environment(made):
    done = subprocess.run([*inside(made), "drop", "version"], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "slipway 0.1.0\n", "")


@pytest.mark.parametrize("name,file", [("xgb_binary_cancer", "model.json"), ("onnx_mlp_external", "model.onnx")])
def test_what_it_serves_answers_as_the_framework_did(made, name, file):
    if not (made.root / name).exists():
        shutil.copytree(ZOO / name, made.root / name)
    golden = Golden(name)
    server = Server({name: f"/{name}/{file}"}, prefix=inside(made))
    try:
        status, _, answer = server.infer(name, golden.request(0, golden.rows))
        assert status == 200, answer
        golden.check(answer, 0, golden.rows)
    finally:
        assert server.stop() == 0
