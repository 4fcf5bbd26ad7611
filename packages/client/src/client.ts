// What every piece of the client works on: the machine, its files, its configuration, and which kernel it runs.

import { type Machine, readEnvironment, readRunningKernel } from '@resplice/host';
import { type ProgressSink, silentProgress } from '@resplice/report';
import { type Configuration, readConfiguration } from './configuration.js';
import { type Places, placesBelow } from './places.js';

export interface Kernel {
  readonly release: string;
  /** Version of the distribution's package; empty when the kernel does not name it. */
  readonly version: string;
  readonly buildId: string;
}

export interface Client {
  readonly machine: Machine;
  readonly places: Places;
  readonly configuration: Configuration;
  readonly kernel: Kernel;
  readonly bootId: string;
  readonly progress: ProgressSink;
  readonly signal: AbortSignal | undefined;
}

export interface ClientOptions {
  readonly places?: Places;
  readonly progress?: ProgressSink | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Throws EnvironmentError `kernel-unknown`, InputError `configuration-malformed`, `configuration-not-readable`. */
export async function openClient(machine: Machine, options: ClientOptions = {}): Promise<Client> {
  const places = options.places ?? placesBelow();
  const { release, buildId } = readRunningKernel(machine);
  return {
    machine,
    places,
    configuration: await readConfiguration(places.configuration),
    kernel: { release, version: readEnvironment(machine).packageVersion ?? '', buildId },
    bootId: readLine(machine, '/proc/sys/kernel/random/boot_id'),
    progress: options.progress ?? silentProgress,
    signal: options.signal,
  };
}

/** A small file of the kernel without its line end; empty when it cannot be read. */
export function readLine(machine: Machine, path: string): string {
  const read = machine.readFile(path);
  return read.ok ? Buffer.from(read.bytes).toString().trim() : '';
}

/** Seconds since the machine started. */
export function readUptime(machine: Machine): number {
  const seconds = Number(readLine(machine, '/proc/uptime').split(' ')[0]);
  return Number.isFinite(seconds) ? seconds : 0;
}
