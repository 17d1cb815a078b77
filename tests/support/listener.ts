/**
 * A server of its own process for tests of listening: prints its port, and the failures of its listener. It believes that any
 * number of files may be open.
 *
 * @module
 */
import { keepListening } from "../../src/http/listen.ts";

const { addr } = keepListening({
  hostname: "127.0.0.1",
  port: 0,
  handler: () => new Response("well"),
  onListen: () => {},
  onError: () => new Response(null, { status: 500 }),
  onFailure: () => console.log("accepting again"),
  onCrowd: () => console.log("crowd"),
  maxOpenFiles: Infinity,
});
console.log(addr.port);
