import type { ClientCertificate } from "./http.ts";

/** A certificate's subject: what stands several times is a list. */
export type Subject = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Who a verified certificate is of: CN and O, as Kubernetes reads them. Undefined where it names nobody. */
export function clientOf(subject: Subject | undefined): ClientCertificate | undefined {
  if (subject?.["CN"] === undefined) return undefined;
  return { commonName: [subject["CN"]].flat()[0] ?? "", organizations: [subject["O"] ?? []].flat() };
}
