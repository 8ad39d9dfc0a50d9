// The fast tiers: pure functions, the cluster in virtual time, the simulator, the examples of tests. What imports
// `troupe/testing` gets the compiled sources here; in the live tier it gets the bundle, as a user does.
export default {
  files: ["dist/test/{unit,cluster,faults,sim}/**/*.test.js", "dist/examples/**/*.test.js"],
  nodeArguments: ["--conditions=troupe-sources"],
  workerThreads: false,
  timeout: "60s",
};
