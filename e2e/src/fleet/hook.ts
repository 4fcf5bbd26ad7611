// Where a server's webhooks arrive.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FleetServer } from './fleet-server.js';

export interface HookEvent {
  readonly event: string;
  readonly items: readonly Readonly<Record<string, unknown>>[];
}

export class Hook {
  readonly events: HookEvent[] = [];
  readonly #server = createServer((request, answer) => {
    let text = '';
    request.on('data', (piece) => {
      text += piece;
    });
    request.on('end', () => {
      this.events.push(JSON.parse(text));
      answer.writeHead(204).end();
    });
  });

  /** Hears these events of a server from now on. */
  async listen(server: FleetServer, ...events: readonly string[]): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
    await server.ask('POST', '/api/v1/webhooks', { url, events });
  }

  find(event: string): HookEvent | undefined {
    return this.events.find((each) => each.event === event);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
