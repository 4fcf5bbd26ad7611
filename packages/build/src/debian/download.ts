// One download with progress, into the temporary directory of whatever is being put together.

import type { ProgressSink } from '@resplice/report';
import type { Apt } from './apt.js';
import type { PackageRecord } from './control-record.js';

export interface DownloadProgress {
  readonly stage: string;
  readonly progress?: ProgressSink;
  readonly signal?: AbortSignal;
}

export async function downloadInto(
  directory: string,
  record: PackageRecord,
  apt: Apt,
  options: DownloadProgress,
): Promise<string> {
  return apt.download(record, directory, {
    signal: options.signal,
    onBytes: (done) => {
      const { stage } = options;
      options.progress?.({
        stage,
        state: 'update',
        detail: record.name,
        done,
        total: record.size,
        unit: 'bytes',
      });
    },
  });
}
