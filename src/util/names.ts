/**
 * The classes of names that Kubernetes knows. Every function answers what is wrong, in Kubernetes'
 * words; an empty list means that the name is good.
 */

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const qualified = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const labelPattern = new RegExp(`^${label}$`);
const subdomainPattern = new RegExp(`^${label}(\\.${label})*$`);
const qualifiedPattern = new RegExp(`^${qualified}$`);
const labelValuePattern = new RegExp(`^(${qualified})?$`);

const labelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const subdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const qualifiedText =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const configKeyText = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
const subdomainRegex = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const qualifiedExamples = ["MyName", "my.name", "123-abc"];

/** `text (e.g. 'a',  or 'b', regex used for validation is 'R')`; the two blanks are Kubernetes'. */
export function regexError(text: string, regex: string, ...examples: readonly string[]): string {
  const quoted = examples.map((example) => `'${example}', `).join(" or ");
  return `${text} (e.g. ${quoted}regex used for validation is '${regex}')`;
}

function maxLength(length: number): string {
  return `must be no more than ${length} characters`;
}

/** Bytes of a string in UTF-8, which is what Kubernetes' limits count. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x80) continue;
    // Halves of a surrogate pair count two bytes each: four together.
    bytes += code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

export function dnsLabel(name: string): readonly string[] {
  const errors: string[] = [];
  if (name.length > 63) errors.push(maxLength(63));
  if (!labelPattern.test(name)) {
    if (subdomainPattern.test(name)) errors.push("must not contain dots");
    else errors.push(regexError(labelText, label, "my-name", "123-abc"));
  }
  return errors;
}

export function dnsSubdomain(name: string): readonly string[] {
  const errors: string[] = [];
  if (name.length > 253) errors.push(maxLength(253));
  if (!subdomainPattern.test(name)) {
    errors.push(regexError(subdomainText, subdomainRegex, "example.com"));
  }
  return errors;
}

/** `[prefix/]name`: label and annotation keys, finalizers, condition types. */
export function qualifiedName(name: string): readonly string[] {
  const parts = name.includes("/") ? name.split("/") : [name];
  if (parts.length > 2) {
    const full = regexError(`a valid label key ${qualifiedText}`, qualified, ...qualifiedExamples);
    return [`${full} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const errors: string[] = [];
  const [prefix, local] = parts.length === 2 ? parts : [undefined, name];
  if (prefix !== undefined) {
    if (prefix === "") errors.push("prefix part must be non-empty");
    else errors.push(...dnsSubdomain(prefix).map((text) => `prefix part ${text}`));
  }
  const base = local ?? "";
  if (base === "") errors.push("name part must be non-empty");
  else if (base.length > 63) errors.push(`name part ${maxLength(63)}`);
  if (!qualifiedPattern.test(base)) {
    errors.push(`name part ${regexError(qualifiedText, qualified, ...qualifiedExamples)}`);
  }
  return errors;
}

export function labelValue(value: string): readonly string[] {
  const errors: string[] = [];
  if (value.length > 63) errors.push(maxLength(63));
  if (!labelValuePattern.test(value)) {
    const text = `a valid label must be an empty string or ${qualifiedText.slice("must ".length)}`;
    errors.push(regexError(text, `(${qualified})?`, "MyValue", "my_value", "12345"));
  }
  return errors;
}

/** Keys of ConfigMaps and Secrets. */
export function configKey(key: string): readonly string[] {
  const errors: string[] = [];
  if (key.length > 253) errors.push(maxLength(253));
  if (!/^[-._a-zA-Z0-9]+$/.test(key)) {
    errors.push(regexError(configKeyText, "[-._a-zA-Z0-9]+", "key.name", "KEY_NAME", "key-name"));
  }
  if (key === ".") errors.push("must not be '.'");
  else if (key === "..") errors.push("must not be '..'");
  else if (key.startsWith("..")) errors.push("must not start with '..'");
  return errors;
}

/** Names of ports: 15 characters, one letter at least. */
export function portName(name: string): readonly string[] {
  const errors: string[] = [];
  if (name.length > 15) errors.push(maxLength(15));
  if (!/^[-a-z0-9]+$/.test(name)) {
    errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!/[a-z]/.test(name)) errors.push("must contain at least one letter (a-z)");
  if (name.includes("--")) errors.push("must not contain consecutive hyphens");
  if (name.startsWith("-") || name.endsWith("-")) {
    errors.push("must not begin or end with a hyphen");
  }
  return errors;
}

/** What any name must be, because it stands in a URL; a prefix may be `.` or `..`. */
export function pathSegment(name: string, prefix: boolean): readonly string[] {
  const errors: string[] = [];
  if (!prefix && (name === "." || name === "..")) return [`may not be '${name}'`];
  for (const illegal of ["/", "%"]) {
    if (name.includes(illegal)) errors.push(`may not contain '${illegal}'`);
  }
  return errors;
}

/** A name that must be a subdomain; a prefix (generateName) may end in `-`. */
export function subdomainName(name: string, prefix: boolean): readonly string[] {
  return dnsSubdomain(prefix ? maskTrailingDash(name) : name);
}

/** A name that must be a label; a prefix (generateName) may end in `-`. */
export function labelName(name: string, prefix: boolean): readonly string[] {
  return dnsLabel(prefix ? maskTrailingDash(name) : name);
}

function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith("-") ? `${name.slice(0, -1)}a` : name;
}
