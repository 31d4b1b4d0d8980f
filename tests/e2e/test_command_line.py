"""The command line as people use it, mistakes included: what is said, and the exit code."""
import json
import re
import shutil
import subprocess

import pytest
from conftest import ROOT, ZOO, run, wait_until

TREE = ZOO / "xgb_multi_penguins" / "model.json"
CSV = "beak_length,beak_depth,flipper_length,body_mass,sex\n39.1,18.7,181,3750,1\n46.5,17.9,,3500,0\n"


@pytest.fixture(scope="module")
def server():
    from conftest import Server
    server = Server({"penguins": TREE, "mixed": ZOO / "skl_pipeline_penguins" / "model.onnx"})
    yield server
    server.stop()


def predict(server, *words, stdin=""):
    return run("predict", "--url", server.url, *words, stdin=stdin)


def test_predict_shows_a_table(server):
    ended = predict(server, "penguins", "--input", "-", stdin=CSV)
    lines = ended.stdout.splitlines()
    assert ended.returncode == 0 and lines[0].split() == ["row", "output__0[0]", "output__0[1]", "output__0[2]"] and len(lines) == 3
    assert "answered by penguins-1-" in ended.stderr


def test_every_form_of_rows_gives_the_same(server):
    forms = [CSV, "39.1,18.7,181,3750,1\n46.5,17.9,,3500,0\n", "[[39.1,18.7,181,3750,1],[46.5,17.9,null,3500,0]]",
             json.dumps({"instances": [{"sex": 1, "beak_length": 39.1, "beak_depth": 18.7, "flipper_length": 181, "body_mass": 3750},
                                       {"sex": 0, "beak_length": 46.5, "beak_depth": 17.9, "flipper_length": None, "body_mass": 3500}]})]
    answers = {json.dumps(json.loads(predict(server, "penguins", "--input", "-", "-o", "json", stdin=form).stdout)["outputs"]) for form in forms}
    assert len(answers) == 1


def test_text_columns_go_where_they_belong(server):
    table = "island,sex,beak_length,beak_depth,flipper_length,body_mass\nDream,FEMALE,39.5,16.7,178,3250\n"
    ended = predict(server, "mixed", "--input", "-", stdin=table)
    assert ended.returncode == 0 and "label" in ended.stdout and "Adelie" in ended.stdout


@pytest.mark.parametrize("words, stdin, code, says", [
    (["none", "--input", "-"], CSV, 1, "the server says 404: no model 'none'; there is mixed, penguins"),
    (["penguins", "--input", "-"], "1,2,3\n", 1, "-: the input has 3 columns, the model takes 5"),
    (["penguins", "--input", "-"], "", 1, "-: the input is empty"),
    (["penguins", "--input", "/no/such/file"], "", 1, "/no/such/file: cannot be read; give a CSV or JSON file, or - for standard input"),
    (["penguins"], "", 2, "--input is required"),
    (["penguins", "--input", "-", "-o", "xml"], CSV, 2, "--output xml: it is one of table, json"),
    (["penguins", "--inptu", "-"], CSV, 2, "unknown option --inptu; did you mean --input?"),
])
def test_mistakes_of_predict(server, words, stdin, code, says):
    ended = predict(server, *words, stdin=stdin)
    assert ended.returncode == code and ended.stdout == ""
    assert ended.stderr.splitlines()[0] == f"error: {says}"
    assert ended.stderr.splitlines()[1:] == (["`slipway predict --help` shows what it takes."] if code == 2 else [])


def test_no_server_is_said_plainly():
    ended = run("predict", "--url", "http://127.0.0.1:1", "m", "--input", "-", stdin="1\n")
    assert ended.returncode == 1 and ended.stderr == "error: cannot connect to 127.0.0.1:1: Connection refused\n"


