// Everything the host package does to a machine goes through this one interface, so that each decision can be tested
// against a simulated kernel, and the real implementation is thin enough to be read at once.
// Rejected: one interface per concern (seven fakes instead of one, and the kernel's concerns are coupled anyway: loading a
// module changes /proc/modules, /sys/kernel/livepatch and the log together).

/** What came of reading a file; `code` is the errno's name, for example `ENOENT` or `EACCES`. */
export type FileRead =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly code: string };

export type FileOpen =
  | { readonly ok: true; readonly file: OpenFile }
  | { readonly ok: false; readonly code: string };

export interface OpenFile {
  /**
   * Reads up to `buffer.length` bytes, returns how many, 0 at the end. Without a position it continues where it stands.
   * A position is a bigint because those in /proc/kcore reach 2^56.
   */
  read(buffer: Uint8Array, position?: bigint): number;
  close(): void;
}

/** A device that takes one request and gives one reply (kmod/core-abi.h). */
export interface Device {
  /** Returns the errno's name when the kernel refuses. */
  write(request: Uint8Array): string | undefined;
  /** From the start of the reply; the errno's name when the kernel refuses. */
  read(buffer: Uint8Array): number | string;
  close(): void;
}

export type DeviceOpen =
  | { readonly ok: true; readonly device: Device }
  | { readonly ok: false; readonly code: string };

/** A command of kmod: exit status, and what it printed. */
export interface CommandResult {
  readonly status: number;
  readonly output: string;
}

export interface Lock {
  release(): Promise<void>;
}

/** Small files that describe our updates. They must not survive a reboot, because live patches do not. */
export interface StateStore {
  /** Undefined when there is no such file or it may not be read. */
  read(name: string): Uint8Array | undefined;
  /** Whole or not at all, on disk when it returns. Throws EnvironmentError `state-not-writable`. */
  write(name: string, bytes: Uint8Array): void;
  remove(name: string): void;
  list(): readonly string[];
}

export interface Machine {
  readonly uid: number;
  /** As `uname -m` says it. */
  readonly architecture: string;
  readonly state: StateStore;
  readFile(path: string): FileRead;
  /** A file that may be compressed, unpacked by what its name ends in; the code may also say that a tool is missing or fails. */
  readUnpacked(path: string): FileRead;
  openFile(path: string): FileOpen;
  /** Opens a misc device of the kernel by its name, whether or not /dev has it. */
  openDevice(name: string): DeviceOpen;
  /** Names in a directory; undefined when it does not exist or may not be read. */
  listDirectory(path: string): readonly string[] | undefined;
  /** Writes a control file of the kernel; returns the errno's name when the kernel refuses. */
  writeControl(path: string, text: string): string | undefined;
  /** Loads the module through `insmod`; `name` is only used for the temporary file. */
  insertModule(name: string, module: Uint8Array): Promise<CommandResult>;
  /** One attempt of `rmmod`. */
  removeModule(name: string): Promise<CommandResult>;
  /** The kernel log, oldest first, text only. Empty when it may not be read. */
  readKernelLog(): readonly string[];
  /** Monotonic milliseconds. */
  milliseconds(): number;
  now(): Date;
  /** Resolves after the time, or as soon as the signal aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Held until released or this process dies. Throws EnvironmentError `another-command-runs`. */
  lock(holder: string): Promise<Lock>;
}

/** A small file as text without the closing newline; undefined when it cannot be read, whatever the cause. */
export function readText(machine: Machine, path: string): string | undefined {
  const read = machine.readFile(path);
  return read.ok ? new TextDecoder().decode(read.bytes).trimEnd() : undefined;
}
