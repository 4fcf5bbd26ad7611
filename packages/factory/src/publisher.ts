// A repository to publish into, with the keys for it. Only a worker that was given one takes jobs that publish.

import type { Publication, PublishRequest } from '@resplice/publish';

export interface Publisher {
  readonly publish: (request: PublishRequest) => Promise<Publication>;
  /** Ids of updates that are published, of one kernel build. */
  readonly list: (buildId: string) => Promise<readonly string[]>;
}
