// Interim: the library functions that the commands call and that are not exported yet. Each one is replaced by an import
// from its package as soon as it is there, and this file goes away.

import { InternalError, type ProgressSink, type Verdict } from '@resplice/report';
import type { Manifest, Update } from '@resplice/update';

function missing(name: string): never {
  throw new InternalError('not-linked', `${name} is not connected to the command line yet`);
}

// ---- @resplice/build

export interface WorkOptions {
  readonly cache?: string;
  readonly progress?: ProgressSink;
  readonly signal?: AbortSignal;
}

export interface KernelIdentity {
  readonly release: string;
  readonly abi: string;
  readonly flavour: string;
  readonly version: string;
  readonly sourcePackage: string;
  readonly imagePackage: string;
  readonly headersPackage: string;
}

export interface FetchedKernel {
  readonly identity: KernelIdentity;
  readonly directory: string;
  readonly vmlinuz: string;
  readonly config: string;
  readonly modules: string;
  readonly headers: string;
  readonly symvers: string;
  readonly sourceArchive: string;
  readonly changelog: string;
}

export interface PatchFile {
  readonly name: string;
  readonly subject: string;
  readonly cves: readonly string[];
}

export interface CreateRequest {
  readonly kernel: string | undefined;
  readonly patches: readonly PatchFile[];
  readonly cves: readonly string[];
  readonly description: string;
  readonly id?: string;
  readonly on: readonly Update[];
  readonly compiler?: string;
}

export interface CreatedUpdate {
  readonly update: Update;
  readonly statistics: Readonly<Record<string, number>>;
}

export type Apt = unknown;
export const systemApt = (): Apt => undefined;
export const resolveKernel = async (
  _spec: string | undefined,
  _apt: Apt,
  _options?: { readonly fetched?: readonly KernelIdentity[] },
): Promise<KernelIdentity> => missing('resolveKernel');
export const fetchKernel = async (
  _identity: KernelIdentity,
  _options?: WorkOptions,
): Promise<FetchedKernel> => missing('fetchKernel');
export const listFetchedKernels = async (_options?: WorkOptions): Promise<readonly KernelIdentity[]> =>
  missing('listFetchedKernels');
export const listOfferedKernels = async (
  _apt: Apt,
): Promise<{ readonly kernels: readonly { readonly identity: KernelIdentity }[] }> =>
  missing('listOfferedKernels');
export const resolveSource = async (_version: string, _apt: Apt): Promise<{ readonly version: string }> =>
  missing('resolveSource');
export const diffSources = async (
  _from: { readonly version: string },
  _to: { readonly version: string },
  _paths: readonly string[],
  _options?: WorkOptions,
): Promise<string> => missing('diffSources');
export const readPatchFiles = async (_paths: readonly string[]): Promise<PatchFile[]> =>
  missing('readPatchFiles');
export const readGitPatches = async (_repository: string, _range: string): Promise<PatchFile[]> =>
  missing('readGitPatches');
export const createUpdate = async (
  _request: CreateRequest,
  _options?: WorkOptions,
): Promise<Verdict<CreatedUpdate>> => missing('createUpdate');
export const checkBuildTools = async (): Promise<
  readonly { readonly tool: string; readonly package: string }[]
> => missing('checkBuildTools');

// ---- @resplice/host

export type Machine = unknown;
export interface HostUpdate {
  readonly manifest: Manifest;
  readonly module: Uint8Array;
  readonly archive: Uint8Array;
}
export interface HostOptions {
  readonly timeoutSeconds?: number;
  readonly progress?: ProgressSink;
  readonly signal?: AbortSignal;
}
export interface ApplyResult {
  readonly state: 'applied' | 'already-applied';
  readonly id: string;
  readonly module: string;
  readonly pending: readonly string[];
  readonly notes: readonly string[];
  readonly milliseconds: { readonly checks: number; readonly load: number; readonly transition: number };
}
export interface UndoResult {
  readonly state: 'undone' | 'not-applied';
  readonly id: string;
  readonly notes: readonly string[];
  readonly milliseconds: { readonly transition: number; readonly unload: number };
}
export interface UpdateStatus {
  readonly id: string;
  readonly module: string;
  readonly state: 'applied' | 'applying' | 'undoing' | 'loaded-disabled' | 'interrupted';
  readonly detail: string;
  readonly description?: string;
  readonly cves: readonly string[];
  readonly requires: readonly string[];
  readonly since?: string;
  readonly archive: boolean;
}
export interface UpdateDetails {
  readonly status: UpdateStatus;
  readonly archive?: Uint8Array;
  readonly objects: readonly {
    readonly name: string;
    readonly patched: boolean;
    readonly functions: readonly { readonly name: string; readonly position: number }[];
  }[];
}
export interface MachineFact {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly need: string;
  readonly advice: string;
}
export const openMachine = (): Machine => undefined;
export const applyUpdate = async (
  _machine: Machine,
  _update: HostUpdate,
  _options: HostOptions,
): Promise<Verdict<ApplyResult>> => missing('applyUpdate');
export const undoUpdate = async (
  _machine: Machine,
  _id: string,
  _options: HostOptions,
): Promise<Verdict<UndoResult>> => missing('undoUpdate');
export const listUpdates = (_machine: Machine): readonly UpdateStatus[] => missing('listUpdates');
export const showUpdate = (_machine: Machine, _id: string): UpdateDetails | undefined =>
  missing('showUpdate');
export const probeMachine = (_machine: Machine): readonly MachineFact[] => missing('probeMachine');

// ---- @resplice/vm

export interface GuestFile {
  readonly path: string;
  readonly source: { readonly file: string } | { readonly bytes: Uint8Array };
  readonly mode?: number;
}
export interface GuestStep {
  readonly name: string;
  readonly argv: readonly string[];
  readonly uid?: number;
  readonly timeoutSeconds?: number;
}
export interface StepResult {
  readonly name: string;
  readonly argv: readonly string[];
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}
export type GuestEvent =
  | { readonly type: 'waiting' }
  | { readonly type: 'probing' }
  | { readonly type: 'started'; readonly accelerator: 'kvm' | 'tcg'; readonly pid: number }
  | { readonly type: 'booted'; readonly milliseconds: number }
  | { readonly type: 'step-started'; readonly index: number; readonly step: GuestStep }
  | { readonly type: 'step-finished'; readonly index: number; readonly result: StepResult }
  | { readonly type: 'console'; readonly line: string };
export interface GuestSpec {
  readonly vmlinuz: string;
  readonly files: readonly GuestFile[];
  readonly modules?: { readonly directory: string; readonly names: readonly string[] };
  readonly steps: readonly GuestStep[];
  readonly memoryMb?: number;
  readonly withNode?: boolean;
  readonly panicOnOops?: boolean;
  readonly timeoutSeconds?: number;
  readonly onEvent?: (event: GuestEvent) => void;
  readonly signal?: AbortSignal;
}
export interface GuestResult {
  readonly accelerator: 'kvm' | 'tcg';
  readonly outcome: 'completed' | 'panicked' | 'timed-out' | 'lost';
  readonly explanation: string;
  readonly steps: readonly StepResult[];
  readonly kernelLog: string;
}
export const runGuest = async (_spec: GuestSpec): Promise<GuestResult> => missing('runGuest');
export const findKernelComplaints = (_log: string): readonly string[] => missing('findKernelComplaints');
export const REQUIRED_PROGRAMS: readonly string[] = [];
export const findMissingPrograms = async (): Promise<
  readonly { readonly program: string; readonly debianPackage: string }[]
> => missing('findMissingPrograms');
