"""differential.py: plays the story against an API and holds the answers against those of a real API server.

    differential.py KUBECONFIG                      the API there, against the recorded answers
    differential.py KUBECONFIG --against KUBECONFIG the API there, against the API server there (with api/crd applied)
    differential.py --record KUBECONFIG             renews recorded/, from a real API server

It removes every ModelVersion and ModelDeployment of the namespace `default` at both. allowed_differences.txt holds what
may differ, and why; a difference that it does not name fails, and so does a line of it that nothing needs any more.
"""
import argparse
import fnmatch
import json
import re
import sys
from pathlib import Path

import story
import story_changes
from server import DEFINITIONS, Server

HERE = Path(__file__).resolve().parent
RECORDED = HERE / "recorded" / "kubernetes-1.37.json"
ALLOWED = HERE / "allowed_differences.txt"
STEPS = [*story.DISCOVERING, *story.CREATING, *story.REFUSED_BODIES, *story.READING, *story_changes.CHANGING, *story_changes.PATCHING,
         *story_changes.SUBRESOURCES, *story_changes.LISTING, *story_changes.WATCHING, *story_changes.DELETING]
HEADERS = ("content-type", "warning", "retry-after", "allow")
OBJECT = re.compile(r'Invalid value: "\{.*\}"', re.DOTALL)
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z")


class Normal:
    """Takes out of answers what is another at each run, so that what remains can be compared.

    A resourceVersion becomes its number among those of its object, so that a write that changes nothing shows as one.
    """

    def __init__(self):
        self.versions = {}  # uid or name -> the versions seen of it, in order
        self.uids = []

    def object(self, value):
        if isinstance(value, list):
            return [self.object(each) for each in value]
        if isinstance(value, str):
            return self.text(value)
        if not isinstance(value, dict):
            return value
        out = {key: self.metadata(member) if key == "metadata" and isinstance(member, dict) else self.object(member)
               for key, member in value.items()}
        return without_order(out) if out.get("kind") == "Status" else out

    def metadata(self, meta):
        out = {key: self.object(value) for key, value in meta.items() if key not in ("managedFields", "selfLink")}
        if "uid" in meta:
            out["uid"] = "UID"
            if meta["uid"] not in self.uids:
                self.uids.append(meta["uid"])
        if "resourceVersion" in meta:
            out["resourceVersion"] = self.version(meta)
        for key in ("creationTimestamp", "deletionTimestamp"):
            if meta.get(key):
                out[key] = TIME.sub("TIME", meta[key])
        if "continue" in meta:
            out.pop("continue")
            out.update({"continue": "CONTINUE"} if meta["continue"] else {})  # Some lists say "", which is nothing.
        return out

    def version(self, meta):
        if "name" not in meta:
            return "RV"  # A list's is that of the whole store.
        seen = self.versions.setdefault(meta.get("uid", meta["name"]), [])
        if meta["resourceVersion"] not in seen:
            seen.append(meta["resourceVersion"])
        return f"RV{seen.index(meta['resourceVersion']) + 1}"

    def text(self, text):
        """Messages name uids and versions."""
        for uid in self.uids:
            text = text.replace(uid, "UID")
        for version in sorted({v for seen in self.versions.values() for v in seen}, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.-]){version}(?![\w.-])", "RV", text) if len(version) > 3 or "recondition" in text else text
        return OBJECT.sub("Invalid value: OBJECT", text)


def without_order(status):
    """An API server finds what is wrong in any order: causes go by their field, and a message that repeats them goes."""
    causes = status.get("details", {}).get("causes", [])
    if causes:
        by_field = {}
        for cause in sorted(causes, key=lambda each: each.get("message", "")):
            by_field.setdefault(cause.get("field", ""), []).append({key: cause.get(key) for key in ("reason", "message")})
        status["details"]["causes"] = by_field
    if len(causes) > 1:
        status["message"] = re.sub(r"\[.*\]$", "[CAUSES]", status["message"], flags=re.DOTALL)
    return status


def table_without_ages(value):
    """The last column of a row of ours is its age."""
    if isinstance(value, dict) and value.get("kind") == "Table":
        for row in value.get("rows", []):
            row["cells"][-1] = "AGE"
    return value


