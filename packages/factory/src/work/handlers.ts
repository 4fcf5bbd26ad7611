import type { JobHandlers } from '../job-context.js';
import { convertHandler } from './convert.js';
import { joinHandler } from './join.js';
import { publishHandler } from './publish.js';
import { splitHandler } from './split.js';
import { testHandler } from './test.js';
import { watchHandler } from './watch.js';

export const HANDLERS: JobHandlers = {
  watch: watchHandler,
  split: splitHandler,
  convert: convertHandler,
  join: joinHandler,
  test: testHandler,
  publish: publishHandler,
};
