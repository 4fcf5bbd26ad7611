// The machine this process runs on. Thin on purpose: what could be decided wrongly is decided elsewhere.

import { closeSync, constants, openSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import { machine as readArchitecture } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { runCommand } from './command.js';
import { openDevice } from './device.js';
import { errnoName } from './errno-name.js';
import { acquireLock } from './file-lock.js';
import type { FileOpen, FileRead, Machine } from './machine.js';
import { openStateStore } from './state-directory.js';
import { readUnpacked } from './unpacked-file.js';

/** A tmpfs: gone after a reboot, as live patches are. */
const STATE_DIRECTORY = '/run/resplice';
/** One name for all modules, so that a killed command leaves at most one file. */
const MODULE_FILE = 'loading.ko';
const LOG_RECORD = 8192;

export interface MachineOptions {
  /** Where lock, archives and records are kept; `/run/resplice` when absent. */
  readonly stateDirectory?: string;
  /** How many milliseconds to wait for another command to end; 5000 when absent. */
  readonly patience?: number;
}

export function openMachine({
  stateDirectory = STATE_DIRECTORY,
  patience = 5000,
}: MachineOptions = {}): Machine {
  let keeper: Writable | undefined;
  const updates = openStateStore(join(stateDirectory, 'updates'));
  const loading = openStateStore(stateDirectory);
  return {
    uid: process.getuid?.() ?? -1,
    architecture: readArchitecture(),
    state: updates,
    readFile,
    readUnpacked: (path) => readUnpacked(path, readFile),
    openFile,
    openDevice: (name) => openDevice(name, stateDirectory),
    listDirectory(path) {
      try {
        return readdirSync(path);
      } catch {
        // Missing, or not for this user: in both cases there is nothing to be listed for the caller.
        return undefined;
      }
    },
    writeControl,
    async insertModule(_name, module) {
      loading.write(MODULE_FILE, module);
      try {
        return await runCommand('insmod', join(stateDirectory, MODULE_FILE), keeper);
      } finally {
        loading.remove(MODULE_FILE);
      }
    },
    removeModule: (name) => runCommand('rmmod', name, keeper),
    readKernelLog,
    milliseconds: () => performance.now(),
    now: () => new Date(),
    sleep,
    async lock(holder) {
      const lock = await acquireLock(stateDirectory, holder, patience);
      keeper = lock.keeper;
      // A killed command may have left it; nobody else is at work now.
      loading.remove(MODULE_FILE);
      return {
        async release() {
          keeper = undefined;
          await lock.release();
        },
      };
    },
  };
}

function readFile(path: string): FileRead {
  try {
    return { ok: true, bytes: readFileSync(path) };
  } catch (error) {
    return { ok: false, code: errnoName(error) };
  }
}

function openFile(path: string): FileOpen {
  try {
    const descriptor = openSync(path, 'r');
    return {
      ok: true,
      file: {
        read: (buffer, position) => readSync(descriptor, buffer, 0, buffer.length, position ?? null),
        close: () => closeSync(descriptor),
      },
    };
  } catch (error) {
    return { ok: false, code: errnoName(error) };
  }
}

function writeControl(path: string, text: string): string | undefined {
  try {
    const descriptor = openSync(path, constants.O_WRONLY);
    try {
      writeSync(descriptor, text);
      return undefined;
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return errnoName(error);
  }
}

/** /dev/kmsg gives one record per read: `6,339,5140900,-;text`, then lines of its own that begin with a space. */
function readKernelLog(): readonly string[] {
  const lines: string[] = [];
  let descriptor: number | undefined;
  try {
    descriptor = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
    const buffer = Buffer.alloc(LOG_RECORD);
    for (;;) {
      const length = readRecord(descriptor, buffer);
      if (length === undefined) return lines;
      const record = buffer.toString('utf8', 0, length).split('\n')[0] ?? '';
      lines.push(record.slice(record.indexOf(';') + 1));
    }
  } catch {
    // The log only explains a failure that is reported anyway; without access to it the report is shorter.
    return lines;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Undefined at the end of the log. */
function readRecord(descriptor: number, buffer: Buffer): number | undefined {
  for (;;) {
    try {
      return readSync(descriptor, buffer);
    } catch (error) {
      // EPIPE: records were overwritten before they were read; the next read continues after them.
      if (errnoName(error) !== 'EPIPE') return undefined;
    }
  }
}

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    signal?.addEventListener('abort', finish);
  });
}
