import fc from "fast-check";
import test from "ava";
import { parseIp } from "../../../src/util/ip.ts";
import { cidrContains, formatIpv4, formatIpv4Cidr, parseIpv4, parseIpv4Cidr } from "../../../src/util/ipv4.ts";

test("only four decimal bytes without leading zeros are an address", (t) => {
  for (const text of ["0.0.0.0", "1.2.3.4", "255.255.255.255", "10.0.200.99"]) {
    t.is(formatIpv4(parseIpv4(text)!), text);
  }
  const bad = ["", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "00.0.0.0"];
  for (const text of [...bad, "1.2.3.4 ", "a.b.c.d", "1.2.3.-4", "1e1.2.3.4", "::1", "1111.1.1.1", "１.2.3.4"]) {
    t.is(parseIpv4(text), undefined, text);
  }
  t.is(parseIpv4(undefined), undefined);
});

test("both parsers of addresses agree on every text without leading zeros", (t) => {
  const part = fc.oneof(fc.nat(300).map(String), fc.constantFrom("", "0", "00", "07", "x", "-1"));
  fc.assert(
    fc.property(fc.array(part, { minLength: 3, maxLength: 5 }), (parts) => {
      const text = parts.join(".");
      const other = parseIp(text);
      const expected = other === undefined || other.leadingZeros ? undefined : Number(other.value);
      return parseIpv4(text) === expected;
    }),
  );
  t.pass();
});

test("a range holds the addresses of its prefix, whatever its host bits were", (t) => {
  const range = parseIpv4Cidr("10.64.3.77/10")!;
  t.is(formatIpv4Cidr(range), "10.64.0.0/10");
  t.true(cidrContains(range, parseIpv4("10.127.255.255")!));
  t.false(cidrContains(range, parseIpv4("10.128.0.0")!));
  t.true(cidrContains(parseIpv4Cidr("0.0.0.0/0")!, parseIpv4("255.1.2.3")!));
  t.true(cidrContains(parseIpv4Cidr("255.1.2.3/32")!, parseIpv4("255.1.2.3")!));
  for (const text of ["1.2.3.4", "1.2.3.4/33", "1.2.3/8", "1.2.3.4/", "::/8"]) t.is(parseIpv4Cidr(text), undefined);
});
