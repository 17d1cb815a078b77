import { assertEquals, assertThrows } from "@std/assert";
import { parseDatabaseUrl, redactUrl, urlFromVariables } from "../../src/config/database.ts";

const TLS = { sslmode: "disable" } as const;

Deno.test("a URL may leave out everything but its scheme", () => {
  const target = parseDatabaseUrl("postgres://", TLS);
  assertEquals([target.host, target.port, target.database, target.user, target.password], [
    "localhost",
    5432,
    "postgres",
    "postgres",
    undefined,
  ]);
});

Deno.test("user, password and name may be percent-encoded, the host an IPv6 address or the path of a socket", () => {
  const target = parseDatabaseUrl("postgresql://a%40b:p%2Fw@[::1]:6000/my%20db", TLS);
  assertEquals([target.user, target.password, target.host, target.port, target.database], [
    "a@b",
    "p/w",
    "::1",
    6000,
    "my db",
  ]);
  assertEquals(parseDatabaseUrl("postgres:///db?host=/run/postgresql", TLS).host, "/run/postgresql");
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
    ["postgres://me:geheim@db:port/x", "is not a URL that starts with postgres://"],
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
  return { target: url === undefined ? undefined : parseDatabaseUrl(url, TLS), refused };
}

Deno.test("POSTGRES_* describe a server, whatever characters they hold", () => {
  const { target } = fromVariables({
    POSTGRES_HOST: "db.example",
    POSTGRES_PORT: "6543",
    POSTGRES_DB: "märkte/1",
    POSTGRES_USER: "a b@c",
    POSTGRES_PASSWORD: "p@ss/w:rd%#?",
  });
  assertEquals([target?.host, target?.port, target?.database, target?.user, target?.password], [
    "db.example",
    6543,
    "märkte/1",
    "a b@c",
    "p@ss/w:rd%#?",
  ]);
});

Deno.test("any one of POSTGRES_* is enough, and none is no server", () => {
  assertEquals(fromVariables({}).target, undefined);
  const { target } = fromVariables({ POSTGRES_USER: "me" });
  assertEquals([target?.host, target?.port, target?.database], ["localhost", 5432, "me"]);
  assertEquals(fromVariables({ POSTGRES_HOST: "::1" }).target?.host, "::1");
  assertEquals(fromVariables({ POSTGRES_HOST: "/run/postgresql" }).target?.host, "/run/postgresql");
});

Deno.test("a host or port that is none is refused by the name of its variable, and never replaced", () => {
  assertEquals(fromVariables({ POSTGRES_HOST: "db example", POSTGRES_PORT: "99999" }).refused, [
    'POSTGRES_HOST: current value is "db example", wanted is a host name, an address, or a path',
    'POSTGRES_PORT: current value is "99999", wanted is a number from 1 to 65535',
  ]);
});
