import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  adviseOnDatabaseError,
  breaksConnection,
  classifyDatabaseError,
  FatalError,
  sqlState,
  TransientError,
} from "../../src/database/faults.ts";
import type { Fault } from "../../src/events.ts";

/** An error as the driver makes it of what a server has sent. */
function serverError(code: string): Error {
  return Object.assign(new Error(`error ${code}`), { code, severity: "ERROR" });
}

/** An error as the runtime makes it. */
function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

const states: Record<Fault, Record<string, string>> = {
  transient: {
    "08000": "a connection exception",
    "08003": "a connection that does not exist",
    "08006": "a connection failure",
    "08P01": "a violation of the protocol",
    "25006": "a server that is read-only, as the standby of a failover is",
    "25P02": "a transaction that has failed before",
    "40001": "a serialization failure",
    "40P01": "a deadlock",
    "53000": "insufficient resources",
    "53100": "a full disk of the server",
    "53200": "a server out of memory",
    "53300": "too many connections",
    "55006": "an object in use",
    "55P03": "a lock that is not available",
    "57014": "a statement timeout",
    "57P01": "a server that shuts down, or a terminated backend",
    "57P02": "a crashed server",
    "57P03": "a server that starts up",
    "57P05": "a session that was idle for too long",
    "58000": "a system error of the server",
    "58030": "an I/O error of the server",
  },
  poison: {
    "21000": "a row that is touched twice",
    "22001": "a text that is too long",
    "22003": "a number out of range",
    "22008": "a time out of range",
    "22021": "a character that the encoding lacks",
    "22P02": "a text that is no number",
    "22P03": "a binary value that is none",
    "23502": "a null",
    "23503": "a missing reference",
    "23505": "a key that is taken",
    "23514": "a check",
    "23P01": "an exclusion",
    "40002": "a constraint at the end of the transaction",
    "44000": "a view's check option",
    "54000": "a limit of the program",
    "P0001": "an exception of a trigger",
  },
  fatal: {
    "0A000": "an unsupported feature",
    "28000": "a refused user",
    "28P01": "a wrong password",
    "3D000": "an unknown database",
    "3F000": "an unknown schema",
    "42501": "a missing right",
    "42601": "a syntax error",
    "42703": "a missing column",
    "42804": "a column of another type",
    "42P01": "a missing table",
    "42P10": "a missing unique index",
    "57P04": "a dropped database",
    "XX000": "an internal error",
    "XX001": "corrupted data",
  },
};

for (const [fault, table] of Object.entries(states)) {
  for (const [state, meaning] of Object.entries(table)) {
    Deno.test(`SQLSTATE ${state}, ${meaning}, is ${fault}`, () => {
      assertEquals(classifyDatabaseError(serverError(state)), fault);
    });
  }
}

for (const code of ["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH"]) {
  Deno.test(`${code}, an error of a socket, is transient and ends its connection`, () => {
    assertEquals(classifyDatabaseError(systemError(code)), "transient");
    assert(breaksConnection(systemError(code)));
  });
}

Deno.test("an error of a socket that the runtime cannot name is transient, and one of anything else is not", () => {
  const unnamed = (more: object) => Object.assign(new Error("write UNKNOWN"), { code: "UNKNOWN", ...more });
  assertEquals(classifyDatabaseError(unnamed({ syscall: "write" })), "transient");
  assertEquals(classifyDatabaseError(unnamed({})), "fatal");
});

Deno.test("an error of a socket is never taken for a SQLSTATE, though EPIPE has five characters", () => {
  assertEquals(sqlState(systemError("EPIPE")), undefined);
  assertEquals(sqlState(serverError("57P01")), "57P01");
});

Deno.test("a connection that ended without a message is transient", () => {
  assertEquals(classifyDatabaseError(new Error("Connection terminated unexpectedly")), "transient");
});

Deno.test("a defect of the program is fatal", () => {
  assertEquals(classifyDatabaseError(new TypeError("x is not a function")), "fatal");
  assertEquals(classifyDatabaseError(new RangeError("Offset is outside the bounds")), "fatal");
});

Deno.test("an unknown error is fatal", () => {
  const unknown = [
    "text",
    1,
    {},
    new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string"),
    new Error("The server does not support SSL connections"),
    new FatalError("Cannot use a database of schema version 99"),
    systemError("EACCES"),
  ];
  for (const thrown of unknown) assertEquals(classifyDatabaseError(thrown), "fatal", String(thrown));
});

Deno.test("a server without TLS has advice", () => {
  const plain = new Error("The server does not support SSL connections");
  assertEquals(adviseOnDatabaseError(plain), "Turn TLS on at the server, or use --sslmode disable.");
});

Deno.test("an outage that the program reports itself is transient, alone or as each of several", () => {
  const away = new TransientError("it is a standby");
  assertEquals(classifyDatabaseError(away), "transient");
  assertEquals(classifyDatabaseError(new AggregateError([away, systemError("ECONNREFUSED")])), "transient");
  assertEquals(classifyDatabaseError(new AggregateError([away, new Error("else")])), "fatal");
  assert(breaksConnection(away));
});

Deno.test("a certificate that cannot be verified is fatal", () => {
  for (const code of ["ERR_TLS_CERT_ALTNAME_INVALID", "SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"]) {
    assertEquals(classifyDatabaseError(systemError(code)), "fatal");
  }
  assertEquals(classifyDatabaseError(new Error("invalid peer certificate: UnknownIssuer")), "fatal");
});

Deno.test("a connection survives errors about data, and not errors about the server itself", () => {
  for (const state of ["23505", "22003", "40P01", "42P01", "53100", "55P03"]) {
    assert(!breaksConnection(serverError(state)), state);
  }
  for (const state of ["08006", "25006", "57P01", "57014", "58030"]) {
    assert(breaksConnection(serverError(state)), state);
  }
});

Deno.test("advice is a sentence about faults that people can mend", () => {
  const errors = ["28P01", "28000", "3D000", "42501", "42P01", "53300"].map(serverError);
  errors.push(...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT"].map(systemError));
  for (const error of errors) {
    const advice = adviseOnDatabaseError(error);
    assert(/^[A-Z].*\.$/.test(advice), `${error.message}: "${advice}"`);
  }
});

Deno.test("the advice about a missing right is the same in the language of every server", () => {
  const advised = (message: string) => adviseOnDatabaseError(Object.assign(serverError("42501"), { message }));
  const advice = advised("permission denied for table bar");
  assertStringIncludes(advice, "GRANT SELECT, INSERT, UPDATE ON bar");
  assertEquals(advised("keine Berechtigung für Tabelle bar"), advice);
  assertEquals(advised("droit refusé pour la table bar"), advice);
  assertEquals(advised("нет доступа к таблице bar"), advice);
  for (const message of ["must be owner of table bar", "permission denied for schema public"]) {
    assertStringIncludes(advised(message), "run `barline migrate` once as a user who may");
  }
});

Deno.test("an error about data comes without advice", () => {
  assertEquals(adviseOnDatabaseError(serverError("23514")), "");
});