@pytest.mark.parametrize("words, says", [
    (["--model", "m=/no/such/model"], "model m: /no/such/model: cannot open: No such file or directory"),
    (["--model", "m"], "--model m names no path; it looks like --model credit=model.json"),
    (["--model", f"m/x={TREE}"], "'m/x' is no name for a model: letters, digits, '-', '_' and '.', at most 63"),
    (["--model", f"m:0={TREE}"], f"version '0' of --model m:0={TREE} is not a number from 1 on"),
    (["--model", f"m={TREE}", "--model", f"m={TREE}"], "model m version 1 is named twice"),
    (["--listen", "0.0.0.0:0"], "--listen 0.0.0.0:0 can be reached from other machines, without encryption or a password; "
     "say --allow-plaintext if that is meant"),
    (["--listen", "nowhere"], "--listen: address 'nowhere' is not HOST:PORT, unix:PATH or fd:NUMBER"),
    (["--drain-quiet", "soon"], "--drain-quiet soon: want a time such as 500ms, 2s or 5m"),
    (["--threads", "0"], "--threads 0: want a number from 1 to 1024"),
])
def test_mistakes_of_serve(words, says):
    listen = [] if "--listen" in words else ["--listen", "127.0.0.1:0"]
    ended = run("serve", *words, *listen)
    assert ended.returncode == (3 if words[1] == "m=/no/such/model" else 2) and ended.stdout == ""
    assert ended.stderr.splitlines() == [f"error: {says}"]


def test_a_busy_port_is_named(server):
    ended = run("serve", "--model", f"m={TREE}", "--listen", f"127.0.0.1:{server.port}")
    assert ended.returncode == 1 and f"127.0.0.1:{server.port} is in use" in ended.stderr


def test_help_shows_every_command_and_its_examples():
    overview = run("--help").stdout
    for command in ("serve", "predict", "inspect", "version", "completion"):
        assert f"  {command}" in overview
        ended = run(command, "--help")
        assert ended.returncode == 0 and f"slipway {command}" in ended.stdout and "Examples:" in ended.stdout
    assert run().returncode == 2
    assert "did you mean 'serve'?" in run("sevre").stderr


def test_version_and_completion():
    version = json.loads(run("version", "-o", "json").stdout)["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version) and run("version").stdout == f"slipway {version}\n"
    script = run("completion", "bash").stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0
    words = 'COMP_WORDS=(slipway serve --dr); COMP_CWORD=2; _slipway; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script + words], capture_output=True, text=True)
    assert done.stdout.split() == ["--drain-quiet", "--drain-deadline"]
    assert run("completion", "tcsh").returncode == 1


def test_a_unix_socket_serves_and_is_taken_away(serve, tmp_path):
    socket = tmp_path / "m.sock"
    server = serve({"penguins": TREE}, "--listen", f"unix:{socket}")
    ended = run("predict", "--url", f"unix:{socket}", "penguins", "--input", "-", stdin=CSV)
    assert ended.returncode == 0, ended.stderr
    assert server.stop() == 0 and not socket.exists()


def test_it_never_phones_home(serve, tmp_path):
    """Under strace, with an ONNX model, since that runtime would like to: every address is this machine's."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed: nothing watches the network")
    trace = tmp_path / "trace"
    server = serve({"m": ZOO / "skl_pipeline_penguins" / "model.onnx"}, prefix=("strace", "-f", "-qq", "-e", "trace=network", "-o", str(trace)))
    assert predict(server, "m", "--input", ROOT / "tests" / "data" / "rows" / "penguins.csv").returncode == 0
    children = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True).stdout.split()
    subprocess.run(["kill", *children], check=True)
    wait_until(lambda: server.process.poll() is not None)
    assert "accept4(" in trace.read_text(), "strace saw nothing"
    addresses = [line for line in trace.read_text().splitlines() if "sin_addr" in line or "sin6_addr" in line]
    assert [line for line in addresses if "127.0.0.1" not in line and '"::1"' not in line] == []
    assert [line for line in trace.read_text().splitlines() if ":53" in line or "htons(53)" in line] == []
