import { assertEquals, assertThrows } from "@std/assert";
import { labelOf, parseDatabaseUrl, redactUrl, urlFromVariables } from "../../src/config/database.ts";

const TLS = { sslmode: "disable" } as const;

/** Hosts and ports of a URL. */
const hostsOf = (url: string) => parseDatabaseUrl(url, TLS).hosts.map(({ host, port }) => `${host} ${port}`);

Deno.test("a URL may leave out everything but its scheme", () => {
  const target = parseDatabaseUrl("postgres://", TLS);
  assertEquals([target.hosts, target.database, target.user, target.password], [
    [{ host: "localhost", port: 5432 }],
    "postgres",
    "postgres",
    undefined,
  ]);
});

Deno.test("user, password and name may be percent-encoded, the host an IPv6 address or the path of a socket", () => {
  const target = parseDatabaseUrl("postgresql://a%40b:p%2Fw@[::1]:6000/my%20db", TLS);
  assertEquals([target.user, target.password, target.hosts, target.database], [
    "a@b",
    "p/w",
    [{ host: "::1", port: 6000 }],
    "my db",
  ]);
  assertEquals(hostsOf("postgres:///db?host=/run/postgresql"), ["/run/postgresql 5432"]);
  assertEquals(hostsOf("postgres://%2Frun%2Fpostgresql:6000/db"), ["/run/postgresql 6000"]);
  assertEquals(hostsOf("postgres://u@%2Frun%2Fpostgresql/db?port=6001"), ["/run/postgresql 6001"]);
});

Deno.test("a URL may name several hosts, as libpq has them", () => {
  assertEquals(hostsOf("postgres://u:p@a:1,b,[::1]:3/db"), ["a 1", "b 5432", "::1 3"]);
  assertEquals(hostsOf("postgres:///db?host=a,b&port=6000"), ["a 6000", "b 6000"]);
  assertEquals(hostsOf("postgres://c:7/db?host=a,b&port=1,2"), ["a 1", "b 2"]);
  assertEquals(parseDatabaseUrl("postgres:///?dbname=market", TLS).database, "market");
});

Deno.test("several hosts mean one that can be written, unless the URL says otherwise", () => {
  const attributesOf = (url: string) => parseDatabaseUrl(url, TLS).sessionAttributes;
  assertEquals(attributesOf("postgres://a/db"), "any");
  assertEquals(attributesOf("postgres://a,b/db"), "read-write");
  assertEquals(attributesOf("postgres://a,b/db?target_session_attrs=primary"), "primary");
  assertThrows(() => attributesOf("postgres://a,b/db?target_session_attrs=standby"), RangeError, "expected any");
});

Deno.test("a URL is shown by its scheme, user, hosts, ports and database alone", () => {
  const url = "postgres://a%40b:geheim@x:1,%2Frun/db?password=geheim&application_name=geheim";
  assertEquals(redactUrl(url), "postgres://a%40b:***@x:1,%2Frun:5432/db");
  assertEquals(labelOf(parseDatabaseUrl(url, TLS)), "x:1,/run:5432/db");
  assertEquals(redactUrl("embedded"), "embedded");
});

Deno.test("sslmode and sslrootcert of the URL are stronger than those beside it", () => {
  const given = { sslmode: "require", sslrootcert: "a.pem" } as const;
  const plain = parseDatabaseUrl("postgres://db/x", given);
  assertEquals([plain.sslmode, plain.sslrootcert], ["require", "a.pem"]);
  const own = parseDatabaseUrl("postgres://db/x?sslmode=verify-full&sslrootcert=b.pem", given);
  assertEquals([own.sslmode, own.sslrootcert], ["verify-full", "b.pem"]);
});

Deno.test("connect_timeout in seconds and application_name of the URL count", () => {
  const { connectTimeoutMs, applicationName } = parseDatabaseUrl(
    "postgres://db/x?connect_timeout=3&application_name=feeds",
    TLS,
  );
  assertEquals([connectTimeoutMs, applicationName], [3000, "feeds"]);
  assertEquals(parseDatabaseUrl("postgres://db/x", TLS).connectTimeoutMs, undefined);
});

