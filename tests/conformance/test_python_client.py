"""The Python client `kubernetes`: custom objects, watches that resume, the dynamic client, versions and pages."""
import threading

import pytest
from kubernetes import client, config, dynamic, watch
from server import deployment, version

OURS = dict(group="slipway.dev", version="v1alpha1", namespace="default")
MD = dict(OURS, plural="modeldeployments")


@pytest.fixture
def connected(api):
    with config.new_client_from_config(config_file=str(api.kubeconfig)) as connection:
        yield connection


@pytest.fixture
def objects(connected):
    return client.CustomObjectsApi(connected)


def named(listing):
    return [item["metadata"]["name"] for item in listing["items"]]


def test_objects_are_created_read_listed_and_deleted(objects):
    made = objects.create_namespaced_custom_object(body=deployment(), **MD)
    assert made["metadata"]["generation"] == 1 and made["spec"]["replicas"] == 1
    assert objects.get_namespaced_custom_object(name="credit", **MD) == made
    assert named(objects.list_namespaced_custom_object(**MD)) == ["credit"]
    assert named(objects.list_cluster_custom_object("slipway.dev", "v1alpha1", "modeldeployments")) == ["credit"]
    assert objects.delete_namespaced_custom_object(name="credit", **MD)["status"] == "Success"
    with pytest.raises(client.ApiException) as gone:
        objects.get_namespaced_custom_object(name="credit", **MD)
    assert gone.value.status == 404 and gone.value.reason == "Not Found"


def test_objects_are_patched_and_replaced_and_a_stale_one_is_refused(objects):
    made = objects.create_namespaced_custom_object(body=deployment(), **MD)
    patched = objects.patch_namespaced_custom_object(name="credit", body={"spec": {"replicas": 2}}, _content_type="application/merge-patch+json", **MD)
    assert patched["spec"]["replicas"] == 2 and patched["metadata"]["generation"] == 2
    patched["spec"]["replicas"] = 3
    replaced = objects.replace_namespaced_custom_object(name="credit", body=patched, **MD)
    assert replaced["metadata"]["generation"] == 3
    with pytest.raises(client.ApiException) as stale:
        objects.replace_namespaced_custom_object(name="credit", body=made, **MD)
    assert stale.value.status == 409


def test_the_client_sends_a_patch_of_operations_when_it_is_a_list(objects):
    objects.create_namespaced_custom_object(body=deployment(), **MD)
    patched = objects.patch_namespaced_custom_object(name="credit", body=[{"op": "add", "path": "/spec/replicas", "value": 4}], _content_type="application/json-patch+json", **MD)
    assert patched["spec"]["replicas"] == 4


