// The live tier: real processes, containerd, nftables and kubectl, one test at a time.
export default {
  files: ["dist/test/live/**/*.test.js"],
  workerThreads: false,
  concurrency: 1,
  serial: true,
  timeout: "10m",
};
