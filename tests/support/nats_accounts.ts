/**
 * Accounts and users of a nats-server in operator mode, as nsc makes them: JWTs signed with nkeys
 * (NATS documentation, "JWT Authentication").
 *
 * @module
 */
import { nkeys } from "@nats-io/transport-node";

/** What a server and a user of it need. */
export interface Accounts {
  /** Lines of the server's configuration. */
  readonly config: string;
  /** The user's file of credentials. */
  readonly creds: string;
}

type Keys = ReturnType<typeof nkeys.createUser>;

const encode = (value: unknown) =>
  new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });

/** A JWT about `subject`, signed by `issuer`. */
function sign(subject: Keys, issuer: Keys, name: string, nats: Record<string, unknown>): string {
  const header = encode({ typ: "JWT", alg: "ed25519-nkey" });
  const iat = Math.floor(Date.now() / 1000);
  const claims = encode({
    jti: crypto.randomUUID(),
    iat,
    iss: issuer.getPublicKey(),
    name,
    sub: subject.getPublicKey(),
    nats: { ...nats, version: 2 },
  });
  const signature = issuer.sign(new TextEncoder().encode(`${header}.${claims}`));
  return `${header}.${claims}.${signature.toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

const UNLIMITED = {
  ...{ subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
  ...{ mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 },
};

/** Makes an operator with an account that may use JetStream, and a user of it. */
export function makeAccounts(): Accounts {
  const [operator, system, account, user] = [
    nkeys.createOperator(),
    nkeys.createAccount(),
    nkeys.createAccount(),
    nkeys.createUser(),
  ];
  const operatorJwt = sign(operator, operator, "operator", { type: "operator" });
  const { mem_storage: _memory, disk_storage: _disk, streams: _streams, consumer: _consumer, ...plain } = UNLIMITED;
  const systemJwt = sign(system, operator, "SYS", { type: "account", limits: plain });
  const accountJwt = sign(account, operator, "market", { type: "account", limits: UNLIMITED });
  const userJwt = sign(user, account, "edge", { type: "user", subs: -1, data: -1, payload: -1, pub: {}, sub: {} });
  const preload = [[system, systemJwt], [account, accountJwt]] as const;
  return {
    config: [
      `operator: ${operatorJwt}`,
      `system_account: ${system.getPublicKey()}`,
      "resolver: MEMORY",
      `resolver_preload: { ${preload.map(([keys, jwt]) => `${keys.getPublicKey()}: ${jwt}`).join("\n")} }`,
    ].join("\n"),
    creds: [
      "-----BEGIN NATS USER JWT-----",
      userJwt,
      "------END NATS USER JWT------",
      "",
      "-----BEGIN USER NKEY SEED-----",
      new TextDecoder().decode(user.getSeed()),
      "------END USER NKEY SEED------",
      "",
    ].join("\n"),
  };
}
