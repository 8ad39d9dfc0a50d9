// The long tier of the simulator: the ledger of bugs, and hours of virtual time.
export default {
  files: ["dist/test/ledger/**/*.test.js"],
  workerThreads: false,
  concurrency: 2,
  timeout: "20m",
};
