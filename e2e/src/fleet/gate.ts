// Lets guests wait for the test: an address that answers "not yet" until its gate is opened.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HOST_FROM_GUEST } from './machine-boot.js';

export class Gate {
  readonly #open = new Set<string>();
  readonly #server = createServer((request, response) => {
    const known = this.#open.has((request.url ?? '').slice(1));
    response.writeHead(known ? 200 : 404).end();
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  /** For guests. */
  get address(): string {
    return `http://${HOST_FROM_GUEST}:${(this.#server.address() as AddressInfo).port}`;
  }

  open(name: string): void {
    this.#open.add(name);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
