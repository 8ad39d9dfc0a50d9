/** A JSON value as it is parsed from a body: plain data without prototypes of its own. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. Free maps may carry any key, `__proto__` and `constructor` included. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/** A JSON value that a pure function is building and has not handed on yet. */
export type MutableJson = null | boolean | number | string | MutableJson[] | MutableJsonObject;

export interface MutableJsonObject {
  [key: string]: MutableJson;
}
