// The live tier: real processes, containerd, nftables and kubectl. Much of it waits, so that two files run side
// by side; each has names, ports and folders of its own, and its tests follow one another.
export default {
  files: ["dist/test/live/**/*.test.js"],
  workerThreads: false,
  concurrency: 2,
  timeout: "10m",
};