for (
  const [url, message] of [
    ["mysql://me:geheim@db/x", "is not a URL that starts with postgres://"],
    ["postgres:me:geheim@db/x", "is not a URL that starts with postgres://"],
    ["postgres://me:geheim@db:port/x", "has a port that is not a number"],
    ["postgres://me:geheim@db:99999/x", "has port 99999, expected 1 to 65535"],
    ["postgres://me:geheim@db:0/x", "has port 0, expected 1 to 65535"],
    ["postgres://me:geheim", "has a port that is not a number"],
    ["postgres://me:2024/geheim@db/x", "has an @ behind the host"],
    ["postgres://me:2024?geheim@db/x", "has an @ behind the host"],
    ["postgres://me:2024#geheim@db/x", "has a #, which has to be written as %23"],
    ["postgres://me:20#24@db/x?password=geheim", "has a #, which has to be written as %23"],
    ["postgres://me:2024?geheim-1", "has the parameter that is not known"],
    ["postgres://me:geheim@a b/x", "has a host that is neither a name"],
    ["postgres://me:geheim@::1/x", "has a port that is not a number"],
    ["postgres://me:geheim@a,b/x?port=1,2,3", "has 2 hosts and 3 ports"],
    ["postgres://me:ge%heim@db/x", "has a % that begins no character: write % itself as %25"],
    ["postgres://me:geheim@db/x?sslmode=maybe", 'has sslmode "maybe"'],
    ["postgres://me:geheim@db/x?connect_timeout=soon", 'has connect_timeout "soon"'],
    ["postgres://me:geheim@db/x?poolsize=5", 'has the parameter "poolsize"'],
  ]
) {
  Deno.test(`a URL that ${message} is refused, and not repeated`, () => {
    const error = assertThrows(() => parseDatabaseUrl(url, TLS), RangeError, message);
    assertEquals(error.message.includes("heim"), false);
    assertEquals(redactUrl(url).includes("heim"), false);
  });
}

/** The target that variables describe, and what was refused. */
function fromVariables(variables: Record<string, string>) {
  const refused: string[] = [];
  const url = urlFromVariables(
    (name) => variables[name],
    (variable, message) => refused.push(`${variable}: ${message}`),
  );
  return { target: parseDatabaseUrl(url, TLS), refused };
}

Deno.test("POSTGRES_* describe a server, with any characters in their values", () => {
  const { target } = fromVariables({
    POSTGRES_HOST: "db.example",
    POSTGRES_PORT: "6543",
    POSTGRES_DB: "märkte/1",
    POSTGRES_USER: "a b@c",
    POSTGRES_PASSWORD: "p@ss/w:rd%#?",
  });
  assertEquals([target.hosts, target.database, target.user, target.password], [
    [{ host: "db.example", port: 6543 }],
    "märkte/1",
    "a b@c",
    "p@ss/w:rd%#?",
  ]);
});

Deno.test("any one of POSTGRES_* is enough", () => {
  const { target } = fromVariables({ POSTGRES_USER: "me" });
  assertEquals([target.hosts, target.database], [[{ host: "localhost", port: 5432 }], "me"]);
  for (const host of ["::1", "/run/postgresql", "10.0.0.1"]) {
    assertEquals(fromVariables({ POSTGRES_HOST: host }).target.hosts, [{ host, port: 5432 }]);
  }
});

Deno.test("an invalid host or port is refused by the name of its variable, and never replaced", () => {
  assertEquals(fromVariables({ POSTGRES_HOST: "db example", POSTGRES_PORT: "99999" }).refused, [
    'POSTGRES_HOST: current value is "db example", expected a host name, an address, or a path',
    'POSTGRES_PORT: current value is "99999", expected a number from 1 to 65535',
  ]);
});
