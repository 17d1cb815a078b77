/**
 * Bounds of work that do not depend on what else the machine does.
 *
 * @module
 */
import { cpuUsage } from "node:process";

/** Processor time of this process so far, in milliseconds. */
export function processorMs(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}
