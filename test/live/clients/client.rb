# Debian's ruby-kubeclient, unmodified, against a live cluster: one line `ok STEP` for each step.
require "kubeclient"
require "timeout"
$stdout.sync = true

config = Kubeclient::Config.read(ENV.fetch("KUBECONFIG"))
context = config.context
connect = lambda do |path, version|
  Kubeclient::Client.new(context.api_endpoint + path, version, ssl_options: context.ssl_options,
                                                               auth_options: context.auth_options)
end
core = connect.call("/api", "v1")
apps = connect.call("/apis/apps", "v1")
namespace = "rb"

def ok(step)
  puts "ok #{step}"
end

def expect(holds, what)
  raise "expected: #{what.inspect}" unless holds
end

def eventually(what)
  Timeout.timeout(90) { sleep 0.2 until yield }
rescue Timeout::Error
  raise "not within 90 s: #{what}"
end

core.create_namespace(Kubeclient::Resource.new(metadata: { name: namespace }))
core.discover
expect(core.instance_variable_get(:@entities).key?("pod"), "pods are discovered")
ok "discovery"

map = Kubeclient::Resource.new(metadata: { name: "m", namespace: namespace }, data: { a: "1" })
version = core.create_config_map(map).metadata.resourceVersion
core.patch_config_map("m", { data: { b: "2" } }, namespace)
found = core.get_config_map("m", namespace)
expect(found.data.to_h == { a: "1", b: "2" }, found.data)
found.data.a = "3"
core.update_config_map(found)
stale = core.get_config_map("m", namespace)
stale.metadata.resourceVersion = version
begin
  core.update_config_map(stale)
  raise "a stale update was taken"
rescue Kubeclient::HttpError => e
  expect(e.error_code == 409 && e.message.include?("the object has been modified"), e.message)
end
ok "create, patch, update and its conflict"

template = {
  metadata: { labels: { app: "web" } },
  spec: { terminationGracePeriodSeconds: 1,
          containers: [{ name: "web", image: "localhost/troupe/busybox:1",
                         command: ["sh", "-c", "echo one; echo two; sleep 900"] }] }
}
# From before there are any: whoever is slow misses nothing.
start = core.get_pods(namespace: namespace).resourceVersion
apps.create_deployment(Kubeclient::Resource.new(
                         metadata: { name: "web", namespace: namespace },
                         spec: { replicas: 2, selector: { matchLabels: { app: "web" } }, template: template }
                       ))
seen = {}
watcher = core.watch_pods(namespace: namespace, resource_version: start)
Timeout.timeout(90) do
  watcher.each do |notice|
    seen[notice.object.metadata.name] = true if notice.object.status.phase == "Running"
    watcher.finish if seen.size == 2
  end
end
expect(seen.size == 2, seen)
ok "a watch from a list's version on"

pod = seen.keys.first
# The container runs; its shell says when it has spoken.
logged = ""
eventually("both lines are in the log") { (logged = core.get_pod_log(pod, namespace).body).lines.size == 2 }
expect(logged == "one\ntwo\n", logged)
lines = []
log = core.watch_pod_log(pod, namespace)
Timeout.timeout(90) do
  log.each do |line|
    lines << line
    log.finish if lines.size == 2
  end
end
expect(lines == %w[one two], lines)
ok "logs, at once and followed"

# A Hash: the library writes a Resource of its own as text here.
applied = { apiVersion: "apps/v1", kind: "Deployment",
            metadata: { name: "web", namespace: namespace, labels: { applied: "yes" } } }
apps.apply_deployment(applied, field_manager: "ruby", force: true)
expect(apps.get_deployment("web", namespace).metadata.labels.applied == "yes", "applied")
ok "server-side apply"

tables = core.get_pods(namespace: namespace, as: :raw)
expect(JSON.parse(tables)["kind"] == "PodList", "raw")
page = core.get_pods(namespace: namespace, limit: 1)
expect(page.size == 1 && !page.last?, page)
rest = core.get_pods(namespace: namespace, limit: 1, continue: page.continue)
expect(rest.size == 1 && rest.last?, rest)
ok "pages and raw bodies"

begin
  core.get_pod("nobody", namespace)
  raise "found"
rescue Kubeclient::ResourceNotFoundError => e
  expect(e.message.include?('pods "nobody" not found'), e.message)
end
ok "what is not there"

apps.delete_deployment("web", namespace, delete_options: { propagationPolicy: "Background" })
eventually("pods are collected") { core.get_pods(namespace: namespace).empty? }
core.delete_namespace(namespace)
eventually("the namespace is gone") { core.get_namespaces.none? { |n| n.metadata.name == namespace } }
ok "deletion with its dependents"
