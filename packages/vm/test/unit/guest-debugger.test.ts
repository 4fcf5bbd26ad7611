import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { GuestDebugger } from '../../src/index.js';

/** QEMU's side: what the debugger sent is in `sent`. */
class FakeStub extends Duplex {
  sent = '';

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.sent += chunk.toString('latin1');
    done();
  }
}

function open(): { readonly stub: FakeStub; readonly debug: GuestDebugger } {
  const [stub, debug] = [new FakeStub(), new GuestDebugger()];
  debug.attach(stub);
  return { stub, debug };
}

test('requests are packets with a sum, and answers may come in any pieces', async () => {
  const { stub, debug } = open();
  const set = debug.setBreakpoint(0xffffffffc0123456n);
  stub.push('+$O');
  stub.push('K#9');
  stub.push('a');
  await set;
  assert.equal(stub.sent, '$Z0,ffffffffc0123456,1#0b+');
});

test('a stop is waited for, whatever else is said before', async () => {
  const { stub, debug } = open();
  const stepped = debug.step();
  stub.push('+$O48#9f$T05thread:01;#07');
  await stepped;
  assert.equal(stub.sent, '$s#73++');
});

test('a request that QEMU refuses, and a guest that ends, are errors', async () => {
  const { stub, debug } = open();
  const refused = debug.sendNmi();
  stub.push('+$E22#a9');
  await assert.rejects(refused, {
    code: 'debugger-refuses',
    message: /"E22" to the debugger's "qRcmd,6e6d69"/,
  });
  const stopped = debug.stopped();
  stub.destroy();
  await assert.rejects(stopped, { code: 'debugger-lost' });
});

test('without a guest there is nothing to debug', async () => {
  await assert.rejects(new GuestDebugger().pause(), { code: 'no-debugger' });
});
