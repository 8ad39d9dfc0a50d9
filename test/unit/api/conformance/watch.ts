import { configMap } from "../harness.ts";
import { CM, get, type Case } from "./case.ts";

/** What a watch is refused for; what it tells is in watch.test.ts. */
export const watches: readonly Case[] = [
  {
    what: "initial events without their rule of matching",
    steps: [
      get(`${CM}?watch=1&sendInitialEvents=true`, 422, {
        says: /sendInitialEvents: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan|resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan/,
      }),
    ],
  },
  {
    what: "a rule of matching for a watch without initial events",
    steps: [
      get(`${CM}?watch=1&resourceVersion=1&resourceVersionMatch=Exact`, 422, {
        says: /resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch/,
      }),
    ],
  },
  { what: "a revision that is no number", steps: [get(`${CM}?watch=1&resourceVersion=x`, 400)] },
  { what: "a field that cannot be selected", steps: [get(`${CM}?watch=1&fieldSelector=data.k%3Dv`, 400)] },
  {
    what: "a timeout of a second ends it cleanly",
    steps: [
      { ask: `POST ${CM}`, body: configMap("a"), code: 201 },
      get(`${CM}?watch=1&timeoutSeconds=1`, 200, { says: /^\{"type":"ADDED"/ }),
    ],
  },
];
