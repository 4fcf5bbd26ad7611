// Interim: the library functions that the commands call and that are not exported yet. Each one is replaced by an import
// from its package as soon as it is there, and this file goes away.

import { InternalError, type ProgressSink, type Verdict } from '@resplice/report';
import type { Update } from '@resplice/update';

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
