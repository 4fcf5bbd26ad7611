// Passphrases of keys, from a file or from a person. Never from an argument or the environment: both are seen by others.

import { readFile } from 'node:fs/promises';
import type { Passphrases } from '@resplice/publish';
import { InputError, TrustError, UsageError } from '@resplice/report';
import { writeError } from './session.js';

const ENTER = new Set(['\r', '\n', '\u0004']);
const ERASE = new Set(['\u007f', '\b']);
const INTERRUPT = '\u0003';

/** Throws UsageError `no-passphrase` when there is neither a file nor a terminal. */
export function openPassphrases(file: string | undefined): Passphrases {
  if (file !== undefined) return fromFile(file);
  return {
    async forKey(name, again) {
      return ask(`${again ? 'That is not it. ' : ''}Passphrase of ${name}: `);
    },
    async forNewKeys() {
      for (;;) {
        const first = await ask('Passphrase for the new keys: ');
        if (first === (await ask('The same again: '))) return first;
        writeError('They differ.\n');
      }
    },
  };
}

function fromFile(file: string): Passphrases {
  const read = async (): Promise<string> => {
    try {
      return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
    } catch (cause) {
      const message = `${file}: the passphrase cannot be read; check the path and its permissions`;
      throw new InputError('passphrase-not-readable', message, { context: { file }, cause });
    }
  };
  return {
    forNewKeys: read,
    async forKey(name, again) {
      if (!again) return read();
      const message = `${name}: is not opened by the passphrase in ${file}, or the key file was altered; name the right one with --passphrase-file`;
      throw new TrustError('wrong-passphrase', message, { context: { key: name } });
    },
  };
}

/** One line from the terminal, without showing it. */
function ask(prompt: string): Promise<string> {
  const { stdin } = process;
  if (!stdin.isTTY) {
    const message =
      'a passphrase is needed and there is no terminal to ask on; name a file that holds it with --passphrase-file';
    throw new UsageError('no-passphrase', message);
  }
  writeError(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  return new Promise((resolve, reject) => {
    let text = '';
    const finish = (end: () => void): void => {
      stdin.off('data', listen);
      stdin.setRawMode(false);
      stdin.pause();
      writeError('\n');
      end();
    };
    const listen = (chunk: string): void => {
      for (const character of chunk) {
        if (ENTER.has(character)) {
          finish(() => resolve(text));
          return;
        }
        if (character === INTERRUPT) {
          const message = 'no passphrase was given; nothing was changed';
          finish(() => reject(new UsageError('no-passphrase', message)));
          return;
        }
        text = ERASE.has(character) ? text.slice(0, -1) : text + character;
      }
    };
    stdin.on('data', listen);
    stdin.resume();
  });
}
