// A misc device of the kernel. devtmpfs makes its file in /dev; where there is none (a small system, a container's /dev), the kernel still
// tells the numbers in sysfs, and the file is made in our own directory, which only root may write.

import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CLEAN_ENVIRONMENT } from './command.js';
import { errnoName } from './errno-name.js';
import type { DeviceOpen } from './machine.js';

export function openDevice(name: string, directory: string): DeviceOpen {
  const opened = open(join('/dev', name));
  if (opened.ok || opened.code !== 'ENOENT') return opened;
  return makeNode(name, directory) ?? opened;
}

function open(path: string): DeviceOpen {
  try {
    const descriptor = openSync(path, 'r+');
    return {
      ok: true,
      device: {
        write(request) {
          try {
            writeSync(descriptor, request);
            return undefined;
          } catch (error) {
            return errnoName(error);
          }
        },
        read(buffer) {
          try {
            return readSync(descriptor, buffer, 0, buffer.length, 0);
          } catch (error) {
            return errnoName(error);
          }
        },
        close: () => closeSync(descriptor),
      },
    };
  } catch (error) {
    return { ok: false, code: errnoName(error) };
  }
}

/** Undefined when the kernel has no such device, or no file can be made for it. */
function makeNode(name: string, directory: string): DeviceOpen | undefined {
  const path = join(directory, `device-${name}`);
  try {
    const [major, minor] = readFileSync(`/sys/class/misc/${name}/dev`, 'utf8').trim().split(':');
    if (major === undefined || minor === undefined) return undefined;
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    rmSync(path, { force: true });
    execFileSync('mknod', ['-m', '600', path, 'c', major, minor], {
      env: CLEAN_ENVIRONMENT,
      stdio: 'ignore',
    });
    return open(path);
  } catch {
    // Whatever stands in the way, the caller reports that there is no device.
    return undefined;
  }
}
