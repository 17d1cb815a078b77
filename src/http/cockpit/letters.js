/**
 * The view of dead letters: groups by reason, the records of one, and what to do about them.
 *
 * @module
 */
import { call } from "./api.js";
import { count, duration, h, patch, table } from "./dom.js";

const EVERY_MS = 5000;
const SHOWN = 20;

/** Makes the view. */
export function createLetters() {
  const groups = h("section", {});
  const letters = h("section", {});
  const message = h("p", { class: "message", role: "status" });
  const timer = setInterval(() => attempt(load), EVERY_MS);
  let opened;

  async function attempt(work) {
    try {
      await work();
    } catch (error) {
      message.textContent = error.message;
    }
  }

  const where = ({ reason, provider, sqlstate }) => ({
    reason,
    provider,
    ...(sqlstate === undefined ? {} : { sqlstate }),
  });

  /** Names a group, so that no button of one is taken for that of another. */
  const labelOf = ({ reason, provider, sqlstate }) => [reason, provider, sqlstate].filter(Boolean).join(", ");

  function act(name, group, done) {
    const question = `${name} ${count(group.count)} dead letters: "${group.reason}"?`;
    if (!confirm(question)) return;
    attempt(async () => {
      const answer = await call(`/api/dead-letters/${name.toLowerCase()}`, { where: where(group) });
      message.textContent = done(answer);
      await load();
    });
  }

  async function show(group) {
    opened = group;
    const query = new URLSearchParams({ ...where(group), limit: SHOWN });
    const { letters: found } = await call(`/api/dead-letters/letters?${query}`);
    letters.replaceChildren(
      h("h2", {}, `${group.reason} (${found.length} of ${count(group.count)})`),
      ...found.map(({ error, metadata, items }) =>
        h(
          "article",
          { class: "card" },
          h("p", {}, error),
          h(
            "p",
            { class: "quiet" },
            [metadata.cause, metadata.sqlstate, metadata.location].filter(Boolean).join(" · "),
          ),
          h("pre", {}, items.map((item) => JSON.stringify(item, null, 1)).join("\n")),
        )
      ),
    );
  }

  async function load() {
    const { groups: found } = await call("/api/dead-letters");
    patch(groups, [table(
      "Dead letters",
      ["Reason", "Provider", "SQLSTATE", "Newest", "Letters#", ""],
      found.map((group) => [
        h("button", {
          type: "button",
          class: "link",
          "aria-label": `Show ${labelOf(group)}`,
          onclick: () => attempt(() => show(group)),
        }, group.reason),
        group.provider,
        group.sqlstate ?? "–",
        `${duration(Date.now() / 1000 - group.last)} ago`,
        count(group.count),
        h(
          "span",
          { class: "buttons" },
          h("button", {
            type: "button",
            "aria-label": `Replay ${labelOf(group)}`,
            onclick: () =>
              act(
                "Replay",
                group,
                ({ replayed, refused }) => `Replayed ${count(replayed)}; ${count(refused)} were refused again and stay`,
              ),
          }, "Replay"),
          h(
            "button",
            {
              type: "button",
              "aria-label": `Purge ${labelOf(group)}`,
              onclick: () => act("Purge", group, ({ purged }) => `Purged ${count(purged)}`),
            },
            "Purge",
          ),
        ),
      ]),
      "No dead letters",
    )]);
    if (opened !== undefined && !found.some(({ reason }) => reason === opened.reason)) letters.replaceChildren();
  }

  attempt(load);
  return {
    element: h("div", {}, message, groups, letters),
    close: () => clearInterval(timer),
  };
}
