// The results of an evaluation on disk: one file for each unit, written whole, so that a killed run loses the unit in work and no other.
// A result is found again by what it depends on: the unit's patch and code, the kernel, the version of this program.

import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VERSION } from '@resplice/report';
import { encodeUpdate, parseUpdate, type Update } from '@resplice/update';
import { isMissing, readJson, writeWhole } from '../debian/store.js';
import type { PatchFile } from '../patch/patch-model.js';
import type { ReleaseUnit } from '../split/unit.js';
import type { UnitResult } from './evaluation.js';

/** Earlier versions knew no condition. */
type KeptResult = Omit<UnitResult, 'requiresUnloaded'> & Partial<Pick<UnitResult, 'requiresUnloaded'>>;

export class ResultStore {
  readonly #directory: string;
  readonly #kernel: string;

  private constructor(directory: string, kernel: string) {
    this.#directory = directory;
    this.#kernel = kernel;
  }

  static async open(directory: string, kernel: string): Promise<ResultStore> {
    await mkdir(directory, { recursive: true });
    return new ResultStore(directory, kernel);
  }

  /** A result of an earlier run; undefined when there is none, or none that can be read. */
  async find(unit: ReleaseUnit, customCode: readonly PatchFile[]): Promise<UnitResult | undefined> {
    const kept = (await readJson(this.#path(unit, customCode, 'json'))) as KeptResult | undefined;
    return kept === undefined ? undefined : { ...kept, requiresUnloaded: kept.requiresUnloaded ?? [] };
  }

  async write(unit: ReleaseUnit, customCode: readonly PatchFile[], result: UnitResult): Promise<void> {
    await writeWhole(
      this.#path(unit, customCode, 'json'),
      Buffer.from(`${JSON.stringify(result, null, 1)}\n`),
    );
  }

  /** What the compiler said of the unit alone, empty if it was content; undefined when it was not asked. */
  async findComplaint(unit: ReleaseUnit): Promise<string | undefined> {
    try {
      return await readFile(this.#complaintPath(unit), 'utf8');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async writeComplaint(unit: ReleaseUnit, text: string): Promise<void> {
    await writeWhole(this.#complaintPath(unit), Buffer.from(text));
  }

  async writeUpdate(unit: ReleaseUnit, customCode: readonly PatchFile[], update: Update): Promise<void> {
    await writeWhole(this.#path(unit, customCode, 'splice'), encodeUpdate(update));
  }

  async readUpdate(unit: ReleaseUnit, customCode: readonly PatchFile[]): Promise<Update> {
    const file = this.#path(unit, customCode, 'splice');
    return parseUpdate(await readFile(file), file);
  }

  /** A compiler's answer depends on no version of this program. */
  #complaintPath({ id, patch }: ReleaseUnit): string {
    const hash = createHash('sha256').update(this.#kernel).update(patch).digest('hex');
    return join(this.#directory, `${id}-${hash.slice(0, 16)}.check`);
  }

  #path(unit: ReleaseUnit, customCode: readonly PatchFile[], suffix: string): string {
    const hash = createHash('sha256').update(VERSION).update(this.#kernel).update(unit.patch);
    for (const { bytes } of customCode) hash.update(bytes);
    return join(this.#directory, `${unit.id}-${hash.digest('hex').slice(0, 16)}.${suffix}`);
  }
}
