// Values that many messages have.

import { z } from 'zod';

export const Moment = z.iso.datetime({ offset: true });
/** A name that people give: no line breaks or other control characters. */
export const Name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}]*$/u, 'has a control character');
/** 0 gets updates first. */
export const LAST_RING = 9;
export const Ring = z.number().int().min(0).max(LAST_RING);
