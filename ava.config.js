// The fast tiers: pure functions, the cluster in virtual time, the simulator, the examples of tests.
export default {
  files: ["dist/test/{unit,cluster,faults,sim}/**/*.test.js", "dist/examples/**/*.test.js"],
  workerThreads: false,
  timeout: "60s",
};
