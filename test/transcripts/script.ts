/** What is recorded: the commands of a day's work, each beginning where the one before has left off. */
export interface Command {
  readonly line: string;
  /** On standard input. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Does not end by itself: interrupted when it has said nothing for a while. */
  readonly isEndless?: boolean;
}

const image = "localhost/troupe/busybox:1";

const deployment = (replicas: number, more = ""): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  labels:
    app: api
spec:
  replicas: ${replicas}
  selector:
    matchLabels:
      app: api
  template:
    metadata:
      labels:
        app: api
    spec:
      containers:
        - name: main
          image: ${image}
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: MODE
              value: fast
${more}`;

const service = `apiVersion: v1
kind: Service
metadata:
  name: api
spec:
  type: NodePort
  selector:
    app: api
  ports:
    - name: http
      port: 80
      targetPort: http
      nodePort: 30080
`;

const pod = `apiVersion: v1
kind: Pod
metadata:
  name: single
  labels:
    app: single
spec:
  containers:
    - name: main
      image: ${image}
      resources:
        requests:
          cpu: 10m
          memory: 16Mi
`;

/** Ready half a minute after its start, gone a quarter of a minute after it was told to stop. */
const slow = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: slow
spec:
  replicas: 1
  selector:
    matchLabels:
      app: slow
  template:
    metadata:
      labels:
        app: slow
      annotations:
        simulated.troupe.dev/ready-after-ms: "30000"
        simulated.troupe.dev/stop-ms: "15000"
    spec:
      containers:
        - name: main
          image: ${image}
          readinessProbe:
            periodSeconds: 1
            tcpSocket:
              port: 8080
`;

const settings = (value: string): string => `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  colour: ${value}
`;

const misspelt = `apiVersion: v1
kind: ConfigMap
metadata:
  name: misspelt
dato: {}
`;

const refused = `apiVersion: v1
kind: Service
metadata:
  name: Not_A_Name
spec:
  ports: []
`;

const command = (line: string, more: Omit<Command, "line"> = {}): Command => ({ line, ...more });

export const script: readonly Command[] = [
  command("api-resources"),
  command("version"),
  command("get --raw /readyz"),
  command("get nodes -o wide"),
  command("get namespaces"),
  command("create namespace shop"),
  command("create configmap colours --from-literal=a=red --from-literal=b=blue"),
  command("create secret generic credentials --from-literal=password=sesame"),
  command("create serviceaccount robot"),
  command(`create deployment web --image=${image} --replicas=3 --port=8080`),
  command("rollout status deployment/web --timeout=60s"),
  command("create deployment web --image=other"),
  command(`create configmap tried --from-literal=a=1 --dry-run=server -o yaml`),
  command("get deployments,replicasets,pods -o wide"),
  command("get pods -l app=web -o name"),
  command("get pods --field-selector=status.phase=Running,spec.nodeName=n1"),
  command("get all"),
  command("get configmaps -A --chunk-size=2"),
  command("get pods missing"),
  command("get deployment web -o yaml"),
  command("apply -f -", { input: deployment(2) }),
  command("apply --dry-run=server -f -", { input: deployment(5) }),
  command("apply -f -", { input: deployment(3, "            - name: LEVEL\n              value: high\n") }),
  command("apply -f -", { input: deployment(3, "            - name: LEVEL\n              value: high\n") }),
  command("apply -f - -n default", { input: service }),
  command("diff -f -", { input: service }),
  command("create -f -", { input: pod }),
  command("create -f - --save-config", { input: pod }),
  command("create -f -", { input: misspelt }),
  command("create -f - --validate=warn", { input: misspelt }),
  command("create -f -", { input: refused }),
  command("create -f -", { input: settings("green") }),
  command("replace -f -", { input: settings("yellow") }),
  command(`patch configmap settings --type=merge -p {"data":{"colour":null,"size":"large"}}`),
  command(
    `patch configmap settings --type=json -p [{"op":"test","path":"/data/size","value":"large"},{"op":"add","path":"/data/shape","value":"round"}]`,
  ),
  command(`patch configmap settings --type=json -p [{"op":"test","path":"/data/size","value":"small"}]`),
  command(
    `patch deployment api -p {"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"MODE","$patch":"delete"}]}]}}}}`,
  ),
  command("edit configmap settings", { env: { KUBE_EDITOR: "sed -i s/round/square/" } }),
  command("scale deployment/web --replicas=2"),
  command("scale deployment/web --current-replicas=2 --replicas=3"),
  command("set image deployment/web busybox=localhost/troupe/busybox:2"),
  command("rollout status deployment/web --timeout=60s"),
  command("set env deployment/web MODE=slow"),
  command("set resources deployment/web --requests=cpu=20m"),
  command("rollout history deployment/web"),
  command("rollout undo deployment/web --to-revision=1"),
  command("rollout pause deployment/web"),
  command("rollout pause deployment/web"),
  command("rollout resume deployment/web"),
  command("rollout restart deployment/web"),
  command("label pods -l app=api tier=back"),
  command("label deployment web tier=front"),
  command("label deployment web tier=middle"),
  command("annotate deployment web note=first"),
  command("annotate deployment web note-"),
  command("expose deployment web --port=80 --target-port=8080"),
  command("get services,endpoints,endpointslices"),
  command("explain deployment.spec.strategy"),
  command("explain pods.spec.containers.env"),
  command(`run one --image=${image} --restart=Never --labels=app=one --env=A=b`),
  command("wait --for=condition=Ready pod/one --timeout=60s"),
  command("wait --for=jsonpath={.status.phase}=Running pod/one --timeout=60s"),
  command("create -f -", { input: slow }),
  command("rollout status deployment/slow --timeout=120s"),
  command("delete pod -l app=slow"),
  command("wait --for=condition=Ready pod -l app=slow --timeout=120s"),
  command("delete deployment slow"),
  command("logs one"),
  command("logs deployment/web --tail=1"),
  command("logs one -c missing"),
  command("exec one -- echo hello"),
  command("exec one -- false"),
  command("events --for pod/one"),
  command("get events --field-selector=involvedObject.name=one"),
  command("describe deployment web"),
  command("describe pod one"),
  command("describe service web"),
  command("describe node n1"),
  command("describe configmap settings"),
  command("describe namespace shop"),
  command("auth whoami"),
  command("auth can-i create pods"),
  command("auth can-i --list"),
  command("create token robot --duration=1h"),
  command("taint nodes n1 upkeep=soon:PreferNoSchedule"),
  command("taint nodes n1 upkeep-"),
  command("cordon n1"),
  command("uncordon n1"),
  command("get pods --watch", { isEndless: true }),
  command("delete pod one --grace-period=1"),
  command("delete pods -l app=single --now"),
  command("delete pod missing"),
  command("delete deployment api --cascade=foreground"),
  command("delete configmap,secret --all"),
  command("delete service api web"),
  command("wait --for=delete deployment/api --timeout=30s"),
  command("drain n1 --force --ignore-daemonsets --delete-emptydir-data"),
  command("delete namespace shop"),
  command("delete deployment web"),
];
