/**
 * Several providers of the same bars as one: the first healthy one delivers, the others stand by.
 *
 * The standby is cold: it is not connected until it is needed, as many accounts allow one connection only. It fetches
 * missed bars from its history: a provider that takes over asks for everything that the members before it have not
 * confirmed. Each member keeps doubts of its own.
 *
 * The group leaves a provider when one of its symbols is silent although history has bars of it, when it has not been
 * connected for a while, or when it has failed for good. Members before the delivering one stay connected if they can,
 * unread: their bars wait. Once an earlier one has had live bars for a while it delivers again, those after it are
 * closed, and its waiting bars are handed on. A provider that returns and soon fails again has to be healthy for twice
 * as long the next time.
 *
 * A series belongs to the provider that delivered it: rows carry its name, and each minute is covered by one of them.
 * Minutes around a change may have rows of both.
 *
 * @module
 */
import type { SeriesCoverage } from "../coverage/coverage.ts";
import type { FailoverCause, PipelineEvent } from "../events.ts";
import type { Frame } from "../records/frame.ts";
import { createIntake, type Intake } from "./failover/intake.ts";
import { createMember, type Member } from "./failover/member.ts";
import type { Provider, ProviderContext } from "./provider.ts";

/** Options of {@linkcode createFailover}. */
export interface FailoverOptions {
  /** At least two live feeds, the preferred one first. Symbols at the same position of their lists correspond. */
  members: readonly Provider[];
  dataDir: string;
  timeframe: string;
  /** How long a member may be without a connection, in milliseconds. */
  afterMs: number;
  /** How long an earlier member must have had live bars before it delivers again, in milliseconds. */
  backMs: number;
}

/** A provider that fails again within this time was not healthy, in milliseconds. */
const FLAP_MS = 10 * 60_000;
/** Longest time that a member has to be healthy, in milliseconds. */
const MAX_BACK_MS = 60 * 60_000;

/** Creates a provider of the group, named by all its members. */
export function createFailover(options: FailoverOptions): Provider {
  const { members } = options;
  const name = members.map(({ name }) => name).join(",");
  return {
    name,
    members,
    isLive: true,
    buckets: members.flatMap(({ buckets }) => buckets ?? []),
    open: (context) => openGroup(name, options, context),
    async close() {
      for (const provider of members) await provider.close?.();
    },
  };
}

/**
 * States of the member that delivers:
 *
 * - `steady`: it delivers, or a slow pipeline holds it up.
 * - `unconnected`: it has no connection, and is left when `timer` ends.
 * - `stranded`: it has failed by `cause`, and no other member can take over yet.
 * - `over`: reading has ended.
 */
type Duty =
  | { readonly state: "steady" | "over" }
  | { readonly state: "unconnected"; readonly timer: ReturnType<typeof setTimeout> }
  | { readonly state: "stranded"; readonly cause: FailoverCause; readonly error: unknown };

/** The delivering member, since when it delivers, and whether it has recovered what it lost. */
interface Active {
  readonly member: Member;
  readonly since: number;
  readonly hasReturned: boolean;
}

