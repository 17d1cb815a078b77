/**
 * Replaces itself by a program that may make no system calls but those named, as systemd's `SystemCallFilter=` does:
 *
 *     deno run -A seccomp.ts kill|ERRNO NAME,NAME,… PROGRAM ARGUMENT…
 *
 * @module
 */
const KILL_PROCESS = 0x80000000;
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
/** Answer of libseccomp to a name that this architecture lacks. */
const NO_SYSCALL = -1;

const text = (value: string) => new TextEncoder().encode(`${value}\0`);

const [refusal, names, program, ...args] = Deno.args;
const seccomp = Deno.dlopen("libseccomp.so.2", {
  seccomp_init: { parameters: ["u32"], result: "pointer" },
  seccomp_syscall_resolve_name: { parameters: ["buffer"], result: "i32" },
  seccomp_rule_add_array: { parameters: ["pointer", "u32", "i32", "u32", "pointer"], result: "i32" },
  seccomp_load: { parameters: ["pointer"], result: "i32" },
}).symbols;
const libc = Deno.dlopen("libc.so.6", { execv: { parameters: ["buffer", "buffer"], result: "i32" } }).symbols;

const filter = seccomp.seccomp_init(refusal === "kill" ? KILL_PROCESS : ERRNO | Number(refusal));
for (const name of names.split(",")) {
  const call = seccomp.seccomp_syscall_resolve_name(text(name));
  // Negative numbers but -1 are calls of other architectures.
  if (call < NO_SYSCALL || call === NO_SYSCALL) continue;
  if (seccomp.seccomp_rule_add_array(filter, ALLOW, call, 0, null) !== 0) throw new Error(`Cannot allow ${name}`);
}
const words = [program, ...args].map(text);
const pointers = new BigUint64Array(words.length + 1);
words.forEach((word, at) => pointers[at] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(word)) as unknown as bigint);
if (seccomp.seccomp_load(filter) !== 0) throw new Error("Cannot load the filter");
libc.execv(words[0], pointers);
throw new Error(`Cannot run ${program}`);
