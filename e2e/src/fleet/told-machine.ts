// A machine that is only told: it speaks to the server as a client does, and says what a test has it say. For the other members of a ring.

import { randomBytes, randomUUID } from 'node:crypto';
import {
  CHECK_IN_PATH,
  CheckInAnswer,
  type DesiredState,
  type MachineReport,
  REGISTER_PATH,
  RegisterAnswer,
} from '@resplice/protocol';
import type { FleetServer } from './fleet-server.js';

export class ToldMachine {
  readonly #identity = {
    machineId: randomBytes(32).toString('hex'),
    fingerprint: randomBytes(32).toString('hex'),
  };
  #token = '';
  #sequence = 0;

  constructor(
    private readonly server: FleetServer,
    private report: MachineReport,
  ) {
    this.report = { ...report, bootId: randomUUID() };
  }

  async register(accessKey: string): Promise<void> {
    const body = { accessKey, identity: this.#identity, report: this.report };
    this.#token = RegisterAnswer.parse(await this.server.askAsMachine(REGISTER_PATH, body)).token;
  }

  async checkIn(change: Partial<MachineReport> = {}): Promise<DesiredState> {
    this.report = { ...this.report, ...change };
    this.#sequence += 1;
    const body = {
      sequence: this.#sequence,
      nonce: randomBytes(16).toString('hex'),
      identity: this.#identity,
      report: this.report,
    };
    return CheckInAnswer.parse(await this.server.askAsMachine(CHECK_IN_PATH, body, this.#token)).desired;
  }
}
