import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EnvironmentError } from '@resplice/report';
import type { Apt } from '../../src/debian/apt.js';
import { parsePackageRecords } from '../../src/debian/control-record.js';
import { SELF_BUILT } from '../../src/debian/kernel-identity.js';
import { joinKernels } from '../../src/debian/offered-kernels.js';
import { chooseKernel, resolveKernel } from '../../src/debian/resolve-kernel.js';
import { fixture } from './fixture.js';

const records = parsePackageRecords(readFileSync(fixture('apt-cache-show.txt'), 'utf8'));
const offer = joinKernels(records);

function choose(wanted: string): string {
  const kernel = chooseKernel(wanted, offer, [], 'amd64');
  return `${kernel.release} ${kernel.version}`;
}

function refusal(wanted: string, kernels = offer): EnvironmentError {
  try {
    chooseKernel(wanted, kernels, [], 'amd64');
  } catch (error) {
    if (error instanceof EnvironmentError) return error;
    throw error;
  }
  return assert.fail(`${wanted} was accepted`);
}

test('joins image, headers and source by version, not by the Source field', () => {
  const kernel = chooseKernel('6.1.0-47-amd64', offer, [], 'amd64');
  assert.deepEqual(kernel, {
    release: '6.1.0-47-amd64',
    abi: '6.1.0-47',
    flavour: 'amd64',
    version: '6.1.170-3',
    sourcePackage: 'linux-source-6.1',
    imagePackage: 'linux-image-6.1.0-47-amd64-unsigned',
    headersPackage: 'linux-headers-6.1.0-47-amd64',
  });
});

test('accepts a release, a version, an ABI and an unambiguous prefix', () => {
  assert.equal(choose('6.12.107+deb12-cloud-amd64'), '6.12.107+deb12-cloud-amd64 6.12.107-1~deb12u1');
  assert.equal(choose('6.1.0-47-amd64=6.1.170-3'), '6.1.0-47-amd64 6.1.170-3');
  assert.equal(choose('6.1.170-3'), '6.1.0-47-amd64 6.1.170-3');
  assert.equal(choose('6.1.0-50'), '6.1.0-50-amd64 6.1.176-1');
  assert.equal(choose('6.12.107'), '6.12.107+deb12-amd64 6.12.107-1~deb12u1');
  assert.equal(choose('6.12'), '6.12.107+deb12-amd64 6.12.107-1~deb12u1');
});

test('a prefix that fits several kernels names them all', () => {
  const error = refusal('6.1');
  assert.equal(error.code, 'kernel-ambiguous');
  assert.match(error.message, /6\.1\.0-47-amd64 \(6\.1\.170-3\)/);
  assert.match(error.message, /6\.1\.0-50-amd64 \(6\.1\.176-1\)/);
  assert.doesNotMatch(error.message, /6\.12/);
});

test('a kernel that is not offered: the error names those that are', () => {
  const error = refusal('6.1.0-46-amd64');
  assert.equal(error.code, 'kernel-not-offered');
  assert.match(error.message, /6\.1\.0-47-cloud-amd64/);
  assert.match(error.message, /apt-get update/);
  assert.equal(refusal('').code, 'kernel-not-offered');
  assert.equal(refusal('6').code, 'kernel-ambiguous');
});

test('an image without source or headers of its version is refused by that name', () => {
  const error = refusal('6.1.0-56-amd64');
  assert.match(error.message, /6\.1\.0-56-amd64 \(6\.1\.192-2\) without linux-headers-6\.1\.0-56-amd64/);
});

test('empty package lists ask for apt-get update', () => {
  assert.equal(refusal('6.1.0-47-amd64', joinKernels([])).code, 'kernel-lists-empty');
});

test('the running kernel is found by the version in its build line', async () => {
  const apt: Apt = {
    show: () => Promise.resolve(records),
    download: () => assert.fail('nothing to download'),
  };
  const running = {
    release: '6.1.0-47-amd64',
    build: '#1 SMP PREEMPT_DYNAMIC Debian 6.1.170-3 (2026-05-08)',
  };
  const kernel = await resolveKernel(undefined, apt, { running, architecture: 'amd64' });
  assert.equal(kernel.version, '6.1.170-3');
  const other = { release: '6.1.0-47-amd64', build: '#1 SMP PREEMPT_DYNAMIC Debian 6.1.170-1 (2026-04-01)' };
  await assert.rejects(
    resolveKernel(undefined, apt, { running: other, architecture: 'amd64' }),
    /kernel-not-offered|6\.1\.170-1/,
  );
});

test('a kernel in the cache is found without asking apt, also when apt has dropped it', async () => {
  const apt: Apt = {
    show: () => assert.fail('apt was asked'),
    download: () => assert.fail('nothing to download'),
  };
  const fetched = [
    {
      ...chooseKernel('6.1.0-47-amd64', offer, [], 'amd64'),
      release: '6.1.0-40-amd64',
      version: '6.1.150-1',
    },
  ];
  assert.equal((await resolveKernel('6.1.0-40-amd64', apt, { fetched })).version, '6.1.150-1');
});

test('asks which of two builds of a self-built release is meant', () => {
  const build = (version: string) => ({
    release: '6.1.170-own',
    abi: '6.1.170-own',
    flavour: SELF_BUILT,
    version,
    sourcePackage: 'linux-source-self-built',
    imagePackage: SELF_BUILT,
    headersPackage: SELF_BUILT,
  });
  const fetched = [build('build-aa'), build('build-bb')];
  assert.throws(() => chooseKernel('6.1.170-own', offer, fetched, 'amd64'), {
    code: 'kernel-ambiguous',
    message:
      /6\.1\.170-own \(build-aa\), 6\.1\.170-own \(build-bb\)|6\.1\.170-own \(build-bb\), 6\.1\.170-own \(build-aa\)/,
  });
  assert.equal(chooseKernel('6.1.170-own=build-aa', offer, fetched, 'amd64').version, 'build-aa');
});
