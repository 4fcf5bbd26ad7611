// Bounds what one address may ask for without logging in. In memory, because it protects this process and not a secret: a bucket for each address
// that fills again with time, and a fixed number of buckets.

import { ServiceError } from '../failure.js';

const ADDRESSES = 10_000;

export interface RateLimitOptions {
  /** So many at once. */
  readonly burst: number;
  readonly perMinute: number;
}

export class RateLimit {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(private readonly options: RateLimitOptions) {}

  /** Throws ServiceError `too-many-requests`. */
  assertFree(address: string, now: number): void {
    const { burst, perMinute } = this.options;
    const bucket = this.#buckets.get(address) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 60_000) * perMinute);
    // Those asked for last are at the end, and the first ones are dropped.
    this.#buckets.delete(address);
    this.#buckets.set(address, { tokens: Math.max(0, tokens - 1), at: now });
    for (const [oldest] of this.#buckets) {
      if (this.#buckets.size <= ADDRESSES) break;
      this.#buckets.delete(oldest);
    }
    if (tokens >= 1) return;
    const seconds = Math.ceil(((1 - tokens) / perMinute) * 60);
    throw new ServiceError('too-many-requests', `too many questions; ask again in ${seconds} s`, seconds);
  }
}

/** IPv6 hands out whole networks: one customer is one /64. */
export function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail = ''] = address.split('::');
  const left = head.split(':').filter((part) => part !== '');
  const right = tail.split(':').filter((part) => part !== '');
  const gap = address.includes('::')
    ? Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
    : [];
  return [...left, ...gap, ...right].slice(0, 4).join(':');
}
