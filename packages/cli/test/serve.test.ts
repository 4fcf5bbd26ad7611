// The server as a process: what it says at its end.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../src/main.js', import.meta.url));

test('a server that is told to stop while it still makes its database stops once it has it', async () => {
  const { status, output } = await serve('127.0.0.1:0', (child, printed) => {
    if (!child.killed && printed.includes('opening the database')) child.kill('SIGTERM');
  });
  assert.match(output, /stopping as soon as the database is open\n(?:.*\n)*stopped\n$/);
  assert.equal(status, 0, output);
});

test('a server that cannot start says why', async () => {
  const { status, output } = await serve('203.0.113.1:8440');
  assert.match(output, /203\.0\.113\.1:8440: cannot be listened on: .*\[address-not-available\]\n$/);
  assert.equal(status, 5, output);
});

/** On a fresh folder, to its end. */
async function serve(listen: string, onOutput?: (child: ChildProcess, printed: string) => void) {
  const folder = mkdtempSync(join(tmpdir(), 'resplice-serve-'));
  const args = [main, 'serve', '--data', join(folder, 'data'), '--listen', listen];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
      onOutput?.(child, output);
    });
  const status = await new Promise((resolve) => child.on('close', resolve));
  rmSync(folder, { recursive: true });
  return { status, output };
}