def play(server, progress=lambda name: None):
    """-> step name -> {"status", "headers", "body"}, normalised"""
    server.clear()
    seen, out, normal = {}, {}, Normal()
    for step in STEPS:
        progress(step.name)
        path, body, headers = (story.text_of(each, seen) for each in (step.path, step.body, step.headers))
        if step.events:
            status, heads, answer = server.events(path, step.events, seconds=10, headers=headers)
        else:
            status, heads, answer = server.ask(step.method, path, body, headers)
        seen[step.name] = answer
        shown = step.pick(answer) if step.pick else answer
        whole = normal.object({"body": shown})["body"]
        for each in whole if isinstance(whole, list) and step.events else [whole]:
            table_without_ages(each.get("object") if step.events and isinstance(each, dict) and "object" in each else each)
        out[step.name] = {"status": status, "headers": {name: heads.get_all(name) for name in HEADERS if heads.get_all(name)}, "body": whole}
    server.clear()
    return json.loads(json.dumps(out))


def flat(value, path=""):
    """Every leaf by its path: body.spec.steps[0].weight."""
    if isinstance(value, dict) and value:
        return {leaf: each for key, member in value.items() for leaf, each in flat(member, f"{path}.{key}" if path else key).items()}
    if isinstance(value, list) and value:
        return {leaf: each for i, member in enumerate(value) for leaf, each in flat(member, f"{path}[{i}]").items()}
    return {path: value}


ABSENT = "(absent)"


def gist(answer):
    body = answer["body"]
    return f"{answer['status']} {body.get('message', body.get('kind', '')) if isinstance(body, dict) else str(body)[:80]}"


def differences(ours, real):
    """-> [(step, path, ours, real)]"""
    out = []
    for step in STEPS:
        if step.name not in real:
            out.append((step.name, "", "played", "not recorded; next step: differential.py --record KUBECONFIG of an API server"))
            continue
        mine, theirs = ours[step.name], real[step.name]
        if mine["status"] != theirs["status"]:  # Then everything else differs too, and says nothing more.
            out.append((step.name, "status", gist(mine), gist(theirs)))
            continue
        mine, theirs = flat(mine), flat(theirs)
        out += [(step.name, path, mine.get(path, ABSENT), theirs.get(path, ABSENT)) for path in sorted({*mine, *theirs})
                if mine.get(path, ABSENT) != theirs.get(path, ABSENT)]
    return out


def allowances(text=None):
    """Lines `STEP | PATH | WHY`, of which the first two may hold * and ?; paths of lists are written with [*]."""
    out = []
    for line in (text or ALLOWED.read_text()).splitlines():
        if line.strip() and not line.startswith("#"):
            step, path, why = (part.strip() for part in line.split("|", 2))
            out.append((step, path, why))
    return out


def matches(pattern, text):
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def judge(found, allowed):
    """-> what is not allowed, and the allowances that nothing needs"""
    used, left = set(), []
    for difference in found:
        by = [row for row in allowed if matches(row[0], difference[0]) and matches(row[1], difference[1])]
        used.update(by)
        if not by:
            left.append(difference)
    return left, [row for row in allowed if row not in used]


def report(left, unneeded):
    lines = [f"{step} | {path}\n    ours: {json.dumps(mine)[:600]}\n    real: {json.dumps(theirs)[:600]}" for step, path, mine, theirs in left]
    lines += [f"{step} | {path}: allowed ({why}), and no longer different; take it out of {ALLOWED.name}" for step, path, why in unneeded]
    return "\n".join(lines)


def record(kubeconfig):
    server = Server(kubeconfig)
    for path in sorted(DEFINITIONS.glob("*.yaml")):
        server.kubectl("apply", "-f", path)
        server.kubectl("wait", "--for=condition=Established", "-f", path)
    RECORDED.parent.mkdir(exist_ok=True)
    answers = play(server)
    lines = [f"{json.dumps(name)}: {json.dumps(answer, sort_keys=True)}" for name, answer in answers.items()]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"recorded {len(answers)} answers in {RECORDED}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kubeconfig", nargs="?")
    parser.add_argument("--against")
    parser.add_argument("--record")
    options = parser.parse_args()
    if options.record:
        return record(options.record)
    if not options.kubeconfig:
        parser.error("say which API: the path of its kubeconfig")
    real = play(Server(options.against)) if options.against else json.loads(RECORDED.read_text())
    found = differences(play(Server(options.kubeconfig)), real)
    left, unneeded = judge(found, allowances())
    print(report(left, unneeded))
    print(f"differential: {len(STEPS)} steps, {len(found)} differences, {len(left)} not allowed, {len(unneeded)} allowed in vain")
    return 1 if left or unneeded else 0


if __name__ == "__main__":
    sys.exit(main())
