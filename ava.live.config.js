// The live tier: real processes, containerd, nftables and kubectl. Much of it waits, so that three files run side
// by side; each has names, ports and folders of its own, and its tests follow one another.

/** Those that take a minute and more, the longest first, so that both sides end together. */
const longOnes = [
  "kubectl-matrix",
  "cuts",
  "faults",
  "failover",
  "down-namespace",
  "kills",
  "members",
  "kubectl",
  "streams",
  "faults-shut",
  "native",
  "restore-machines",
  "secret-values",
  "rollout",
];
const rank = (file) => {
  const at = longOnes.findIndex((name) => file.endsWith(`/${name}.test.js`));
  return at === -1 ? longOnes.length : at;
};

export default {
  files: ["dist/test/live/**/*.test.js"],
  sortTestFiles: (a, b) => rank(a) - rank(b) || a.localeCompare(b, "en"),
  workerThreads: false,
  concurrency: 3,
  timeout: "10m",
};
