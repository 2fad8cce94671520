import { describe, expect, test } from "bun:test";
import { allowedHostText, isInNets, parseAllowedHosts } from "../../lib/config/allowed_hosts.ts";

describe("isInNets()", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    ["192.0.2.0/24", "192.0.2.255", true],
    ["192.0.2.0/24", "192.0.3.0", false],
    ["192.0.2.76/31", "192.0.2.77", true],
    ["192.0.2.76/31", "192.0.2.78", false],
    ["192.0.2.77/31", "192.0.2.76", false],
    ["192.0.2.77/31", "192.0.2.77", false],
    ["0.0.0.0/1,128.0.0.0/1", "203.0.113.9", true],
    ["0.0.0.0/1,128.0.0.0/1", "2001:db8::1", false],
    ["0.0.0.0/0", "203.0.113.9", false],
    ["192.0.2.1/0", "192.0.2.1", true],
    ["192.0.2.1/0", "192.0.2.2", false],
    ["192.0.2.1 198.51.100.1", "192.0.2.1", true],
    ["192.0.2.1 198.51.100.1", "198.51.100.1", false],
    ["192.0.2.1 # one, 198.51.100.1", "198.51.100.1", true],
    ["2001:db8::5/33", "2001:db8:7fff::1", true],
    ["::ffff:192.0.2.1", "192.0.2.1", false],
    ["::/0", "2001:db8::1", true],
    ["::/0", "192.0.2.1", false],
    ["2001:db8::/33", "2001:db8:7fff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["192.0.2.1,198.51.100.0/28", "198.51.100.15", true],
    ["mon.example", "192.0.2.1", false],
    ["192.0.2.1", "unknown", false],
  ])("of the list %s and the client %s is %p", (list, address, expected) => {
    expect(isInNets(address, parseAllowedHosts(list).hosts)).toBe(expected);
  });
});

describe("parseAllowedHosts()", () => {
  const doubtful: readonly [list: string, hosts: string, doubt: string][] = [
    ["a b", "a", '"a b" allows a alone: items are separated by commas'],
    [
      "192.0.2.1\t#x",
      "192.0.2.1",
      '"192.0.2.1\t#x" allows 192.0.2.1 alone: a comment has a line of its own',
    ],
    [
      "192.0.2.9/24 192.0.2.1,a",
      "a",
      'of "192.0.2.9/24 192.0.2.1" the first word alone counts: items are separated by commas; ' +
      '"192.0.2.9/24" matches nothing, since bits behind the mask are set: write 192.0.2.0/24 for ' +
      "the net, or 192.0.2.9 for the one host",
    ],
    ["010.0.0.1", "10.0.0.1", '"010.0.0.1" is read as 10.0.0.1'],
    ["10.0.0.0/08", "10.0.0.0/8", '"10.0.0.0/08" is read as 10.0.0.0/8'],
    ["2001:db8::/32x", "2001:db8::/32", '"2001:db8::/32x" is read as 2001:db8::/32'],
    ["10.1", "10.1", '"10.1" is left to the resolver: an IPv4 address has four numbers'],
    [
      "0.0.0.0/0",
      "0.0.0.0",
      '"0.0.0.0/0" allows 0.0.0.0 alone, a length of 0 is the same as 32: write ' +
      "0.0.0.0/1,128.0.0.0/1 for every IPv4 address",
    ],
    ["a,10.0.0.0/33", "a", '"10.0.0.0/33" is left out: the length of the net must be 1 to 32'],
    ["a,b/8", "a", '"b/8" is left out: a length needs an IPv4 or IPv6 address before it'],
    ["a,::/x", "a", '"::/x" is left out: the length of the net must be a number'],
    ["a,*", "a", '"*" is left out: neither an address nor a host name'],
    [
      "a,$IP",
      "a",
      '"$IP" is left out: neither an address nor a host name, but perhaps a placeholder that was ' +
      "not filled in",
    ],
    ["a,fe80::1%eth0", "a", '"fe80::1%eth0" is left out: neither an address nor a host name'],
    [
      "a,::ffff:10.0.0.1",
      "a",
      '"::ffff:10.0.0.1" is left out: a client that comes by IPv4 is 10.0.0.1 here, so write that',
    ],
    [" , ", "", "nobody is allowed by it"],
  ];

  test.each(doubtful)("reads %j as %j, with a doubt", (list, hosts, doubt) => {
    const read = parseAllowedHosts(list);
    expect(read.hosts.map(allowedHostText).join(",")).toBe(hosts);
    expect(read.doubt).toBe(doubt);
  });

  test.each([
    ["192.0.2.1, 10.0.0.0/8 ,::1,2001:DB8::/32,mon.example,1two,a-b.c"],
    ["0.0.0.0/32,255.255.255.255,::/0"],
  ])("takes %j without a doubt", (list) => {
    expect(parseAllowedHosts(list).doubt).toBeUndefined();
  });
});
