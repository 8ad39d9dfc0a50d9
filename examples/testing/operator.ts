/**
 * An operator as anybody writes one, with @kubernetes/client-node. It knows nothing of Troupe. Pods with the
 * readiness gate `example.com/registered` are entered into a register before they count as ready, and are
 * taken out of it before they go: a finalizer holds them that long.
 */
import * as k8s from "@kubernetes/client-node";

const gate = "example.com/registered";
const finalizer = "example.com/register";

export class RegisterOperator {
  /** Names of the pods that are in the register. */
  readonly register: Set<string> = new Set();
  readonly #api: k8s.CoreV1Api;
  readonly #informer: k8s.Informer<k8s.V1Pod>;
  /** Requests that are under way. */
  readonly #running: Set<Promise<void>> = new Set();
  #isStopped = false;

  constructor(config: k8s.KubeConfig) {
    this.#api = config.makeApiClient(k8s.CoreV1Api);
    this.#informer = k8s.makeInformer(config, "/api/v1/pods", () => this.#api.listPodForAllNamespaces());
    const reconcile = (pod: k8s.V1Pod): void => {
      const running = this.#reconcile(pod)
        .catch((error: unknown) => {
          // Somebody else was faster: the next event brings the newer object.
          if (!(error instanceof k8s.ApiException) || (error.code !== 409 && error.code !== 404)) throw error;
        })
        .finally(() => this.#running.delete(running));
      this.#running.add(running);
    };
    this.#informer.on("add", reconcile);
    this.#informer.on("update", reconcile);
    this.#informer.on("error", () => {
      if (!this.#isStopped) setTimeout(() => void this.#informer.start(), 100);
    });
  }

  start(): Promise<void> {
    return this.#informer.start();
  }

  /** Resolves when its last request has been answered. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#informer.stop();
    await Promise.all(this.#running);
  }

  async #reconcile(pod: k8s.V1Pod): Promise<void> {
    const { name = "", namespace = "", finalizers = [], deletionTimestamp, resourceVersion } = pod.metadata ?? {};
    if (!pod.spec?.readinessGates?.some(({ conditionType }) => conditionType === gate)) return;
    const isHeld = finalizers.includes(finalizer);
    const setFinalizers = (wanted: readonly string[]): Promise<k8s.V1Pod> =>
      this.#api.patchNamespacedPod(
        { namespace, name, body: { metadata: { resourceVersion, finalizers: wanted } } },
        k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.MergePatch),
      );
    if (deletionTimestamp !== undefined) {
      this.register.delete(name);
      if (isHeld) await setFinalizers(finalizers.filter((each) => each !== finalizer));
      return;
    }
    if (!isHeld) {
      await setFinalizers([...finalizers, finalizer]);
      return;
    }
    this.register.add(name);
    if (pod.status?.conditions?.some(({ type, status }) => type === gate && status === "True")) return;
    await this.#api.patchNamespacedPodStatus(
      { namespace, name, body: { status: { conditions: [{ type: gate, status: "True" }] } } },
      k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.StrategicMergePatch),
    );
  }
}
