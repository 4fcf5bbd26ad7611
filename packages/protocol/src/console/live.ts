// What a page that is open hears without asking: server-sent events at LIVE_PATH. An event only says that something is different now; who shows
// it asks for it again. So nothing is seen by this way that the caller could not ask for, and an event that is lost costs a moment of age and
// no wrong picture. Rejected: sending the new state itself, which would have to be cut down to what each caller may see.

import { z } from 'zod';

/** `event:` of the stream. `?topics=machines,rollouts` asks for some of them. */
export const LIVE_PATH = '/api/v1/events';

export const LiveTopic = z.enum([
  'machines',
  'groups',
  'updates',
  'rollouts',
  'candidates',
  'jobs',
  'workers',
  'fleet',
]);
export type LiveTopic = z.infer<typeof LiveTopic>;
export const LIVE_TOPICS = LiveTopic.options;

/** `data:` of an event. */
export const LiveEvent = z.object({
  /** Of what is different; at most LIVE_IDS of them. */
  ids: z.array(z.string()),
  /** There is more than `ids` says: ask for the whole list again. */
  more: z.boolean(),
});
export type LiveEvent = z.infer<typeof LiveEvent>;
export const LIVE_IDS = 100;

/**
 * The first event of every connection: whatever was shown before is to be asked for again. It comes also in the middle, when the server itself
 * may have missed something.
 */
export const LIVE_READY = 'ready';
