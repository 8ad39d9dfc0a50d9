import { badRequest } from "../../kinds/status-errors.ts";
import { isObject } from "../json-values.ts";

/** Where a paged list goes on: the revision of its first page, and the last key that was looked at. */
export interface ContinueToken {
  /** -1: go on at the newest revision, the one of the first page is gone. */
  readonly revision: number;
  readonly after: string;
}

const version = "meta.k8s.io/v1";

export function encodeContinue(token: ContinueToken): string {
  const text = JSON.stringify({ v: version, rv: token.revision, start: `${token.after}\u0000` });
  return Buffer.from(text).toString("base64url");
}

/** Throws 400 for anything that this server did not make. */
export function decodeContinue(text: string): ContinueToken {
  const invalid = (why: string): Error => badRequest(`continue key is not valid: ${why}`);
  if (!/^[A-Za-z0-9_-]+={0,2}$/.test(text)) throw invalid("illegal base64 data");
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch (error) {
    throw invalid(String(error));
  }
  if (!isObject(value)) throw invalid("not an object");
  const { v, rv, start } = value;
  if (v !== version) throw invalid(`server does not recognize this encoded version ${JSON.stringify(v)}`);
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0 || rv < -1) {
    throw invalid("incorrect encoded start resourceVersion");
  }
  if (typeof start !== "string" || !start.endsWith("\u0000")) {
    throw invalid("encoded start key empty or not a key");
  }
  return { revision: rv, after: start.slice(0, -1) };
}
