/** `barline serve`. @module */
import type { Command } from "../command.ts";
import { place } from "./stored.ts";

/** Opens the store for reading. */
export const serve: Command = {
  summary: "Serve stored records to the cockpit, the API and PostgreSQL clients, without ingesting",
  options: [
    ...["database", "sslmode", "sslrootcert", "schema", "dataDir", "tenant"] as const,
    ...["http", "embeddedListen", "logLevel", "logFormat"] as const,
  ],
  optionHelp: place,
  examples: [
    "serve",
    "serve --data-dir /var/lib/barline --http 127.0.0.1:9100",
    "serve --embedded-listen 5433",
    "serve --config barline.yaml --database postgres://reader@host/market",
  ],
  serves: true,
  load: () => import("../serve.ts"),
};