function openGroup(
  group: string,
  { members: given, timeframe, afterMs, backMs }: FailoverOptions,
  context: ProviderContext,
): ReadableStream<Frame> {
  const { emit, stop } = context;
  const intake: Intake<Frame> = createIntake<Frame>(() => finish());
  const members = given.map((provider) =>
    createMember({
      provider,
      context,
      peers: () => knownByOthers(provider, given, timeframe, context),
      intake,
      onEvent: (event) => hear(members.find(({ name }) => name === provider.name)!, event),
      onFailed(error) {
        if (duty.state === "over") return;
        emit({ type: "provider-failed", provider: provider.name, error });
        if (active.member.failure !== undefined) leave("fatal", error);
      },
    })
  );
  /** How long each member must be healthy. */
  const proof = new Map(members.map((member) => [member, backMs]));
  let active: Active = { member: members[0], since: performance.now(), hasReturned: false };
  let duty: Duty = { state: "steady" };

  function setDuty(next: Duty): void {
    if (duty.state === "unconnected") clearTimeout(duty.timer);
    duty = next;
  }

  function hear(member: Member, event: PipelineEvent): void {
    if (duty.state === "over") return;
    if (member === active.member) {
      if (event.type === "feed-lost" && event.reason === "stall") return leave("stall", event.error);
      if (member.isLive) {
        if (duty.state === "unconnected" || duty.state === "stranded" && duty.cause === "unconnected") {
          setDuty({ state: "steady" });
        }
      } else if (!member.isHeldUp) startWaiting();
    } else if (duty.state === "stranded" && member.isLive) {
      change(member, duty.cause, duty.error);
    } else if (member.dataSince !== undefined && performance.now() - member.dataSince >= proof.get(member)!) {
      change(member, "returned");
    }
  }

  function startWaiting(): void {
    if (duty.state !== "steady") return;
    const timer = setTimeout(() => leave("unconnected", active.member.lastError), afterMs);
    setDuty({ state: "unconnected", timer });
  }

  /** Replaces the active member by the first connected one, or else by the next on standby. */
  function leave(cause: FailoverCause, error: unknown): void {
    const others = members.filter((member) => member !== active.member && member.failure === undefined);
    const next = others.find(({ isLive }) => isLive) ?? others.find(({ isOpen }) => !isOpen);
    if (next !== undefined) return change(next, cause, error);
    if (others.length === 0 && active.member.failure !== undefined) return giveUp();
    setDuty({ state: "stranded", cause, error });
  }

  function change(to: Member, cause: FailoverCause, error?: unknown): void {
    const { member: from, since, hasReturned } = active;
    const now = performance.now();
    if (cause !== "returned") {
      const hasFlapped = hasReturned && now - since < FLAP_MS;
      proof.set(from, hasFlapped ? Math.min(2 * proof.get(from)!, MAX_BACK_MS) : backMs);
    }
    active = { member: to, since: now, hasReturned: cause === "returned" };
    setDuty({ state: "steady" });
    emit({ type: "failover", group, provider: to.name, previous: from.name, cause, error });
    const place = members.indexOf(to);
    for (const member of members.slice(place + 1)) member.close();
    if (members.indexOf(from) < place) from.watch();
    to.deliver();
    if (!to.isLive) startWaiting();
  }

  function giveUp(): void {
    const errors = members.map(({ failure }) => failure?.error);
    const told = errors.map((error, at) => `${members[at].name}: ${error instanceof Error ? error.message : error}`);
    finish();
    intake.end(new AggregateError(errors, `No provider of ${group} is left. ${told.join(". ")}`));
  }

  function finish(): void {
    setDuty({ state: "over" });
    for (const member of members) if (member !== active.member) member.cancel(stop.reason);
  }

  emit({ type: "failover", group, provider: active.member.name });
  for (const { name } of members.slice(1)) emit({ type: "feed-state", provider: name, state: "standby" });
  const end = () => {
    finish();
    intake.end();
  };
  if (stop.aborted) end();
  else {
    stop.addEventListener("abort", end, { once: true });
    active.member.deliver();
    startWaiting();
  }
  return intake.stream;
}

/** The coverage of the other members, by the provider's own symbols: of this run, and of earlier ones. */
async function knownByOthers(
  provider: Provider,
  members: readonly Provider[],
  timeframe: string,
  { coverage }: ProviderContext,
): Promise<ReadonlyMap<string, readonly SeriesCoverage[]>> {
  const symbols = provider.symbols ?? [];
  const all = new Map<string, SeriesCoverage[]>(symbols.map((symbol) => [symbol, []]));
  for (const member of members.filter((each) => each !== provider)) {
    const stored = await coverage?.load({ provider: member.name, timeframe }) ?? new Map();
    const known = member.coverage?.();
    for (const [at, symbol] of symbols.entries()) {
      const theirs = member.symbols?.[at] ?? symbol;
      all.get(symbol)!.push(...[stored.get(theirs), known?.get(theirs)].filter((each) => each !== undefined));
    }
  }
  return all;
}
