"""What the models' own frameworks answered, asked of the server as JSON: bit for bit where the card says so."""
import json

import numpy as np
import pytest
from conftest import ZOO

TYPES = {"BOOL": np.bool_, "FP16": np.float16, "FP32": np.float32, "FP64": np.float64,
         **{f"{sign}INT{bits}": np.dtype(f"{sign}int{bits}".lower()).type for sign in ("", "U") for bits in (8, 16, 32, 64)}}
TREES = sorted(path.name for path in ZOO.iterdir() if path.name.startswith(("xgb_", "lgb_")))
NOT_AS_JSON = ("onnx_fp16_digits", "skl_zipmap_penguins")
GRAPHS = sorted(path.name for path in ZOO.iterdir() if path.name.startswith(("onnx_", "skl_")) and path.name not in NOT_AS_JSON)
WITHOUT_FMA = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2,-AVX512F,-AVX"}


class Golden:
    def __init__(self, name):
        golden = json.loads((ZOO / name / "golden.json").read_text())
        variant = json.loads((ZOO / name / "card.json").read_text())["variants"][0]
        self.rows, self.inputs, self.outputs = golden["rows"], golden["inputs"], golden["outputs"]
        self.rule, self.named = variant["compare"], variant["names_from_file"]
        batch = variant["batch"]
        self.fixed = int(batch.split(":")[1]) if batch.startswith("fixed:") else 0
        self.together = batch == "dynamic"

    @staticmethod
    def rows_of(tensor, first, count):
        width = len(tensor["data"]) // tensor["shape"][0]
        return tensor["data"][first * width:(first + count) * width]

    def request(self, first, count):
        def say(value):  # Infinity and -Infinity as Python's own tokens, NaN as null
            return {"NaN": None, "Infinity": float("inf"), "-Infinity": float("-inf")}.get(value, value) if isinstance(value, str) else value
        tensors = []
        for tensor in self.inputs:
            data = self.rows_of(tensor, first, count)
            if tensor["datatype"].startswith("FP"):
                data = [say(value) for value in data]
            tensors.append({"name": tensor["name"], "datatype": tensor["datatype"], "shape": [count, *tensor["shape"][1:]], "data": data})
        return tensors

    def check(self, answer, first, count):
        got = {tensor["name"]: tensor for tensor in answer["outputs"]}
        for i, tensor in enumerate(self.outputs):
            found = got[tensor["name"]] if self.named else answer["outputs"][i]
            assert found["datatype"] == tensor["datatype"]
            self.same(self.rows_of(tensor, first, count), found["data"], tensor["datatype"], f"{tensor['name']}, row {first}")

    def same(self, want, got, datatype, where):
        if datatype == "BYTES":
            assert want == got, where
            return
        kind = TYPES[datatype]
        want = np.array([float(v) if isinstance(v, str) else v for v in want], dtype=kind)
        got = np.array([np.nan if v is None else v for v in got], dtype=kind)
        if self.rule["mode"] == "bits":
            finite = np.isfinite(want.astype(np.float64)) if want.dtype.kind == "f" else np.ones(len(want), bool)
            assert want[finite].tobytes() == got[finite].tobytes(), where
            assert not np.isfinite(got[~finite].astype(np.float64)).any(), where
        else:
            close = np.isclose(got.astype(np.float64), want.astype(np.float64), rtol=self.rule["rtol"], atol=self.rule["atol"], equal_nan=True)
            assert (close | ~np.isfinite(want.astype(np.float64))).all(), where


def check_all(server, model, golden, singles):
    step = golden.fixed or 1
    groups = [(first, step) for first in range(0, golden.rows - step + 1, max(step, golden.rows // singles))]
    if golden.together:
        groups.append((0, golden.rows))
    connection = server.connect()
    for first, count in groups:
        status, _, text = server.ask("POST", f"/v2/models/{model}/infer", {"inputs": golden.request(first, count)}, connection=connection)
        assert status == 200, text
        golden.check(json.loads(text), first, count)
    connection.close()


@pytest.mark.parametrize("environment", [{}, WITHOUT_FMA], ids=["as it is", "without FMA"])
def test_trees_answer_bit_for_bit_in_every_form(serve, environment):
    forms = {f"{name}.{file.suffix[1:]}": file for name in TREES for file in (ZOO / name).glob("model.*")}
    server = serve(forms, env=environment)
    for model in forms:
        check_all(server, model, Golden(model.rsplit(".", 1)[0]), singles=40)


def test_graphs_answer_within_their_tolerance(serve):
    server = serve({name: ZOO / name / "model.onnx" for name in GRAPHS})
    for name in GRAPHS:
        check_all(server, name, Golden(name), singles=60)


def test_a_fixed_batch_refuses_other_sizes(serve):
    server = serve({"m": ZOO / "onnx_fixed_batch4" / "model.onnx"})
    golden = Golden("onnx_fixed_batch4")
    status, _, answer = server.infer("m", golden.request(0, 3))
    assert status == 400 and "the model takes [4," in answer["error"]
