"""What the image consists of, as SPDX 2.3: every package with version and licence, every program and library with its digest."""
import dataclasses
import hashlib
import re
import time


@dataclasses.dataclass(frozen=True)
class Part:
    """A package of the SBOM."""
    name: str
    version: str
    licence: str  # an SPDX expression; empty when only the text says it
    text: str = ""  # the licence's text, where there is no expression
    supplier: str = "NOASSERTION"
    source: str = ""  # what it was built from, in words
    purl: str = ""
    relation: str = ""  # to slipway: DYNAMIC_LINK, STATIC_LINK, …

    @property
    def id(self):
        return "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", self.name)

    @property
    def licence_reference(self):
        return self.licence or "LicenseRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", self.name)


def of_debian(package, relation):
    return Part(package.name, package.version, package.licence, package.copyright, f"Organization: Debian ({package.supplier})",
                f"Debian's source package {package.source}", package.purl, relation)


def timestamp(epoch):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def verification_code(files):
    """SPDX's digest over what the image holds of a package."""
    return hashlib.sha1("".join(sorted(hashlib.sha1(entry.content).hexdigest() for entry in files)).encode()).hexdigest()


def package_json(part, files):
    shown = {
        "SPDXID": part.id, "name": part.name, "versionInfo": part.version, "supplier": part.supplier, "downloadLocation": "NOASSERTION",
        "filesAnalyzed": bool(files), "licenseConcluded": "NOASSERTION", "licenseDeclared": part.licence_reference, "copyrightText": "NOASSERTION",
    }
    if files:
        shown["packageVerificationCode"] = {"packageVerificationCodeValue": verification_code(files)}
    if part.source:
        shown["sourceInfo"] = part.source
    if part.purl:
        shown["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": part.purl}]
    return shown


def file_id(entry):
    return "SPDXRef-File-" + re.sub(r"[^A-Za-z0-9.-]", "-", entry.path)


def file_json(entry):
    sums = {"SHA1": hashlib.sha1(entry.content), "SHA256": hashlib.sha256(entry.content)}
    return {
        "SPDXID": file_id(entry), "fileName": f"./{entry.path}", "licenseConcluded": "NOASSERTION", "licenseInfoInFiles": ["NOASSERTION"], "copyrightText": "NOASSERTION",
        "fileTypes": ["BINARY"] if is_elf(entry) else ["OTHER"],
        "checksums": [{"algorithm": name, "checksumValue": value.hexdigest()} for name, value in sums.items()],
    }


def is_elf(entry):
    return (entry.content or b"").startswith(b"\x7fELF")


def relation(of, kind, to):
    return {"spdxElementId": of, "relationshipType": kind, "relatedSpdxElement": to}


def relations(parts, files):
    slipway = next(part for part in parts if part.name == "slipway")
    by_name = {part.name: part for part in parts}
    yield relation("SPDXRef-DOCUMENT", "DESCRIBES", slipway.id)
    for part in parts:
        if part.relation.endswith("_LINK"):
            yield relation(slipway.id, part.relation, part.id)
        elif part.relation:
            yield relation(part.id, part.relation, slipway.id)
    for entry in files:
        yield relation(by_name[entry.package].id, "CONTAINS", file_id(entry))


def document(title, parts, entries, epoch):
    """-> the SBOM as a value. Its namespace names what it describes, so that equal images have equal SBOMs."""
    files = sorted((entry for entry in entries if entry.package and entry.content is not None), key=lambda entry: entry.path)
    parts = sorted(parts, key=lambda part: part.name)
    described = hashlib.sha256("".join(f"{entry.path} {hashlib.sha256(entry.content).hexdigest()}\n" for entry in files).encode()).hexdigest()
    texts = [{"licenseId": part.licence_reference, "name": f"{part.name}'s copyright file", "extractedText": part.text} for part in parts if not part.licence]
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": title,
        "documentNamespace": f"https://slipway.dev/spdx/{title}-{described}",
        "creationInfo": {"created": timestamp(epoch), "creators": ["Tool: slipway-tools-image", "Organization: Slipway"]},
        "packages": [package_json(part, [entry for entry in files if entry.package == part.name]) for part in parts], "files": [file_json(entry) for entry in files],
        "hasExtractedLicensingInfos": texts, "relationships": list(relations(parts, files)),
    }
