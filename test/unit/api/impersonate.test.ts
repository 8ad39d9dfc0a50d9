import test from "ava";
import type { Authorizer } from "../../../src/auth/auth-api.ts";
import { admin, createRig } from "./harness.ts";

/** Masters may do everything, everyone else ask about himself. */
const authorizer: Authorizer = {
  authorize: (user, attributes) => ({
    allowed:
      user.groups.includes("system:masters") || (attributes.resource && attributes.plural === "selfsubjectreviews"),
    reason: "",
  }),
};

const as = (headers: Record<string, string>) => ({ headers });
const review = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const body = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };

test("an administrator acts as whom it names, with that user's rights", async (t) => {
  const rig = await createRig({ authorizer });
  const who = await rig.call("POST", review, {
    body,
    ...as({ "impersonate-user": "dev", "impersonate-group": "ops, qa" }),
  });
  t.is(who.code, 201);
  t.is(who.json.status.userInfo.username, "dev");
  t.deepEqual(who.json.status.userInfo.groups, ["ops", "qa", "system:authenticated"]);
  const list = await rig.call("GET", "/api/v1/pods", as({ "impersonate-user": "dev" }));
  t.is(list.code, 403);
  t.regex(list.json.message, /User "dev" cannot list resource "pods"/);
});

test("an impersonated service account has the groups of its tokens", async (t) => {
  const rig = await createRig({ authorizer });
  const who = await rig.call("POST", review, { body, ...as({ "impersonate-user": "system:serviceaccount:shop:web" }) });
  t.deepEqual(who.json.status.userInfo.groups, [
    "system:serviceaccounts",
    "system:serviceaccounts:shop",
    "system:authenticated",
  ]);
});

test("without the right it is refused, and groups need a user", async (t) => {
  const rig = await createRig({ authorizer });
  const user = { name: "dev", groups: ["system:authenticated"] };
  const refused = await rig.call("GET", "/api", { user, headers: { "impersonate-user": "admin" } });
  t.is(refused.code, 403);
  t.is(
    refused.json.message,
    'users "admin" is forbidden: User "dev" cannot impersonate resource "users" in API group "" at the cluster scope',
  );
  const groups = await rig.call("GET", "/api", { user: admin, headers: { "impersonate-group": "system:masters" } });
  t.is(groups.code, 400);
});
