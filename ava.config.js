// The fast tiers: pure functions, the cluster in virtual time, the simulator.
export default {
  files: ["dist/test/{unit,cluster,sim}/**/*.test.js"],
  workerThreads: false,
  timeout: "60s",
};
