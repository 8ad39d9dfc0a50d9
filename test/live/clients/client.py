"""Debian's python3-kubernetes, unmodified, against a live cluster: one line `ok STEP` for each step."""
import json
import sys
import threading
import time

from kubernetes import client, config, dynamic, watch
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock
from kubernetes.stream import portforward, stream

IMAGE = "localhost/troupe/busybox:1"
config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()
namespace = "py"


def ok(step):
    print("ok", step, flush=True)


def expect(holds, what):
    if not holds:
        raise AssertionError(what)


def eventually(what, look, within_s=90):
    """Asks until `look` answers something that holds, and answers that."""
    deadline = time.time() + within_s
    while True:
        found = look()
        if found:
            return found
        expect(time.time() < deadline, f"not within {within_s} s: {what}")
        time.sleep(0.2)


def deployment(replicas):
    labels = {"app": "web"}
    serves = client.V1Probe(http_get=client.V1HTTPGetAction(path="/hostname", port=8080), period_seconds=1)
    container = client.V1Container(
        name="web", image=IMAGE, command=["sh", "-c", "echo started; exec httpd -f -p 8080 -h /etc"],
        readiness_probe=serves)
    return client.V1Deployment(
        metadata=client.V1ObjectMeta(name="web"),
        spec=client.V1DeploymentSpec(
            replicas=replicas,
            selector=client.V1LabelSelector(match_labels=labels),
            template=client.V1PodTemplateSpec(
                metadata=client.V1ObjectMeta(labels=labels),
                spec=client.V1PodSpec(containers=[container], termination_grace_period_seconds=1))))


core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=namespace)))
version = client.VersionApi().get_code()
expect(version.major == "1", version)
expect({"apps", "coordination.k8s.io"} <= {g.name for g in client.ApisApi().get_api_versions().groups}, "groups")
ok("discovery")

apps.create_namespaced_deployment(namespace, deployment(2))
ready = set()
for event in watch.Watch().stream(core.list_namespaced_pod, namespace, label_selector="app=web", timeout_seconds=90):
    pod = event["object"]
    if any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions or []):
        ready.add(pod.metadata.name)
    if len(ready) == 2:
        break
expect(len(ready) == 2, ready)
ok("a watch tells when both pods are ready")

apps.patch_namespaced_deployment("web", namespace, {"spec": {"template": {"spec": {"containers": [
    {"name": "web", "env": [{"name": "A", "value": "b"}]}]}}}})
patched = apps.read_namespaced_deployment("web", namespace)
expect(patched.spec.template.spec.containers[0].image == IMAGE, patched)
expect(patched.metadata.generation == 2, patched.metadata)
apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 1}})
expect(apps.read_namespaced_deployment_scale("web", namespace).spec.replicas == 1, "scale")
ok("strategic merge patch and scale")



def the_only_pod():
    """Once nothing of the change is under way any more, as `kubectl rollout status` sees it."""
    web = apps.read_namespaced_deployment("web", namespace)
    pods = core.list_namespaced_pod(namespace, label_selector="app=web").items
    is_over = web.status.observed_generation == web.metadata.generation and (
        web.status.replicas == web.status.updated_replicas == web.status.ready_replicas == 1)
    return pods[0] if is_over and len(pods) == 1 and pods[0].spec.containers[0].env else None


name = eventually("one pod of the new template is left", the_only_pod).metadata.name
# It serves; what it has said goes another way.
said = eventually("something is in the log", lambda: core.read_namespaced_pod_log(name, namespace))
expect(said == "started\n", said)
ok("the log of a pod")

said = stream(core.connect_get_namespaced_pod_exec, name, namespace, command=["sh", "-c", "echo out; echo err >&2"],
              stderr=True, stdin=False, stdout=True, tty=False)
expect(sorted(said.split()) == ["err", "out"], said)
session = stream(core.connect_get_namespaced_pod_exec, name, namespace, command=["sh"], stderr=True, stdin=True,
                 stdout=True, tty=False, _preload_content=False)
session.write_stdin("echo $A; exit 7\n")
session.run_forever(timeout=90)
expect(session.read_stdout() == "b\n", "stdin")
expect(session.returncode == 7, session.returncode)
ok("exec with streams and an exit code")

forwarded = portforward(core.connect_get_namespaced_pod_portforward, name, namespace, ports="8080")
sock = forwarded.socket(8080)
sock.setblocking(True)
sock.sendall(b"GET /hostname HTTP/1.0\r\n\r\n")
answer = b""
while True:
    part = sock.recv(4096)
    if not part:
        break
    answer += part
expect(name.encode() in answer, answer)
expect(forwarded.error(8080) is None, forwarded.error(8080))
ok("port-forward")

dyn = dynamic.DynamicClient(client.ApiClient())
maps = dyn.resources.get(api_version="v1", kind="ConfigMap")


def apply(value, manager, force=False):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": value}}
    # As text: this version of the library sends no other body of that type.
    return maps.server_side_apply(
        body=json.dumps(body), name="applied", namespace=namespace, field_manager=manager, force_conflicts=force)


apply("1", "one")
try:
    apply("2", "two")
    raise AssertionError("no conflict")
except dynamic.exceptions.ConflictError as error:
    expect('conflict with "one"' in json.loads(error.body)["message"], error.body)
apply("2", "two", force=True)
expect(core.read_namespaced_config_map("applied", namespace).data == {"a": "2"}, "forced")
ok("server-side apply, its conflict and force")

for index in range(5):
    core.create_namespaced_config_map(namespace, client.V1ConfigMap(
        metadata=client.V1ObjectMeta(name=f"page-{index}", labels={"page": "yes"})))
names, token = [], None
while True:
    page = core.list_namespaced_config_map(namespace, label_selector="page=yes", limit=2, _continue=token)
    names += [m.metadata.name for m in page.items]
    token = page.metadata._continue
    if not token:
        break
expect(names == [f"page-{i}" for i in range(5)], names)
core.delete_collection_namespaced_config_map(namespace, label_selector="page=yes")
expect(core.list_namespaced_config_map(namespace, label_selector="page=yes").items == [], "gone")
ok("pages and deletecollection")

try:
    core.create_namespaced_pod(namespace, {"metadata": {"name": "Bad_Name"}, "spec": {"containers": []}})
    raise AssertionError("accepted")
except client.ApiException as error:
    status = json.loads(error.body)
    expect(error.status == 422 and status["reason"] == "Invalid", status)
    expect({c["field"] for c in status["details"]["causes"]} == {"metadata.name", "spec.containers"}, status)
ok("a refusal with its fields")

led = threading.Event()
election = electionconfig.Config(
    ConfigMapLock("leader", namespace, "candidate-1"), lease_duration=3, renew_deadline=2, retry_period=1,
    onstarted_leading=led.set, onstopped_leading=None)
threading.Thread(target=lambda: leaderelection.LeaderElection(election).run(), daemon=True).start()
expect(led.wait(90), "not elected")
record = core.read_namespaced_config_map("leader", namespace).metadata.annotations
expect("candidate-1" in record["control-plane.alpha.kubernetes.io/leader"], record)
ok("leader election of the library")

apps.delete_namespaced_deployment("web", namespace, propagation_policy="Foreground")
eventually("all is deleted", lambda: not (
    core.list_namespaced_pod(namespace).items or apps.list_namespaced_deployment(namespace).items))
ok("foreground deletion")
sys.stdout.flush()
# The library's election loop never ends by itself.
import os
os._exit(0)
