import { jsonEqual } from "../util/equal.ts";
import { endpointIpProblems, formatIp, ipProblems, parseIp } from "../util/ip.ts";
import { dnsLabel, dnsSubdomain, qualifiedName } from "../util/names.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Endpoint, EndpointAddress, Endpoints, EndpointSlice } from "./generated/types.ts";
import { immutable } from "./metadata.ts";
import { protocols } from "./pod-validate-container.ts";
import { oneOf, rangeText } from "./pod-validate-context.ts";

/** Rules of EndpointSlices and of the older Endpoints. */

const limits = {
  endpointsMax: 1_000,
  portsMax: 20_000,
  addressesMax: 100,
  hintsMax: 8,
};

const addressTypes = ["FQDN", "IPv4", "IPv6"];

export function validateSlice(slice: EndpointSlice, errors: FieldErrors): void {
  oneOf(errors, "addressType", slice.addressType, addressTypes);
  validateEndpoints(errors, slice);
  validateSlicePorts(errors, slice);
}

export function validateSliceUpdate(slice: EndpointSlice, old: EndpointSlice, errors: FieldErrors): void {
  oneOf(errors, "addressType", slice.addressType, addressTypes);
  // What was taken once is not judged again.
  if (!jsonEqual(slice.endpoints, old.endpoints)) validateEndpoints(errors, slice);
  if (!jsonEqual(slice.ports, old.ports)) validateSlicePorts(errors, slice);
  immutable(errors, "addressType", slice.addressType, old.addressType);
}

function validateEndpoints(errors: FieldErrors, slice: EndpointSlice): void {
  const endpoints = slice.endpoints ?? [];
  if (endpoints.length > limits.endpointsMax) {
    errors.tooMany("endpoints", endpoints.length, limits.endpointsMax);
    return;
  }
  for (const [index, endpoint] of endpoints.entries()) {
    validateEndpoint(errors, `endpoints[${index}]`, endpoint, slice.addressType);
  }
}

function validateEndpoint(errors: FieldErrors, path: string, endpoint: Endpoint, type: string): void {
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) errors.required(`${path}.addresses`, "must contain at least 1 address");
  else if (addresses.length > limits.addressesMax) {
    errors.tooMany(`${path}.addresses`, addresses.length, limits.addressesMax);
  }
  for (const [index, address] of addresses.entries()) {
    validateAddress(errors, { path: `${path}.addresses`, index, address, type });
  }
  const { nodeName, hostname, hints } = endpoint;
  if (nodeName !== undefined) invalidEach(errors, `${path}.nodeName`, nodeName, dnsSubdomain(nodeName));
  if (hostname !== undefined) invalidEach(errors, `${path}.hostname`, hostname, dnsLabel(hostname));
  for (const name of ["forZones", "forNodes"] as const) {
    const list = hints?.[name] ?? [];
    if (list.length > limits.hintsMax) {
      errors.tooMany(`${path}.hints.${name}`, list.length, limits.hintsMax);
      continue;
    }
    const seen = new Set<string>();
    for (const [index, item] of list.entries()) {
      const here = `${path}.hints.${name}[${index}].name`;
      if (seen.has(item.name)) errors.duplicate(here, item.name);
      seen.add(item.name);
    }
  }
}

function validateAddress(
  errors: FieldErrors,
  place: {
    readonly path: string;
    readonly index: number;
    readonly address: string;
    readonly type: string;
  },
): void {
  const { path, index, address, type } = place;
  const here = `${path}[${index}]`;
  if (type === "FQDN") {
    invalidEach(errors, here, address, dnsSubdomain(address));
    if (address.split(".").length < 2) {
      errors.invalid(here, address, "should be a domain with at least two segments separated by dots");
    }
    return;
  }
  const ip = parseIp(address);
  if (ip === undefined) {
    invalidEach(errors, here, address, ipProblems(address));
    return;
  }
  const family = type === "IPv4" ? 4 : 6;
  if (ip.family !== family) errors.invalid(path, address, `must be an ${type} address`);
  const canonical = formatIp(ip.family, ip.value);
  if (ip.family === 4) invalidEach(errors, here, address, ipProblems(address));
  else if (canonical !== address) {
    errors.invalid(here, address, `must be in canonical form ("${canonical}")`);
  }
  invalidEach(errors, here, address, endpointIpProblems(address));
}

function validateSlicePorts(errors: FieldErrors, slice: EndpointSlice): void {
  const ports = slice.ports ?? [];
  if (ports.length > limits.portsMax) {
    errors.tooMany("ports", ports.length, limits.portsMax);
    return;
  }
  const names = new Set<string>();
  for (const [index, { name = "", protocol, appProtocol }] of ports.entries()) {
    const path = `ports[${index}]`;
    if (name !== "") invalidEach(errors, `${path}.name`, name, dnsLabel(name));
    if (names.has(name)) errors.duplicate(`${path}.name`, name);
    names.add(name);
    oneOf(errors, `${path}.protocol`, protocol, protocols);
    if (appProtocol !== undefined) {
      invalidEach(errors, `${path}.appProtocol`, appProtocol, qualifiedName(appProtocol));
    }
  }
}

export function validateEndpointsObject(object: Endpoints, errors: FieldErrors): void {
  for (const [index, subset] of (object.subsets ?? []).entries()) {
    const path = `subsets[${index}]`;
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
    if (addresses.length + notReadyAddresses.length === 0) {
      errors.required(path, "must specify `addresses` or `notReadyAddresses`");
    }
    for (const [at, address] of addresses.entries()) {
      validateOldAddress(errors, `${path}.addresses[${at}]`, address);
    }
    for (const [at, address] of notReadyAddresses.entries()) {
      validateOldAddress(errors, `${path}.notReadyAddresses[${at}]`, address);
    }
    for (const [at, { name = "", port, protocol }] of ports.entries()) {
      const here = `${path}.ports[${at}]`;
      if (name === "") {
        if (ports.length > 1) errors.required(`${here}.name`);
      } else invalidEach(errors, `${here}.name`, name, dnsLabel(name));
      if (port < 1 || port > 65_535) errors.invalid(`${here}.port`, port, rangeText(1, 65_535));
      oneOf(errors, `${here}.protocol`, protocol, protocols);
    }
  }
}

function validateOldAddress(errors: FieldErrors, path: string, address: EndpointAddress): void {
  const { ip, hostname = "", nodeName } = address;
  invalidEach(errors, `${path}.ip`, ip, ipProblems(ip));
  if (hostname !== "") invalidEach(errors, `${path}.hostname`, hostname, dnsLabel(hostname));
  if (nodeName !== undefined) invalidEach(errors, `${path}.nodeName`, nodeName, dnsSubdomain(nodeName));
  invalidEach(errors, `${path}.ip`, ip, endpointIpProblems(ip));
}