def test_scale_and_status_are_read_and_written(objects):
    made = objects.create_namespaced_custom_object(body=deployment(), **MD)
    made["status"] = {"replicas": 1, "selector": "slipway.dev/deployment=credit"}
    written = objects.replace_namespaced_custom_object_status(name="credit", body=made, **MD)
    assert written["metadata"]["generation"] == 1 and written["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    scale = objects.get_namespaced_custom_object_scale(name="credit", **MD)
    assert scale["spec"]["replicas"] == 1 and scale["status"] == {"replicas": 1, "selector": "slipway.dev/deployment=credit"}
    scale["spec"]["replicas"] = 6
    assert objects.replace_namespaced_custom_object_scale(name="credit", body=scale, **MD)["spec"]["replicas"] == 6
    objects.patch_namespaced_custom_object_scale(name="credit", body={"spec": {"replicas": 7}}, _content_type="application/merge-patch+json", **MD)
    now = objects.get_namespaced_custom_object(name="credit", **MD)
    assert now["spec"]["replicas"] == 7 and now["metadata"]["generation"] == 3 and now["status"]["replicas"] == 1


def test_generation_moves_with_spec_alone_and_versions_with_every_change(objects):
    def patch(body):
        meta = objects.patch_namespaced_custom_object(name="credit", body=body, _content_type="application/merge-patch+json", **MD)["metadata"]
        return meta["generation"], int(meta["resourceVersion"])
    first = objects.create_namespaced_custom_object(body=deployment(), **MD)["metadata"]
    at = int(first["resourceVersion"])
    labelled, labelled_at = patch({"metadata": {"labels": {"a": "b"}}})
    same, same_at = patch({"metadata": {"labels": {"a": "b"}}})
    changed, changed_at = patch({"spec": {"replicas": 2}})
    assert (labelled, same, changed) == (1, 1, 2)
    assert at < labelled_at == same_at < changed_at


def test_pages_show_one_moment_though_objects_come_and_go(objects):
    for i in range(7):
        objects.create_namespaced_custom_object(body=deployment(f"m{i}"), **MD)
    page = objects.list_namespaced_custom_object(limit=3, **MD)
    assert named(page) == ["m0", "m1", "m2"] and page["metadata"]["remainingItemCount"] == 4
    objects.delete_namespaced_custom_object(name="m4", **MD)
    objects.create_namespaced_custom_object(body=deployment("m35"), **MD)
    seen = named(page)
    while token := page["metadata"].get("continue"):
        page = objects.list_namespaced_custom_object(limit=3, _continue=token, **MD)
        seen += named(page)
    assert seen == [f"m{i}" for i in range(7)]


def test_a_watch_shows_each_change_and_resumes_where_it_was(objects):
    start = objects.list_namespaced_custom_object(**MD)["metadata"]["resourceVersion"]
    objects.create_namespaced_custom_object(body=deployment(), **MD)

    def follow(since, count):
        watcher, out = watch.Watch(), []
        for event in watcher.stream(objects.list_namespaced_custom_object, resource_version=since, timeout_seconds=10, **MD):
            out.append((event["type"], event["object"]["spec"]["replicas"], event["object"]["metadata"]["resourceVersion"]))
            if len(out) == count:
                watcher.stop()
        return out

    def change():
        for replicas in (2, 3):
            objects.patch_namespaced_custom_object(name="credit", body={"spec": {"replicas": replicas}}, _content_type="application/merge-patch+json", **MD)

    later = threading.Timer(0.2, change)
    later.start()
    seen = follow(start, 3)
    later.join()
    assert [event[:2] for event in seen] == [("ADDED", 1), ("MODIFIED", 2), ("MODIFIED", 3)]
    assert follow(seen[0][2], 2) == seen[1:]
    objects.delete_namespaced_custom_object(name="credit", **MD)
    assert follow(seen[2][2], 1)[0][0] == "DELETED"


def test_a_watch_by_label_shows_who_enters_and_leaves(objects):
    start = objects.list_namespaced_custom_object(**MD)["metadata"]["resourceVersion"]
    objects.create_namespaced_custom_object(body=deployment(), **MD)
    for labels in ({"team": "risk"}, {"team": None}):
        objects.patch_namespaced_custom_object(name="credit", body={"metadata": {"labels": labels}}, _content_type="application/merge-patch+json", **MD)
    watcher, seen = watch.Watch(), []
    for event in watcher.stream(objects.list_namespaced_custom_object, resource_version=start, label_selector="team=risk", timeout_seconds=10, **MD):
        seen.append(event["type"])
        if len(seen) == 2:
            watcher.stop()
    assert seen == ["ADDED", "DELETED"]


@pytest.mark.ours
def test_a_watch_from_long_ago_is_told_410_and_the_client_raises_it(api, objects):
    start = objects.list_namespaced_custom_object(**MD)["metadata"]["resourceVersion"]
    objects.create_namespaced_custom_object(body=deployment(), **MD)
    connection = api.connect()
    try:
        for i in range(4200):  # One more than a kind's history holds.
            api.open(connection, "PATCH", "/apis/slipway.dev/v1alpha1/namespaces/default/modeldeployments/credit", {"spec": {"replicas": i % 2}},
                     {"Content-Type": "application/merge-patch+json"}).read()
    finally:
        connection.close()
    with pytest.raises(client.ApiException) as old:
        list(watch.Watch().stream(objects.list_namespaced_custom_object, resource_version=start, timeout_seconds=10, **MD))
    assert old.value.status == 410


def test_initial_events_end_with_a_bookmark(api, objects):
    objects.create_namespaced_custom_object(body=deployment("a"), **MD)
    objects.create_namespaced_custom_object(body=deployment("b"), **MD)
    status, _, events = api.events("/apis/slipway.dev/v1alpha1/namespaces/default/modeldeployments?watch=1&sendInitialEvents=true"
                                   "&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=5", 3)
    assert status == 200 and [event["type"] for event in events] == ["ADDED", "ADDED", "BOOKMARK"]
    assert events[2]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true"
    newest = max(int(event["object"]["metadata"]["resourceVersion"]) for event in events[:2])
    assert int(events[2]["object"]["metadata"]["resourceVersion"]) >= newest


def test_a_list_from_the_future_is_504(objects):
    now = int(objects.list_namespaced_custom_object(**MD)["metadata"]["resourceVersion"])
    with pytest.raises(client.ApiException) as future:
        objects.list_namespaced_custom_object(resource_version=str(now + 1_000_000), resource_version_match="NotOlderThan", **MD)
    assert future.value.status == 504 and "Too large resource version" in future.value.body


def test_the_dynamic_client_finds_kinds_and_uses_them(connected):
    finder = dynamic.DynamicClient(connected)
    deployments = finder.resources.get(api_version="slipway.dev/v1alpha1", kind="ModelDeployment")
    assert deployments.namespaced and "md" in deployments.short_names and {"status", "scale"} <= set(deployments.subresources)
    made = deployments.create(body=deployment(), namespace="default")
    assert made.spec.rollout.strategy == "immediate"
    assert deployments.get(name="credit", namespace="default").metadata.uid == made.metadata.uid
    deployments.patch(name="credit", namespace="default", body={"spec": {"replicas": 2}}, content_type="application/merge-patch+json")
    assert deployments.scale.get(name="credit", namespace="default").spec.replicas == 2
    versions = finder.resources.get(kind="ModelVersion")
    versions.create(body={**version(), "metadata": {"name": "credit-1", "labels": {"stage": "test"}}}, namespace="default")
    assert [item.metadata.name for item in versions.get(namespace="default", label_selector="stage=test").items] == ["credit-1"]
    for event in deployments.watch(namespace="default", timeout=5):
        assert event["type"] == "ADDED" and event["object"].metadata.name == "credit"
        break
    deployments.delete(name="credit", namespace="default")
    with pytest.raises(dynamic.exceptions.NotFoundError):
        deployments.get(name="credit", namespace="default")


def test_typed_clients_read_what_we_have_of_core(connected):
    core = client.CoreV1Api(connected)
    assert core.read_namespace("default").metadata.name == "default"
    assert "default" in [each.metadata.name for each in core.list_namespace().items]
    assert core.list_namespaced_event("default") is not None
    assert int(client.VersionApi(connected).get_code().minor.rstrip("+")) >= 30
