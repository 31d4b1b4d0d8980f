"""What stands in the image, layer by layer: what changes seldom lies lowest."""
import pathlib
import re
import subprocess
import tempfile

import debian
from archive import Entry

ROOT = pathlib.Path(__file__).resolve().parents[2]
ONNXRUNTIME = ROOT / ".deps/onnxruntime"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
USER = 65532

PASSWD = f"root:x:0:0:root:/:/usr/sbin/nologin\nslipway:x:{USER}:{USER}:slipway:/tmp:/usr/sbin/nologin\n"
GROUP = f"root:x:0:\nslipway:x:{USER}:\n"
NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"
OS_RELEASE = 'NAME="Slipway"\nID=slipway\nID_LIKE=debian\nPRETTY_NAME="Slipway on the libraries of Debian {}"\n'

# What is compiled into the program, and the package that its source came from; llhttp is in .deps on Debian 12.
COMPILED_IN = ["nlohmann-json3-dev", "libcli11-dev", "libexpected-dev"]


def text(path, content, mode=0o644, package="slipway"):
    return Entry(path, content.encode(), mode=mode, package=package)


def notices(name, content):
    return text(f"usr/share/doc/{name}/copyright", content, package=name)


def onnxruntime_library():
    found = sorted(ONNXRUNTIME.glob("lib/libonnxruntime.so.*"))
    if not found:
        raise SystemExit(f"image: {ONNXRUNTIME}/lib holds no ONNX Runtime. Next step: tools/setup build")
    return found[-1]


def stripped(program):
    """Its bytes without symbols: 5 MB instead of 40."""
    with tempfile.NamedTemporaryFile() as out:
        debian.run("strip", "--strip-all", "-o", out.name, str(program))
        return pathlib.Path(out.name).read_bytes()


def place_of(path):
    """Where a library stands in the image: what the system calls /lib is /usr/lib."""
    return str(path).lstrip("/") if str(path).startswith("/usr/") else "usr" + str(path)


def library_entries(programs):
    """The closure of shared libraries, each as a plain file under the name that the loader looks for."""
    for path, file in sorted(debian.libraries(programs).items()):
        yield Entry(place_of(path), file.read_bytes(), package=debian.owner(file).split(":")[0])


def certificate_entries():
    """Debian's authorities as the package has them: what this machine trusts beside them is none of the image's business."""
    files = [file for file in debian.files_of("ca-certificates") if file.suffix == ".crt"]
    bundle = "".join(file.read_text().strip() + "\n" for file in sorted(files))
    yield text("etc/ssl/certs/ca-certificates.crt", bundle, package="ca-certificates")
    yield Entry("usr/lib/ssl/cert.pem", target="/etc/ssl/certs/ca-certificates.crt", package="ca-certificates")


def debian_release():
    return re.search(r'^VERSION_ID="?(\d+)', pathlib.Path("/etc/os-release").read_text(), re.M)[1]


def base(programs):
    """The system's libraries, names and certificates."""
    yield from library_entries(programs)
    yield from certificate_entries()
    yield from (Entry(name, target=f"usr/{name}") for name in ("bin", "lib", "lib64", "sbin"))
    yield text("etc/passwd", PASSWD)
    yield text("etc/group", GROUP)
    yield text("etc/nsswitch.conf", NSSWITCH)
    yield text("usr/lib/os-release", OS_RELEASE.format(debian_release()))
    yield Entry("etc/os-release", target="../usr/lib/os-release")
    yield Entry("tmp", mode=0o1777)
    # Mount points: a read-only root cannot grow them.
    yield from (Entry(name) for name in ("dev", "proc", "sys", "run", "usr/bin", "usr/sbin"))


def onnxruntime():
    """Where the program looks for it: ../lib/slipway beside its own folder."""
    library = onnxruntime_library()
    yield Entry(f"usr/lib/slipway/{library.name}", library.read_bytes(), package="onnxruntime")
    for name in ("LICENSE", "ThirdPartyNotices.txt"):
        yield text(f"usr/share/doc/onnxruntime/{name}", (ONNXRUNTIME / "notices" / name).read_text(), package="onnxruntime")


def program(binary):
    yield Entry("usr/bin/slipway", stripped(binary), package="slipway")
    yield notices("slipway", (ROOT / "LICENSE").read_text())


def copyrights(packages):
    return [notices(package.name, package.copyright) for package in packages]


def llhttp():
    """-> debian.Package: the system's own, or the pinned one in .deps"""
    unpacked = ROOT / ".deps/llhttp/usr/share/doc/libllhttp-dev/copyright"
    if not unpacked.exists():
        return debian.package("libllhttp-dev")
    return debian.Package("libllhttp-dev", pinned("libllhttp-dev"), "node-undici", "Debian Javascript Maintainers", unpacked.read_text())


def compiled_in():
    return [llhttp()] + [debian.package(name) for name in COMPILED_IN]


def pinned(name):
    """The version that tools/pins holds a name to."""
    return re.search(rf"^\w+\s+{re.escape(name)}\s+(\S+)", (ROOT / "tools/pins").read_text(), re.M)[1]


def version_of(binary):
    done = subprocess.run([binary, "version"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"image: {binary} version failed: {done.stderr.strip()}. Next step: make build")
    return done.stdout.split()[1]
