/** `barline top`. @module */
import type { Command } from "../command.ts";

/** Shows a running instance in the terminal. */
export const top: Command = {
  summary: "Watch a running instance in the terminal",
  options: [],
  flags: [
    { name: "url", value: "URL", help: "where it serves, here or elsewhere [http://127.0.0.1:9000]" },
    { name: "tenant", value: "NAME", help: "show this tenant alone" },
    { name: "once", help: "print one picture and end, as is done where there is no terminal" },
  ],
  examples: ["top", "top --tenant acme", "top --url http://edge-1:9000", "top --once"],
  load: () => import("../top.ts"),
};
