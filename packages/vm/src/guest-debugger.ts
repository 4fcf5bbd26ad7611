// Stops a guest at an instruction and lets things happen there that otherwise happen once in a thousand years: GDB's remote serial
// protocol, which QEMU speaks, as far as that takes. https://sourceware.org/gdb/current/onlinedocs/gdb.html/Remote-Protocol.html

import type { Duplex } from 'node:stream';
import { InternalError } from '@resplice/report';

const PAUSE = '\x03';
const PACKET = /^\$([^#]*)#[0-9a-f]{2}/;

/** For one guest, in whose spec it stands; of use from the first event of that guest on. */
export class GuestDebugger {
  #stream: Duplex | undefined;
  #text = '';
  readonly #packets: string[] = [];
  /** Goes on with whoever waits for a packet. */
  #wake = (): void => {};

  /** `runGuest` does it. */
  attach(stream: Duplex): void {
    this.#stream = stream;
    stream.setEncoding('latin1');
    stream.on('data', (chunk: string) => this.#read(chunk));
    stream.on('close', () => this.#wake());
  }

  /** Halts all processors. */
  async pause(): Promise<void> {
    this.#connection.write(PAUSE);
    await this.stopped();
  }

  resume(): void {
    this.#send('c');
  }

  /** Until a breakpoint is met. */
  async stopped(): Promise<void> {
    for (;;) if (/^[TS]/.test(await this.#receive())) return;
  }

  /** One instruction, while the processor that stopped takes no interrupt. */
  async step(): Promise<void> {
    this.#send('s');
    await this.stopped();
  }

  setBreakpoint(address: bigint): Promise<void> {
    return this.#demand(`Z0,${address.toString(16)},1`);
  }

  clearBreakpoint(address: bigint): Promise<void> {
    return this.#demand(`z0,${address.toString(16)},1`);
  }

  /** The first processor gets a non-maskable interrupt as soon as it goes on. */
  sendNmi(): Promise<void> {
    return this.#demand(`qRcmd,${Buffer.from('nmi').toString('hex')}`);
  }

  get #connection(): Duplex {
    if (this.#stream === undefined) throw new InternalError('no-debugger', 'the guest was not started');
    return this.#stream;
  }

  async #demand(request: string): Promise<void> {
    this.#send(request);
    const answer = await this.#receive();
    if (answer !== 'OK')
      throw new InternalError('debugger-refuses', `QEMU answers "${answer}" to the debugger's "${request}"`);
  }

  #send(request: string): void {
    const sum = Buffer.from(request, 'latin1').reduce((total, byte) => (total + byte) & 0xff, 0);
    this.#connection.write(`$${request}#${sum.toString(16).padStart(2, '0')}`);
  }

  async #receive(): Promise<string> {
    const stream = this.#connection;
    for (;;) {
      const packet = this.#packets.shift();
      if (packet !== undefined) return packet;
      if (stream.destroyed) throw new InternalError('debugger-lost', 'the guest ended under the debugger');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #read(chunk: string): void {
    this.#text += chunk;
    for (;;) {
      // What is outside of packets acknowledges ours.
      this.#text = this.#text.replace(/^[^$]+/, '');
      const [whole, packet] = PACKET.exec(this.#text) ?? [];
      if (whole === undefined || packet === undefined) return;
      this.#text = this.#text.slice(whole.length);
      this.#connection.write('+');
      this.#packets.push(packet);
      this.#wake();
    }
  }
}
