"""Reads OpenMetrics text as strictly as its specification says, for the three types that we write."""
import re

SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
NAME = r"[a-z][a-z0-9_]*"
LABEL = rf'{NAME}="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\+Inf|-?[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?)")


def parse(text):
    """-> {sample with its labels as written: value}"""
    assert text.endswith("# EOF\n") and "\n\n" not in text and "\r" not in text
    families, samples, family = {}, {}, None
    for line in text.splitlines()[:-1]:
        if line.startswith("#"):
            what, name, rest = re.fullmatch(rf"# (TYPE|HELP|UNIT) ({NAME}) (\S.*)", line).groups()
            if what == "TYPE":
                assert name not in families and rest in SUFFIXES, line
                family = families[name] = {"name": name, "type": rest, "buckets": {}}
            assert family["name"] == name and what not in family, f"outside its family: {line}"
            family[what] = rest
            assert what != "UNIT" or name.endswith("_" + rest), line
            continue
        name, labels, value = SAMPLE.fullmatch(line).groups()
        assert family["HELP"] and name in [family["name"] + suffix for suffix in SUFFIXES[family["type"]]], f"not of {family['name']}: {line}"
        key = line.rsplit(" ", 1)[0]
        assert key not in samples, f"twice: {line}"
        samples[key] = float(value)
        assert samples[key] >= 0 or family["type"] == "gauge", line
        if name.endswith("_bucket") and family["type"] == "histogram":
            rest, bound = re.fullmatch(r'(?:(.*),)?le="([^"]*)"', labels).groups()
            family["buckets"].setdefault(rest, []).append((float(bound), samples[key]))
    for family in families.values():
        check_buckets(family, samples)
    return samples


def check_buckets(family, samples):
    for labels, buckets in family["buckets"].items():
        where = f"{family['name']} {labels}"
        assert [bound for bound, _ in buckets] == sorted({bound for bound, _ in buckets}) and buckets[-1][0] == float("inf"), where
        assert [count for _, count in buckets] == sorted(count for _, count in buckets), where
        braces = f"{{{labels}}}" if labels else ""
        assert buckets[-1][1] == samples[f"{family['name']}_count{braces}"] and f"{family['name']}_sum{braces}" in samples, where
