/**
 * Metrics of the process itself, from Deno's own interfaces: those of client libraries read 0 here.
 *
 * @module
 */
import process from "node:process";
import { Counter, Gauge, Registry } from "@platformatic/prom-client";
import { countOpenFiles } from "../open_files.ts";

/**
 * Creates metrics of memory, CPU, start time and open files, under the names that Prometheus clients share.
 *
 * @param maxOpenFiles Most files that the process may have open, if known.
 */
export function createProcessMetrics(maxOpenFiles?: number): Registry {
  const registry = new Registry();
  const registers = [registry];
  const memory = (name: string, help: string, read: (usage: Deno.MemoryUsage) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read(Deno.memoryUsage()));
      },
    });
  memory("process_resident_memory_bytes", "Memory that is resident, in bytes.", ({ rss }) => rss);
  memory("process_heap_bytes", "Heap of JavaScript in use, in bytes.", ({ heapUsed }) => heapUsed);
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of user and system, in seconds.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the process started, in seconds since 1970.",
    registers,
  }).set(performance.timeOrigin / 1000);
  new Gauge({
    name: "process_open_fds",
    help:
      "Open files and sockets. Where Deno lists them to a program with every right alone (2.9.6; 2.7.11 does not): the lowest free descriptor, which is at most that many.",
    registers,
    collect() {
      const open = countOpenFiles();
      if (open !== undefined) this.set(open);
    },
  });
  if (maxOpenFiles !== undefined) {
    new Gauge({ name: "process_max_fds", help: "Most files and sockets that may be open.", registers }).set(
      maxOpenFiles,
    );
  }
  return registry;
}
