import { join } from 'node:path';

/** Fixtures are read where they are, not where tests are compiled to. */
export function fixture(name: string): string {
  return join(import.meta.dirname, '../../../test/debian/fixtures', name);
}
