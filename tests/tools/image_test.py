"""tools/image by its parts: the same entries give the same bytes, nodes and skopeo find the names, Debian's licences become SPDX's.
The whole of it, with the program inside, is tests/e2e/test_image.py."""
import gzip
import io
import json
import pathlib
import sys
import tarfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools/image"))
import archive  # noqa: E402
import debian  # noqa: E402
import sbom  # noqa: E402
from archive import Entry  # noqa: E402

ENTRIES = [Entry("usr/bin/program", b"\x7fELF program", package="program"), Entry("tmp", mode=0o1777), Entry("bin", target="usr/bin"),
           Entry("etc/names", b"names", mode=0o644, package="program")]
REPOSITORY = "docker.io/library/slipway"


def members(tar):
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return {member.name: member for member in opened}


def image(entries=ENTRIES):
    return archive.image([archive.layer(entries, 0)], {"architecture": "amd64", "os": "linux"}, REPOSITORY, "1.2.3", 0)


def content(tar, name):
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return opened.extractfile(name).read()


def blob(tar, descriptor):
    return content(tar, "blobs/" + descriptor["digest"].replace(":", "/"))


class Archive(unittest.TestCase):
    def test_the_order_of_entries_does_not_matter(self):
        self.assertEqual(image(ENTRIES), image(ENTRIES[::-1]))

    def test_a_layer_knows_no_user_and_no_time_of_this_machine(self):
        for member in members(archive.layer(ENTRIES, 0)).values():
            self.assertEqual((member.uid, member.gid, member.uname, member.gname, member.mtime), (0, 0, "", "", 0), member.name)

    def test_the_time_is_the_one_that_is_given(self):
        self.assertEqual({member.mtime for member in members(archive.layer(ENTRIES, 7)).values()}, {7})

    def test_every_folder_is_there_before_what_is_in_it(self):
        found = members(archive.layer(ENTRIES, 0))
        self.assertEqual(list(found), ["bin", "etc", "etc/names", "tmp", "usr", "usr/bin", "usr/bin/program"])
        self.assertEqual([found["tmp"].mode, found["usr"].mode, found["usr/bin/program"].mode, found["etc/names"].mode], [0o1777, 0o755, 0o755, 0o644])
        self.assertEqual(found["bin"].linkname, "usr/bin")

    def test_packing_can_be_undone_and_names_no_time_and_no_system(self):
        data = bytes(range(256)) * 300
        packed = archive.gzip(data)
        self.assertEqual(gzip.decompress(packed), data)
        self.assertEqual(packed[:10], b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")

    def test_nodes_find_the_image_by_tag_and_by_digest_and_skopeo_by_tag(self):
        tar, digest, _ = image()
        entries = json.loads(content(tar, "index.json"))["manifests"]
        self.assertEqual([entry["annotations"]["io.containerd.image.name"] for entry in entries], [f"{REPOSITORY}:1.2.3", f"{REPOSITORY}@{digest}"])
        self.assertEqual([entry["annotations"].get("org.opencontainers.image.ref.name") for entry in entries], ["1.2.3", None])
        self.assertEqual({entry["digest"] for entry in entries}, {digest})

    def test_what_the_manifest_names_is_there_under_its_digest(self):
        tar, digest, packed = image()
        manifest = json.loads(blob(tar, {"digest": digest}))
        self.assertEqual([layer["size"] for layer in manifest["layers"]], packed)
        for descriptor in [manifest["config"], *manifest["layers"]]:
            self.assertEqual(archive.digest(blob(tar, descriptor)), descriptor["digest"])
        layer = gzip.decompress(blob(tar, manifest["layers"][0]))
        self.assertEqual(json.loads(blob(tar, manifest["config"]))["rootfs"]["diff_ids"], [archive.digest(layer)])


def package(copyright, source="thing"):
    return debian.Package("libthing2", "1:2.0+b1", source, "Someone <someone@example.org>", copyright)


class Licences(unittest.TestCase):
    def test_the_main_licence_is_the_one_of_all_files(self):
        text = "Format: x\n\nFiles: *\nCopyright: A\n B\nLicense: Expat\n\nFiles: debian/*\nCopyright: C\nLicense: GPL-2+\n"
        self.assertEqual(package(text).licence, "MIT")

    def test_prose_of_glibc_and_gcc_is_known(self):
        self.assertEqual(package("This is ...", "glibc").licence, "LGPL-2.1-or-later")
        self.assertEqual(package("This is ...", "gcc-14").licence, "GPL-3.0-or-later WITH GCC-exception-3.1")

    def test_a_licence_without_a_name_in_spdx_is_said_by_its_text(self):
        text = "Files: *\nCopyright: nobody\nLicense: public-domain\n"
        part = sbom.of_debian(package(text), "DYNAMIC_LINK")
        self.assertEqual((part.licence, part.licence_reference), ("", "LicenseRef-libthing2"))
        made = sbom.document("x-1", [sbom.Part("slipway", "1", "Apache-2.0"), part], [], 0)
        self.assertEqual(made["hasExtractedLicensingInfos"], [{"licenseId": "LicenseRef-libthing2", "name": "libthing2's copyright file", "extractedText": text}])

    def test_a_package_url_says_name_and_version(self):
        self.assertEqual(package("").purl, "pkg:deb/debian/libthing2@1%3A2.0%2Bb1?arch=amd64")


class Sbom(unittest.TestCase):
    def test_another_content_has_another_namespace_and_the_same_has_the_same(self):
        def named(*entries):
            return sbom.document("x-1", [sbom.Part("slipway", "1", "Apache-2.0"), sbom.Part("program", "1", "MIT")], entries, 0)["documentNamespace"]

        self.assertEqual(named(*ENTRIES), named(*ENTRIES[::-1]))
        self.assertNotEqual(named(*ENTRIES), named(Entry("usr/bin/program", b"\x7fELF another", package="program")))


if __name__ == "__main__":
    unittest.main()
